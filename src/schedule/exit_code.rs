//! What the exit code of a stage says to the schedule, and what the schedule's own program says.
//!
//! | code | a stage says |
//! |---|---|
//! | 0 | done |
//! | [`SKIPPED`] (99) | nothing to do for this interval: the stages behind it are skipped too |
//! | [`TRANSIENT`] (75) | failed, and the same call may succeed later: tried again |
//! | [`PERMANENT`] (65) | failed, and trying again is no use: not tried again |
//! | any other, or a signal | failed for a reason that the schedule does not know: tried again |

use crate::error::Error;

/// A stage had nothing to do. The number is the one that Airflow's `BashOperator` takes too.
pub const SKIPPED: u8 = 99;
/// A stage failed and may succeed later; `EX_TEMPFAIL` of `sysexits.h`.
pub const TRANSIENT: u8 = 75;
/// A stage failed, and the same call will fail again; `EX_DATAERR` of `sysexits.h`.
pub const PERMANENT: u8 = 65;
/// For a program whose schedule is kept by another process already; `EX_UNAVAILABLE`.
pub const ANOTHER_INSTANCE: u8 = 69;

/// The exit code with which a stage's program tells of an error.
///
/// # Examples
///
/// ```
/// use floe::schedule::exit_code;
/// use floe::{Error, ErrorKind};
///
/// let down = Error::new(ErrorKind::Remote, "the service is down").transient();
/// assert_eq!(exit_code::of(&down), exit_code::TRANSIENT);
/// let wrong = Error::new(ErrorKind::Schema, "there is no column `likes`");
/// assert_eq!(exit_code::of(&wrong), exit_code::PERMANENT);
/// ```
pub fn of(error: &Error) -> u8 {
    if error.is_transient() {
        TRANSIENT
    } else {
        PERMANENT
    }
}
