//! Numbers in JSON, which has no NaN and no infinities: these are texts there.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

/// A number as JSON; what JSON lacks is written as MLflow writes it.
pub(crate) fn to_json(value: f64) -> Value {
    if value.is_finite() {
        return json!(value);
    }
    let text = if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    };
    json!(text)
}

// The signature is that of serde.
#[expect(
    clippy::ref_option,
    reason = "serde hands over a reference to the field"
)]
pub(super) fn serialize<S: Serializer>(
    value: &Option<f64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        // Most are: no detour.
        Some(value) if value.is_finite() => serializer.serialize_some(value),
        value => value.map(to_json).serialize(serializer),
    }
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<f64>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::Number(number) => Ok(number.as_f64()),
        Value::String(text) => match text.as_str() {
            "NaN" => Ok(Some(f64::NAN)),
            "Infinity" => Ok(Some(f64::INFINITY)),
            "-Infinity" => Ok(Some(f64::NEG_INFINITY)),
            _ => Err(D::Error::custom(format!("`{text}` is no number"))),
        },
        other => Err(D::Error::custom(format!("`{other}` is no number"))),
    }
}
