//! The bridge from Polars' batches to the accumulators.

use std::sync::Arc;

use polars::prelude::{
    ChunkedArray, Column, DataFrame, DataType, Float64Chunked, PolarsNumericType, Series,
};

use polars_arrow::bitmap::Bitmap;

use super::accumulate::{
    self, ColumnSummary, Extreme, LeastSquares, OrderBuffer, Ranked, Summary, Validity,
};
use super::answers::{Answers, ColumnAnswer, FactorAnswer, Found};
use super::sheet::{ColumnQuestion, Sheet};
use super::value::{Mean, Quantile, Value};
use crate::error::{Error, Result};
use crate::schema::Kind;

/// Everything that one scan accumulates.
pub(crate) struct Accumulators {
    columns: Vec<(Kind, Option<Box<dyn Gather>>)>,
    factors: Vec<FactorGather>,
}

impl Accumulators {
    pub(crate) fn new(sheet: &Sheet) -> Self {
        let columns = sheet.columns.iter().map(|question| {
            let gather = question.summary.then(|| gather(question));
            (question.ask.kind, gather)
        });
        let factors = sheet.factors.iter().map(|ask| FactorGather {
            columns: ask.columns.clone(),
            origins: vec![None; ask.columns.len()],
            problem: LeastSquares::new(ask.columns.len() - 1, ask.intercept),
            shifts: ask.intercept,
        });
        Self {
            columns: columns.collect(),
            factors: factors.collect(),
        }
    }

