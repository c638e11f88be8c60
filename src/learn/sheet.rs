use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use polars::prelude::{DataFrame, Expr, LazyFrame, PlSmallStr};

use super::accumulate;
use super::algebra::Trail;
use super::beyond::Beyond;
pub(crate) use super::column_ask::ColumnAsk;
use super::grouped::GroupStatistic;
use super::need::Statistic;
use crate::error::Result;
use crate::schema::{Kind, column, is_hidden};

/// One column of the scan of a level, and all that is asked of it.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says one thing that was asked"
)]
pub(crate) struct ColumnQuestion {
    pub(crate) ask: ColumnAsk,
    /// The column already stands under its own name in the query, because a later step changes it.
    pub(crate) kept: bool,
    pub(crate) summary: bool,
    pub(crate) moments: bool,
    /// An infinity will be an error, which says in which row it is.
    pub(crate) locate: bool,
    pub(crate) quantiles: Vec<f64>,
    /// Quantiles and their stated errors. Each error has a sketch of its own, so that what one step
    /// asks changes no bit of what another gets.
    pub(crate) approximate: Vec<(f64, f64)>,
    /// The fences beyond which values are counted.
    pub(crate) beyond: Vec<Beyond>,
    /// The most distinct values that are counted.
    pub(crate) count: Option<usize>,
}

impl ColumnQuestion {
    fn ask_quantile(&mut self, q: f64) {
        if !self.quantiles.contains(&q) {
            self.quantiles.push(q);
        }
    }

    /// The column alone, of which nothing is asked.
    pub(crate) fn held(of: &Self) -> Self {
        Self {
            kept: of.kept,
            ..Self::new(of.ask.clone())
        }
    }

    fn new(ask: ColumnAsk) -> Self {
        Self {
            ask,
            kept: false,
            summary: false,
            moments: false,
            locate: false,
            quantiles: Vec::new(),
            approximate: Vec::new(),
            beyond: Vec::new(),
            count: None,
        }
    }

    /// The errors of the sketches.
    pub(crate) fn sketch_errors(&self) -> Vec<f64> {
        let mut errors: Vec<f64> = self.approximate.iter().map(|(_, error)| *error).collect();
        errors.sort_unstable_by(f64::total_cmp);
        errors.dedup();
        errors
    }

    /// What the sketch takes at most.
    fn sketch_bytes(&self) -> usize {
        let held = self.sketch_errors().into_iter().map(accumulate::most_held);
        let held: usize = held.sum();
        held.saturating_mul(self.ask.kind.map_or(0, Kind::bytes))
    }

    /// The name of the column in the query of the level.
    pub(crate) fn alias(&self) -> PlSmallStr {
        format!("__floe:{}@{}", self.ask.column, self.ask.version).into()
    }

    /// The name under which the column stands before the query of the level.
    pub(crate) fn stands_as(&self) -> PlSmallStr {
        if self.kept {
            self.alias()
        } else {
            self.ask.column.clone()
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FactorAsk {
    /// Slots of the feature columns, then of the target.
    pub(crate) columns: Vec<usize>,
    pub(crate) intercept: bool,
}

/// Slots of the columns of a grouped question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupedAsk {
    pub(crate) by: usize,
    pub(crate) of: usize,
    /// The numbers of the rows, where they are dealt into parts.
    pub(crate) rows: Option<usize>,
    pub(crate) statistic: GroupStatistic,
    pub(crate) most: usize,
}

type Query = dyn Fn(LazyFrame) -> Result<DataFrame> + Send + Sync;

#[derive(Clone)]
pub(crate) struct QueryAsk {
    pub(crate) name: PlSmallStr,
    pub(crate) frame: Option<LazyFrame>,
    pub(crate) run: Arc<Query>,
}

impl fmt::Debug for QueryAsk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Query({})", self.name)
    }
}

