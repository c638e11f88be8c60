//! What the next run would ask for, by what the landing knows.

use std::collections::{BTreeMap, HashMap, HashSet};

use polars::prelude::col;
use serde_json::Value;

use super::state::{Finding, Mark};
use super::store;
use crate::error::Result;
use crate::learn::{Purpose, ScanLog};
use crate::source::remote::landing::Landing;
use crate::source::remote::youtube::YouTube;
use crate::source::remote::youtube::discovery::Discovery;
use crate::source::remote::youtube::quota::{Demand, Plan};
use crate::source::remote::youtube::tables::VIDEO_STATS;

/// Items of a page of search, or of a playlist.
const ITEMS: u32 = 50;

impl YouTube {
    /// How far what is left of today's quota would go, without a request: searches, videos, then the
    /// comments that are expected of the videos that are known. What a search will find is not known
    /// before; as many new videos are counted as it may take, where it was never asked.
    ///
    /// # Errors
    ///
    /// Those of [`check`](Self::check), of the ledger and of a scan of the landing.
    pub fn plan(&self, landing: &Landing) -> Result<Plan> {
        self.check()?;
        let states = landing.state()?;
        let (mut searches, mut lists, mut new) = (0, 0, 0);
        let (mut known, mut once) = (Vec::new(), HashSet::new());
        for discovery in &self.discoveries {
            let finding: Finding = store::named(&states, &store::finding_name(&discovery.label()))?;
            let unasked = finding.videos.is_empty();
            let found = match discovery {
                Discovery::Search(search) => {
                    searches += search.max_videos.div_ceil(ITEMS).min(search.max_pages);
                    new += u64::from(search.max_videos) * u64::from(unasked);
                    finding.videos
                }
                Discovery::Playlist { .. } => {
                    lists += 1;
                    finding.videos
                }
                Discovery::Videos(ids) => ids.clone(),
            };
            known.extend(found.into_iter().filter(|id| once.insert(id.clone())));
        }
        let counts = counts(landing)?;
        let polled = known.iter().filter(|id| counts.contains_key(*id)).count() as u64;
        let mut demand = Demand::new()
            .searches(searches)
            .playlist_pages(lists)
            .new_videos(new + known.len() as u64 - polled)
            .polled_videos(polled);
        if self.comments {
            for id in known {
                let expected = expected(&states, &counts, &id)?;
                demand = demand.comments(id, expected);
            }
        }
        let ledger = self.quota_ledger(landing);
        let left = ledger.left()?;
        let left = left.each(|bucket, left| left.min(self.budget.of(bucket)));
        Ok(Plan::of(&demand, left, &self.quota))
    }
}

/// The newest `commentCount` of each video.
fn counts(landing: &Landing) -> Result<HashMap<String, u64>> {
    let mut counts = HashMap::new();
    let stats = landing.latest(VIDEO_STATS)?;
    let stats = stats.select([col("video_id"), col("comment_count")]);
    ScanLog::default().stream(stats, Purpose::Count, |batch| {
        let ids = batch.column("video_id")?.str()?;
        let found = batch.column("comment_count")?.u64()?;
        for (id, count) in ids.iter().zip(found.iter()) {
            if let Some(id) = id {
                counts.insert(id.to_owned(), count.unwrap_or(0));
            }
        }
        Ok(())
    })?;
    Ok(counts)
}

/// All comments of a video that was never read to its end, and else what came since.
fn expected(
    states: &BTreeMap<String, Value>,
    counts: &HashMap<String, u64>,
    id: &str,
) -> Result<u64> {
    let mark: Mark = store::named(states, &store::mark_name(id))?;
    let count = counts.get(id).copied().unwrap_or(0);
    Ok(count.saturating_sub(mark.count.unwrap_or(0)))
}
