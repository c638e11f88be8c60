//! What becomes of values that a step has no answer for.

use serde::{Deserialize, Serialize};

/// What a function does with a value outside of its domain.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutOfDomain {
    /// It is an error that tells the column, the first such value and the count.
    #[default]
    Error,
    /// It becomes null.
    Null,
}
