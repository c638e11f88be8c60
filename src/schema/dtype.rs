use polars::prelude::{DataType, TimeUnit, TimeZone};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A dtype of numbers, or of text, that can be written to a model file and read back.
///
/// The texts are part of the file format: `int64`, `float32`, `datetime[us, Europe/Stockholm]`,
/// `decimal[10, 2]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Dtype(pub(crate) DataType);

fn unit(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Nanoseconds => "ns",
        TimeUnit::Microseconds => "us",
        TimeUnit::Milliseconds => "ms",
    }
}

fn parse_unit(text: &str) -> Option<TimeUnit> {
    Some(match text {
        "ns" => TimeUnit::Nanoseconds,
        "us" => TimeUnit::Microseconds,
        "ms" => TimeUnit::Milliseconds,
        _ => return None,
    })
}

const PLAIN: [(&str, DataType); 14] = [
    ("boolean", DataType::Boolean),
    ("int8", DataType::Int8),
    ("int16", DataType::Int16),
    ("int32", DataType::Int32),
    ("int64", DataType::Int64),
    ("uint8", DataType::UInt8),
    ("uint16", DataType::UInt16),
    ("uint32", DataType::UInt32),
    ("uint64", DataType::UInt64),
    ("float32", DataType::Float32),
    ("float64", DataType::Float64),
    ("date", DataType::Date),
    ("time", DataType::Time),
    ("str", DataType::String),
];

impl Dtype {
    /// The text of a dtype; of one that is not numeric, as Polars prints it.
    pub(crate) fn text(&self) -> String {
        if let Some((text, _)) = PLAIN.iter().find(|(_, dtype)| *dtype == self.0) {
            return (*text).to_owned();
        }
        match &self.0 {
            DataType::Datetime(of, None) => format!("datetime[{}]", unit(*of)),
            DataType::Datetime(of, Some(zone)) => {
                format!("datetime[{}, {}]", unit(*of), zone.as_str())
            }
            DataType::Duration(of) => format!("duration[{}]", unit(*of)),
            DataType::Decimal(precision, scale) => format!("decimal[{precision}, {scale}]"),
            other => other.to_string(),
        }
    }

    /// A text of a model file as Polars prints the dtype, which is what messages show.
    pub(crate) fn shown(text: &str) -> String {
        Self::parse(text).map_or_else(|| text.to_owned(), |dtype| dtype.0.to_string())
    }

    /// Whether it comes back from its text.
    pub(crate) fn is_written(&self) -> bool {
        // Lists land and are read, but no step makes one.
        let made = !matches!(self.0, DataType::List(_));
        made && Self::parse(&self.text()).as_ref() == Some(self)
    }

    fn parse(text: &str) -> Option<Self> {
        if let Some((_, dtype)) = PLAIN.iter().find(|(known, _)| *known == text) {
            return Some(Self(dtype.clone()));
        }
        let (name, rest) = text.split_once('[')?;
        let inside = rest.strip_suffix(']')?;
        let (first, second) = match inside.split_once(", ") {
            Some((first, second)) => (first, Some(second)),
            None => (inside, None),
        };
        let dtype = match (name, second) {
            ("datetime", None) => DataType::Datetime(parse_unit(first)?, None),
            ("datetime", Some(zone)) => {
                let zone = TimeZone::opt_try_new(Some(zone)).ok()??;
                DataType::Datetime(parse_unit(first)?, Some(zone))
            }
            ("list", None) => DataType::List(Box::new(Self::parse(first)?.0)),
            ("duration", None) => DataType::Duration(parse_unit(first)?),
            ("decimal", Some(scale)) => DataType::Decimal(first.parse().ok()?, scale.parse().ok()?),
            _ => return None,
        };
        Some(Self(dtype))
    }
}

impl Serialize for Dtype {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl<'de> Deserialize<'de> for Dtype {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is no dtype")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dtype_comes_back() {
        let zone = TimeZone::opt_try_new(Some("UTC")).expect("a zone");
        let more = [
            DataType::Datetime(TimeUnit::Milliseconds, None),
            DataType::Datetime(TimeUnit::Nanoseconds, zone),
            DataType::Duration(TimeUnit::Microseconds),
            DataType::Decimal(38, 4),
        ];
        for dtype in PLAIN.into_iter().map(|(_, dtype)| dtype).chain(more) {
            let dtype = Dtype(dtype);
            assert_eq!(Dtype::parse(&dtype.text()), Some(dtype));
        }
        assert_eq!(Dtype::parse("int63"), None);
    }
}
