//! A value of a reply as a value that a landing takes.

use jiff::civil;
use jiff::fmt::strtime::BrokenDownTime;
use polars::prelude::DataType;
use serde_json::{Number, Value};

use super::ApiColumn;

/// The value; nothing when it cannot be read.
pub(super) fn converted(column: &ApiColumn, value: Option<&Value>) -> Option<Value> {
    let text = match value {
        None | Some(Value::Null) => return Some(Value::Null),
        Some(Value::String(text)) if column.is_html => {
            html_escape::decode_html_entities(text).into_owned()
        }
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    if column.nulls.contains(&text) {
        return Some(Value::Null);
    }
    let text = match &column.pattern {
        None => text,
        Some(pattern) => {
            let found = pattern.as_ref().ok()?.captures(&text)?;
            let part = found.get(1).or_else(|| found.get(0))?;
            part.as_str().to_owned()
        }
    };
    match &column.dtype {
        DataType::String => Some(Value::String(text)),
        DataType::Boolean => match text.to_ascii_lowercase().as_str() {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            _ => None,
        },
        DataType::Float32 | DataType::Float64 => {
            let number: f64 = plain(column, &text).parse().ok()?;
            Number::from_f64(number).map(Value::Number)
        }
        DataType::Date => date(column, &text).map(|date| Value::String(date.to_string())),
        DataType::Datetime(_, zone) => time(column, &text, zone.is_some()).map(Value::String),
        _ => whole(&plain(column, &text)),
    }
}

/// A number without the signs between thousands.
fn plain(column: &ApiColumn, text: &str) -> String {
    match column.thousands {
        Some(separator) => text.replace(separator, ""),
        None => text.to_owned(),
    }
}

/// A whole number, also one that is written with a fraction of nothing.
fn whole(text: &str) -> Option<Value> {
    let digits = match text.split_once('.') {
        Some((digits, fraction)) if fraction.bytes().all(|byte| byte == b'0') => digits,
        _ => text,
    };
    if let Ok(number) = digits.parse::<i64>() {
        return Some(number.into());
    }
    digits.parse::<u64>().ok().map(Value::from)
}

fn date(column: &ApiColumn, text: &str) -> Option<civil::Date> {
    match &column.format {
        None => text.parse().ok(),
        Some(format) => parts(format, text)?.to_date().ok(),
    }
}

/// A time as a landing reads it, with or without a zone.
fn time(column: &ApiColumn, text: &str, is_zoned: bool) -> Option<String> {
    let Some(format) = &column.format else {
        if !is_zoned {
            let time: civil::DateTime = text.parse().ok()?;
            return Some(time.to_string());
        }
        let zoned: Result<jiff::Timestamp, _> = text.parse();
        return zoned
            .map(|time| time.to_string())
            .ok()
            .or_else(|| utc(text.parse().ok()?));
    };
    let parts = parts(format, text)?;
    if !is_zoned {
        return Some(civil_of(&parts)?.to_string());
    }
    match parts.to_timestamp() {
        Ok(time) => Some(time.to_string()),
        Err(_) => utc(civil_of(&parts)?),
    }
}

/// What was written; the hour alone is enough, and so is the day.
fn civil_of(parts: &BrokenDownTime) -> Option<civil::DateTime> {
    let midnight = civil::Time::midnight();
    let time = match parts.hour() {
        None => midnight,
        Some(hour) => {
            let minute = parts.minute().unwrap_or(0);
            let second = parts.second().unwrap_or(0);
            let nanosecond = parts.subsec_nanosecond().unwrap_or(0);
            civil::Time::new(hour, minute, second, nanosecond).ok()?
        }
    };
    Some(parts.to_date().ok()?.to_datetime(time))
}

fn parts(format: &str, text: &str) -> Option<BrokenDownTime> {
    BrokenDownTime::parse(format, text).ok()
}

fn utc(time: civil::DateTime) -> Option<String> {
    let time = time.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(time.timestamp().to_string())
}

#[cfg(test)]
mod tests {
    use polars::prelude::{DataType, TimeUnit, TimeZone};
    use serde_json::{Value, json};

    use super::converted;
    use crate::source::remote::json_api::ApiColumn;

    fn column(dtype: DataType) -> ApiColumn {
        ApiColumn::new("x", "/x", dtype)
    }

    #[test]
    fn numbers_come_as_they_are_or_as_texts() {
        let votes = column(DataType::UInt32).thousands(',').null("N/A");
        let minutes = column(DataType::UInt8).pattern(r"^(\d+) min$");
        let rating = column(DataType::Float64).null("0");
        for (column, from, to) in [
            (&votes, json!("1,234,567"), Some(json!(1_234_567))),
            (&votes, json!(7), Some(json!(7))),
            (&votes, json!(7.0), Some(json!(7))),
            (&votes, json!("N/A"), Some(Value::Null)),
            (&votes, Value::Null, Some(Value::Null)),
            (&votes, json!("many"), None),
            (&votes, json!([7]), None),
            (&minutes, json!("148 min"), Some(json!(148))),
            (&minutes, json!("2 h"), None),
            (&rating, json!("8.1"), Some(json!(8.1))),
            (&rating, json!(0), Some(Value::Null)),
            (&rating, json!("NaN"), None),
            (
                &column(DataType::UInt64),
                json!(u64::MAX),
                Some(json!(u64::MAX)),
            ),
            (&column(DataType::Int64), json!("-5"), Some(json!(-5))),
            (&column(DataType::Boolean), json!("True"), Some(json!(true))),
            (&column(DataType::Boolean), json!(1), None),
            (
                &column(DataType::String),
                json!(["a"]),
                Some(json!("[\"a\"]")),
            ),
            (
                &column(DataType::String).html(),
                json!("a &amp; b"),
                Some(json!("a & b")),
            ),
        ] {
            assert_eq!(converted(column, Some(&from)), to, "{from}");
        }
        assert_eq!(converted(&votes, None), Some(Value::Null));
    }

    #[test]
    fn dates_and_times_come_in_many_forms() {
        let utc = DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
        let local = DataType::Datetime(TimeUnit::Microseconds, None);
        for (column, from, to) in [
            (
                column(DataType::Date),
                json!("2026-02-28"),
                Some("2026-02-28"),
            ),
            (column(DataType::Date).null(""), json!(""), None),
            (
                column(DataType::Date).format("%Y%m%d%H"),
                json!("2020010100"),
                Some("2020-01-01"),
            ),
            (
                column(DataType::Date).format("%Y%m%d"),
                json!(20_200_101),
                Some("2020-01-01"),
            ),
            (
                column(DataType::Date).format("%d %b %Y"),
                json!("16 Jul 2010"),
                Some("2010-07-16"),
            ),
            (
                column(utc.clone()),
                json!("2026-01-01T02:00:00+02:00"),
                Some("2026-01-01T00:00:00Z"),
            ),
            (
                column(utc.clone()),
                json!("2026-01-01T02:00:00"),
                Some("2026-01-01T02:00:00Z"),
            ),
            (
                column(utc.clone()).format("%Y%m%d%H"),
                json!("2020010107"),
                Some("2020-01-01T07:00:00Z"),
            ),
            (
                column(utc.clone()).format("%s"),
                json!(1_577_836_800),
                Some("2020-01-01T00:00:00Z"),
            ),
            (
                column(utc).format("%Y-%m-%d %H:%M %z"),
                json!("2026-01-01 02:00 +0200"),
                Some("2026-01-01T00:00:00Z"),
            ),
            (
                column(local),
                json!("2026-01-01 02:00:00.5"),
                Some("2026-01-01T02:00:00.5"),
            ),
        ] {
            let found = converted(&column, Some(&from)).unwrap();
            assert_eq!(found.as_str(), to, "{from}");
        }
        let day = column(DataType::Date);
        assert_eq!(converted(&day, Some(&json!("2026-02-29"))), None);
        assert_eq!(converted(&day, Some(&json!("soon"))), None);
    }
}
