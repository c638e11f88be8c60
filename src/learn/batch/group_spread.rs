use crate::learn::accumulate::{ColumnSummary, State, Value};
use crate::learn::value::Mean;

/// The mean and the deviation of a group: the blocks of a column, cut by the place in the group.
#[derive(Clone)]
pub(super) struct GroupSpread<V: Value> {
    /// What parts of the rows taught that were joined.
    joined: Option<State<V::Extreme>>,
    rows: ColumnSummary<V>,
}

impl<V: Value> Default for GroupSpread<V> {
    fn default() -> Self {
        Self {
            joined: None,
            rows: ColumnSummary::new(true),
        }
    }
}

impl<V: Value> GroupSpread<V> {
    pub(super) fn push(&mut self, value: V) {
        self.rows.push(&[value], None);
    }

    /// Adds what the next part of the rows taught.
    pub(super) fn join(&mut self, next: &Self) {
        *self = Self {
            joined: Some(self.state().merge(next.state())),
            ..Self::default()
        };
    }

    fn state(&self) -> State<V::Extreme> {
        self.joined.unwrap_or_else(|| self.rows.state())
    }

    /// The mean and the deviation, where there is a value.
    pub(super) fn found(&self) -> (Option<Mean>, Option<f64>) {
        let summary = self.state().finish();
        let mean = summary.spread.map(|spread| Mean {
            origin: spread.mean.origin,
            offset: spread.mean.offset,
        });
        (mean, summary.std())
    }
}
