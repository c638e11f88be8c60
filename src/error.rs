//! One error for the crate: what failed, at which stage, on which column, and what to do.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use polars::error::PolarsError;

/// The result of every fallible call of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of thing went wrong; see [`Error::kind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting of a step, a splitter or an estimator cannot work.
    Config,
    /// A column is missing, has the wrong dtype or the wrong role.
    Schema,
    /// The source cannot be read.
    Source,
    /// A service did not give what was asked of it.
    Remote,
    /// The rows cannot be split as asked.
    Split,
    /// A step or an estimator cannot learn from the train rows.
    Fit,
    /// A fitted step meets rows that it cannot transform.
    Apply,
    /// A model meets rows that it cannot predict.
    Predict,
    /// Predictions cannot be scored.
    Score,
    /// A model file cannot be written or read.
    Model,
    /// A tracker cannot record an event.
    Track,
    /// A schedule cannot be kept.
    Schedule,
    /// A file cannot be written.
    Output,
    /// The run was told to stop.
    Cancelled,
    /// A query failed inside Polars for a reason of its own.
    Query,
}

impl ErrorKind {
    fn verb(self) -> &'static str {
        match self {
            Self::Config => "cannot use the settings",
            Self::Schema => "cannot use the columns",
            Self::Source => "cannot read the source",
            Self::Remote => "cannot collect",
            Self::Split => "cannot split the rows",
            Self::Fit => "cannot fit",
            Self::Apply => "cannot apply",
            Self::Predict => "cannot predict",
            Self::Score => "cannot score",
            Self::Model => "cannot use the model file",
            Self::Track => "cannot track",
            Self::Schedule => "cannot keep the schedule",
            Self::Output => "cannot write the output",
            Self::Cancelled => "the run was cancelled",
            Self::Query => "the query failed",
        }
    }
}

/// An error of this crate: one word wide, with a kind, the stage that failed, the column and what to do.
///
/// `Display` prints this level only; what lies beneath it is in [`source`](StdError::source).
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let frame = floe::train_on(InMemory::new(df!["likes" => ["many", "few"]]?))?;
/// let error = MinMaxScaler::new(["likes"]).fit_on(&frame).unwrap_err();
/// assert_eq!(error.kind(), floe::ErrorKind::Schema);
/// assert_eq!(error.column(), Some("likes"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    stage: Option<String>,
    column: Option<String>,
    dtype: Option<String>,
    help: Option<Cow<'static, str>>,
    cause: Option<Arc<dyn StdError + Send + Sync>>,
    transient: bool,
}

