//! How YouTube differs from what one would wish, as settings.

/// Habits of the API that hold for every call, in contrast to a [`Fault`](super::Fault), which
/// happens by script.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a habit of its own, there or not"
)]
pub struct Quirks {
    pub(super) search_stops_at: u32,
    pub(super) index_lag: u32,
    pub(super) short_pages: bool,
    pub(super) foreign_items: bool,
    pub(super) token_life: Option<u32>,
    pub(super) pinned: bool,
    pub(super) no_empty_items: bool,
    pub(super) without_stats_method: bool,
    pub(super) partial_stats: bool,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            search_stops_at: 500,
            index_lag: 0,
            short_pages: false,
            foreign_items: false,
            token_life: None,
            pinned: false,
            no_empty_items: false,
            without_stats_method: false,
            partial_stats: false,
        }
    }
}

impl Quirks {
    /// The habits that are always there: search stops at 500 results and lies about their number,
    /// five inline replies at most, counts as text.
    pub fn new() -> Self {
        Self::default()
    }

    /// All of them at once.
    pub fn all() -> Self {
        Self::new()
            .index_lag(1800)
            .short_pages()
            .foreign_items()
            .pinned()
            .no_empty_items()
    }

    /// Search gives no more than so many results; 500 by default.
    pub fn search_stops_at(mut self, results: u32) -> Self {
        self.search_stops_at = results.min(1000);
        self
    }

    /// Search does not find videos that are younger than so many seconds.
    pub fn index_lag(mut self, seconds: u32) -> Self {
        self.index_lag = seconds;
        self
    }

    /// Some pages have an item less than they could.
    pub fn short_pages(mut self) -> Self {
        self.short_pages = true;
        self
    }

    /// Pages of search begin with a channel, also where only videos were asked for.
    pub fn foreign_items(mut self) -> Self {
        self.foreign_items = true;
        self
    }

    /// Page tokens are invalid after so many seconds.
    pub fn token_life(mut self, seconds: u32) -> Self {
        self.token_life = Some(seconds);
        self
    }

    /// An old comment stands before the newest ones.
    pub fn pinned(mut self) -> Self {
        self.pinned = true;
        self
    }

    /// A list of nothing has no `items`.
    pub fn no_empty_items(mut self) -> Self {
        self.no_empty_items = true;
        self
    }

    /// The project has no `videos:batchGetStats`: 404.
    pub fn without_stats_method(mut self) -> Self {
        self.without_stats_method = true;
        self
    }

    /// `videos:batchGetStats`, which is not atomic, leaves out the first of several videos.
    pub fn partial_stats(mut self) -> Self {
        self.partial_stats = true;
        self
    }
}
