use serde::{Deserialize, Serialize};

/// What a [`OneHotEncoder`](super::OneHotEncoder) makes of a category that no train row held.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unknown {
    /// An error that names the column and the category.
    #[default]
    Error,
    /// A row of zeros.
    Zero,
    /// A row of nulls.
    Null,
    /// 1 in a column `<column>_other`, which is always there, for infrequent categories too.
    Other,
}

/// What a [`OneHotEncoder`](super::OneHotEncoder) makes of a null.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NullCategory {
    /// A category of its own, after all others, if a train row holds one. If none does, a null of
    /// new rows is an unknown category.
    #[default]
    Category,
    /// A row of zeros.
    Zero,
    /// An error that names the column.
    Error,
}

/// What an [`OrdinalEncoder`](super::OrdinalEncoder) makes of a category that it does not know.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownCode {
    /// An error that names the column and the category.
    #[default]
    Error,
    /// A null.
    Null,
    /// This number, such as -1. It must not be the place of a category.
    Code(i64),
}

/// What an [`OrdinalEncoder`](super::OrdinalEncoder) makes of a null.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NullCode {
    /// It stays null.
    #[default]
    Null,
    /// This number, such as -1. It must not be the place of a category.
    Code(i64),
    /// An error that names the column.
    Error,
}

/// What a [`TargetEncoder`](super::TargetEncoder) makes of a category that no train row held.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownMean {
    /// The mean of the target of all train rows.
    #[default]
    Prior,
    /// A null.
    Null,
    /// An error that names the column and the category.
    Error,
}

/// What a [`TargetEncoder`](super::TargetEncoder) makes of a null.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NullMean {
    /// The mean of the target of all train rows.
    #[default]
    Prior,
    /// A category of its own, if a train row holds one. If none does, a null of new rows is an
    /// unknown category.
    Category,
    /// A null.
    Null,
    /// An error that names the column.
    Error,
}
