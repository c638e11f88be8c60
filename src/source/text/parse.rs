//! The text of one field as a value; exact, and nothing at all when the text is something else.

use polars::prelude::TimeUnit;

/// Whole numbers: the parser of Rust, which refuses what does not fit.
pub(in crate::source) fn whole<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

/// A finite number, to the last bit; a literal too big for the type is refused, not made infinite.
pub(in crate::source) fn finite(text: &str) -> Option<f64> {
    let value: f64 = text.parse().ok()?;
    value.is_finite().then_some(value)
}

/// As [`finite`], rounded once from the text to single precision.
pub(in crate::source) fn finite_single(text: &str) -> Option<f32> {
    let value: f32 = text.parse().ok()?;
    value.is_finite().then_some(value)
}

/// A spelling of infinity or not-a-number, such as `inf`, `-Infinity`, `NaN`.
pub(in crate::source) fn special(text: &str) -> Option<f64> {
    let value: f64 = text.parse().ok()?;
    let spelled = !text.bytes().any(|byte| byte.is_ascii_digit());
    (!value.is_finite() && spelled).then_some(value)
}

/// `true` and `false` in the spellings of Rust, Python and R.
pub(in crate::source) fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// Days since 1970-01-01 of `YYYY-MM-DD`.
pub(in crate::source) fn date(text: &str) -> Option<i32> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let year = digits(&bytes[..4])?;
    let month = digits(&bytes[5..7])?;
    let day = digits(&bytes[8..])?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => return None,
    };
    if day < 1 || day > last {
        return None;
    }
    // Counting years from March puts the leap day last, so months need no table.
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let in_year = (153 * month + 2) / 5 + day - 1;
    let days = year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    i32::try_from(days + in_year - 719_468).ok()
}

/// Nanoseconds since 1970-01-01T00:00:00 of `YYYY-MM-DD[T| ]HH:MM[:SS[.fraction]]`, without a zone.
///
/// A date alone is its midnight, so that a column may hold both.
pub(in crate::source) fn datetime(text: &str) -> Option<i128> {
    let day = i128::from(date(text.get(..10)?)?) * 86_400;
    if text.len() == 10 {
        return Some(day * 1_000_000_000);
    }
    let clock = text.get(10..)?.strip_prefix(['T', ' '])?;
    let (clock, fraction) = match clock.split_once('.') {
        Some((clock, fraction)) => (clock.as_bytes(), Some(fraction.as_bytes())),
        None => (clock.as_bytes(), None),
    };
    let (hour, minute, second) = match clock.len() {
        8 if clock[2] == b':' && clock[5] == b':' => (
            digits(&clock[..2])?,
            digits(&clock[3..5])?,
            digits(&clock[6..])?,
        ),
        5 if clock[2] == b':' && fraction.is_none() => {
            (digits(&clock[..2])?, digits(&clock[3..])?, 0)
        }
        _ => return None,
    };
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let nanos = match fraction {
        None => 0,
        Some(part) if (1..=9).contains(&part.len()) => {
            let scale = 10_i64.pow(9 - u32::try_from(part.len()).ok()?);
            digits(part)? * scale
        }
        Some(_) => return None,
    };
    let seconds = day + i128::from(hour * 3_600 + minute * 60 + second);
    Some(seconds * 1_000_000_000 + i128::from(nanos))
}

/// As [`datetime`], in a unit; a fraction finer than the unit would be lost, so it is refused like any other misfit.
pub(in crate::source) fn ticks(text: &str, unit: TimeUnit) -> Option<i64> {
    let step = match unit {
        TimeUnit::Nanoseconds => 1,
        TimeUnit::Microseconds => 1_000,
        TimeUnit::Milliseconds => 1_000_000,
    };
    let nanos = datetime(text)?;
    let exact = nanos % step == 0;
    i64::try_from(nanos / step).ok().filter(|_| exact)
}

fn digits(bytes: &[u8]) -> Option<i64> {
    bytes.iter().try_fold(0_i64, |value, byte| {
        let digit = byte.is_ascii_digit().then(|| i64::from(byte - b'0'))?;
        Some(value * 10 + digit)
    })
}
