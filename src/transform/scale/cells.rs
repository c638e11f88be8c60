//! The bridge from Polars' columns to the kernels.

use polars::prelude::{
    ChunkedArray, Column, DataType, Int128Chunked, IntoColumn, IntoSeries, NumericNative,
    PolarsNumericType, Series,
};
use polars_arrow::array::PrimitiveArray;
use polars_arrow::bitmap::Bitmap;
use polars_arrow::datatypes::ArrowDataType;

use super::number::{Physical, Scaled};
use super::report::{Offences, Report};
use super::room::Room;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{Dtype, Kind, physical_unit};

/// What a scaler does to the physical numbers of one column, whatever their type.
pub(crate) trait Kernel {
    /// Scales one chunk.
    fn forward<T: Physical>(
        &self,
        values: &[T],
        valid: &dyn Fn(usize) -> bool,
        out: &mut Vec<T::Scaled>,
    ) -> Result<Report>;

    /// Undoes the scaling of one chunk in the column's own type.
    fn inverse<T: Physical>(
        &self,
        values: &[f64],
        valid: &dyn Fn(usize) -> bool,
        out: &mut Vec<T>,
    ) -> Result<Report>;

    /// Undoes the scaling of some values as floats.
    fn inverse_values<T: Physical>(&self, values: &[f64], out: &mut Vec<f64>) -> Result<()>;
}

/// Calls a macro with the Polars type of a kind and how to get at its chunks.
macro_rules! by_kind {
    ($kind:expr, $call:ident) => {
        match $kind {
            Kind::Bool | Kind::U8 => $call!(polars::prelude::UInt8Type),
            Kind::U16 => $call!(polars::prelude::UInt16Type),
            Kind::U32 => $call!(polars::prelude::UInt32Type),
            Kind::U64 => $call!(polars::prelude::UInt64Type),
            Kind::I8 => $call!(polars::prelude::Int8Type),
            Kind::I16 => $call!(polars::prelude::Int16Type),
            Kind::I32 => $call!(polars::prelude::Int32Type),
            Kind::I64 => $call!(polars::prelude::Int64Type),
            Kind::I128 => $call!(polars::prelude::Int128Type),
            Kind::F32 => $call!(polars::prelude::Float32Type),
            Kind::F64 => $call!(polars::prelude::Float64Type),
        }
    };
}

pub(in crate::transform) use by_kind;

/// Scales a column: f32 stays f32, everything else becomes f64.
pub(crate) fn forward(
    column: &Column,
    dtype: &Dtype,
    kernel: &impl Kernel,
    room: &Room,
) -> Result<Column> {
    let kind = Kind::of(column.name(), &dtype.0)?;
    let series = column.as_materialized_series();
    let physical = match kind {
        Kind::Bool => series.cast(&DataType::UInt8)?,
        Kind::I128 => series.decimal()?.physical().clone().into_series(),
        _ => series.to_physical_repr().into_owned(),
    };
    macro_rules! run {
        ($dtype:ty) => {
            scaled::<$dtype, _>(physical.as_ref().as_ref(), kernel, room)
        };
    }
    by_kind!(kind, run)
}

fn scaled<P, S>(chunks: &ChunkedArray<P>, kernel: &impl Kernel, room: &Room) -> Result<Column>
where
    P: PolarsNumericType,
    P::Native: Physical<Scaled = S>,
    S: NumericNative + Scaled + Send + 'static,
    S::PolarsType: PolarsNumericType<Native = S>,
    ChunkedArray<S::PolarsType>: IntoSeries,
{
    let pool = S::pool(room);
    let mut total = Report::default();
    let mut start = 0;
    let mut arrays = Vec::new();
    for chunk in chunks.downcast_iter() {
        let validity = chunk.validity();
        let valid = |at: usize| validity.is_none_or(|bits| bits.get(at).unwrap_or(false));
        let mut out = pool.take(chunk.len());
        let report = kernel.forward(chunk.values(), &valid, &mut out)?;
        let validity = without(validity, report.nulls_made.as_deref());
        total.absorb(report, start);
        start += chunk.len();
        let dtype = ArrowDataType::from(S::PRIMITIVE);
        arrays.push(PrimitiveArray::new(dtype, pool.lend(out), validity));
    }
    refuse(&total, chunks.name())?;
    let scaled = ChunkedArray::<S::PolarsType>::from_chunk_iter(chunks.name().clone(), arrays);
    Ok(scaled.into_series().into_column())
}

/// The validity of a chunk in which a policy made some more nulls.
fn without(validity: Option<&Bitmap>, made: Option<&[bool]>) -> Option<Bitmap> {
    let Some(made) = made else {
        return validity.cloned();
    };
    let kept = made
        .iter()
        .enumerate()
        .map(|(at, made)| !made && validity.is_none_or(|bits| bits.get(at).unwrap_or(false)));
    Some(kept.collect())
}

