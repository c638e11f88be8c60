use serde::{Deserialize, Serialize};

/// What a NaN is to a step that looks for gaps.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NanAs {
    /// A NaN is a value: it is neither filled nor marked.
    #[default]
    Value,
    /// A NaN is a gap, as a null is.
    Missing,
}

/// What becomes of a column of integers or Booleans that an [`Imputer`](super::Imputer) fills.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Integers {
    /// It keeps its dtype: what it is filled with is rounded to the nearest integer, a half to the
    /// even one, as NumPy and Polars round. A mean of Booleans of one half becomes `false`.
    #[default]
    Round,
    /// It becomes Float64, and nothing that was learned is rounded. Integers beyond 2^53 are.
    Float,
}
