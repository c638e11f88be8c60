//! `exp` and `ln_1p` on the ranges that a logistic loss needs, in plain arithmetic: the compiler can
//! do several rows at once, and the bits do not depend on a system's mathematical library.

#![expect(clippy::inline_always, reason = "see `simd::Loop`")]

use std::f64::consts::{LN_2, LOG2_E, SQRT_2};

/// ln 2 in two pieces; the product of the first and a small integer is exact.
const LN_2_PIECES: [f64; 2] = [
    f64::from_bits(0x3fe6_2e42_fee0_0000),
    f64::from_bits(0x3dea_39ef_3579_3c76),
];

/// 1.5 · 2^52: added to a number below 2^51, it leaves the nearest integer in the low bits.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// Below this `exp` counts as that of this number: 10^-307.
const LEAST: f64 = -708.0;

/// 1 / n! for n = 2, 3, …, 13: on half of ln 2 the rest of the series is below rounding.
const FACTORIALS: [f64; 12] = [
    1.0 / 2.0,
    1.0 / 6.0,
    1.0 / 24.0,
    1.0 / 120.0,
    1.0 / 720.0,
    1.0 / 5_040.0,
    1.0 / 40_320.0,
    1.0 / 362_880.0,
    1.0 / 3_628_800.0,
    1.0 / 39_916_800.0,
    1.0 / 479_001_600.0,
    1.0 / 6_227_020_800.0,
];

/// Numbers that are worked on together: a series waits for each of its terms, and several series do
/// not wait for each other.
pub(super) const LANES: usize = 16;

pub(super) type Lanes = [f64; LANES];

/// The sum of `factors[n] * at^n`.
#[inline(always)]
fn series(at: &Lanes, factors: &[f64]) -> Lanes {
    let mut series = [0.0; LANES];
    for factor in factors.iter().rev() {
        for (series, at) in series.iter_mut().zip(at) {
            *series = *series * at + factor;
        }
    }
    series
}

/// `e^x` for `x` at most 0, within two units in the last place; NaN is not kept.
#[inline(always)]
pub(super) fn exp_of_negative(x: &Lanes) -> Lanes {
    let (mut shifted, mut rest) = ([0.0; LANES], [0.0; LANES]);
    for lane in 0..LANES {
        let x = if x[lane] > LEAST { x[lane] } else { LEAST };
        shifted[lane] = x * LOG2_E + ROUND;
        let power = shifted[lane] - ROUND;
        rest[lane] = (x - power * LN_2_PIECES[0]) - power * LN_2_PIECES[1];
    }
    let series = series(&rest, &FACTORIALS);
    std::array::from_fn(|lane| {
        let rest = rest[lane];
        let value = 1.0 + (rest + rest * rest * series[lane]);
        // The low bits of the shifted number are the power; they become the exponent.
        let exponent = shifted[lane].to_bits().wrapping_add(1023) << 52;
        value * f64::from_bits(exponent)
    })
}

/// 1 / (2n + 1) for n = 0, 1, …, 10.
const ODD: [f64; 11] = {
    let mut odd = [0.0; 11];
    let mut at = 0;
    let mut next = 1.0;
    while at < 11 {
        odd[at] = 1.0 / next;
        next += 2.0;
        at += 1;
    }
    odd
};

/// `ln(1 + x)` for `x` in [0, 1]: twice the area tangent of `x / (2 + x)`, and from √2 - 1 on counted
/// from the logarithm of √2.
#[inline(always)]
pub(super) fn ln_1p_of_share(x: &Lanes) -> Lanes {
    let (mut tangent, mut square) = ([0.0; LANES], [0.0; LANES]);
    for lane in 0..LANES {
        let x = x[lane];
        let from = if x > SQRT_2 - 1.0 { SQRT_2 } else { 1.0 };
        tangent[lane] = (x - (from - 1.0)) / (x + (from + 1.0));
        square[lane] = tangent[lane] * tangent[lane];
    }
    let series = series(&square, &ODD);
    std::array::from_fn(|lane| {
        let base = if x[lane] > SQRT_2 - 1.0 {
            LN_2 / 2.0
        } else {
            0.0
        };
        base + 2.0 * tangent[lane] * series[lane]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_agree_with_the_library() {
        for at in 0..200_000_u32 {
            let x = -f64::from(at) * 0.003_539;
            let (found, truth) = (exp_of_negative(&[x; LANES])[3], x.exp());
            assert!((found - truth).abs() <= 5e-16 * truth, "exp {x}");
            let x = f64::from(at) / 200_000.0;
            let (found, truth) = (ln_1p_of_share(&[x; LANES])[3], x.ln_1p());
            assert!((found - truth).abs() <= 6e-16 * truth, "ln {x}");
        }
        let [zero, least, endless] = [0.0, LEAST, f64::NEG_INFINITY].map(|x| [x; LANES]);
        assert_eq!(exp_of_negative(&zero), [1.0; LANES]);
        assert_eq!(exp_of_negative(&endless), exp_of_negative(&least));
        assert_eq!(ln_1p_of_share(&zero), zero);
    }
}
