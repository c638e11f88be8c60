//! Where the fence of two exact quantiles stands.

use super::spread::spread;
use super::value::{Mean, Quantile, Value};

/// The fence `reach` times the distance of two quantiles beyond them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Beyond {
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) reach: f64,
}

impl Beyond {
    /// Where it stands among `count` values with these quantiles.
    pub(crate) fn ends(self, quantiles: &[(f64, Quantile)], count: u64) -> Option<(Value, Value)> {
        let at = |q| {
            let found = quantiles.iter().find(|(asked, _)| *asked == q);
            found.map(|(_, quantile)| *quantile)
        };
        Some(fence(at(self.low)?, at(self.high)?, self.reach, count))
    }
}

/// The first and the last number within the fence of two quantiles of `count` values. Of integers
/// both are whole, and found from distances, so that large ones lose nothing.
pub(crate) fn fence(low: Quantile, high: Quantile, reach: f64, count: u64) -> (Value, Value) {
    let (low, high) = (settled(low, count), settled(high, count));
    let beyond = if reach > 0.0 {
        reach * spread(low, high)
    } else {
        0.0
    };
    let whole = |quantile: Quantile, origin| Mean {
        origin,
        offset: match quantile.upper {
            Value::Int(upper) if quantile.fraction > 0.0 => {
                upper.abs_diff(origin) as f64 * quantile.fraction
            }
            _ => 0.0,
        },
    };
    match (low.lower, high.lower) {
        (Value::Int(first), Value::Int(last)) => {
            let (mut from, mut to) = (whole(low, first), whole(high, last));
            from.offset -= beyond;
            to.offset += beyond;
            whole_ends(from, to)
        }
        _ => (
            Value::Float(within(low.to_f64() - beyond)),
            Value::Float(within(high.to_f64() + beyond)),
        ),
    }
}

/// The whole numbers between two places.
#[expect(
    clippy::cast_possible_truncation,
    reason = "rounded, and what is beyond all integers is the last of them"
)]
pub(crate) fn whole_ends(from: Mean, to: Mean) -> (Value, Value) {
    let first = from.origin.saturating_add(from.offset.ceil() as i128);
    let last = to.origin.saturating_add(to.offset.floor() as i128);
    (Value::Int(first), Value::Int(last))
}

/// A fence beyond all numbers stands at the last of them; -0.0 would part the two zeros.
fn within(end: f64) -> f64 {
    end.clamp(f64::MIN, f64::MAX) + 0.0
}

/// The quantile at a value, where only the rounding of its place puts it beside: the seventh
/// hundredth of 101 values is the eighth of them, and 0.07 times 100 lies behind it.
fn settled(quantile: Quantile, count: u64) -> Quantile {
    let rounding = count as f64 * f64::EPSILON;
    if quantile.fraction <= rounding {
        Quantile::at(quantile.lower)
    } else if quantile.fraction >= 1.0 - rounding {
        Quantile::at(quantile.upper)
    } else {
        quantile
    }
}

/// Whether one number of a column is less than another.
pub(crate) fn is_less(left: Value, right: Value) -> bool {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => left < right,
        _ => left.to_f64() < right.to_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn between(lower: i128, upper: i128, fraction: f64) -> Quantile {
        Quantile {
            lower: Value::Int(lower),
            upper: Value::Int(upper),
            fraction,
        }
    }

    #[test]
    fn whole_fences_are_rounded_inwards_and_keep_large_numbers() {
        let far = i128::from(i64::MAX);
        let (low, high) = (
            between(far - 101, far - 90, 0.3),
            between(far - 1, far, 0.0),
        );
        let ends = fence(low, high, 0.0, 20);
        assert_eq!(ends, (Value::Int(far - 97), Value::Int(far - 1)));
        // The distance is 96.7, of which 1.5 are 145.05.
        let ends = fence(low, high, 1.5, 20);
        assert_eq!(ends, (Value::Int(far - 242), Value::Int(far + 144)));
        let end = 10_i128.pow(38) - 1;
        let ends = fence(between(-end, 0, 0.0), between(end, end, 0.0), 1e9, 3);
        assert_eq!(ends, (Value::Int(i128::MIN), Value::Int(i128::MAX)));
    }

    #[test]
    fn a_place_that_is_only_rounded_beside_a_value_is_at_it() {
        let fraction = 0.07 * 100.0 - 7.0;
        assert!(fraction > 0.0);
        let (low, high) = (between(7, 17, fraction), between(90, 91, 1.0 - fraction));
        assert_eq!(fence(low, high, 0.0, 101), (Value::Int(7), Value::Int(91)));
    }

    #[test]
    fn a_float_fence_is_finite() {
        let at = |value| Quantile::at(Value::Float(value));
        let ends = fence(at(-1e308), at(1e308), 10.0, 9);
        assert_eq!(ends, (Value::Float(f64::MIN), Value::Float(f64::MAX)));
        let (low, _) = fence(at(-0.0), at(0.0), 0.0, 9);
        assert_eq!(low.to_f64().to_bits(), 0);
    }
}
