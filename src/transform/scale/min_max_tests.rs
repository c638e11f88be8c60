//! The rows of the truth table, the policies, and every triple of 8-bit values.

use std::fmt::Debug;

use super::min_max::MinMaxKernel;
use super::number::Physical;
use super::policy::{Constant, Infinities, Nans, OutputRange, Outside, Policies};
use super::report::Report;

fn kernel<T: Physical>(min: T, max: T, policies: Policies) -> MinMaxKernel<T> {
    MinMaxKernel::new(min, max, policies).unwrap()
}

fn run<T: Physical>(min: T, max: T, policies: Policies, values: &[T]) -> (Vec<T::Scaled>, Report) {
    let mut out = Vec::new();
    let report = kernel(min, max, policies).forward(values, |_| true, &mut out);
    (out, report)
}

/// Compares by text, which tells NaN from numbers and -0.0 from 0.0.
#[track_caller]
fn scales<T: Physical>(min: T, max: T, values: &[T], expected: &[T::Scaled]) {
    let (out, report) = run(min, max, Policies::default(), values);
    same(&out, expected);
    assert_eq!(report, Report::default());
}

#[track_caller]
fn same<S: Debug>(out: &[S], expected: &[S]) {
    assert_eq!(format!("{out:?}"), format!("{expected:?}"));
}

#[test]
fn the_truth_table_holds() {
    scales(10_u32, 250, &[10, 250, 5], &[0.0, 1.0, -5.0 / 240.0]);
    scales(10_u8, 255, &[10, 255, 5], &[0.0, 1.0, -5.0 / 245.0]);
    scales(-128_i8, 127, &[-128, 0, 127], &[0.0, 128.0 / 255.0, 1.0]);
    scales(
        i64::MIN,
        i64::MAX,
        &[i64::MIN, 0, i64::MAX],
        &[0.0, 0.5, 1.0],
    );
    let n = 1_i64 << 53;
    scales(n, n + 2, &[n, n + 1, n + 2], &[0.0, 0.5, 1.0]);
    let n = u64::MAX;
    scales(n - 2, n, &[n - 2, n - 1, n], &[0.0, 0.5, 1.0]);
    scales(
        -1.7e308,
        1.7e308,
        &[-1.7e308, 0.0, 1.7e308],
        &[0.0, 0.5, 1.0],
    );
    scales(0.0, 5e-324, &[0.0, 5e-324], &[0.0, 1.0]);
    scales(0.0, 6e-7, &[0.0, 3e-7, 6e-7], &[0.0, 0.5, 1.0]);
    scales(5.0, 5.0, &[5.0, 5.0], &[0.0, 0.0]);
    scales(1.0, 3.0, &[1.0, f64::NAN, 3.0], &[0.0, f64::NAN, 1.0]);
    scales(0_u8, 1, &[0, 1], &[0.0, 1.0]); // Booleans are 0 and 1.
    scales::<f64>(0.0, 1.0, &[], &[]);
    let n = 10_i128.pow(38) - 1;
    scales(-n, n, &[-n, 0, n], &[0.0, 0.5, 1.0]);
    scales(n - 2, n, &[n - 2, n - 1, n], &[0.0, 0.5, 1.0]);
    scales(
        i128::MIN,
        i128::MAX,
        &[i128::MIN, 0, i128::MAX],
        &[0.0, 0.5, 1.0],
    );
    scales(-3e38_f32, 3e38, &[-3e38, 0.0, 3e38], &[0.0, 0.5, 1.0]);
    scales(0.0, 1.0, &[-0.0, 1.0], &[0.0, 1.0]);
}

#[test]
fn an_infinity_is_an_error_with_its_place_unless_a_policy_says_otherwise() {
    let values = [1.0, f64::INFINITY, 3.0, f64::NEG_INFINITY];
    let (_, report) = run(1.0, 3.0, Policies::default(), &values);
    assert_eq!(report.infinities.count, 2);
    assert_eq!(report.infinities.first, Some((1, "inf".to_owned())));
    assert!(report.has_errors() && report.nulls_made.is_none());

    let keep = Policies {
        infinities: Infinities::Keep,
        ..Policies::default()
    };
    let (out, report) = run(1.0, 3.0, keep, &values);
    same(&out, &[0.0, f64::INFINITY, 1.0, f64::NEG_INFINITY]);
    assert_eq!(report, Report::default());

    let clip = Policies {
        outside: Outside::Clip,
        ..keep
    };
    same(&run(1.0, 3.0, clip, &values).0, &[0.0, 1.0, 1.0, 0.0]);

    let null = Policies {
        infinities: Infinities::Null,
        ..Policies::default()
    };
    let (out, report) = run(1.0, 3.0, null, &values);
    same(&out, &[0.0, 0.0, 1.0, 0.0]);
    assert_eq!(report.nulls_made, Some(vec![false, true, false, true]));
}

