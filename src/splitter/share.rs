//! The share of a split as the exact decimal that was written.
//!
//! A user who writes `0.3` means three tenths and not the double nearest to them. Reading the share
//! as its shortest round-trip text restores the decimal, and integer arithmetic keeps the size of a
//! split the same on every machine.

/// A share strictly between zero and one, as `digits / 10^scale`.
struct Exact {
    /// A double has at most 17 digits in its shortest text, so this stays below 10^17, which is
    /// below 2^57.
    digits: u128,
    scale: u32,
}

impl Exact {
    /// Reads the share; there is none outside the open interval from zero to one.
    fn read(share: f64) -> Option<Self> {
        if !(share > 0.0 && share < 1.0) {
            return None;
        }
        // The scientific form has one digit before the point, and an exponent below zero for a
        // share below one.
        let text = format!("{share:e}");
        let (mantissa, exponent) = text.split_once("e-")?;
        let fraction = mantissa
            .split_once('.')
            .map_or("", |(_, fraction)| fraction);
        let digits = mantissa.bytes().filter(u8::is_ascii_digit);
        Some(Self {
            digits: digits.fold(0, |value, digit| value * 10 + u128::from(digit - b'0')),
            scale: exponent.parse::<u32>().ok()? + u32::try_from(fraction.len()).ok()?,
        })
    }

    /// The product with `n`, at most 2^64, as whole part, remainder and divisor.
    ///
    /// The product stays below 2^121, which is about 2.7 * 10^36. There is no answer when 10^scale
    /// is too large for 128 bits: then it is at least 10^39, and the product over it is so near to
    /// zero that every rounding gives zero.
    fn times(&self, n: u128) -> Option<(u128, u128, u128)> {
        let divisor = 10_u128.checked_pow(self.scale)?;
        let product = self.digits * n;
        Some((product / divisor, product % divisor, divisor))
    }
}

/// How many of `n` rows the share is: `n * share` in exact arithmetic, rounded half up.
///
/// Shares outside the open interval from zero to one are refused where they are declared; here they
/// take no row or all of them, so that nothing overflows.
pub(crate) fn share_of(share: f64, n: u64) -> u64 {
    let Some(exact) = Exact::read(share) else {
        return if share >= 1.0 { n } else { 0 };
    };
    exact
        .times(u128::from(n))
        .map_or(0, |(whole, remainder, divisor)| {
            // The remainder is below 10^38, so that twice the remainder fits into 128 bits.
            let up = u128::from(remainder * 2 >= divisor);
            u64::try_from(whole + up).unwrap_or(n)
        })
}

/// The bound of a `.stable()` split: a row is a test row when its number is below `floor(share *
/// 2^64)`.
///
/// The bound does not depend on how many rows there are, which is why appended rows move nothing. A
/// share of one or more is refused where it is declared; here it gives the largest bound.
pub(crate) fn fixed_threshold(share: f64) -> u64 {
    let Some(exact) = Exact::read(share) else {
        return if share >= 1.0 { u64::MAX } else { 0 };
    };
    exact
        .times(1 << 64)
        .map_or(0, |(whole, ..)| u64::try_from(whole).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_bigint::BigUint;
    use proptest::prelude::*;

    #[test]
    fn the_golden_shares_hold() {
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/golden/splitting.json"))
                .expect("valid JSON");
        let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
        let cases = golden["shares"].as_array().expect("a list");
        assert!(!cases.is_empty());
        for case in cases {
            let share = text(&case["share"]).parse().expect("a share");
            let threshold = u64::from_str_radix(&text(&case["fixed_threshold"]), 16).expect("hex");
            assert_eq!(fixed_threshold(share), threshold, "{share}");
            for (n, size) in case["of"].as_object().expect("an object") {
                let n = n.parse().expect("a count");
                assert_eq!(share_of(share, n).to_string(), text(size), "{share} of {n}");
            }
        }
    }

    #[test]
    fn a_share_is_the_decimal_that_was_written() {
        assert_eq!(share_of(0.3, 10), 3);
        // The double 0.15 lies below fifteen hundredths, so that binary arithmetic could round this
        // half down.
        assert_eq!(share_of(0.15, 10), 2);
        assert_eq!(share_of(0.25, 2), 1);
        assert_eq!(share_of(0.25, 1), 0);
        assert_eq!(share_of(1e-7, 5_000_000), 1);
        assert_eq!(share_of(1e-7, 4_999_999), 0);
        assert_eq!(share_of(0.1 + 0.2, 10_u64.pow(17)), 30_000_000_000_000_004);
    }

    #[test]
    fn the_ends_of_the_range_do_not_overflow() {
        let below_one = 1.0_f64.next_down();
        assert_eq!(share_of(5e-324, u64::MAX), 0);
        assert_eq!(share_of(below_one, u64::MAX), 18_446_744_073_709_549_770);
        assert_eq!(share_of(0.5, u64::MAX), 1 << 63);
        assert_eq!(share_of(0.5, 0), 0);
        assert_eq!(fixed_threshold(0.5), 1 << 63);
        assert_eq!(fixed_threshold(0.1), 0x1999_9999_9999_9999);
        assert_eq!(fixed_threshold(5e-324), 0);
        assert!(fixed_threshold(below_one) < u64::MAX);
    }

    #[test]
    fn shares_outside_the_range_take_no_row_or_all() {
        for share in [f64::NAN, 0.0, -0.0, -0.5, f64::NEG_INFINITY] {
            assert_eq!((share_of(share, 9), fixed_threshold(share)), (0, 0));
        }
        for share in [1.0, 7.5, f64::INFINITY] {
            assert_eq!((share_of(share, 9), fixed_threshold(share)), (9, u64::MAX));
        }
    }

    /// The share as a fraction of whole numbers, by way of the positional text, which `Exact` does
    /// not use.
    fn fraction(share: f64) -> (BigUint, BigUint) {
        let text = format!("{share}");
        let places = text.strip_prefix("0.").expect("a share below one");
        let scale = u32::try_from(places.len()).expect("a short text");
        (
            places.parse().expect("digits"),
            BigUint::from(10_u8).pow(scale),
        )
    }

    /// Shares of every size, as bit patterns, and those people write, as decimals.
    fn shares() -> impl Strategy<Value = f64> {
        let written = (1_u32..10_000, 4_i32..12)
            .prop_map(|(digits, scale)| format!("{digits}e-{scale}").parse().expect("a number"));
        prop_oneof![
            written,
            (1..1.0_f64.to_bits()).prop_map(f64::from_bits),
            1e-12..1.0
        ]
    }

    proptest! {
        #[test]
        fn sizes_and_bounds_are_those_of_big_arithmetic(
            share in shares(),
            n in prop_oneof![any::<u64>(), 0_u64..1000, Just(u64::MAX)],
        ) {
            let (over, under) = fraction(share);
            let size = (&over * n * 2_u8 + &under) / (&under * 2_u8);
            prop_assert_eq!(BigUint::from(share_of(share, n)), size);
            let bound = (&over << 64) / &under;
            prop_assert_eq!(BigUint::from(fixed_threshold(share)), bound);
        }
    }
}
