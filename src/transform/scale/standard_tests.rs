//! The policies and properties of the standard kernel.

use proptest::collection::vec;
use proptest::prelude::*;

use super::judge::in_both_ways;
use super::number::Physical;
use super::policy::{Constant, Infinities, Nans, Policies};
use super::report::Report;
use super::standard::StandardKernel;

fn kernel<T: Physical>(
    origin: i128,
    offset: f64,
    scale: f64,
    policies: Policies,
) -> StandardKernel<T> {
    StandardKernel::new(origin, offset, scale, policies).unwrap()
}

#[track_caller]
fn scales<T: Physical>(mean: (i128, f64), scale: f64, values: &[T], expected: &[T::Scaled]) {
    let mut out = Vec::new();
    let kernel = kernel::<T>(mean.0, mean.1, scale, Policies::default());
    assert_eq!(
        kernel.forward(values, |_| true, &mut out),
        Report::default()
    );
    assert_eq!(format!("{out:?}"), format!("{expected:?}"));
    let mut back = Vec::new();
    assert_eq!(kernel.inverse(&out, |_| true, &mut back), Report::default());
    assert_eq!(back, values);
}

#[test]
fn known_columns_are_scaled_and_restored() {
    scales(
        ((1 << 60) + 1, 0.5),
        0.5,
        &[(1_i64 << 60) + 1, (1 << 60) + 2],
        &[-1.0, 1.0],
    );
    scales((5, 0.5), 2.5, &[3_u8, 8], &[-1.0, 1.0]);
    let n = 10_i128.pow(38) - 1;
    scales((n - 1, 0.0), 2.0, &[n - 2, n - 1, n], &[-0.5, 0.0, 0.5]);
    scales((i128::from(u64::MAX), -2.0), 4.0, &[u64::MAX], &[0.5]);
    scales((0, 1.5), 0.5, &[1.0, 2.0, 1.5], &[-1.0, 1.0, 0.0]);
    scales((0, 1.5), 0.5, &[1.0_f32, 2.0], &[-1.0, 1.0]);
    let n = 2.0_f64.powi(1023);
    scales((0, -n), n, &[1.5 * n, -n], &[2.5, 0.0]);
    scales((0, 0.0), 1.7e308, &[-1.7e308, 1.7e308], &[-1.0, 1.0]);
    scales((0, 0.0), 5e-324, &[5e-324, 0.0], &[1.0, 0.0]);
    scales((7, 0.0), 0.0, &[7_i64, 7, 9, 4], &[0.0, 0.0, 2.0, -3.0]);
    scales((0, 2.5), 0.0, &[2.5, 3.0], &[0.0, 0.5]);
}

#[test]
fn policies_are_followed() {
    let values = [f64::NAN, f64::INFINITY, 1.0, -0.0];
    let mut out = Vec::new();
    let report =
        kernel::<f64>(0, 0.0, 1.0, Policies::default()).forward(&values, |_| true, &mut out);
    assert_eq!(report.infinities.first, Some((1, "inf".to_owned())));
    assert!(out[0].is_nan() && out[3].is_sign_positive());

    let null = Policies {
        nans: Nans::Null,
        infinities: Infinities::Null,
        ..Policies::default()
    };
    let report = kernel::<f64>(0, 0.0, 1.0, null).forward(&values, |_| true, &mut out);
    assert_eq!(report.nulls_made, Some(vec![true, true, false, false]));

    let keep = Policies {
        nans: Nans::Error,
        infinities: Infinities::Keep,
        ..Policies::default()
    };
    out.clear();
    let report = kernel::<f64>(0, 0.0, 1e-310, keep).forward(&values, |_| true, &mut out);
    assert_eq!((report.nans.count, report.infinities.count), (1, 0));
    assert!(out[1].is_infinite() && out[2].is_infinite());

    let constant = Policies {
        constant: Constant::Null,
        ..Policies::default()
    };
    let report = kernel::<u32>(3, 0.0, 0.0, constant).forward(&[3, 4], |_| true, &mut out);
    assert_eq!(report.nulls_made, Some(vec![true, true]));
    // A tiny deviation makes even an integer overflow.
    let report =
        kernel::<u32>(0, 0.0, 5e-324, Policies::default()).forward(&[3], |_| true, &mut out);
    assert_eq!(report.infinities.first, Some((0, "3".to_owned())));
}

