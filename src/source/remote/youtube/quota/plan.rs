use std::fmt;

use super::{Bucket, Quota, Units};
use crate::source::remote::youtube::endpoint::Endpoint;

/// Ids in one call of `videos.list` or `videos.batchGetStats`.
const IDS_PER_CALL: u64 = 50;
/// Threads in one page.
const THREADS_PER_PAGE: u64 = 100;

/// What a collection would ask for if there were no limits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "a demand is something to plan for"]
pub struct Demand {
    searches: u32,
    playlist_pages: u32,
    new_videos: u64,
    polled_videos: u64,
    comments: Vec<(String, u64)>,
}

impl Demand {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Pages of search results, each a call.
    pub fn searches(mut self, pages: u32) -> Self {
        self.searches = pages;
        self
    }

    /// Pages of playlists, each a call.
    pub fn playlist_pages(mut self, pages: u32) -> Self {
        self.playlist_pages = pages;
        self
    }

    /// Videos of which title and statistics are asked, 50 a call.
    pub fn new_videos(mut self, videos: u64) -> Self {
        self.new_videos = videos;
        self
    }

    /// Videos of which the statistics alone are asked, 50 a call.
    pub fn polled_videos(mut self, videos: u64) -> Self {
        self.polled_videos = videos;
        self
    }

    /// The comments of a video that are expected to be new, 100 a call and at least one call.
    pub fn comments(mut self, video_id: impl Into<String>, expected: u64) -> Self {
        self.comments.push((video_id.into(), expected));
        self
    }
}

/// What of a demand fits into what is left, in the order in which it is asked: searches, videos,
/// then comments, the video that grew most first. A video of which not all pages fit is begun; the
/// next run goes on with it.
///
/// # Examples
///
/// ```
/// use floe::source::remote::youtube::{Demand, Plan, Quota, Units};
///
/// let demand = Demand::new()
///     .searches(10)
///     .new_videos(120)
///     .comments("small", 40)
///     .comments("large", 1_000_000);
/// let plan = Plan::of(&demand, Units::new(4, 100, 9500), &Quota::default());
/// assert_eq!(plan.searches, 4);
/// assert_eq!(plan.video_calls, 3);
/// assert_eq!(plan.listings[0].video_id, "large");
/// assert_eq!(plan.listings[0].pages, 9497);
/// assert!(!plan.listings[0].whole);
/// assert_eq!(plan.unreached, ["small"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// Calls of `search.list`.
    pub searches: u32,
    /// Calls of `playlistItems.list`.
    pub playlist_pages: u32,
    /// Calls of `videos.list`.
    pub video_calls: u32,
    /// Calls of `videos.batchGetStats`.
    pub stats_calls: u32,
    /// Listings of comments, the largest first.
    pub listings: Vec<Listing>,
    /// Videos of which no page fits.
    pub unreached: Vec<String>,
    /// What all of it costs.
    pub cost: Units,
}

/// The comments of one video.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listing {
    /// The video.
    pub video_id: String,
    /// Pages that fit.
    pub pages: u32,
    /// Whether they are all that are expected.
    pub whole: bool,
}

impl Plan {
    /// What of a demand fits into what is left.
    pub fn of(demand: &Demand, left: Units, quota: &Quota) -> Self {
        let mut purse = Purse {
            left,
            cost: Units::default(),
            quota,
        };
        let searches = purse.pay(Endpoint::Search, demand.searches.into());
        let playlist_pages = purse.pay(Endpoint::PlaylistItems, demand.playlist_pages.into());
        let video_calls = purse.pay(Endpoint::Videos, demand.new_videos.div_ceil(IDS_PER_CALL));
        let stats_calls = purse.pay(Endpoint::Stats, demand.polled_videos.div_ceil(IDS_PER_CALL));
        let mut plan = Self {
            searches,
            playlist_pages,
            video_calls,
            stats_calls,
            ..Self::default()
        };
        let mut comments = demand.comments.clone();
        comments.sort_by_key(|(_, expected)| std::cmp::Reverse(*expected));
        for (video_id, expected) in comments {
            let wanted = expected.div_ceil(THREADS_PER_PAGE).max(1);
            match purse.pay(Endpoint::Threads, wanted) {
                0 => plan.unreached.push(video_id),
                pages => plan.listings.push(Listing {
                    video_id,
                    pages,
                    whole: u64::from(pages) == wanted,
                }),
            }
        }
        plan.cost = purse.cost;
        plan
    }
}

struct Purse<'a> {
    left: Units,
    cost: Units,
    quota: &'a Quota,
}

impl Purse<'_> {
    /// Pays for as many of these calls as can be paid for.
    fn pay(&mut self, endpoint: Endpoint, calls: u64) -> u32 {
        let (bucket, price) = self.quota.price(endpoint);
        let affordable = self.left.of(bucket) / price.max(1);
        let calls = u32::try_from(calls).unwrap_or(u32::MAX).min(affordable);
        *self.left.of_mut(bucket) -= calls * price;
        *self.cost.of_mut(bucket) += calls * price;
        calls
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.listings.iter().filter(|listing| listing.whole).count();
        let begun = self.listings.len() - whole;
        let calls: u32 = self.listings.iter().map(|listing| listing.pages).sum();
        writeln!(
            f,
            "searches: {}, pages of playlists: {}",
            self.searches, self.playlist_pages
        )?;
        writeln!(
            f,
            "videos: {} calls, and {} for statistics",
            self.video_calls, self.stats_calls
        )?;
        writeln!(
            f,
            "comments: {calls} calls for {whole} videos in whole and {begun} in part; {} are not reached",
            self.unreached.len()
        )?;
        let costs = Bucket::ALL.map(|bucket| format!("{bucket} {}", self.cost.of(bucket)));
        write!(f, "quota: {}", costs.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_bucket_lacks_takes_nothing_from_another() {
        let demand = Demand::new()
            .searches(3)
            .new_videos(51)
            .polled_videos(50)
            .comments("a", 0)
            .comments("b", 101);
        let none = Units::new(0, 1, 10);
        let plan = Plan::of(&demand, none, &Quota::default());
        assert_eq!(
            (plan.searches, plan.video_calls, plan.stats_calls),
            (0, 2, 1)
        );
        assert_eq!(plan.cost, Units::new(0, 1, 5));
        let names: Vec<_> = plan
            .listings
            .iter()
            .map(|one| one.video_id.as_str())
            .collect();
        assert_eq!(names, ["b", "a"]);
        assert!(
            plan.to_string()
                .ends_with("quota: search 0, stats 1, common 5")
        );
    }

    #[test]
    fn in_a_single_pool_searches_are_paid_for_first() {
        let demand = Demand::new().searches(10).new_videos(1).comments("a", 9);
        let plan = Plan::of(&demand, Units::new(0, 0, 250), &Quota::single_pool());
        assert_eq!(plan.searches, 2);
        assert_eq!(plan.cost.common, 202);
    }
}
