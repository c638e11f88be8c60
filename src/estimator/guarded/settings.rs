use std::fmt;

use polars::prelude::PlSmallStr;

use super::config;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{Kind, Role, Schema};

/// How many features a split of a tree may choose among; drawn anew for each split.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum MaxFeatures {
    /// Among all.
    All,
    /// The root of their count, rounded down.
    Sqrt,
    /// The binary logarithm of their count, rounded down; at least 1.
    Log2,
    /// So many: from 1 to all of them.
    Count(usize),
    /// A share of them in (0, 1], rounded down; at least 1.
    Share(f64),
}

impl MaxFeatures {
    pub(super) fn of(self, features: usize) -> Result<usize> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a count is a count"
        )]
        let rounded_down = |count: f64| (count as usize).max(1);
        let count = features as f64;
        match self {
            Self::All => Ok(features),
            Self::Sqrt => Ok(rounded_down(count.sqrt())),
            Self::Log2 => Ok(rounded_down(count.log2())),
            Self::Count(chosen) if (1..=features).contains(&chosen) => Ok(chosen),
            Self::Share(share) if share > 0.0 && share <= 1.0 => Ok(rounded_down(count * share)),
            _ => Err(config(
                format!("`max_features` is {self:?}, of {features} features"),
                "choose a count from 1 to all of them, or a share in (0, 1]",
            )),
        }
    }
}

/// What all estimators of trees can be told.
#[derive(Clone, PartialEq)]
pub(super) struct Settings {
    pub(super) max_depth: Option<usize>,
    pub(super) min_samples_leaf: usize,
    pub(super) min_samples_split: usize,
    pub(super) weights: Option<PlSmallStr>,
    pub(super) seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_depth: None,
            min_samples_leaf: 1,
            min_samples_split: 2,
            weights: None,
            seed: 0,
        }
    }
}

impl Settings {
    pub(super) fn check(&self) -> Result<()> {
        if self.max_depth == Some(0) {
            let help = "a tree has at least one split: choose 1 or more, or leave it out";
            return Err(config("`max_depth` is 0".to_owned(), help));
        }
        if self.min_samples_leaf == 0 {
            let help = "a leaf holds at least one row: choose 1 or more";
            return Err(config("`min_samples_leaf` is 0".to_owned(), help));
        }
        if self.min_samples_split < 2 {
            let message = format!("`min_samples_split` is {}", self.min_samples_split);
            return Err(config(message, "one row cannot be split: choose 2 or more"));
        }
        Ok(())
    }

    /// The column of weights: the one that was named, or the one that the source declared.
    pub(super) fn weights(
        &self,
        features: &[PlSmallStr],
        target: &PlSmallStr,
        input: &Schema,
    ) -> Result<Option<PlSmallStr>> {
        let declared = || {
            let mut fields = input.fields().iter();
            let field = fields.find(|field| field.has_role() == Role::Weight);
            field.map(|field| field.name().clone())
        };
        let Some(name) = self.weights.clone().or_else(declared) else {
            return Ok(None);
        };
        if name == target || features.contains(&name) {
            let message = "the weights are a feature or the target too";
            return Err(Error::new(ErrorKind::Config, message)
                .on_column(name.as_str())
                .with_help("leave the column out of the features"));
        }
        Kind::of(&name, input.field(&name)?.dtype())?;
        Ok(Some(name))
    }

    /// The part of a label that is not the default.
    pub(super) fn label(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let default = Self::default();
        if let Some(depth) = self.max_depth {
            write!(f, ", max_depth: {depth}")?;
        }
        if self.min_samples_leaf != default.min_samples_leaf {
            write!(f, ", min_samples_leaf: {}", self.min_samples_leaf)?;
        }
        if self.min_samples_split != default.min_samples_split {
            write!(f, ", min_samples_split: {}", self.min_samples_split)?;
        }
        if let Some(weights) = &self.weights {
            write!(f, ", weights: {:?}", weights.as_str())?;
        }
        if self.seed != default.seed {
            write!(f, ", seed: {}", self.seed)?;
        }
        Ok(())
    }
}

/// The setters of what all estimators of trees can be told.
macro_rules! tree_setters {
    () => {
        /// The most splits on the way to a leaf, as scikit-learn counts them: 1 gives two leaves.
        pub fn max_depth(mut self, depth: usize) -> Self {
            self.settings.max_depth = Some(depth);
            self
        }

        /// The fewest train rows of a leaf: 1 or more.
        pub fn min_samples_leaf(mut self, rows: usize) -> Self {
            self.settings.min_samples_leaf = rows;
            self
        }

        /// The fewest train rows that are split further: 2 or more.
        pub fn min_samples_split(mut self, rows: usize) -> Self {
            self.settings.min_samples_split = rows;
            self
        }

        /// The column that says how much a train row counts; default: the one with the role
        /// [`Weight`](crate::Role::Weight), if there is one.
        pub fn weights(mut self, column: impl Into<PlSmallStr>) -> Self {
            self.settings.weights = Some(column.into());
            self
        }

        /// What the random choices follow from.
        pub fn seed(mut self, seed: u64) -> Self {
            self.settings.seed = seed;
            self
        }
    };
}
pub(super) use tree_setters;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_features_are_those_of_scikit_learn() {
        for (chosen, of, count) in [
            (MaxFeatures::All, 8, 8),
            (MaxFeatures::Sqrt, 8, 2),
            (MaxFeatures::Sqrt, 9, 3),
            (MaxFeatures::Log2, 1, 1),
            (MaxFeatures::Log2, 9, 3),
            (MaxFeatures::Count(5), 8, 5),
            (MaxFeatures::Share(0.5), 9, 4),
            (MaxFeatures::Share(0.01), 9, 1),
            (MaxFeatures::Share(1.0), 9, 9),
        ] {
            assert_eq!(chosen.of(of).expect("a count"), count, "{chosen:?}");
        }
        for chosen in [
            MaxFeatures::Count(0),
            MaxFeatures::Count(9),
            MaxFeatures::Share(0.0),
            MaxFeatures::Share(1.1),
            MaxFeatures::Share(f64::NAN),
        ] {
            let error = chosen.of(8).expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::Config);
        }
    }
}