#[test]
fn a_new_value_may_overflow_only_if_its_result_does() {
    let n = 2.0_f64.powi(1023);
    scales(-n, 0.0, &[1.5 * n], &[2.5]);
    scales(
        -1.7e308,
        1.7e308,
        &[f64::MAX, f64::MIN],
        &[1.028_733_274_959_504_6, -0.028_733_274_959_504_64],
    );
    let (_, report) = run(0.0, 5e-324, Policies::default(), &[1.0, f64::MAX]);
    assert_eq!(report.infinities.first, Some((0, "1.0".to_owned())));
    assert_eq!(report.infinities.count, 2);
    let (_, report) = run(0.0_f32, 1e-45, Policies::default(), &[3e38]);
    assert_eq!(report.infinities.count, 1);
    let (out, _) = run(-5e-324, f64::MAX, Policies::default(), &[-1e-323]);
    same(&out, &[0.0]); // The quotient is below zero, but too small to say.
}

#[test]
fn nan_follows_its_policy() {
    let values = [f32::NAN, 2.0];
    let null = Policies {
        nans: Nans::Null,
        ..Policies::default()
    };
    assert_eq!(
        run(1.0, 3.0, null, &values).1.nulls_made,
        Some(vec![true, false])
    );
    let error = Policies {
        nans: Nans::Error,
        ..Policies::default()
    };
    assert_eq!(
        run(1.0, 3.0, error, &values).1.nans.first,
        Some((0, "NaN".to_owned()))
    );
    let negative = f64::from_bits(f64::NAN.to_bits() | 1 << 63 | 7);
    let (out, _) = run(1.0, 3.0, Policies::default(), &[negative]);
    assert_eq!(out[0].to_bits(), f64::NAN.to_bits());
}

#[test]
fn values_outside_follow_their_policy() {
    let values = [5_u32, 10, 130, 250, 490];
    let with = |outside| Policies {
        outside,
        ..Policies::default()
    };
    let (out, _) = run(10, 250, with(Outside::Keep), &values);
    same(&out, &[-5.0 / 240.0, 0.0, 0.5, 1.0, 2.0]);
    let (out, report) = run(10, 250, with(Outside::Clip), &values);
    same(&out, &[0.0, 0.0, 0.5, 1.0, 1.0]);
    assert_eq!(report, Report::default());
    let (_, report) = run(10, 250, with(Outside::Null), &values);
    assert_eq!(
        report.nulls_made,
        Some(vec![true, false, false, false, true])
    );
    let (_, report) = run(10, 250, with(Outside::Error), &values);
    assert_eq!(
        (report.outside.count, report.outside.first),
        (2, Some((0, "5".to_owned())))
    );
    // A value just outside whose quotient rounds to 1 is outside all the same.
    let (_, report) = run(0, u64::MAX - 1, with(Outside::Error), &[u64::MAX]);
    assert_eq!(report.outside.count, 1);
}

#[test]
fn a_constant_column_follows_its_policy() {
    let values = [5.0, 7.5, 4.0];
    let (out, _) = run(5.0, 5.0, Policies::default(), &values);
    same(&out, &[0.0, 2.5, -1.0]);
    let clip = Policies {
        outside: Outside::Clip,
        ..Policies::default()
    };
    same(&run(5.0, 5.0, clip, &values).0, &[0.0, 1.0, 0.0]);
    let null = Policies {
        constant: Constant::Null,
        ..Policies::default()
    };
    assert_eq!(
        run(5.0, 5.0, null, &values).1.nulls_made,
        Some(vec![true; 3])
    );
    assert_eq!(run(0_i64, 1, null, &[0, 1]).1.nulls_made, None);
    let kernel = kernel(5_i64, 5, Policies::default());
    assert!(kernel.is_constant());
    let mut back = Vec::new();
    kernel.inverse(&[0.0, 1.0, -3.0], |_| true, &mut back);
    assert_eq!(back, [5, 6, 2]);
}

#[test]
fn the_output_range_is_exact_at_its_ends() {
    let with = |low, high| Policies {
        output: OutputRange { low, high },
        ..Policies::default()
    };
    same(
        &run(0_i16, 4, with(-1.0, 1.0), &[0, 2, 4, 6]).0,
        &[-1.0, 0.0, 1.0, 2.0],
    );
    same(
        &run(0_i16, 2, with(-1.7e308, 1.7e308), &[0, 1, 2]).0,
        &[-1.7e308, 0.0, 1.7e308],
    );
    same(&run(0_i16, 2, with(-1.0, -0.0), &[2]).0, &[0.0]);
    same(
        &run(0.0_f32, 3.0, with(0.1, 0.7), &[0.0, 3.0]).0,
        &[0.1, 0.7],
    );
    let kernel = kernel(10.0_f32, 13.0, with(0.1, 0.7));
    let mut back = Vec::new();
    kernel.inverse(&[0.1_f32, 0.7], |_| true, &mut back);
    kernel.inverse(&[0.1_f64, 0.7], |_| true, &mut back);
    assert_eq!(back, [10.0, 13.0, 10.0, 13.0]);
}

