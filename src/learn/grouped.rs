use super::category::{Category, MostFrequent};
use super::value::{Mean, Quantile};

/// What can be learned of a column for each category of another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GroupStatistic {
    /// The mean of each group.
    Mean,
    /// The mean and the standard deviation of each group, with `ddof` 0.
    Spread,
    /// The exact median of each group. Buffers the column.
    Median,
    /// The most frequent value of each group. Holds the distinct values of each group.
    MostFrequent,
    /// The sums of each group in so many parts of its rows, dealt by the number of the row in its
    /// source: what a row may know of its group without its own value is what the other parts
    /// know.
    Parts {
        /// Which way to deal the rows.
        seed: u64,
        /// How many parts there are.
        parts: u32,
    },
}

/// What was learned of a column for each category of another one.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Grouped {
    /// In ascending order of their categories; rows whose category is null are the last group.
    pub groups: Vec<Group>,
}

impl Grouped {
    /// The group of a category, or of the rows without one.
    pub fn get(&self, category: Option<&Category>) -> Option<&Group> {
        let mut groups = self.groups.iter();
        groups.find(|group| group.category.as_ref() == category)
    }
}

/// One group of rows.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Group {
    /// Its category; none of the rows whose category is null.
    pub category: Option<Category>,
    /// Its rows.
    pub rows: u64,
    /// Those of them that hold a value: neither null nor NaN nor infinite.
    pub values: u64,
    /// The mean, where it was asked for and there is a value.
    pub mean: Option<Mean>,
    /// The standard deviation, where it was asked for and there is a value.
    pub std: Option<f64>,
    /// The median, where it was asked for and there is a value.
    pub median: Option<Quantile>,
    /// The most frequent value, where it was asked for and there is one.
    pub most_frequent: Option<MostFrequent>,
    /// The same among the values that are no empty text, where it was asked for and there is one.
    pub most_frequent_filled: Option<MostFrequent>,
    /// The parts, where they were asked for.
    pub parts: Vec<PartSum>,
}

/// The values of one part of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct PartSum {
    /// How many values there are.
    pub values: u64,
    /// Their sum.
    pub sum: f64,
    /// The sum of the squares of their distances from their mean.
    pub squares: f64,
}

impl PartSum {
    /// What both parts hold: squares add up by the formula of Chan, Golub and LeVeque (Updating
    /// formulae and a pairwise algorithm for computing sample variances, 1979).
    pub(crate) fn join(self, other: Self) -> Self {
        let (one, two) = (self.values as f64, other.values as f64);
        if one == 0.0 || two == 0.0 {
            return if two == 0.0 { self } else { other };
        }
        let apart = other.sum / two - self.sum / one;
        Self {
            values: self.values + other.values,
            sum: self.sum + other.sum,
            squares: self.squares + other.squares + apart * apart * (one * two / (one + two)),
        }
    }
}

/// The part that a row is dealt into by its number in the source: `SplitMix64` of the number and the
/// seed (Steele, Lea and Flood, 2014), scaled to the count of parts.
pub(crate) fn part_of_row(seed: u64, parts: u32, row: u64) -> u32 {
    let mut mixed = row
        .wrapping_add(1)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .wrapping_add(seed.wrapping_mul(0xd1b5_4a32_d192_ed03));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    let part = (u128::from(mixed) * u128::from(parts)) >> 64;
    u32::try_from(part).unwrap_or(0)
}
