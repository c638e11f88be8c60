use polars::prelude::{DataType, Float64Chunked, Series};

use super::Chunks;
use super::some;
use crate::error::{Error, Result};
use crate::frame::PartSet;
use crate::learn::accumulate::{self, LeastSquares, Validity};
use crate::learn::answers::FactorAnswer;
use crate::learn::sheet::FactorAsk;
use crate::schema::Kind;

/// The rows of one least squares problem.
pub(super) struct FactorGather {
    columns: Vec<usize>,
    /// Without an intercept a shift would change the problem.
    shifts: bool,
    groups: Vec<Group>,
}

/// What the rows of one group taught.
struct Group {
    /// The first value of each wide integer column: subtracted exactly, before the conversion to a
    /// float would lose digits.
    origins: Vec<Option<i128>>,
    problem: LeastSquares,
}

impl FactorGather {
    pub(super) fn new(ask: &FactorAsk, groups: usize) -> Self {
        let group = || Group {
            origins: vec![None; ask.columns.len()],
            problem: LeastSquares::new(ask.columns.len() - 1, ask.intercept),
        };
        Self {
            columns: ask.columns.clone(),
            shifts: ask.intercept,
            groups: std::iter::repeat_with(group).take(groups).collect(),
        }
    }

    pub(super) fn push(&mut self, group: usize, batch: &[(Option<Kind>, Series)]) -> Result<()> {
        let group = &mut self.groups[group];
        let mut columns = Vec::with_capacity(self.columns.len());
        for (slot, origin) in self.columns.iter().zip(&mut group.origins) {
            let (kind, series) = batch.get(*slot).ok_or_else(missing)?;
            let kind = kind.ok_or_else(missing)?;
            let wide = matches!(kind, Kind::I64 | Kind::U64);
            columns.push(if wide && self.shifts {
                shifted(series, kind, origin)?
            } else {
                floats(series, kind)?
            });
        }
        let columns: Vec<_> = columns.iter().map(Floats::column).collect();
        group.problem.push(&columns);
        Ok(())
    }

    /// The answer for the rows of some groups.
    pub(super) fn answer(&self, of: &PartSet) -> FactorAnswer {
        let answers = some(&self.groups, of).map(|group| FactorAnswer {
            factor: group.problem.finish(),
            origins: group
                .origins
                .iter()
                .map(|origin| origin.unwrap_or_default())
                .collect(),
        });
        let none = || FactorAnswer {
            factor: LeastSquares::new(self.columns.len() - 1, self.shifts).finish(),
            origins: vec![0; self.columns.len()],
        };
        answers.reduce(FactorAnswer::merge).unwrap_or_else(none)
    }
}

fn missing() -> Error {
    Error::new(
        crate::ErrorKind::Fit,
        "a column of the least squares problem is not in the scan (a bug in floe)",
    )
}

/// A column of a batch as floats in one piece.
struct Floats {
    values: Vec<f64>,
    valid: Option<Vec<bool>>,
}

impl Floats {
    fn column(&self) -> accumulate::Column<'_> {
        accumulate::Column {
            values: &self.values,
            validity: self.valid.as_ref().map(|valid| valid as &dyn Validity),
        }
    }
}

impl Validity for Vec<bool> {
    fn is_valid(&self, index: usize) -> bool {
        self.get(index).copied().unwrap_or(false)
    }

    fn null_count(&self) -> usize {
        self.iter().filter(|valid| !**valid).count()
    }
}

fn floats(series: &Series, kind: Kind) -> Result<Floats> {
    let series = match kind {
        Kind::F64 => series.clone(),
        // The decimal's own numbers, not its unscaled integers.
        _ => series.cast(&DataType::Float64)?,
    };
    let chunks: &Float64Chunked = series.f64()?;
    let mut values = Vec::with_capacity(chunks.len());
    for chunk in chunks.downcast_iter() {
        values.extend_from_slice(chunk.values());
    }
    let valid = (chunks.null_count() > 0).then(|| chunks.is_not_null().iter().flatten().collect());
    Ok(Floats { values, valid })
}

/// The distances from the column's first value.
fn shifted(series: &Series, kind: Kind, origin: &mut Option<i128>) -> Result<Floats> {
    macro_rules! typed {
        ($dtype:ty, $chunks:expr) => {{
            let of: Chunks<$dtype> = $chunks;
            let chunks = of(series)?;
            let mut values = Vec::with_capacity(chunks.len());
            let mut valid = Vec::new();
            let gaps = chunks.null_count() > 0;
            for value in chunks.iter() {
                if gaps {
                    valid.push(value.is_some());
                }
                values.push(value.map_or(0.0, |value| {
                    let value = i128::from(value);
                    let from = *origin.get_or_insert(value);
                    (value - from) as f64
                }));
            }
            Ok(Floats {
                values,
                valid: gaps.then_some(valid),
            })
        }};
    }
    if kind == Kind::U64 {
        typed!(polars::prelude::UInt64Type, |series| series.u64())
    } else {
        typed!(polars::prelude::Int64Type, |series| series.i64())
    }
}
