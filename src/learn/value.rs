use serde::{Deserialize, Serialize};

/// A learned number in the column's own physical form: integers (also of dates and decimals) stay
/// integers, so that nothing is lost above 2^53.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Value {
    /// An integer, a Boolean (0 or 1), or the physical integer of a Date, Datetime, Duration, Time
    /// or Decimal.
    Int(#[serde(with = "as_text")] i128),
    /// A float.
    Float(f64),
}

impl Value {
    /// The value as a float, rounded to nearest.
    pub fn to_f64(self) -> f64 {
        match self {
            Self::Int(value) => value as f64,
            Self::Float(value) => value,
        }
    }

    /// The number as JSON; an integer that most readers would round is text.
    pub(crate) fn told(self) -> serde_json::Value {
        match self {
            Self::Int(value) => match i64::try_from(value) {
                Ok(short) if short.unsigned_abs() <= 1 << 53 => short.into(),
                _ => value.to_string().into(),
            },
            Self::Float(value) => value.into(),
        }
    }
}

/// A mean as an exact integer origin and a float offset from it; of a float column the origin is 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mean {
    /// An integer close to the mean.
    #[serde(with = "as_text")]
    pub origin: i128,
    /// What is to be added to the origin.
    pub offset: f64,
}

impl Mean {
    /// The mean as one float.
    pub fn to_f64(self) -> f64 {
        self.origin as f64 + self.offset
    }
}

/// An exact quantile: the two neighbouring order statistics and the weight of the upper one.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Quantile {
    /// The largest value at or below the quantile's place.
    pub lower: Value,
    /// The smallest value at or above it.
    pub upper: Value,
    /// How far the place lies between the two, in [0, 1).
    pub fraction: f64,
}

impl Quantile {
    /// A quantile that is a value of the column.
    pub(crate) fn at(value: Value) -> Self {
        Self {
            lower: value,
            upper: value,
            fraction: 0.0,
        }
    }

    /// The linear interpolation, NumPy's default definition.
    pub fn to_f64(self) -> f64 {
        let (lower, upper) = (self.lower.to_f64(), self.upper.to_f64());
        if self.fraction == 0.0 || self.lower == self.upper {
            return lower;
        }
        let step = match (self.lower, self.upper) {
            // Two decimals of 38 digits can lie further apart than an i128 reaches.
            (Value::Int(low), Value::Int(high)) => high.abs_diff(low) as f64,
            _ => upper - lower,
        };
        if step.is_finite() {
            lower + step * self.fraction
        } else {
            lower * (1.0 - self.fraction) + upper * self.fraction
        }
    }
}

/// JSON numbers end at 64 bits in most readers, so wide integers are written as text.
pub(crate) mod as_text {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(value: &i128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<i128, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}
