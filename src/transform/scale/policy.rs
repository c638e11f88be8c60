//! What a scaler does with the values that plain arithmetic has no good answer for.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a scaler does with a null.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nulls {
    /// A null stays null where it is; nothing is learned from it.
    #[default]
    Keep,
    /// A null is an error that tells the column and the count.
    Error,
}

/// What a scaler does with a value that is not a number.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nans {
    /// A NaN stays NaN where it is; nothing is learned from it.
    #[default]
    Keep,
    /// A NaN becomes null.
    Null,
    /// A NaN is an error that tells the column and the count.
    Error,
}

/// What a scaler does with an infinite value, or with a finite one whose scaled
/// value is too large for the output's dtype.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Infinities {
    /// It is an error that tells the column, the first such value and the count.
    #[default]
    Error,
    /// It is kept as an infinity, unless [`Outside`] says what becomes of values
    /// outside the learned range, for an infinity is always outside.
    Keep,
    /// It becomes null.
    Null,
}

/// What a scaler does with a column whose learned values are all the same.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Constant {
    /// The constant becomes 0 (the low end, where an output range is given), and a
    /// new value keeps its distance from the constant, as if the range were 1.
    #[default]
    Zero,
    /// The whole column becomes null, new values too: there is nothing to scale by.
    Null,
    /// The fit is an error that tells the column.
    Error,
}

/// What a scaler does with a new value outside the learned range.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outside {
    /// It is scaled like any other, and so lands outside the output range.
    #[default]
    Keep,
    /// It becomes the nearer end of the output range.
    Clip,
    /// It becomes null.
    Null,
    /// It is an error that tells the column, the first such value and the count.
    Error,
}

/// The range that the learned range is mapped to: 0 to 1 unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct OutputRange {
    /// What the learned minimum becomes.
    pub low: f64,
    /// What the learned maximum becomes.
    pub high: f64,
}

impl Default for OutputRange {
    fn default() -> Self {
        Self {
            low: 0.0,
            high: 1.0,
        }
    }
}

/// The policies that a kernel follows for each value.
///
/// [`Nulls`] is not among them: a kernel never looks at a null, so its caller counts them.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Policies {
    /// For values that are not numbers.
    pub(crate) nans: Nans,
    /// For infinite values and results.
    pub(crate) infinities: Infinities,
    /// For a column that was constant when it was learned.
    pub(crate) constant: Constant,
    /// For new values outside the learned range; a standard scaler ignores it.
    pub(crate) outside: Outside,
    /// Where the learned range goes; a standard scaler ignores it.
    pub(crate) output: OutputRange,
}

/// The policies for single values as part of a stage's label, if they are not the default.
pub(crate) fn label(
    f: &mut fmt::Formatter<'_>,
    nulls: Nulls,
    nans: Nans,
    infinities: Infinities,
) -> fmt::Result {
    if nulls != Nulls::default() {
        write!(f, ", nulls: {nulls:?}")?;
    }
    if nans != Nans::default() {
        write!(f, ", nans: {nans:?}")?;
    }
    if infinities != Infinities::default() {
        write!(f, ", infinities: {infinities:?}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_and_their_names_are_the_documented_ones() {
        let text = serde_json::to_string(&Policies::default()).unwrap();
        assert_eq!(
            text,
            r#"{"nans":"keep","infinities":"error","constant":"zero","outside":"keep","output":{"low":0.0,"high":1.0}}"#
        );
        let back: Policies = serde_json::from_str(&text).unwrap();
        assert_eq!(back, Policies::default());
        assert_eq!(
            serde_json::to_string(&Nulls::default()).unwrap(),
            "\"keep\""
        );
    }
}
