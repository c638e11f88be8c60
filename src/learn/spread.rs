//! Where the middle of a column lies, and how far two quantiles are apart, from order statistics.

use super::value::{Mean, Quantile, Value};

/// The median as an origin and an offset: exact for integers, of which the offset is 0 or one half.
///
/// The place of a median is a row or halfway between two, so its fraction is 0 or one half.
pub(crate) fn middle(median: Quantile) -> Mean {
    let between = median.fraction > 0.0;
    match (median.lower, median.upper) {
        (Value::Int(low), Value::Int(high)) => {
            let gap = if between { high.abs_diff(low) } else { 0 };
            Mean {
                origin: low.saturating_add_unsigned(gap / 2),
                offset: if gap % 2 == 1 { 0.5 } else { 0.0 },
            }
        }
        _ => Mean {
            origin: 0,
            offset: median.to_f64(),
        },
    }
}

/// The distance from one quantile up to another; infinite beyond the largest f64.
///
/// It is a sum of distances of order statistics, none of them negative: the quantiles themselves
/// are never rounded and subtracted, so large values keep their differences.
pub(crate) fn spread(low: Quantile, high: Quantile) -> f64 {
    let sum = |factor: f64| {
        let gap = |from, to| gap(from, to, factor);
        if at_or_below(low.upper, high.lower) {
            gap(low.lower, low.upper) * (1.0 - low.fraction)
                + gap(low.upper, high.lower)
                + gap(high.lower, high.upper) * high.fraction
        } else {
            // Both lie between the same two values.
            gap(low.lower, low.upper) * (high.fraction - low.fraction)
        }
    };
    let whole = sum(1.0);
    // A part that overflows says nothing of the sum, nor does one that underflows; powers of two
    // are exact.
    if whole.is_infinite() {
        sum(0.5) * 2.0
    } else if whole < TINY {
        sum(LIFT) / LIFT
    } else {
        whole
    }
}

const TINY: f64 = 1e-290;
const LIFT: f64 = (1_u64 << 60) as f64;

fn at_or_below(left: Value, right: Value) -> bool {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => left <= right,
        _ => left.to_f64() <= right.to_f64(),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "this is the one rounding of a distance"
)]
fn gap(from: Value, to: Value, factor: f64) -> f64 {
    match (from, to) {
        (Value::Int(from), Value::Int(to)) => to.abs_diff(from) as f64 * factor,
        // Large numbers shrink before they are subtracted, tiny differences grow after it.
        _ if factor < 1.0 => to.to_f64() * factor - from.to_f64() * factor,
        _ => (to.to_f64() - from.to_f64()) * factor,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantile(lower: Value, upper: Value, fraction: f64) -> Quantile {
        Quantile {
            lower,
            upper,
            fraction,
        }
    }

    #[test]
    fn distances_at_both_ends_of_the_floats_and_of_decimals_are_exact() {
        let unit = f64::from_bits(1);
        let [zero, one, two] = [0.0, unit, 2.0 * unit].map(Value::Float);
        let (low, high) = (quantile(zero, one, 0.5), quantile(one, two, 0.5));
        assert_eq!(spread(low, high).to_bits(), unit.to_bits());
        let [low, high] = [-1.7e308, 1.7e308].map(Value::Float);
        let quarter = |fraction| quantile(low, high, fraction);
        assert!(spread(quarter(0.25), quarter(0.75)) <= 1.7e308);
        assert!(spread(quarter(0.25), quarter(0.75)) >= 1.7e308);
        assert!(spread(quarter(0.0), quantile(high, high, 0.0)).is_infinite());
        let end = 10_i128.pow(38) - 1;
        let [low, high] = [-end, end].map(Value::Int);
        let whole = spread(quantile(low, high, 0.0), quantile(high, high, 0.0));
        assert!((whole / 2e38 - 1.0).abs() < 1e-15);
        assert!(quantile(low, high, 0.5).to_f64().abs() < 1e22);
        let Mean { origin, offset } = middle(quantile(low, high, 0.5));
        assert_eq!((origin, offset.to_bits()), (0, 0.0_f64.to_bits()));
        let large = [0, 1].map(|step| Value::Int(i128::from(i64::MAX) - 1 + step));
        let Mean { origin, offset } = middle(quantile(large[0], large[1], 0.5));
        assert_eq!(
            (origin, offset.to_bits()),
            (i128::from(i64::MAX) - 1, 0.5_f64.to_bits())
        );
    }
}
