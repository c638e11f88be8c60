use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use polars::prelude::{IDX_DTYPE, LazyFrame, PlSmallStr};

use super::algebra::{Link, Trail};
use super::grouped::GroupStatistic;
use super::need::{Ask, Need};
use super::sheet::{
    Asked, AskedFactor, AskedGroups, ColumnAsk, FactorAsk, GroupedAsk, QueryAsk, Sheet,
};
use crate::error::Result;
use crate::schema::{self, Field, ROW, Role, Schema, refuse_group};
use crate::transform::Apply;

/// One walk over a plan: the columns as they stand at the current place, and what was asked so far.
///
/// Columns are versioned: each write makes a new version and a need names a version, so that a
/// need is answered with the columns as they stand at the step's own place, even when a later
/// step that is fitted already overwrites them in the same walk.
pub struct Walk {
    schema: Schema,
    /// The query so far; absent when only planning.
    frame: Option<LazyFrame>,
    versions: HashMap<PlSmallStr, u32>,
    /// Columns written by steps that are not fitted yet, and how they were written where that is
    /// known: statistics may then follow from the column before.
    pending: HashMap<PlSmallStr, Option<Trail>>,
    /// Columns that were read before any step wrote them: what the source must bring.
    inputs: BTreeSet<PlSmallStr>,
    /// Columns of the source that are read to learn, and not where a model predicts.
    learned_from: BTreeSet<PlSmallStr>,
    /// A step that drops train rows is not applied yet: nothing behind it can be learned.
    rows_pending: bool,
    waiting: bool,
    sheet: Sheet,
}

impl Walk {
    pub(crate) fn new(schema: Schema, frame: Option<LazyFrame>) -> Self {
        Self {
            schema,
            frame,
            versions: HashMap::new(),
            pending: HashMap::new(),
            inputs: BTreeSet::new(),
            learned_from: BTreeSet::new(),
            rows_pending: false,
            waiting: false,
            sheet: Sheet::default(),
        }
    }

    pub(crate) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Walks `inner` with another view of the roles, and puts the roles back afterwards.
    pub(crate) fn with_roles(
        &mut self,
        view: Schema,
        inner: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        let before = std::mem::replace(&mut self.schema, view);
        inner(self)?;
        // `set` keeps the role of the field that it replaces.
        let mut after = before;
        for field in self.schema.fields() {
            let mut field = field.clone();
            if !after.contains(field.name()) {
                // It does not exist where the model predicts, so it can be no feature.
                field = field.role(Role::OffTarget);
            }
            after.set(field);
        }
        self.schema = after;
        Ok(())
    }

    /// Whether some step is not fitted yet.
    pub(crate) fn is_waiting(&self) -> bool {
        self.waiting
    }

    /// Says that a step still has to learn.
    pub(crate) fn wait(&mut self) {
        self.waiting = true;
    }

    /// Notes what a step reads, to tell later what the source must bring.
    pub(crate) fn read(&mut self, columns: &[PlSmallStr]) {
        let raw = self.raw(columns);
        self.inputs.extend(raw);
    }

    /// Notes what only the needs of a step read.
    pub(crate) fn learn_from(&mut self, columns: &[PlSmallStr]) {
        let raw = self.raw(columns);
        self.learned_from.extend(raw);
    }

    fn raw(&self, columns: &[PlSmallStr]) -> Vec<PlSmallStr> {
        let raw = columns.iter().filter(|column| self.version(column) == 0);
        raw.cloned().collect()
    }

    /// What the source must bring for a fit.
    pub(crate) fn train_inputs(&self) -> impl Iterator<Item = &PlSmallStr> {
        self.inputs.union(&self.learned_from)
    }

    /// Whether something stands on the sheet of this level.
    pub(crate) fn has_asked(&self) -> bool {
        !self.sheet.is_empty()
    }

    /// Whether a step was met that drops train rows.
    pub(crate) fn drops_rows(&self) -> bool {
        self.rows_pending || self.sheet.dropped
    }

    /// Notes that a step drops rows.
    pub(crate) fn drop_rows(&mut self) {
        self.sheet.dropped = true;
    }

    /// Passes a step that will drop rows.
    pub(crate) fn leave_rows_pending(&mut self) {
        self.rows_pending = true;
    }

    /// What the source must bring for the steps that were passed so far.
    pub(crate) fn inputs(&self) -> &BTreeSet<PlSmallStr> {
        &self.inputs
    }

