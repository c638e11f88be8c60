//! The means of a target, drawn towards the mean of all rows.

use crate::error::{Error, ErrorKind, Result};
use crate::learn::{Grouped, PartSum};

/// How far the mean of a category is drawn towards the mean of all rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Smooth {
    /// As if so many more rows held the mean of all.
    Rows(f64),
    /// By the variances.
    Auto,
}

impl Smooth {
    /// The estimate for a category, of the rows of it and of all rows.
    fn estimate(self, of: PartSum, all: PartSum) -> f64 {
        let prior = all.sum / all.values as f64;
        if of.values == 0 {
            return prior;
        }
        let count = of.values as f64;
        match self {
            Self::Rows(rows) => (of.sum + rows * prior) / (count + rows),
            Self::Auto => {
                let between = all.squares / all.values as f64 * count;
                let within = of.squares / count;
                if between + within > 0.0 {
                    let share = between / (between + within);
                    share * (of.sum / count) + (1.0 - share) * prior
                } else {
                    // The target is constant.
                    prior
                }
            }
        }
    }
}

/// What one category, or all rows, teach: by all rows, and by those that are not of each part.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Estimates {
    pub(super) mean: f64,
    pub(super) others: Vec<f64>,
}

impl Estimates {
    pub(super) fn is_finite(&self) -> bool {
        self.mean.is_finite() && self.others.iter().all(|mean| mean.is_finite())
    }
}

/// The sums of some parts, in order.
fn sum_of(parts: impl Iterator<Item = PartSum>) -> PartSum {
    parts.fold(PartSum::default(), PartSum::join)
}

fn without(parts: &[PartSum], part: usize) -> PartSum {
    let others = parts.iter().enumerate().filter(|(at, _)| *at != part);
    sum_of(others.map(|(_, sum)| *sum))
}

/// The estimates of all rows, then those of each group.
pub(super) fn estimates(
    groups: &Grouped,
    parts: usize,
    smooth: Smooth,
) -> Result<(Estimates, Vec<Estimates>)> {
    let part_of_all = |part: usize| {
        let groups = groups.groups.iter();
        sum_of(groups.filter_map(|group| group.parts.get(part).copied()))
    };
    let all: Vec<PartSum> = (0..parts).map(part_of_all).collect();
    let total = sum_of(all.iter().copied());
    let others: Vec<PartSum> = (0..parts).map(|part| without(&all, part)).collect();
    if others.iter().any(|others| others.values == 0) {
        let message = format!(
            "the {} train rows are too few to be dealt into {parts} parts",
            total.values
        );
        return Err(Error::new(ErrorKind::Fit, message)
            .with_help("bring more rows: what a row gets is learned from the other parts"));
    }
    let of = |own: &[PartSum]| Estimates {
        mean: smooth.estimate(sum_of(own.iter().copied()), total),
        others: others
            .iter()
            .enumerate()
            .map(|(part, all)| smooth.estimate(without(own, part), *all))
            .collect(),
    };
    let each = groups.groups.iter().map(|group| of(&group.parts)).collect();
    // No rows of one's own: what is left is the mean of all.
    Ok((of(&[]), each))
}