    pub(crate) fn update(&mut self, batch: &DataFrame) -> Result<()> {
        let mut physical = Vec::with_capacity(self.columns.len());
        for ((kind, gather), column) in self.columns.iter_mut().zip(batch.columns()) {
            let series = to_physical(column, *kind)?;
            if let Some(gather) = gather {
                gather.push(&series)?;
            }
            physical.push((*kind, series));
        }
        for factor in &mut self.factors {
            factor.push(&physical)?;
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> Answers {
        let columns = self.columns.into_iter().map(|(_, gather)| {
            let gather = gather?;
            Some(Arc::new(gather.finish()))
        });
        let factors = self
            .factors
            .into_iter()
            .map(|factor| Arc::new(factor.finish()));
        Answers {
            columns: columns.collect(),
            factors: factors.collect(),
            queries: Vec::new(),
        }
    }
}

/// The physical numbers of a column.
fn to_physical(column: &Column, kind: Kind) -> Result<Series> {
    let series = column.as_materialized_series();
    Ok(match kind {
        Kind::Bool => series.cast(&DataType::UInt8)?,
        // A decimal has no physical dtype of its own without the feature for 128-bit integers.
        Kind::I128 => series.clone(),
        _ => series.to_physical_repr().into_owned(),
    })
}

/// One column's accumulators, whatever its type.
trait Gather: Send {
    fn push(&mut self, column: &Series) -> Result<()>;
    fn finish(self: Box<Self>) -> ColumnAnswer;
}

/// Picks the typed chunks of a series by its kind.
macro_rules! by_kind {
    ($kind:expr, $call:ident) => {
        match $kind {
            Kind::Bool | Kind::U8 => $call!(polars::prelude::UInt8Type, |series| series.u8()),
            Kind::U16 => $call!(polars::prelude::UInt16Type, |series| series.u16()),
            Kind::U32 => $call!(polars::prelude::UInt32Type, |series| series.u32()),
            Kind::U64 => $call!(polars::prelude::UInt64Type, |series| series.u64()),
            Kind::I8 => $call!(polars::prelude::Int8Type, |series| series.i8()),
            Kind::I16 => $call!(polars::prelude::Int16Type, |series| series.i16()),
            Kind::I32 => $call!(polars::prelude::Int32Type, |series| series.i32()),
            Kind::I64 => $call!(polars::prelude::Int64Type, |series| series.i64()),
            Kind::I128 => $call!(polars::prelude::Int128Type, |series| series
                .decimal()
                .map(|decimal| decimal.physical())),
            Kind::F32 => $call!(polars::prelude::Float32Type, |series| series.f32()),
            Kind::F64 => $call!(polars::prelude::Float64Type, |series| series.f64()),
        }
    };
}

fn gather(question: &ColumnQuestion) -> Box<dyn Gather> {
    macro_rules! typed {
        ($dtype:ty, $chunks:expr) => {
            Box::new(Typed::<$dtype>::new(question, {
                fn chunks(series: &Series) -> polars::prelude::PolarsResult<&ChunkedArray<$dtype>> {
                    let of: fn(&Series) -> polars::prelude::PolarsResult<&ChunkedArray<$dtype>> =
                        $chunks;
                    of(series)
                }
                chunks
            }))
        };
    }
    by_kind!(question.ask.kind, typed)
}

type Chunks<P> = fn(&Series) -> polars::prelude::PolarsResult<&ChunkedArray<P>>;

struct Typed<P: PolarsNumericType>
where
    P::Native: accumulate::Value,
{
    chunks: Chunks<P>,
    summary: ColumnSummary<P::Native>,
    quantiles: Vec<f64>,
    order: OrderBuffer<P::Native>,
}

impl<P: PolarsNumericType> Typed<P>
where
    P::Native: accumulate::Value + Ranked,
{
    fn new(question: &ColumnQuestion, chunks: Chunks<P>) -> Self {
        Self {
            chunks,
            summary: ColumnSummary::new(question.moments),
            quantiles: question.quantiles.clone(),
            order: OrderBuffer::new(),
        }
    }
}

impl<P: PolarsNumericType> Gather for Typed<P>
where
    P::Native: accumulate::Value + Ranked + Into<Learnt> + Send,
    <P::Native as accumulate::Value>::Extreme: Into<Learnt> + Send,
    <P::Native as accumulate::Value>::Cell: Send,
{
    fn push(&mut self, column: &Series) -> Result<()> {
        for chunk in (self.chunks)(column)?.downcast_iter() {
            let bits = chunk.validity().map(Bits);
            let validity = bits.as_ref().map(|bits| bits as &dyn Validity);
            self.summary.push(chunk.values(), validity);
            if !self.quantiles.is_empty() {
                self.order.push(chunk.values(), validity);
            }
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> ColumnAnswer {
        let quantiles = self.quantiles.iter().filter_map(|q| {
            let found = self.order.quantile(*q)?;
            let quantile = Quantile {
                lower: found.lower.into().0,
                upper: found.upper.into().0,
                fraction: found.fraction,
            };
            Some((*q, quantile))
        });
        ColumnAnswer {
            quantiles: quantiles.collect(),
            summary: found(self.summary.finish()),
            infinite_row: None,
        }
    }
}

fn found<E: Extreme + Into<Learnt>>(summary: Summary<E>) -> Found {
    let std = summary.std();
    Found {
        rows: summary.rows,
        nulls: summary.nulls,
        nans: summary.nans,
        infinities: summary.infinities,
        min: summary.min.map(|min| min.into().0),
        max: summary.max.map(|max| max.into().0),
        mean: summary.spread.map(|spread| Mean {
            origin: spread.mean.origin,
            offset: spread.mean.offset,
        }),
        std,
    }
}

/// A learned number on its way to [`Value`]; a type of its own, so that `Value` gets no public
/// conversions that users would come to rely on.
struct Learnt(Value);

macro_rules! learnt {
    ($($integer:ty)*) => {
        $(impl From<$integer> for Learnt {
            fn from(value: $integer) -> Self {
                Self(Value::Int(value.into()))
            }
        })*
    };
}

learnt!(u8 u16 u32 u64 i8 i16 i32 i64 i128);

impl From<f32> for Learnt {
    fn from(value: f32) -> Self {
        Self(Value::Float(value.into()))
    }
}

impl From<f64> for Learnt {
    fn from(value: f64) -> Self {
        Self(Value::Float(value))
    }
}

/// Polars' validity bits as the accumulators take them.
struct Bits<'a>(&'a Bitmap);

impl Validity for Bits<'_> {
    fn is_valid(&self, index: usize) -> bool {
        self.0.get(index).unwrap_or(false)
    }

    fn null_count(&self) -> usize {
        self.0.unset_bits()
    }
}

/// The rows of one least squares problem.
struct FactorGather {
    columns: Vec<usize>,
    /// The first value of each wide integer column: subtracted exactly, before the conversion to a
    /// float would lose digits.
    origins: Vec<Option<i128>>,
    problem: LeastSquares,
    /// Without an intercept a shift would change the problem.
    shifts: bool,
}

impl FactorGather {
    fn push(&mut self, batch: &[(Kind, Series)]) -> Result<()> {
        let mut columns = Vec::with_capacity(self.columns.len());
        for (slot, origin) in self.columns.iter().zip(&mut self.origins) {
            let (kind, series) = batch.get(*slot).ok_or_else(missing)?;
            let wide = matches!(kind, Kind::I64 | Kind::U64);
            columns.push(if wide && self.shifts {
                shifted(series, *kind, origin)?
            } else {
                floats(series, *kind)?
            });
        }
        let columns: Vec<_> = columns.iter().map(Floats::column).collect();
        self.problem.push(&columns);
        Ok(())
    }

    fn finish(self) -> FactorAnswer {
        FactorAnswer {
            factor: self.problem.finish(),
            origins: self
                .origins
                .into_iter()
                .map(Option::unwrap_or_default)
                .collect(),
        }
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
