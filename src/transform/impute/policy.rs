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

/// What an empty text is to a step that looks for gaps. Spaces are no empty text.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmptyAs {
    /// A text like any other: it is neither filled nor marked.
    #[default]
    Value,
    /// An empty text is a gap, as a null is.
    Missing,
}

/// What fills a gap in a row whose group taught no value: a group that no train row has, one whose
/// train rows are all gaps, or a row without a group, whose key is null.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnseenGroup {
    /// What the whole column taught.
    #[default]
    WholeColumn,
    /// Nothing: applying the step ends in an error.
    Error,
}

/// What is not said in a model file, so that files of before are read and written as they were.
pub(super) fn is_default<T: Default + PartialEq>(setting: &T) -> bool {
    *setting == T::default()
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