    /// Whether all these columns are as they will be: no step before here still has to write one.
    pub(crate) fn is_ready(&self, columns: &[PlSmallStr]) -> bool {
        columns
            .iter()
            .all(|column| !self.pending.contains_key(column))
    }

    /// Whether a step before here still has to say what is in one of these groups.
    pub(crate) fn is_group_pending(&self, columns: &[PlSmallStr]) -> bool {
        let open = |column: &str| self.schema.get(column).is_some_and(Field::is_open);
        let mut columns = columns.iter();
        columns.any(|column| open(column) && self.pending.contains_key(column))
    }

    /// Whether a step before here still has to say what is in a group.
    pub(crate) fn has_pending_group(&self) -> bool {
        let mut open = self.schema.fields().iter().filter(|field| field.is_open());
        open.any(|field| self.pending.contains_key(field.name()))
    }

    /// Passes a step that cannot be applied yet: what it writes cannot be read in this walk. `link`
    /// tells how it rewrites a column, where that is known.
    pub(crate) fn leave_pending(
        &mut self,
        writes: &[PlSmallStr],
        output: Schema,
        link: impl Fn(&PlSmallStr) -> Option<Link>,
    ) {
        for column in writes {
            let trail = link(column).and_then(|link| {
                let mut trail = match self.pending.get(column) {
                    Some(before) => before.clone()?,
                    None => Trail {
                        base: self.now(column).ok()?,
                        links: Vec::new(),
                    },
                };
                trail.links.push(Arc::new(link));
                Some(trail)
            });
            self.bump(column);
            self.pending.insert(column.clone(), trail);
        }
        self.take(output);
    }

    /// Whether all these needs can be answered at this level: their columns are as they will be, or
    /// the answers follow from what the columns were before.
    pub(crate) fn can_ask(&self, needs: &[Need]) -> bool {
        needs.iter().all(|need| match &need.0 {
            _ if self.rows_pending => false,
            Ask::Column { column, statistic } => match self.pending.get(column) {
                None => true,
                Some(Some(trail)) => trail.carries(*statistic),
                Some(None) => false,
            },
            Ask::LeastSquares {
                features,
                target,
                intercept,
            } => {
                let mut pending = features
                    .iter()
                    .chain([target])
                    .filter_map(|column| self.pending.get(column));
                pending.all(|trail| {
                    let trail = trail.as_ref().filter(|_| *intercept);
                    trail.is_some_and(Trail::carries_least_squares)
                })
            }
            Ask::Grouped { .. } | Ask::Query { .. } => self.is_ready(&need.columns()),
        })
    }

    /// Goes on with these columns. A step may build its schema anew; what a column is for stays.
    fn take(&mut self, mut output: Schema) {
        output.keep_from(&self.schema);
        self.schema = output;
    }

    /// Passes a step that will be fitted by now, when only planning.
    pub(crate) fn pass(&mut self, writes: &[PlSmallStr], output: Schema) {
        for column in writes {
            self.bump(column);
            self.pending.remove(column);
        }
        self.take(output);
    }

    /// Applies a fitted step.
    pub(crate) fn apply(&mut self, writes: &[PlSmallStr], fitted: &dyn Apply) -> Result<()> {
        let output = fitted.output(&self.schema)?;
        if let Some(mut frame) = self.frame.take() {
            // What was asked of a column that is about to change is kept as a column of its own.
            let kept: Vec<_> = writes
                .iter()
                .filter_map(|column| self.sheet.keep(column))
                .map(|(column, alias)| schema::column(column).alias(alias))
                .collect();
            if !kept.is_empty() {
                frame = frame.with_columns(kept);
            }
            self.frame = Some(fitted.apply_to_train(frame)?);
        }
        // The columns of a group are known by now, and the source need not bring them.
        let known: HashSet<&PlSmallStr> = self.schema.names().collect();
        let made = output.names().filter(|name| !known.contains(name));
        let made: Vec<_> = made.cloned().collect();
        made.iter().for_each(|column| self.bump(column));
        self.pass(writes, output);
        Ok(())
    }

