//! The words that the state has for what runs and stages are in.

use std::fmt;

/// What a run is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RunState {
    /// It waits for its turn.
    Queued,
    /// Some of its stages have started.
    Running,
    /// All stages have ended, and none has failed.
    Success,
    /// All stages have ended, and some have failed.
    Failed,
}

/// What a stage of a run is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StageState {
    /// It waits for others, or for a place.
    Waiting,
    /// It runs.
    Running,
    /// It failed, and waits to be tried again.
    UpForRetry,
    /// It did its work.
    Success,
    /// It had nothing to do, or a stage before it had.
    Skipped,
    /// It failed, and will not be tried again.
    Failed,
    /// It was not started, because a stage before it failed.
    UpstreamFailed,
}

/// What a try of a stage ended in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TryState {
    /// It runs.
    Running,
    /// It did its work.
    Success,
    /// It had nothing to do.
    Skipped,
    /// It failed.
    Failed,
    /// It ran out of time.
    TimedOut,
    /// The schedule had to stop; it does not count as a try.
    Interrupted,
    /// The process that kept the schedule died; it does not count as a try.
    Orphaned,
}

/// Where a run comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RunKind {
    /// Its interval was due.
    Scheduled,
    /// A backfill of a range asked for it.
    Backfill,
    /// Somebody asked for it.
    Manual,
}

macro_rules! words {
    ($name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $name {
            /// Its name in the state, in lower case.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            pub(crate) fn from_name(name: &str) -> Option<Self> {
                match name { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }

        impl rusqlite::ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
                Ok(self.name().into())
            }
        }

        impl rusqlite::types::FromSql for $name {
            fn column_result(
                value: rusqlite::types::ValueRef<'_>,
            ) -> rusqlite::types::FromSqlResult<Self> {
                let unknown = rusqlite::types::FromSqlError::InvalidType;
                Self::from_name(value.as_str()?).ok_or(unknown)
            }
        }
    };
}

words!(RunState { Queued = "queued", Running = "running", Success = "success", Failed = "failed" });
words!(StageState {
    Waiting = "waiting",
    Running = "running",
    UpForRetry = "up_for_retry",
    Success = "success",
    Skipped = "skipped",
    Failed = "failed",
    UpstreamFailed = "upstream_failed",
});
words!(TryState {
    Running = "running",
    Success = "success",
    Skipped = "skipped",
    Failed = "failed",
    TimedOut = "timed_out",
    Interrupted = "interrupted",
    Orphaned = "orphaned",
});
words!(RunKind { Scheduled = "scheduled", Backfill = "backfill", Manual = "manual" });

impl RunState {
    /// Whether it has ended.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Success | Self::Failed)
    }
}

impl StageState {
    /// Whether it has ended.
    pub fn is_over(self) -> bool {
        !matches!(self, Self::Waiting | Self::Running | Self::UpForRetry)
    }

    /// Whether the stage, or one before it, has failed.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::UpstreamFailed)
    }
}
