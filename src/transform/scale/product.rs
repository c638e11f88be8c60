//! The exact product of two floats, added to an integer.

/// Up to here f64 holds every integer.
pub(crate) const EXACT: u128 = 1 << 53;

#[expect(
    clippy::cast_precision_loss,
    reason = "the nearest f64 is what is asked for"
)]
pub(crate) fn nearest(value: i128) -> f64 {
    value as f64
}

/// `origin + quotient * range`, the product exact and then rounded half away from zero;
/// `None` when the sum does not fit, or an operand is not finite.
pub(crate) fn add_product(origin: i128, quotient: f64, range: f64) -> Option<i128> {
    let (left, right) = (parts(quotient)?, parts(range)?);
    // Two mantissas of 53 bits: 106 bits always fit.
    let product = u128::from(left.0) * u128::from(right.0);
    let exponent = left.1 + right.1;
    let size = if product == 0 {
        0
    } else if let Ok(up) = u32::try_from(exponent) {
        if product.leading_zeros() < up {
            return None;
        }
        product << up
    } else {
        // From 107 places on, the product is below one half.
        match exponent.unsigned_abs() {
            down @ 1..=106 => (product + (1 << (down - 1))) >> down,
            _ => 0,
        }
    };
    if quotient.is_sign_negative() == range.is_sign_negative() {
        origin.checked_add_unsigned(size)
    } else {
        origin.checked_sub_unsigned(size)
    }
}

/// The mantissa and the exponent of a finite number's size.
fn parts(value: f64) -> Option<(u64, i32)> {
    if !value.is_finite() {
        return None;
    }
    let bits = value.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    let biased = i32::try_from((bits >> 52) & 0x7ff).ok()?;
    Some(match biased {
        0 => (fraction, -1074),
        _ => (fraction | 1 << 52, biased - 1075),
    })
}
