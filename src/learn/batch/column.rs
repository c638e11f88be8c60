use polars::prelude::{ChunkedArray, PolarsNumericType, PolarsResult, Series};

use super::{Bits, Chunks, some};
use crate::error::Result;
use crate::frame::PartSet;
use crate::learn::accumulate::{
    self, ColumnSummary, Extreme, OrderBuffer, Ranked, Sketch, Summary, Validity,
};
use crate::learn::answers::{Approximate, ColumnAnswer, Found};
use crate::learn::beyond::{Beyond, is_less};
use crate::learn::deal::Deal;
use crate::learn::sheet::ColumnQuestion;
use crate::learn::value::{Mean, Quantile, Value};
use crate::schema::Kind;

/// One column's accumulators, whatever its type.
pub(super) trait Gather: Send {
    fn push(&mut self, group: usize, column: &Series) -> Result<()>;
    /// Adds rows that are dealt into groups; false where it has no way of its own for them.
    fn push_dealt(&mut self, column: &Series, deal: &Deal) -> Result<bool>;
    /// The answer for the rows of some groups.
    fn answer(&mut self, of: &PartSet) -> ColumnAnswer;
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

pub(super) fn gather(kind: Kind, question: &ColumnQuestion, groups: usize) -> Box<dyn Gather> {
    macro_rules! typed {
        ($dtype:ty, $chunks:expr) => {
            Box::new(Typed::<$dtype>::new(question, groups, {
                fn chunks(series: &Series) -> PolarsResult<&ChunkedArray<$dtype>> {
                    let of: Chunks<$dtype> = $chunks;
                    of(series)
                }
                chunks
            }))
        };
    }
    by_kind!(kind, typed)
}

struct Typed<P: PolarsNumericType>
where
    P::Native: accumulate::Value,
{
    chunks: Chunks<P>,
    quantiles: Vec<f64>,
    beyond: Vec<Beyond>,
    approximate: Vec<(f64, f64)>,
    /// The error of each sketch of a group.
    errors: Vec<f64>,
    groups: Vec<Group<P::Native>>,
    /// Room for the rows of one group.
    room: Vec<P::Native>,
}

/// Quantiles, and how many values lie beyond fences of them.
#[derive(Default)]
struct Ranks {
    quantiles: Vec<(f64, Quantile)>,
    beyond: Vec<(Beyond, (u64, u64))>,
}

/// What the rows of one group taught.
struct Group<V: accumulate::Value> {
    summary: ColumnSummary<V>,
    order: OrderBuffer<V>,
    sketches: Vec<Sketch<V>>,
}

impl<V: accumulate::Value + Ranked> Group<V> {
    fn push(&mut self, values: &[V], validity: Option<&dyn Validity>, ranked: bool) {
        self.summary.push(values, validity);
        if ranked {
            self.order.push(values, validity);
        }
        for sketch in &mut self.sketches {
            sketch.push(values, validity);
        }
    }
}

impl<P: PolarsNumericType> Typed<P>
where
    P::Native: accumulate::Value + Ranked,
{
    fn new(question: &ColumnQuestion, groups: usize, chunks: Chunks<P>) -> Self {
        let errors = question.sketch_errors();
        let group = || Group {
            summary: ColumnSummary::new(question.moments),
            order: OrderBuffer::new(),
            sketches: errors.iter().copied().map(Sketch::new).collect(),
        };
        Self {
            chunks,
            quantiles: question.quantiles.clone(),
            beyond: question.beyond.clone(),
            approximate: question.approximate.clone(),
            groups: std::iter::repeat_with(group).take(groups).collect(),
            errors,
            room: Vec::new(),
        }
    }

    /// What the values in their order say.
    fn ranks(&mut self, of: &PartSet) -> Ranks
    where
        P::Native: Into<Learnt>,
    {
        if self.quantiles.is_empty() {
            return Ranks::default();
        }
        let mut joined;
        let order = if let ([only], true) = (self.groups.as_mut_slice(), of.contains(0)) {
            &mut only.order
        } else {
            joined = OrderBuffer::new();
            for group in some(&self.groups, of) {
                joined.append(&group.order);
            }
            &mut joined
        };
        let found = self.quantiles.iter().filter_map(|q| {
            let found = order.quantile(*q)?;
            let quantile = Quantile {
                lower: found.lower.into().0,
                upper: found.upper.into().0,
                fraction: found.fraction,
            };
            Some((*q, quantile))
        });
        let quantiles: Vec<_> = found.collect();
        let count = order.count();
        let beyond = self.beyond.iter().filter_map(|beyond| {
            let (low, high) = beyond.ends(&quantiles, count)?;
            let told = |value: P::Native| value.into().0;
            let counts = order.beyond(
                |value| is_less(told(value), low),
                |value| is_less(high, told(value)),
            );
            Some((*beyond, counts))
        });
        Ranks {
            beyond: beyond.collect(),
            quantiles,
        }
    }

    fn approximate(&self, of: &PartSet) -> Vec<Approximate>
    where
        P::Native: Into<Learnt>,
    {
        let mut found = Vec::new();
        for (at, error) in self.errors.iter().enumerate() {
            let mut groups = some(&self.groups, of).map(|group| &group.sketches[at]);
            let Some(mut sketch) = groups.next().cloned() else {
                continue;
            };
            groups.for_each(|other| sketch.merge(other));
            let asked = self.approximate.iter().filter(|(_, asked)| asked == error);
            found.extend(asked.filter_map(|(q, error)| {
                Some(Approximate {
                    q: *q,
                    error: *error,
                    found: sketch.quantile(*q)?.into().0,
                    bound: sketch.bound(),
                    count: sketch.count(),
                })
            }));
        }
        found
    }
}

impl<P: PolarsNumericType> Gather for Typed<P>
where
    P::Native: accumulate::Value + Ranked + Into<Learnt> + Send,
    <P::Native as accumulate::Value>::Extreme: Into<Learnt> + Send,
    <P::Native as accumulate::Value>::Cell: Send,
{
    fn push(&mut self, group: usize, column: &Series) -> Result<()> {
        let group = &mut self.groups[group];
        for chunk in (self.chunks)(column)?.downcast_iter() {
            let bits = chunk.validity().map(Bits);
            let validity = bits.as_ref().map(|bits| bits as &dyn Validity);
            group.push(chunk.values(), validity, !self.quantiles.is_empty());
        }
        Ok(())
    }

    fn push_dealt(&mut self, column: &Series, deal: &Deal) -> Result<bool> {
        let mut chunks = (self.chunks)(column)?.downcast_iter();
        let (Some(chunk), None, Some(order)) = (chunks.next(), chunks.next(), deal.order()) else {
            return Ok(false);
        };
        if chunk.validity().is_some_and(|bits| bits.unset_bits() > 0) {
            return Ok(false);
        }
        let values = chunk.values().as_slice();
        for (group, rows) in deal.parts() {
            let rows = order[rows].iter().map(|row| values[*row as usize]);
            let group = &mut self.groups[group];
            if self.quantiles.is_empty() && self.errors.is_empty() {
                group.summary.extend(rows);
                continue;
            }
            self.room.clear();
            self.room.extend(rows);
            group.push(&self.room, None, !self.quantiles.is_empty());
        }
        Ok(true)
    }

    fn answer(&mut self, of: &PartSet) -> ColumnAnswer {
        let states = some(&self.groups, of).map(|group| group.summary.state());
        let summary = states.reduce(accumulate::State::merge).unwrap_or_default();
        let Ranks { quantiles, beyond } = self.ranks(of);
        ColumnAnswer {
            quantiles,
            beyond,
            approximate: self.approximate(of),
            summary: found(summary.finish()),
            counted: None,
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
        residue: summary.spread.map_or(0.0, |spread| spread.mean.residue),
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
