//! Tuples of trackers record to each of their members.

use super::{Event, Tracker};
use crate::error::{Error, Result};

/// Every member gets the call, also when one before it failed. A strict member's failure comes
/// before that of the others.
fn each(members: &[&dyn Tracker], call: impl Fn(&dyn Tracker) -> Result<()>) -> Result<()> {
    let mut failed: Option<(bool, Error)> = None;
    for member in members {
        if let Err(error) = call(*member) {
            let strict = member.is_strict();
            if failed.as_ref().is_none_or(|(before, _)| strict && !before) {
                failed = Some((strict, error));
            }
        }
    }
    failed.map_or(Ok(()), |(_, error)| Err(error))
}

macro_rules! tuple {
    ($($member:ident $at:tt),+) => {
        #[diagnostic::do_not_recommend]
        #[deny(clippy::missing_trait_methods)]
        impl<$($member: Tracker),+> Tracker for ($($member,)+) {
            fn record(&self, event: &Event) -> Result<()> {
                each(&[$(&self.$at),+], |member| member.record(event))
            }

            fn record_all(&self, events: &[Event]) -> Result<()> {
                each(&[$(&self.$at),+], |member| member.record_all(events))
            }

            fn flush(&self) -> Result<()> {
                each(&[$(&self.$at),+], |member| member.flush())
            }

            fn is_strict(&self) -> bool {
                [$(self.$at.is_strict()),+].contains(&true)
            }

            fn is_idle(&self) -> bool {
                ![$(self.$at.is_idle()),+].contains(&false)
            }

            fn members(&self) -> Vec<&dyn Tracker> {
                vec![$(&self.$at),+]
            }
        }
    };
}

tuple!(A 0);
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
