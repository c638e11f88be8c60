//! What holds for every dtype, checked with exact rational arithmetic.

use num_rational::BigRational;
use num_traits::{FromPrimitive, Signed};
use proptest::collection::vec;
use proptest::prelude::*;

use super::min_max::MinMaxKernel;
use super::number::Physical;
use super::policy::{Constant, Infinities, Nans, OutputRange, Outside, Policies};
use super::report::Report;

trait Exact: Physical {
    fn exact(self) -> BigRational;
    /// Half the distance to the next value of the dtype, on the wider side.
    fn half_ulp(self) -> BigRational;
    /// How many steps of 2^-54 the scaled column rounds by, in the upper half of 0..1.
    const ROUNDING: u64 = 1;
}

macro_rules! exact_integer {
    ($($int:ty)*) => {$(
        impl Exact for $int {
            fn exact(self) -> BigRational {
                BigRational::from_integer(self.into())
            }
            fn half_ulp(self) -> BigRational {
                BigRational::new(1.into(), 2.into())
            }
        }
    )*};
}

macro_rules! exact_float {
    ($float:ty, $rounding:expr) => {
        impl Exact for $float {
            fn exact(self) -> BigRational {
                BigRational::from_float(self).unwrap()
            }
            fn half_ulp(self) -> BigRational {
                let size = self.abs();
                let spacing = if size == <$float>::MAX {
                    size.exact() - size.next_down().exact()
                } else {
                    size.next_up().exact() - size.exact()
                };
                spacing / BigRational::from_u8(2).unwrap()
            }
            const ROUNDING: u64 = $rounding;
        }
    };
}

exact_integer!(u8 u16 u32 u64 i8 i16 i32 i64 i128);
exact_float!(f32, 1 << 29);
exact_float!(f64, 1);

/// `numerator * 2^-54`.
fn steps(numerator: u64) -> BigRational {
    BigRational::new(numerator.into(), (1_u64 << 54).into())
}

#[track_caller]
fn check<T: Exact>(values: &[T], new: &[T], quotients: &[f64]) {
    let pick = |keep_first: fn(&T, &T) -> bool| {
        values
            .iter()
            .copied()
            .reduce(|a, b| if keep_first(&a, &b) { a } else { b })
            .unwrap()
    };
    let (min, max) = (pick(|a, b| a <= b), pick(|a, b| a >= b));
    let strict = Policies {
        outside: Outside::Error,
        ..Policies::default()
    };
    let kernel = MinMaxKernel::new(min, max, strict).unwrap();
    let mut sorted: Vec<T> = values.iter().copied().chain([min, max]).collect();
    sorted.sort_by(|a, b| a.partial_cmp(b).unwrap());

    let mut out = Vec::new();
    assert_eq!(
        kernel.forward(&sorted, |_| true, &mut out),
        Report::default()
    );
    let scaled: Vec<f64> = out.iter().map(|&y| y.into()).collect();
    assert_eq!(scaled[0].to_bits(), 0);
    let top = if kernel.is_constant() { 0.0 } else { 1.0 };
    assert_eq!(scaled[scaled.len() - 1].to_bits(), f64::to_bits(top));
    assert!(scaled.windows(2).all(|pair| pair[0] <= pair[1]));
    assert!(
        scaled
            .iter()
            .all(|y| (0.0..=1.0).contains(y) && y.is_sign_positive())
    );

    // The order is kept for new values too, whatever overflows.
    let open = Policies {
        infinities: Infinities::Keep,
        ..Policies::default()
    };
    let mut all: Vec<T> = sorted.iter().chain(new).copied().collect();
    all.sort_by(|a, b| a.partial_cmp(b).unwrap());
    let mut wide = Vec::new();
    let loose = MinMaxKernel::new(min, max, open).unwrap();
    loose.forward(&all, |_| true, &mut wide);
    assert!(
        wide.windows(2).all(|pair| pair[0] <= pair[1]),
        "{min:?} {max:?} {all:?} {wide:?}"
    );
    assert!(
        wide.iter()
            .all(|&y| !(y.into() == 0.0 && y.into().is_sign_negative()))
    );
    let output = OutputRange {
        low: -0.3,
        high: 0.1,
    };
    let mut placed = Vec::new();
    let moved = MinMaxKernel::new(min, max, Policies { output, ..open }).unwrap();
    moved.forward(&all, |_| true, &mut placed);
    assert!(placed.windows(2).all(|pair| pair[0] <= pair[1]));

    inverse_is_within_its_bounds(&kernel, min, max, &sorted, &out, quotients);
}

