//! What the API costs: buckets, limits, what was spent, and what fits into a day.

mod ledger;
#[cfg(test)]
mod ledger_tests;
mod meter;
mod plan;

use std::fmt;

pub use ledger::QuotaLedger;
pub(super) use ledger::YOUNG;
pub(super) use meter::{Meter, Refusal, Why};
pub use plan::{Demand, Listing, Plan};

use super::endpoint::Endpoint;
use crate::error::{Error, ErrorKind, Result};

/// The buckets of the daily quota of a project. Each is refilled at midnight in Los Angeles.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Bucket {
    /// `search.list`: 100 calls a day, and every page is a call.
    Search,
    /// `videos.batchGetStats`: 10,000 calls a day.
    Stats,
    /// All other methods together: 10,000 units a day, one a call.
    Common,
}

impl Bucket {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Search, Self::Stats, Self::Common];

    /// As ledgers and messages call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Stats => "stats",
            Self::Common => "common",
        }
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Units of each bucket: of a limit, spent, or left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Units {
    /// Of the bucket of searches.
    pub search: u32,
    /// Of the bucket of statistics.
    pub stats: u32,
    /// Of the common pool.
    pub common: u32,
}

impl Units {
    /// Units of each bucket.
    pub fn new(search: u32, stats: u32, common: u32) -> Self {
        Self {
            search,
            stats,
            common,
        }
    }

    /// Those of one bucket.
    pub fn of(&self, bucket: Bucket) -> u32 {
        match bucket {
            Bucket::Search => self.search,
            Bucket::Stats => self.stats,
            Bucket::Common => self.common,
        }
    }

    /// All together.
    pub fn sum(&self) -> u32 {
        self.search
            .saturating_add(self.stats)
            .saturating_add(self.common)
    }

    pub(super) fn of_mut(&mut self, bucket: Bucket) -> &mut u32 {
        match bucket {
            Bucket::Search => &mut self.search,
            Bucket::Stats => &mut self.stats,
            Bucket::Common => &mut self.common,
        }
    }

    pub(super) fn each(self, of: impl Fn(Bucket, u32) -> u32) -> Self {
        let of = |bucket| of(bucket, self.of(bucket));
        Self::new(of(Bucket::Search), of(Bucket::Stats), of(Bucket::Common))
    }
}

impl fmt::Display for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            search,
            stats,
            common,
        } = self;
        write!(f, "search {search}, stats {stats}, common {common}")
    }
}

/// The limits and prices of a project, as its page of quotas in the Google Cloud console shows them.
///
/// # Examples
///
/// ```
/// use floe::source::remote::youtube::{Bucket, Quota};
///
/// // A project that was granted more, and keeps a tenth of it for other uses.
/// let quota = Quota::default().limit(Bucket::Common, 50_000).reserve_percent(10);
/// assert_eq!(quota.usable().common, 45_000);
/// assert_eq!(quota.usable().search, 90);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a quota does nothing until it is given to a source"]
pub struct Quota {
    limits: Units,
    search: (Bucket, u32),
    stats: (Bucket, u32),
    reserve_percent: u32,
}

impl Default for Quota {
    /// What a new project has since June 2026, with 5 % kept in reserve.
    fn default() -> Self {
        Self {
            limits: Units::new(100, 10_000, 10_000),
            search: (Bucket::Search, 1),
            stats: (Bucket::Stats, 1),
            reserve_percent: 5,
        }
    }
}

impl Quota {
    /// What projects had before June 2026, and some still have: one pool of 10,000 units, of which a
    /// search takes 100.
    pub fn single_pool() -> Self {
        Self {
            limits: Units::new(0, 0, 10_000),
            search: (Bucket::Common, 100),
            stats: (Bucket::Common, 1),
            reserve_percent: 5,
        }
    }

    /// Another limit of a bucket, in units a day.
    pub fn limit(mut self, bucket: Bucket, units: u32) -> Self {
        *self.limits.of_mut(bucket) = units;
        self
    }

    /// How much of each bucket is left alone, in per cent of its limit; 5 unless told.
    pub fn reserve_percent(mut self, percent: u32) -> Self {
        self.reserve_percent = percent;
        self
    }

    /// What may be spent in a day: the limits without the reserve, which is rounded up.
    pub fn usable(&self) -> Units {
        self.limits.each(|_, limit| {
            let reserve = u64::from(limit) * u64::from(self.reserve_percent.min(100));
            limit - u32::try_from(reserve.div_ceil(100)).unwrap_or(limit)
        })
    }

    /// The bucket that a call is charged to, and the units that it costs.
    pub(super) fn price(&self, endpoint: Endpoint) -> (Bucket, u32) {
        match endpoint.bucket() {
            Bucket::Search => self.search,
            Bucket::Stats => self.stats,
            Bucket::Common => (Bucket::Common, 1),
        }
    }

    /// The bucket that the service means when it names this one.
    pub(super) fn charged(&self, named: Bucket) -> Bucket {
        match named {
            Bucket::Search => self.search.0,
            Bucket::Stats => self.stats.0,
            Bucket::Common => Bucket::Common,
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.reserve_percent >= 100 {
            let message = format!("a reserve of {} % leaves no quota", self.reserve_percent);
            return Err(
                Error::new(ErrorKind::Config, message).with_help("keep less than 100 % in reserve")
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_is_rounded_up_and_prices_follow_the_kind_of_project() {
        assert_eq!(Quota::default().usable(), Units::new(95, 9500, 9500));
        assert_eq!(Quota::default().limit(Bucket::Search, 7).usable().search, 6);
        let whole = Quota::default().reserve_percent(0);
        assert_eq!(whole.usable(), Units::new(100, 10_000, 10_000));
        assert_eq!(whole.price(Endpoint::Search), (Bucket::Search, 1));
        let old = Quota::single_pool();
        assert_eq!(old.price(Endpoint::Search), (Bucket::Common, 100));
        assert_eq!(old.price(Endpoint::Stats), (Bucket::Common, 1));
        assert!(old.check().is_ok() && old.reserve_percent(100).check().is_err());
    }
}