/// All that is asked at one level; equal questions are asked once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sheet {
    pub(crate) columns: Vec<ColumnQuestion>,
    pub(crate) factors: Vec<FactorAsk>,
    pub(crate) groups: Vec<GroupedAsk>,
    pub(crate) queries: Vec<QueryAsk>,
    /// Rows were dropped before: a column is no more what the source has.
    pub(crate) dropped: bool,
}

/// Where the answers to one step's needs will be found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) columns: BTreeMap<PlSmallStr, (usize, Option<Trail>)>,
    pub(crate) factor: Option<AskedFactor>,
    pub(crate) groups: Vec<AskedGroups>,
    pub(crate) queries: BTreeMap<PlSmallStr, usize>,
}

/// Where the factor of a least squares problem will be found, and how its columns are to be moved.
#[derive(Clone, Debug)]
pub(crate) struct AskedFactor {
    pub(crate) slot: usize,
    pub(crate) names: Vec<PlSmallStr>,
    pub(crate) trails: Vec<Option<Trail>>,
}

/// Where what a column teaches for each category of another will be found.
#[derive(Clone, Debug)]
pub(crate) struct AskedGroups {
    pub(crate) slot: usize,
    pub(crate) column: PlSmallStr,
    pub(crate) by: PlSmallStr,
    pub(crate) statistic: GroupStatistic,
    pub(crate) most: usize,
}

impl Sheet {
    pub(crate) fn is_empty(&self) -> bool {
        self.columns.is_empty() && self.factors.is_empty() && self.queries.is_empty()
    }

    /// Makes the column part of the scan, without a summary of it.
    pub(crate) fn hold_column(&mut self, ask: ColumnAsk) -> usize {
        if let Some(slot) = self.columns.iter().position(|known| known.ask == ask) {
            return slot;
        }
        self.columns.push(ColumnQuestion::new(ask));
        self.columns.len() - 1
    }

    pub(crate) fn ask_column(&mut self, ask: ColumnAsk, statistic: Statistic) -> usize {
        let slot = self.hold_column(ask);
        let question = &mut self.columns[slot];
        question.summary = true;
        match statistic {
            Statistic::Count | Statistic::Min | Statistic::Max => {}
            Statistic::Infinities => question.locate = true,
            Statistic::Mean | Statistic::Std => question.moments = true,
            Statistic::Quantile(q) => question.ask_quantile(q),
            Statistic::Beyond { low, high, reach } => {
                let beyond = Beyond { low, high, reach };
                question.ask_quantile(low);
                question.ask_quantile(high);
                if !question.beyond.contains(&beyond) {
                    question.beyond.push(beyond);
                }
            }
            Statistic::Categories { most } | Statistic::MostFrequent { most } => {
                question.count = question.count.max(Some(most));
            }
            Statistic::ApproximateQuantile { q, error } => {
                if !question.approximate.contains(&(q, error)) {
                    question.approximate.push((q, error));
                }
            }
        }
        slot
    }

    pub(crate) fn ask_factor(&mut self, ask: FactorAsk) -> usize {
        if let Some(slot) = self.factors.iter().position(|known| known == &ask) {
            return slot;
        }
        self.factors.push(ask);
        self.factors.len() - 1
    }

    pub(crate) fn ask_groups(&mut self, ask: GroupedAsk) -> usize {
        if let Some(slot) = self.groups.iter().position(|known| known == &ask) {
            return slot;
        }
        self.groups.push(ask);
        self.groups.len() - 1
    }

    pub(crate) fn ask_query(&mut self, ask: QueryAsk) -> usize {
        self.queries.push(ask);
        self.queries.len() - 1
    }

    /// Marks a column that a step is about to change, and says under which name to keep it.
    ///
    /// Any version that was asked and is not kept yet is what the query holds under that name now:
    /// a write in between can only be one that is still pending.
    pub(crate) fn keep(&mut self, column: &str) -> Option<(PlSmallStr, PlSmallStr)> {
        let mut questions = self.columns.iter_mut();
        let question =
            questions.find(|question| question.ask.column == column && !question.kept)?;
        question.kept = true;
        Some((question.ask.column.clone(), question.alias()))
    }