    /// Puts the needs of a step on the sheet of this level.
    pub(crate) fn ask(&mut self, needs: Vec<Need>) -> Result<Asked> {
        let mut asked = Asked::default();
        for need in needs {
            match need.0 {
                Ask::Column { column, statistic } => {
                    let refused = statistic.refuse_outside();
                    refused.map_err(|error| error.on_column(column.as_str()))?;
                    self.now(&column)?.refuse_statistic(statistic)?;
                    let (ask, trail) = self.trace(&column)?;
                    let at_base = trail.as_ref().map(|trail| trail.at_base(statistic));
                    let slot = self.sheet.ask_column(ask, at_base.unwrap_or(statistic));
                    asked.columns.insert(column, (slot, trail));
                }
                Ask::LeastSquares {
                    features,
                    target,
                    intercept,
                } => {
                    let mut columns = Vec::new();
                    let mut trails = Vec::new();
                    for name in features.iter().chain([&target]) {
                        let (ask, trail) = self.trace(name)?;
                        ask.refuse_texts()?;
                        columns.push(self.sheet.hold_column(ask));
                        trails.push(trail);
                    }
                    let slot = self.sheet.ask_factor(FactorAsk { columns, intercept });
                    let names = features.into_iter().chain([target]).collect();
                    asked.factor = Some(AskedFactor {
                        slot,
                        names,
                        trails,
                    });
                }
                Ask::Grouped {
                    column,
                    by,
                    statistic,
                    most,
                } => {
                    let ask = self.ask_groups(&column, &by, statistic, most)?;
                    let slot = self.sheet.ask_groups(ask);
                    asked.groups.push(AskedGroups {
                        slot,
                        column,
                        by,
                        statistic,
                        most,
                    });
                }
                Ask::Query { name, columns, run } => {
                    for column in &columns {
                        self.field(column)?;
                    }
                    let frame = self.frame.clone().map(|frame| {
                        frame.select(
                            columns
                                .iter()
                                .cloned()
                                .map(schema::column)
                                .collect::<Vec<_>>(),
                        )
                    });
                    let slot = self.sheet.ask_query(QueryAsk {
                        name: name.clone(),
                        frame,
                        run,
                    });
                    asked.queries.insert(name, slot);
                }
            }
        }
        Ok(asked)
    }

    fn ask_groups(
        &mut self,
        column: &PlSmallStr,
        by: &PlSmallStr,
        statistic: GroupStatistic,
        most: usize,
    ) -> Result<GroupedAsk> {
        let (of, key) = (self.now(column)?, self.now(by)?);
        key.refuse_floats()?;
        if statistic != GroupStatistic::MostFrequent {
            of.refuse_texts()?;
        }
        let rows = match statistic {
            GroupStatistic::Parts { .. } => {
                let rows = Field::new(ROW, IDX_DTYPE);
                Some(self.sheet.hold_column(ColumnAsk::new(&rows, 0)?))
            }
            _ => None,
        };
        Ok(GroupedAsk {
            by: self.sheet.hold_column(key),
            of: self.sheet.hold_column(of),
            rows,
            statistic,
            most,
        })
    }

    /// The column to ask, and how the answer becomes that of this column.
    fn trace(&self, column: &PlSmallStr) -> Result<(ColumnAsk, Option<Trail>)> {
        // Also where it is asked earlier, the column must be one that can be learned from.
        let now = self.now(column)?;
        match self.pending.get(column).cloned().flatten() {
            Some(trail) => Ok((trail.base.clone(), Some(trail))),
            None => Ok((now, None)),
        }
    }

    fn now(&self, column: &PlSmallStr) -> Result<ColumnAsk> {
        ColumnAsk::new(self.field(column)?, self.version(column))
    }

    fn field(&self, name: &str) -> Result<&Field> {
        let field = self.schema.field(name)?;
        // In a plan it stands for the columns that it will be.
        if self.frame.is_some() {
            refuse_group(field, "learned from")?;
        }
        Ok(field)
    }

    fn version(&self, column: &str) -> u32 {
        self.versions.get(column).copied().unwrap_or(0)
    }

    fn bump(&mut self, column: &PlSmallStr) {
        *self.versions.entry(column.clone()).or_insert(0) += 1;
    }

    /// The end of the walk: what was asked, and the query that can answer it.
    pub(crate) fn finish(self) -> (Sheet, Option<LazyFrame>, Schema) {
        (self.sheet, self.frame, self.schema)
    }
}

// A query plan is no help in a message.
impl fmt::Debug for Walk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Walk")
            .field("schema", &self.schema)
            .field("sheet", &self.sheet)
            .finish_non_exhaustive()
    }
}