/// Undoes a scaling and restores the dtype.
pub(crate) fn inverse(column: &Column, dtype: &Dtype, kernel: &impl Kernel) -> Result<Column> {
    let name = column.name().clone();
    let kind = Kind::of(&name, &dtype.0)?;
    let values = column.as_materialized_series().cast(&DataType::Float64)?;
    macro_rules! run {
        ($dtype:ty) => {{
            let restored: ChunkedArray<$dtype> = restored(&values, kernel)?;
            restored.into_series()
        }};
    }
    let physical: Series = match (kind, &dtype.0) {
        (Kind::I128, DataType::Decimal(precision, scale)) => {
            let mut unscaled: Int128Chunked = restored(&values, kernel)?;
            let end = 10_i128.pow(u32::try_from(*precision).unwrap_or(38).min(38)) - 1;
            unscaled.apply_mut(|value| near_end(value, end));
            unscaled.into_decimal(*precision, *scale)?.into_series()
        }
        _ => by_kind!(kind, run),
    };
    Ok(physical.cast(&dtype.0)?.into_column())
}

/// What was scaled from the last number of a decimal dtype may come back beyond it by a rounding,
/// and is that number all the same. Anything further away is left for Polars to refuse.
fn near_end(value: i128, end: i128) -> i128 {
    let beyond = value.saturating_abs() - end;
    if beyond > 0 && beyond <= end >> 50 {
        end * value.signum()
    } else {
        value
    }
}

fn restored<P: PolarsNumericType>(values: &Series, kernel: &impl Kernel) -> Result<ChunkedArray<P>>
where
    P::Native: Physical,
{
    let mut arrays = Vec::new();
    for chunk in values.f64()?.downcast_iter() {
        let validity = chunk.validity();
        let valid = |at: usize| validity.is_none_or(|bits| bits.get(at).unwrap_or(false));
        let mut out = Vec::new();
        let report = kernel.inverse::<P::Native>(chunk.values(), &valid, &mut out)?;
        if let Some((_, first)) = &report.saturated.first {
            let message = format!(
                "{} of the values do not fit into the column's dtype when undone, the first one from {first}",
                report.saturated.count
            );
            return Err(Error::new(ErrorKind::Apply, message)
                .on_column(values.name().as_str())
                .with_help("undo only what the step made"));
        }
        let validity = without(validity, report.nulls_made.as_deref());
        arrays.push(PrimitiveArray::from_vec(out).with_validity(validity));
    }
    Ok(ChunkedArray::from_chunk_iter(values.name().clone(), arrays))
}

/// Undoes a scaling of floats and leaves them floats.
pub(crate) fn inverse_values(
    column: &Column,
    dtype: &Dtype,
    kernel: &impl Kernel,
) -> Result<Column> {
    let name = column.name().clone();
    let kind = Kind::of(&name, &dtype.0)?;
    let unit = physical_unit(&dtype.0);
    let values = column.as_materialized_series().cast(&DataType::Float64)?;
    let mut arrays = Vec::new();
    for chunk in values.f64()?.downcast_iter() {
        let mut out = Vec::with_capacity(chunk.len());
        macro_rules! run {
            ($dtype:ty) => {
                kernel.inverse_values::<<$dtype as PolarsNumericType>::Native>(
                    chunk.values(),
                    &mut out,
                )?
            };
        }
        by_kind!(kind, run);
        if unit > 1.0 {
            out.iter_mut().for_each(|value| *value /= unit);
        }
        arrays.push(PrimitiveArray::from_vec(out).with_validity(chunk.validity().cloned()));
    }
    let undone = polars::prelude::Float64Chunked::from_chunk_iter(name, arrays);
    Ok(undone.into_series().into_column())
}

/// Turns what a policy calls an error into one.
fn refuse(report: &Report, column: &str) -> Result<()> {
    let rules: [(&Offences, &str, &str); 3] = [
        (
            &report.infinities,
            "infinite, or scaled beyond what the dtype can say",
            "clean it first, or choose `.infinities(Infinities::Keep)` or `Infinities::Null`",
        ),
        (
            &report.nans,
            "NaN",
            "clean it first, or choose `.nans(Nans::Keep)` or `Nans::Null`",
        ),
        (
            &report.outside,
            "outside the learned range",
            "choose `.outside(Outside::Keep)`, `Outside::Clip` or `Outside::Null`",
        ),
    ];
    for (offences, what, help) in rules {
        if let Some((_, first)) = &offences.first {
            // A streamed query ends at the first batch with a fault, so there is no count of all.
            let message = format!(
                "values in one batch of rows are {what}: {}, the first one {first}",
                offences.count
            );
            return Err(Error::new(ErrorKind::Apply, message)
                .on_column(column)
                .with_help(help));
        }
    }
    Ok(())
}
