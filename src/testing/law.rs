use std::error::Error as StdError;
use std::fmt;

use crate::error::label;

/// What must hold of a step or an estimator, whatever it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Law {
    /// It fits the sample, and what was fitted applies to it.
    Fits,
    /// It needs what it says it reads, and changes what it says it writes.
    Declares,
    /// The columns are those that it promised, with dtype, order and nullability.
    Schema,
    /// Both engines of Polars give the same bits.
    Engines,
    /// To plan and to apply reads no row.
    Lazy,
    /// Each row comes out by its own values, whatever rows are beside it.
    RowWise,
    /// The pieces that the train rows come in change no bit.
    Chunks,
    /// The order of the train rows changes what is learned within the tolerance only.
    Order,
    /// What the parts of the train rows taught, merged, is what all of them teach, within the
    /// tolerance.
    Merge,
    /// It moves the values of a column as its shape says.
    Shape,
    /// What was fitted reads back from JSON to the same bits.
    Saved,
    /// What was applied comes back, with its dtype.
    Inverse,
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fits => "it fits and applies to the sample",
            Self::Declares => "it keeps to what it says it reads and writes",
            Self::Schema => "its columns are those that it promised",
            Self::Engines => "both engines give the same bits",
            Self::Lazy => "planning and applying read no row",
            Self::RowWise => "each row comes out by its own values",
            Self::Chunks => "the pieces of the train rows change no bit",
            Self::Order => "the order of the train rows changes nothing",
            Self::Merge => "what its parts teach is merged to what the whole teaches",
            Self::Shape => "its columns move as their shape says",
            Self::Saved => "it reads back from JSON to the same bits",
            Self::Inverse => "what was applied comes back",
        })
    }
}

/// A law that does not hold: which, of what, and what was seen.
#[derive(Clone)]
pub struct Broken {
    law: Law,
    subject: String,
    seen: String,
}

impl Broken {
    /// The law that does not hold.
    pub fn law(&self) -> Law {
        self.law
    }

    /// The step or the estimator, as its `Debug` text.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// What was seen.
    pub fn seen(&self) -> &str {
        &self.seen
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { law, subject, seen } = self;
        write!(f, "`{subject}` breaks the law {law:?} ({law}): {seen}")
    }
}

// `expect` and `fn main() -> Result` print this form: a person reads it.
impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl StdError for Broken {}

/// What a law found: nothing, or what speaks against it.
pub(super) type Verdict<T = ()> = Result<T, String>;

/// Names the law and the subject of a verdict.
pub(super) fn judge<T>(
    law: Law,
    subject: &dyn fmt::Debug,
    verdict: Verdict<T>,
) -> Result<T, Broken> {
    verdict.map_err(|seen| Broken {
        law,
        subject: label(subject),
        seen,
    })
}

/// An error on the way, as what speaks against a law.
pub(super) fn because(doing: &str) -> impl Fn(crate::Error) -> String + '_ {
    move |error| format!("{doing}: {error}")
}
