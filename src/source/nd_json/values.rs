//! Turns the JSON text of a column's values into its dtype, and refuses what would not be exact.

use polars::prelude::*;

use super::object::decoded;
use crate::source::text::{Target, parse};

/// The column as its dtype; nothing when a value is not of it. A cell is the text of a JSON value; nothing where the key is absent.
pub(in crate::source) fn read(
    name: PlSmallStr,
    cells: &[Option<&str>],
    target: &Target,
) -> Option<Series> {
    let declared = target.declared;
    match &target.dtype {
        DataType::Int8 => whole::<Int8Type>(name, cells, declared),
        DataType::Int16 => whole::<Int16Type>(name, cells, declared),
        DataType::Int32 => whole::<Int32Type>(name, cells, declared),
        DataType::Int64 => whole::<Int64Type>(name, cells, declared),
        DataType::UInt8 => whole::<UInt8Type>(name, cells, declared),
        DataType::UInt16 => whole::<UInt16Type>(name, cells, declared),
        DataType::UInt32 => whole::<UInt32Type>(name, cells, declared),
        DataType::UInt64 => whole::<UInt64Type>(name, cells, declared),
        DataType::Float32 => {
            // Only infinities and not-a-number come to the cast, which keeps them as they are.
            #[allow(
                clippy::cast_possible_truncation,
                reason = "a special value is not cut"
            )]
            let special = |text: &str| parse::special(text).map(|value| value as f32);
            let parse = |text: &str| parse::finite_single(text);
            numbers::<Float32Type>(name, cells, |cell| match number(cell) {
                Some(text) => parse(text),
                None => string(cell, declared, |text| parse(text).or_else(|| special(text))),
            })
        }
        DataType::Float64 => numbers::<Float64Type>(name, cells, |cell| match number(cell) {
            Some(text) => parse::finite(text).filter(|_| declared || is_exact(text)),
            None => string(cell, declared, |text| {
                parse::finite(text).or_else(|| parse::special(text))
            }),
        }),
        DataType::Date => {
            numbers::<Int32Type>(name, cells, |cell| string(cell, declared, parse::date))
                .map(|days| logical(days, &target.dtype))
        }
        DataType::Datetime(unit, None) => {
            let unit = *unit;
            numbers::<Int64Type>(name, cells, |cell| {
                string(cell, declared, |text| parse::ticks(text, unit))
            })
            .map(|ticks| logical(ticks, &target.dtype))
        }
        DataType::Boolean => booleans(name, cells),
        _ => strings(name, cells, declared),
    }
}

/// A column of physical numbers as the dtype that they stand for.
fn logical(numbers: Series, dtype: &DataType) -> Series {
    match (numbers.i32(), numbers.i64(), dtype) {
        (Ok(days), _, DataType::Date) => days.clone().into_date().into_series(),
        (_, Ok(ticks), DataType::Datetime(unit, zone)) => ticks
            .clone()
            .into_datetime(*unit, zone.clone())
            .into_series(),
        _ => numbers,
    }
}

/// The text of a number.
pub(super) fn number(cell: &str) -> Option<&str> {
    cell.starts_with(|c: char| c == '-' || c.is_ascii_digit())
        .then_some(cell)
}

/// Whether the float nearest to a number is the number itself, as far as its digits tell.
///
/// A fraction is always taken for a measure; a whole number may be a key, whose every digit counts.
pub(super) fn is_exact(number: &str) -> bool {
    if number.contains(['.', 'e', 'E']) {
        return true;
    }
    // Twice: a float beyond the integers saturates on its way back.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "what does not come back is not exact"
    )]
    number
        .parse::<i128>()
        .is_ok_and(|whole| whole as f64 as i128 == whole && whole != i128::MAX)
}

/// What stands in a string, where the dtype was declared: many programs write numbers as strings.
fn string<T>(cell: &str, declared: bool, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
    let text = decoded(cell).filter(|_| declared)?;
    parse(&text)
}

fn whole<T: PolarsNumericType>(
    name: PlSmallStr,
    cells: &[Option<&str>],
    declared: bool,
) -> Option<Series>
where
    T::Native: std::str::FromStr,
    ChunkedArray<T>: IntoSeries,
{
    numbers::<T>(name, cells, |cell| match number(cell) {
        Some(text) => parse::whole(text),
        None => string(cell, declared, parse::whole),
    })
}

fn numbers<T: PolarsNumericType>(
    name: PlSmallStr,
    cells: &[Option<&str>],
    mut parse: impl FnMut(&str) -> Option<T::Native>,
) -> Option<Series>
where
    ChunkedArray<T>: IntoSeries,
{
    let mut builder = PrimitiveChunkedBuilder::<T>::new(name, cells.len());
    for cell in present(cells) {
        match cell {
            None => builder.append_null(),
            Some(text) => builder.append_value(parse(text)?),
        }
    }
    Some(builder.finish().into_series())
}

fn booleans(name: PlSmallStr, cells: &[Option<&str>]) -> Option<Series> {
    let mut builder = BooleanChunkedBuilder::new(name, cells.len());
    for cell in present(cells) {
        match cell {
            None => builder.append_null(),
            Some("true") => builder.append_value(true),
            Some("false") => builder.append_value(false),
            Some(_) => return None,
        }
    }
    Some(builder.finish().into_series())
}

fn strings(name: PlSmallStr, cells: &[Option<&str>], declared: bool) -> Option<Series> {
    let mut builder = StringChunkedBuilder::new(name, cells.len());
    for cell in present(cells) {
        match cell {
            None => builder.append_null(),
            Some(text) if text.starts_with('"') => {
                builder.append_value(decoded(text)?);
            }
            Some(text) if declared => builder.append_value(text),
            Some(_) => return None,
        }
    }
    Some(builder.finish().into_series())
}

/// The cells, a written `null` like an absent key.
fn present<'a>(cells: &'a [Option<&'a str>]) -> impl Iterator<Item = Option<&'a str>> {
    cells.iter().map(|cell| cell.filter(|text| *text != "null"))
}

#[cfg(test)]
mod tests {
    use super::is_exact;

    #[test]
    fn exact_is_what_a_float_holds() {
        for exact in [
            "0",
            "-0",
            "9007199254740992",
            "-9007199254740994",
            "0.1",
            "1e300",
            "18446744073709551616",
        ] {
            assert!(is_exact(exact), "{exact}");
        }
        for not in [
            "9007199254740993",
            "-9007199254740993",
            "18446744073709551615",
            "170141183460469231731687303715884105727",
            "1000000000000000000000000000000000000000000",
        ] {
            assert!(!is_exact(not), "{not}");
        }
    }
}
