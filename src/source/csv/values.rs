//! Turns the text of a column into its dtype, batch by batch, and refuses what does not parse.

use polars::prelude::*;

use crate::source::text::{Target, parse};

/// How the text of a field is read, whatever its dtype.
#[derive(Clone, Debug)]
pub(super) struct Texts {
    pub(super) nulls: Vec<String>,
    pub(super) decimal_comma: bool,
}

impl Texts {
    pub(super) fn is_null(&self, text: &str) -> bool {
        self.nulls.iter().any(|null| null == text)
    }
}

/// A value that is not of the dtype of its column.
pub(super) struct Refused(pub(super) String);

/// The column as its dtype.
pub(super) fn read(
    text: &StringChunked,
    target: &Target,
    texts: &Texts,
) -> Result<Series, Refused> {
    let declared = target.declared;
    let comma = texts.decimal_comma;
    let mut scratch = String::new();
    match &target.dtype {
        DataType::Int8 => series(numbers::<Int8Type>(text, texts, parse::whole)),
        DataType::Int16 => series(numbers::<Int16Type>(text, texts, parse::whole)),
        DataType::Int32 => series(numbers::<Int32Type>(text, texts, parse::whole)),
        DataType::Int64 => series(numbers::<Int64Type>(text, texts, parse::whole)),
        DataType::UInt8 => series(numbers::<UInt8Type>(text, texts, parse::whole)),
        DataType::UInt16 => series(numbers::<UInt16Type>(text, texts, parse::whole)),
        DataType::UInt32 => series(numbers::<UInt32Type>(text, texts, parse::whole)),
        DataType::UInt64 => series(numbers::<UInt64Type>(text, texts, parse::whole)),
        DataType::Float32 => series(numbers::<Float32Type>(text, texts, |text| {
            let text = with_point(text, comma, &mut scratch);
            let special = || parse::special(text).filter(|_| declared);
            // Only infinities and not-a-number come to the cast, which keeps them as they are.
            #[allow(
                clippy::cast_possible_truncation,
                reason = "a special value is not cut"
            )]
            parse::finite_single(text).or_else(|| special().map(|value| value as f32))
        })),
        DataType::Float64 => series(numbers::<Float64Type>(text, texts, |text| {
            let text = with_point(text, comma, &mut scratch);
            parse::finite(text).or_else(|| parse::special(text).filter(|_| declared))
        })),
        DataType::Date => {
            let days = numbers::<Int32Type>(text, texts, parse::date)?;
            Ok(days.into_date().into_series())
        }
        DataType::Datetime(unit, None) => {
            let ticks = numbers::<Int64Type>(text, texts, |text| parse::ticks(text, *unit))?;
            Ok(ticks.into_datetime(*unit, None).into_series())
        }
        DataType::Boolean => booleans(text, texts),
        _ => Ok(strings(text, texts)),
    }
}

fn series<T: PolarsNumericType>(values: Result<ChunkedArray<T>, Refused>) -> Result<Series, Refused>
where
    ChunkedArray<T>: IntoSeries,
{
    values.map(IntoSeries::into_series)
}

fn numbers<T: PolarsNumericType>(
    column: &StringChunked,
    texts: &Texts,
    mut parse: impl FnMut(&str) -> Option<T::Native>,
) -> Result<ChunkedArray<T>, Refused> {
    let mut builder = PrimitiveChunkedBuilder::<T>::new(column.name().clone(), column.len());
    for field in column.iter() {
        match trimmed(field, texts) {
            None => builder.append_null(),
            Some(text) => match parse(text) {
                Some(value) => builder.append_value(value),
                None => return Err(Refused(text.to_owned())),
            },
        }
    }
    Ok(builder.finish())
}

fn booleans(column: &StringChunked, texts: &Texts) -> Result<Series, Refused> {
    let mut builder = BooleanChunkedBuilder::new(column.name().clone(), column.len());
    for field in column.iter() {
        match trimmed(field, texts) {
            None => builder.append_null(),
            Some(text) => match parse::boolean(text) {
                Some(value) => builder.append_value(value),
                None => return Err(Refused(text.to_owned())),
            },
        }
    }
    Ok(builder.finish().into_series())
}

/// Text stays as it is, spaces and all; only the declared nulls become null.
fn strings(column: &StringChunked, texts: &Texts) -> Series {
    if texts.nulls.is_empty() {
        return column.clone().into_series();
    }
    let kept = column
        .iter()
        .map(|field| field.filter(|text| !texts.is_null(text)));
    let mut kept: StringChunked = kept.collect();
    kept.rename(column.name().clone());
    kept.into_series()
}

fn trimmed<'a>(field: Option<&'a str>, texts: &Texts) -> Option<&'a str> {
    let text = field?.trim_matches([' ', '\t']);
    (!text.is_empty() && !texts.is_null(text)).then_some(text)
}

/// The text with a decimal point where it has a decimal comma.
///
/// The point becomes a comma, so that `1.234` with its thousands grouped is refused, not misread.
pub(super) fn with_point<'a>(text: &'a str, comma: bool, scratch: &'a mut String) -> &'a str {
    if !comma || !text.contains([',', '.']) {
        return text;
    }
    scratch.clear();
    scratch.extend(text.chars().map(|c| match c {
        ',' => '.',
        '.' => ',',
        c => c,
    }));
    scratch
}
