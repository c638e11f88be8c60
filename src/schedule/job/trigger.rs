/// When a stage starts, by how the stages before it ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TriggerRule {
    /// When all have succeeded. It is skipped when one was skipped, and fails with one that failed.
    #[default]
    AllSuccess,
    /// When all have ended, however they did: for what must be cleaned up.
    AllDone,
    /// When all have ended and none has failed; what was skipped does not hold it back.
    NoneFailed,
}

impl TriggerRule {
    /// The word that Airflow has for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::AllSuccess => "all_success",
            Self::AllDone => "all_done",
            Self::NoneFailed => "none_failed",
        }
    }
}