#[test]
fn what_cannot_have_been_learned_is_refused() {
    let policies = Policies::default();
    assert!(StandardKernel::<u8>::new(256, 0.0, 1.0, policies).is_none());
    assert!(StandardKernel::<f64>::new(1, 0.0, 1.0, policies).is_none());
    assert!(StandardKernel::<u8>::new(0, f64::NAN, 1.0, policies).is_none());
    assert!(StandardKernel::<u8>::new(0, 0.0, -1.0, policies).is_none());
    assert!(StandardKernel::<u8>::new(0, 0.0, 0.0, policies).is_some_and(|k| k.is_constant()));
}

#[test]
fn the_inverse_saturates_and_stays_f64_for_values() {
    let kernel = kernel::<i8>(100, 0.25, 10.0, Policies::default());
    let mut back = Vec::new();
    let report = kernel.inverse(&[1.0, 5.0, -50.0, f64::NAN, 9.0], |at| at != 4, &mut back);
    assert_eq!(back[..3], [110, 127, -128]);
    assert_eq!(report.saturated.count, 2);
    assert_eq!(
        report.nulls_made,
        Some(vec![false, false, false, true, false])
    );
    assert!((kernel.inverse_value(1.0) - 110.25).abs() == 0.0);
}

/// Whether a block has the same bits and the same event in every register.
fn is_the_same<T: Physical>(values: &[T], kernel: StandardKernel<T>) -> bool {
    let [wide, plain] = in_both_ways(values, kernel);
    // A NaN is like no other, and its text is like that of all.
    format!("{wide:?}") == format!("{plain:?}")
}

proptest! {
    #[test]
    fn the_registers_of_the_processor_show_in_no_bit(
        floats in vec(any::<f64>(), 1..200),
        integers in vec(any::<i64>(), 1..200),
        words in vec(any::<i32>(), 1..200),
        offset in -1e3..1e3,
        scale in 1e-3..1e3,
    ) {
        let policies = Policies::default();
        prop_assert!(is_the_same(&floats, kernel(0, offset, scale, policies)));
        let singles: Vec<f32> = integers.iter().map(|x| *x as f32).collect();
        prop_assert!(is_the_same(&singles, kernel(0, offset, scale, policies)));
        prop_assert!(is_the_same(&integers, kernel(17, offset, scale, policies)));
        prop_assert!(is_the_same(&words, kernel(17, offset, scale, policies)));
    }

    #[test]
    fn integers_keep_their_order_and_come_back(
        origin in any::<i64>(),
        near in vec(-(1_i64 << 48)..1 << 48, 1..30),
        offset in -1.0..1.0,
        scale in 1e-3..1e14,
    ) {
        let mut values: Vec<i64> = near.iter().map(|&d| origin.saturating_add(d)).collect();
        values.sort_unstable();
        let kernel = kernel::<i64>(origin.into(), offset, scale, Policies::default());
        let mut out = Vec::new();
        prop_assert_eq!(kernel.forward(&values, |_| true, &mut out), Report::default());
        prop_assert!(out.windows(2).all(|pair| pair[0] <= pair[1]));
        let mut back = Vec::new();
        kernel.inverse(&out, |_| true, &mut back);
        prop_assert_eq!(back, values);
    }

    #[test]
    fn floats_keep_their_order_and_come_back(
        mut values in vec(proptest::num::f64::NORMAL | proptest::num::f64::ZERO, 1..30),
        offset in -1e3..1e3,
        scale in 1e-3..1e3,
    ) {
        values.sort_by(f64::total_cmp);
        let keep = Policies { infinities: Infinities::Keep, ..Policies::default() };
        let kernel = kernel::<f64>(0, offset, scale, keep);
        let mut out = Vec::new();
        kernel.forward(&values, |_| true, &mut out);
        prop_assert!(out.windows(2).all(|pair| pair[0] <= pair[1]));
        prop_assert!(out.iter().all(|&y| !(y == 0.0 && y.is_sign_negative())));
        for (&x, &y) in values.iter().zip(&out).filter(|(_, y)| y.is_finite()) {
            let bound = 4.0 * f64::EPSILON * (x.abs() + offset.abs());
            prop_assert!((kernel.inverse_value(y) - x).abs() <= bound);
        }
    }

    #[test]
    fn nulls_are_hidden(values in vec(any::<f64>(), 0..3000), scale in 0.0..1.0) {
        let strict = Policies { nans: Nans::Error, constant: Constant::Null, ..Policies::default() };
        let mut out = Vec::new();
        let report = kernel::<f64>(0, 1.0, scale, strict).forward(&values, |_| false, &mut out);
        prop_assert_eq!(report, Report::default());
        prop_assert!(out.iter().all(|y| y.is_finite()));
    }
}