fn inverse_is_within_its_bounds<T: Exact>(
    kernel: &MinMaxKernel<T>,
    min: T,
    max: T,
    sorted: &[T],
    out: &[T::Scaled],
    quotients: &[f64],
) {
    let mut back = Vec::new();
    assert_eq!(kernel.inverse(out, |_| true, &mut back), Report::default());
    assert!(back[0] == min && back[back.len() - 1] == max);
    let range = max.exact() - min.exact();
    let small = range <= BigRational::from_u64(1 << 53).unwrap();
    for ((&x, &restored), &y) in sorted.iter().zip(&back).zip(out) {
        let error = (restored.exact() - x.exact()).abs();
        if T::INTEGER && small {
            assert!(restored == x, "{x:?} came back as {restored:?}");
        } else {
            // Distances that round to that of the maximum all come back as the maximum:
            // one ulp of the range. The last term covers products of two roundings.
            let bound =
                &range * (steps(3 + T::ROUNDING) + steps(1) * steps(1 << 6)) + restored.half_ulp();
            assert!(
                error <= bound,
                "{x:?} came back as {restored:?} in {min:?}..{max:?}"
            );
        }
        // The value in f64 agrees, with one more rounding to f64.
        let value = kernel.inverse_value(y.into());
        let error = (value.exact() - x.exact()).abs();
        let bound = &range * (steps(3 + T::ROUNDING) + steps(1) * steps(1 << 6))
            + value.half_ulp() * BigRational::from_u8(2).unwrap()
            + if small {
                BigRational::from_u8(0).unwrap()
            } else {
                x.half_ulp()
            };
        assert!(
            error <= bound,
            "{x:?} came back as {value:?} in {min:?}..{max:?}"
        );
    }
    if kernel.is_constant() {
        return;
    }
    let mut back = Vec::new();
    kernel.inverse(quotients, |_| true, &mut back);
    for (&quotient, &restored) in quotients.iter().zip(&back) {
        let exact = min.exact() + quotient.exact() * &range;
        let bound = &range * steps(2) + restored.half_ulp();
        assert!(
            (restored.exact() - exact).abs() <= bound,
            "{quotient:?} in {min:?}..{max:?}"
        );
        assert!(restored >= min && restored <= max);
    }
    let mut order: Vec<(f64, T)> = quotients.iter().copied().zip(back).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    assert!(order.windows(2).all(|pair| pair[0].1 <= pair[1].1));
}

/// Under the strictest policies, a null slot is never an event, whatever lies in it.
#[track_caller]
fn nulls_are_hidden<T: Physical>(min: T, max: T, values: &[T]) {
    let policies = Policies {
        nans: Nans::Error,
        infinities: Infinities::Error,
        constant: Constant::Null,
        outside: Outside::Error,
        ..Policies::default()
    };
    let kernel = MinMaxKernel::new(min, max, policies).unwrap();
    let mut out = Vec::new();
    assert_eq!(
        kernel.forward(values, |_| false, &mut out),
        Report::default()
    );
    assert!(out.iter().all(|&y| y.into().is_finite()));
    let wild = [f64::NAN, f64::INFINITY, -1e300];
    let mut back = Vec::new();
    assert_eq!(
        kernel.inverse(&wild, |_| false, &mut back),
        Report::default()
    );
}