#[test]
fn what_cannot_have_been_learned_is_refused() {
    let policies = Policies::default();
    assert!(MinMaxKernel::new(2, 1, policies).is_none());
    assert!(MinMaxKernel::new(f64::NAN, 1.0, policies).is_none());
    assert!(MinMaxKernel::new(0.0, f64::INFINITY, policies).is_none());
    let output = OutputRange {
        low: 1.0,
        high: 1.0,
    };
    assert!(MinMaxKernel::new(0, 1, Policies { output, ..policies }).is_none());
}

#[test]
fn the_inverse_saturates_and_counts() {
    let kernel = kernel(0_u8, 100, Policies::default());
    let mut back = Vec::new();
    let values = [
        2.0,
        3.0,
        -1.0,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        1e300,
        0.125,
    ];
    let report = kernel.inverse(&values, |at| at != 2, &mut back);
    assert_eq!(back, [200, 255, 0, 255, 255, 0, 255, 13]);
    assert_eq!(report.saturated.count, 4);
    assert_eq!(report.saturated.first, Some((1, "3.0".to_owned())));
    assert_eq!(report.nulls_made.map(|made| made[3]), Some(true));
    assert!((kernel.inverse_value(0.125) - 12.5).abs() == 0.0);
    assert!(kernel.inverse_value(f64::NAN).is_nan());
}

#[test]
fn the_inverse_in_f64_keeps_large_integers() {
    let n = 1_i64 << 60;
    let kernel = kernel(n + 256, n + 1024, Policies::default());
    assert!((kernel.inverse_value(0.0) - 1_152_921_504_606_847_232.0).abs() == 0.0);
    assert!((kernel.inverse_value(1.0) - 1_152_921_504_606_848_000.0).abs() == 0.0);
    assert!(kernel.inverse_value(1e300) > 1e302);
}

#[test]
fn offences_are_placed_over_the_whole_slice() {
    let mut values = vec![1.0; 5000];
    values[3000] = f64::INFINITY;
    values[4500] = f64::NEG_INFINITY;
    let policies = Policies::default();
    let mut out = vec![7.0];
    let report = kernel(0.0, 2.0, policies).forward(&values, |at| at != 3000, &mut out);
    assert_eq!(report.infinities.first, Some((4500, "-inf".to_owned())));
    assert_eq!(out.len(), 5001);
    same(&out[..2], &[7.0, 0.5]);
}

/// Every triple of an 8-bit type. Both differences are exact in f64, so the division
/// is the correctly rounded quotient of two integers, which is what is compared with.
fn all_triples<T: Physical + Into<i32>>(all: &[T]) {
    let with = |outside| Policies {
        outside,
        ..Policies::default()
    };
    let (mut plain, mut clipped, mut counted, mut back) = (vec![], vec![], vec![], vec![]);
    for (at, &min) in all.iter().enumerate() {
        for &max in &all[at..] {
            plain.clear();
            clipped.clear();
            counted.clear();
            back.clear();
            let keep = kernel(min, max, with(Outside::Keep));
            assert_eq!(keep.forward(all, |_| true, &mut plain), Report::default());
            kernel(min, max, with(Outside::Clip)).forward(all, |_| true, &mut clipped);
            let report =
                kernel(min, max, with(Outside::Error)).forward(all, |_| true, &mut counted);
            let (low, high): (i32, i32) = (min.into(), max.into());
            assert_eq!(
                report.outside.count,
                u64::try_from(255 - (high - low)).unwrap()
            );
            assert_eq!(keep.inverse(&plain, |_| true, &mut back), Report::default());
            assert_eq!(back, all, "the inverse for {min:?}..{max:?}");
            for ((&x, &y), &c) in all.iter().zip(&plain).zip(&clipped) {
                let (x, y, c): (i32, f64, f64) = (x.into(), y.into(), c.into());
                let expected = f64::from(x - low) / f64::from((high - low).max(1));
                assert_eq!(y.to_bits(), expected.to_bits(), "{x} in {min:?}..{max:?}");
                let bound = if x > high { 1.0 } else { expected.max(0.0) };
                assert_eq!(c.to_bits(), bound.to_bits(), "{x} in {min:?}..{max:?}");
            }
        }
    }
}

#[test]
fn all_triples_of_i8_are_exact() {
    all_triples(&(i8::MIN..=i8::MAX).collect::<Vec<_>>());
}

#[test]
fn all_triples_of_u8_are_exact() {
    all_triples(&(u8::MIN..=u8::MAX).collect::<Vec<_>>());
}