    /// The columns of the scan of the level.
    pub(crate) fn exprs(&self) -> Vec<Expr> {
        let columns = self.columns.iter();
        columns
            .map(|question| column(question.stands_as()).alias(question.alias()))
            .collect()
    }

    /// What `explain()` tells of this level.
    pub(crate) fn level(&self) -> Level {
        let mut buffered: Vec<_> = self
            .columns
            .iter()
            .filter(|q| !q.quantiles.is_empty())
            .map(|q| q.ask.column.to_string())
            .collect();
        let mut counted: Vec<_> = self
            .columns
            .iter()
            .filter(|q| q.count.is_some())
            .map(|q| q.ask.column.to_string())
            .collect();
        for groups in &self.groups {
            let [of, by] =
                [groups.of, groups.by].map(|slot| self.columns[slot].ask.column.to_string());
            match groups.statistic {
                GroupStatistic::Median => buffered.push(of),
                GroupStatistic::MostFrequent => counted.push(of),
                _ => {}
            }
            counted.push(by);
        }
        for held in [&mut buffered, &mut counted] {
            let mut seen = BTreeSet::new();
            held.retain(|name| seen.insert(name.clone()));
        }
        let sketched = self.columns.iter().filter(|q| !q.approximate.is_empty());
        Level {
            scans: usize::from(!self.columns.is_empty()) + self.queries.len(),
            columns: self
                .columns
                .iter()
                .filter(|q| !is_hidden(&q.ask.column))
                .map(|q| q.ask.column.to_string())
                .collect(),
            buffered,
            counted,
            sketch_bytes: sketched
                .clone()
                .map(ColumnQuestion::sketch_bytes)
                .max()
                .unwrap_or(0),
            sketched: sketched.map(|q| q.ask.column.to_string()).collect(),
            queries: self.queries.iter().map(|q| q.name.to_string()).collect(),
        }
    }
}

/// One level of a plan: what one scan of the train rows answers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Level {
    /// Scans of the train rows: one for all statistics, and one for each query of a step's own.
    pub scans: usize,
    /// The columns that are learned from.
    pub columns: Vec<String>,
    /// The columns that must be held in memory (exact quantiles): 8 to 16 bytes a value.
    pub buffered: Vec<String>,
    /// The columns of which each distinct value is held once, up to the limit of the step that asks.
    pub counted: Vec<String>,
    /// The columns of which a bounded part is held in memory (approximate quantiles).
    pub sketched: Vec<String>,
    /// The bytes that such a part takes at most, of fewer than 2^32 rows; of folds, each fold holds
    /// one a column, and one more is made to join them.
    pub sketch_bytes: usize,
    /// The names of the queries that steps brought themselves.
    pub queries: Vec<String>,
}

impl Level {
    /// The level of several models that learn together: a query of a step's own is run for each.
    pub(crate) fn of_models(&self, models: usize) -> Self {
        let mut level = self.clone();
        level.scans += level.queries.len() * (models - 1);
        level
    }

    /// This level together with that of another candidate, of so many models.
    pub(crate) fn join(&mut self, other: &Self, models: usize) {
        let queries = |level: &Self| level.scans - usize::from(!level.columns.is_empty());
        let own = queries(self) + queries(&other.of_models(models));
        let both = |to: &mut Vec<String>, from: &[String]| {
            for name in from {
                if !to.contains(name) {
                    to.push(name.clone());
                }
            }
        };
        both(&mut self.columns, &other.columns);
        both(&mut self.buffered, &other.buffered);
        both(&mut self.counted, &other.counted);
        both(&mut self.sketched, &other.sketched);
        both(&mut self.queries, &other.queries);
        self.sketch_bytes = self.sketch_bytes.max(other.sketch_bytes);
        self.scans = usize::from(!self.columns.is_empty()) + own;
    }
}