fn quotient() -> impl Strategy<Value = Vec<f64>> {
    vec(
        prop_oneof![
            0.0..=1.0,
            Just(0.0),
            Just(1.0),
            Just(1.0_f64.next_down()),
            Just(0.5)
        ],
        1..6,
    )
}

macro_rules! every_dtype {
    ($($name:ident: $number:ty = $strategy:expr;)*) => {$(
        mod $name {
            use super::*;
            proptest! {
                #![proptest_config(ProptestConfig::with_cases(400))]
                #[test]
                fn scales(
                    values in vec($strategy, 1..20),
                    new in vec($strategy, 0..10),
                    quotients in quotient(),
                ) {
                    check::<$number>(&values, &new, &quotients);
                }

                #[test]
                fn hides_nulls(values in vec(any::<$number>(), 0..3000), a in $strategy, b in $strategy) {
                    let (min, max) = if a < b { (a, b) } else { (b, a) };
                    nulls_are_hidden::<$number>(min, max, &values);
                }
            }
        }
    )*};
}

const LARGEST_DECIMAL: i128 = 10_i128.pow(38) - 1;

every_dtype! {
    bytes: u8 = any::<u8>();
    shorts: u16 = any::<u16>();
    words: u32 = any::<u32>();
    longs: u64 = prop_oneof![any::<u64>(), 0..1_u64 << 53, u64::MAX - 1000..=u64::MAX];
    signed_bytes: i8 = any::<i8>();
    signed_shorts: i16 = any::<i16>();
    signed_words: i32 = any::<i32>();
    signed_longs: i64 = prop_oneof![any::<i64>(), -1000..1000_i64, (1_i64 << 60)..(1 << 60) + (1 << 53)];
    near_longs: i64 = (1_i64 << 60)..(1 << 60) + (1 << 53);
    decimals: i128 = prop_oneof![
        -LARGEST_DECIMAL..=LARGEST_DECIMAL,
        LARGEST_DECIMAL - 1000..=LARGEST_DECIMAL,
        -LARGEST_DECIMAL..=1000 - LARGEST_DECIMAL,
        -1000..1000_i128,
    ];
    high_decimals: i128 = LARGEST_DECIMAL - (1 << 53)..=LARGEST_DECIMAL;
    wide: i128 = any::<i128>();
    floats: f64 = prop_oneof![
        proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL | proptest::num::f64::ZERO,
        -10.0..10.0,
        Just(f64::MAX), Just(f64::MIN), Just(-0.0), Just(5e-324),
    ];
    near_floats: f64 = -0.1..1.0;
    singles: f32 = prop_oneof![
        proptest::num::f32::NORMAL | proptest::num::f32::SUBNORMAL | proptest::num::f32::ZERO,
        (-10.0_f32..10.0_f32),
        Just(f32::MAX), Just(f32::MIN), Just(-0.0), Just(1e-45),
    ];
}

proptest! {
    #[test]
    fn what_is_already_scaled_does_not_change(
        values in vec(0.0..=1.0, 1..50),
        singles in vec(0.0_f32..=1.0, 1..50),
    ) {
        let mut out = Vec::new();
        MinMaxKernel::new(0.0, 1.0, Policies::default()).unwrap().forward(&values, |_| true, &mut out);
        prop_assert_eq!(out, values);
        let mut out = Vec::new();
        MinMaxKernel::new(0.0_f32, 1.0, Policies::default()).unwrap().forward(&singles, |_| true, &mut out);
        prop_assert_eq!(out, singles);
    }

    #[test]
    #[expect(clippy::cast_precision_loss, reason = "the rounding is what is compared")]
    fn distances_of_64_bits_are_rounded_once(a: i64, b: i64, c: u64, d: u64) {
        let exact = i128::from(a) - i128::from(b);
        prop_assert_eq!(a.distance(b.anchor(false)).to_bits(), (exact as f64).to_bits());
        let exact = i128::from(c) - i128::from(d);
        prop_assert_eq!(c.distance(d.anchor(false)).to_bits(), (exact as f64).to_bits());
    }
}