impl Error {
    /// An error of a kind, with what happened in lower case and without a full stop.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            stage: None,
            column: None,
            dtype: None,
            help: None,
            cause: None,
            transient: false,
        }))
    }

    /// Marks an error that may go away by itself, such as a service that is down for a while.
    pub fn transient(mut self) -> Self {
        self.0.transient = true;
        self
    }

    /// Names the column that is at fault.
    pub fn on_column(mut self, column: impl Into<String>) -> Self {
        self.0.column = Some(column.into());
        self
    }

    /// Names the dtype that was found.
    pub fn with_dtype(mut self, dtype: impl fmt::Display) -> Self {
        self.0.dtype = Some(dtype.to_string());
        self
    }

    /// Says what the user can do.
    pub fn with_help(mut self, help: impl Into<Cow<'static, str>>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// Keeps the error that led to this one.
    pub fn caused_by(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.cause = Some(Arc::from(cause.into()));
        self
    }

    /// Names the stage, unless an inner stage was named already.
    ///
    /// The label is the stage's `Debug` text, cut to 80 characters.
    pub fn at(mut self, stage: &dyn fmt::Debug) -> Self {
        if self.0.stage.is_none() {
            self.0.stage = Some(label(stage));
        }
        self
    }

    /// Says for the model of which fold, where there are several.
    pub(crate) fn for_fold(mut self, fold: Option<usize>) -> Self {
        if let Some(fold) = fold {
            self.0.message = format!("for fold {fold}, {}", self.0.message).into();
        }
        self
    }

    /// Says for which of several candidates it is.
    pub(crate) fn for_candidate(mut self, candidate: &str) -> Self {
        self.0.message = format!("for the candidate {candidate}: {}", self.0.message).into();
        self
    }

    /// Says in which repeat, where there are several.
    pub(crate) fn in_repeat(mut self, repeat: usize) -> Self {
        self.0.message = format!("in repeat {repeat}, {}", self.0.message).into();
        self
    }

    /// Says what else went wrong beside it; it may go away by itself when both may.
    #[cfg(feature = "sqlite")]
    pub(crate) fn and_also(mut self, other: &Self) -> Self {
        self.0.message = format!("{}; {}", self.0.message, other.0.message).into();
        self.0.transient &= other.0.transient;
        self
    }

    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What happened, without the kind, the place and what to do.
    #[cfg(any(feature = "mlflow", feature = "sqlite"))]
    pub(crate) fn message(&self) -> &str {
        &self.0.message
    }

    /// The stage that failed, as its `Debug` text.
    pub fn stage(&self) -> Option<&str> {
        self.0.stage.as_deref()
    }

    /// The column at fault.
    pub fn column(&self) -> Option<&str> {
        self.0.column.as_deref()
    }

    /// The dtype that was found on the column at fault.
    pub fn dtype(&self) -> Option<&str> {
        self.0.dtype.as_deref()
    }

    /// Whether the same call may succeed later, with nothing changed by anybody: what a schedule
    /// tries again. Wrong settings, columns and rows stay wrong; a refused key stays refused.
    pub fn is_transient(&self) -> bool {
        self.0.transient
    }

    /// What to do about it.
    pub fn help(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// Turns an error of Polars into one of ours; one of ours that travelled through Polars comes back whole.
    pub(crate) fn from_polars(kind: ErrorKind, error: PolarsError) -> Self {
        match carried(&error) {
            Some(ours) => ours,
            // The text of a Polars error is its whole story; as a cause it would be told twice.
            None => Self::new(kind, first_line(&error)),
        }
    }

    /// Packs this error so that it can travel through a Polars query and be found again at the other end.
    pub(crate) fn into_polars(self) -> PolarsError {
        PolarsError::IO {
            error: Arc::new(std::io::Error::other(Carried(self))),
            msg: None,
        }
    }
}

/// The label of a stage in messages and events: its `Debug` text, cut to 80 characters.
pub(crate) fn label(stage: &dyn fmt::Debug) -> String {
    let text = format!("{stage:?}");
    match text.char_indices().nth(80) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}

/// One of our errors on its way through a Polars query.
#[derive(Debug)]
struct Carried(Error);

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl StdError for Carried {}

fn carried(error: &PolarsError) -> Option<Error> {
    match error {
        PolarsError::IO { error, .. } => {
            let carried = error.get_ref()?.downcast_ref::<Carried>()?;
            Some(carried.0.clone())
        }
        PolarsError::Context { error, .. } | PolarsError::ExprContext { error, .. } => {
            carried(error)
        }
        _ => None,
    }
}

/// Polars appends its query plan to some messages; the first lines say what happened.
fn first_line(error: &PolarsError) -> String {
    let text = error.to_string();
    let head = text.split("\n\n").next().unwrap_or_default();
    head.trim().replace('\n', " ")
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        f.write_str(inner.kind.verb())?;
        if let Some(stage) = &inner.stage {
            write!(f, " at `{stage}`")?;
        }
        write!(f, ": {}", inner.message)?;
        match (&inner.column, &inner.dtype) {
            (Some(column), Some(dtype)) => write!(f, " (column `{column}`, {dtype})")?,
            (Some(column), None) => write!(f, " (column `{column}`)")?,
            (None, Some(dtype)) => write!(f, " ({dtype})")?,
            (None, None) => {}
        }
        if let Some(help) = &inner.help {
            write!(f, "; {help}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `unwrap` and `fn main() -> Result` print this form: a person reads it.
        write!(f, "{self}")?;
        let mut cause = self.source();
        while let Some(error) = cause {
            write!(f, "\n  caused by: {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let cause = self.0.cause.as_deref()?;
        Some(cause)
    }
}

impl From<PolarsError> for Error {
    fn from(error: PolarsError) -> Self {
        Self::from_polars(ErrorKind::Query, error)
    }
}

/// A list of names for a message: all of a few, the first of many.
pub(crate) fn listed<T: fmt::Display>(names: impl IntoIterator<Item = T>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match names.len() {
        0 => "none".to_owned(),
        n if n <= 12 => names.join(", "),
        n => format!("{}, … ({n} in all)", names[..12].join(", ")),
    }
}
