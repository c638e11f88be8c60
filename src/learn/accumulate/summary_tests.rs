//! Tests of the summary: bits, extremes, and exactness.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "The numbers here are made for the tests, and small enough."
)]

use proptest::prelude::*;

use super::exact::{integer, mean_and_variance, rational, ulps};
use super::summary::{ColumnSummary, State, Summary};
use super::value::Value;
use super::{Validity, count_of};
use num_rational::BigRational;

type Bits = (
    u64,
    u64,
    u64,
    u64,
    Option<u64>,
    Option<u64>,
    Option<(i128, u64, u64, u64, i32)>,
);

fn bits(summary: &Summary<f64>) -> Bits {
    let spread = summary.spread.map(|spread| {
        let mean = spread.mean;
        (
            mean.origin,
            mean.offset.to_bits(),
            mean.residue.to_bits(),
            spread.m2.to_bits(),
            spread.exponent,
        )
    });
    let ends = (summary.min.map(f64::to_bits), summary.max.map(f64::to_bits));
    (
        summary.rows,
        summary.nulls,
        summary.nans,
        summary.infinities,
        ends.0,
        ends.1,
        spread,
    )
}

fn whole<V: Value>(values: &[V]) -> Summary<V::Extreme> {
    let mut summary = ColumnSummary::new(true);
    summary.push(values, None);
    summary.finish()
}

/// A generator of the tests' own, so that their data never changes.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn in_chunks<V: Value>(
    values: &[V],
    valid: Option<&[bool]>,
    seed: u64,
    longest: u64,
) -> State<V::Extreme> {
    let mut random = Random(seed | 1);
    let mut summary = ColumnSummary::new(true);
    let mut start = 0;
    while start < values.len() {
        let end = values.len().min(start + (random.next() % longest) as usize);
        let part = valid.map(|valid| &valid[start..end]);
        summary.push(
            &values[start..end],
            part.as_ref().map(|part| part as &dyn Validity),
        );
        start = end;
    }
    summary.state()
}

#[test]
fn a_million_rows_have_the_same_bits_in_twenty_chunkings() {
    let mut random = Random(7);
    let kinds = [1e16, 1.0, -1e16, f64::NAN, 3.5, 0.1];
    let values: Vec<f64> = (0..1_000_003)
        .map(|_| kinds[(random.next() % 6) as usize])
        .collect();
    let valid: Vec<bool> = values
        .iter()
        .map(|_| !random.next().is_multiple_of(5))
        .collect();
    let truth = bits(&in_chunks(&values, Some(&valid), 1, u64::MAX).finish());
    for seed in 2..22 {
        assert_eq!(
            bits(&in_chunks(&values, Some(&valid), seed, 50_000).finish()),
            truth
        );
    }
}

#[test]
fn a_gap_counts_wherever_it_stands_in_a_block_of_any_length() {
    for length in (2..70).chain([4095, 4096, 4097]) {
        for gap in [0, length / 2, length - 1] {
            let mut values = vec![3.0; length];
            values[gap] = f64::NAN;
            let mut summary = ColumnSummary::<f64>::new(true);
            summary.extend(values.into_iter());
            let found = summary.finish();
            let case = format!("{gap} of {length}");
            assert_eq!(found.nans, 1, "{case}");
            assert_eq!(found.count, count_of(length) - 1, "{case}");
            assert_eq!(found.mean(), Some(3.0), "{case}");
        }
    }
}

#[test]
fn nulls_count_and_teach_nothing() {
    let mut summary = ColumnSummary::<f64>::new(true);
    summary.push(
        &[1.0, 99.0, f64::NAN, f64::INFINITY, f64::NAN, 3.0],
        Some(&[true, false, true, true, false, true].as_slice()),
    );
    let found = summary.finish();
    assert_eq!(
        (
            found.rows,
            found.nulls,
            found.nans,
            found.infinities,
            found.count
        ),
        (6, 2, 1, 1, 2)
    );
    assert_eq!(
        (found.min, found.max, found.mean(), found.m2()),
        (Some(1.0), Some(3.0), Some(2.0), Some(2.0))
    );
    let nothing = ColumnSummary::<i64>::new(true).finish();
    assert_eq!(
        (nothing.min, nothing.mean(), nothing.std()),
        (None, None, None)
    );
}

#[test]
fn zero_has_one_sign() {
    let found = whole(&[-0.0, -0.0]);
    assert_eq!(bits(&found).4, Some(0));
    assert_eq!(found.mean().map(f64::to_bits), Some(0));
}

#[test]
fn the_largest_and_smallest_floats_have_a_mean_and_a_deviation() {
    let large = whole(&[-1.7e308, 1.7e308]);
    assert_eq!(
        (large.mean(), large.std(), large.infinities),
        (Some(0.0), Some(1.7e308), 0)
    );
    let same = whole(&vec![f64::MAX; 5000]);
    assert_eq!((same.mean(), same.std()), (Some(f64::MAX), Some(0.0)));
    let small = whole(&[0.0, 1e-323]);
    assert_eq!((small.mean(), small.std()), (Some(5e-324), Some(5e-324)));
    assert_eq!(whole(&[0.0, 5e-324]).std(), Some(5e-324));
    let mut column = vec![0.0; 4096];
    column.extend(vec![5e-324 * 8.0; 4096]);
    column.extend(vec![0.0; 4096]);
    column.extend(vec![5e-324 * 8.0; 4096]);
    assert_eq!(
        (whole(&column).mean(), whole(&column).std()),
        (Some(5e-324 * 4.0), Some(5e-324 * 4.0))
    );
    let mut mixed = vec![1.0; 4096];
    mixed.extend(vec![1e300; 4096]);
    mixed.extend(vec![1e-300; 8192]);
    let found = whole(&mixed);
    assert_eq!(found.mean(), Some(0.25e300));
    let truth = 1e300 * (3.0_f64 / 16.0).sqrt();
    assert!((found.std().expect("a deviation") / truth - 1.0).abs() < 4e-16);
}

#[test]
fn integers_at_their_limits_are_exact() {
    let found = whole(&[i64::MIN, i64::MAX]);
    assert_eq!(
        (found.min, found.max),
        (Some(i128::from(i64::MIN)), Some(i128::from(i64::MAX)))
    );
    assert_eq!(
        (found.mean(), found.std()),
        (Some(-0.5), Some(2.0_f64.powi(63)))
    );
    let found = whole(&[i128::MIN, i128::MAX]);
    assert_eq!(
        (found.mean(), found.std()),
        (Some(-0.5), Some(2.0_f64.powi(127)))
    );
    let found = whole(&[u64::MAX, u64::MAX - 1, u64::MAX - 2]);
    let spread = found.spread.expect("moments");
    assert_eq!(
        (spread.mean.origin, spread.mean.offset, spread.m2),
        (i128::from(u64::MAX) - 1, 0.0, 2.0)
    );
    let mut far = vec![i64::MIN; 4096];
    far.extend(vec![i64::MAX; 4096]);
    far.extend(vec![i64::MAX - 1; 2]);
    let found = whole(&far);
    let exact: Vec<_> = far
        .iter()
        .map(|value| integer(i128::from(*value)))
        .collect();
    let (mean, variance) = mean_and_variance(&exact);
    let spread = found.spread.expect("moments");
    assert!(spread.mean.offset.abs() <= 0.5);
    let error = rational(spread.mean.offset) + integer(spread.mean.origin) - mean;
    let bound = rational(2.0_f64.powi(-40));
    assert!(error.clone() < bound && -error < bound);
    assert!(ulps(spread.m2 / 8194.0, &variance) <= 2.0);
}

#[test]
fn nist_numerical_accuracy_sets_are_as_exact_as_their_rounding() {
    let set = |start: f64, low: f64, high: f64| {
        let mut values = vec![start];
        values.extend((0..1000).map(|row| if row % 2 == 0 { low } else { high }));
        values
    };
    let first = whole(&[10_000_001_i32, 10_000_003, 10_000_002]);
    assert_eq!(
        (first.mean(), first.std_with(1)),
        (Some(10_000_002.0), Some(1.0))
    );
    for (name, values) in [
        ("NumAcc2", set(1.2, 1.1, 1.3)),
        ("NumAcc3", set(1_000_000.2, 1_000_000.1, 1_000_000.3)),
        ("NumAcc4", set(10_000_000.2, 10_000_000.1, 10_000_000.3)),
    ] {
        let found = whole(&values);
        let exact: Vec<_> = values.iter().map(|value| rational(*value)).collect();
        let (mean, variance) = mean_and_variance(&exact);
        let spread = found.spread.expect("moments");
        let (mean_error, variance_error) = (
            ulps(spread.mean.offset, &mean),
            ulps(spread.m2 / 1001.0, &variance),
        );
        let std = found.std_with(1).expect("a deviation");
        println!(
            "{name}: mean {mean_error:.2} ulp, variance {variance_error:.2} ulp, sd {std} against 0.1"
        );
        assert!(mean_error <= 0.51 && variance_error <= 2.0);
        assert!((values[0] - found.mean().expect("a mean")).abs() < 1e-8);
    }
}

#[test]
fn a_constant_column_has_no_deviation() {
    let found = whole(&vec![0.1; 1_000_003]);
    assert_eq!((found.mean(), found.m2()), (Some(0.1), Some(0.0)));
    let found = whole(&vec![0.1_f32; 10_007]);
    assert_eq!(
        (found.mean(), found.m2()),
        (Some(f64::from(0.1_f32)), Some(0.0))
    );
}

#[test]
fn folds_merge_to_the_whole() {
    let mut random = Random(3);
    let values: Vec<f64> = (0..50_000).map(|_| random.unit() + 5.0).collect();
    let states = values
        .chunks(9_000)
        .map(|fold| in_chunks(fold, None, 9, 500));
    let merged = states.reduce(State::merge).expect("folds").finish();
    let (once, merged) = (whole(&values), merged);
    assert_eq!(
        (once.rows, once.min, once.max, once.mean()),
        (merged.rows, merged.min, merged.max, merged.mean())
    );
    let ratio = merged.m2().expect("moments") / once.m2().expect("moments");
    assert!((ratio - 1.0).abs() < 5e-16, "{ratio}");
    let text = serde_json::to_string(&in_chunks(&values, None, 9, 500)).expect("json");
    let back: State<f64> = serde_json::from_str(&text).expect("json");
    assert_eq!(
        (back.finish().rows, back.finish().min),
        (once.rows, once.min)
    );
}

fn same_as_exact<V: Value>(values: &[V], exact: &[BigRational]) -> Result<(), TestCaseError> {
    let (mean, variance) = mean_and_variance(exact);
    let spread = whole(values).spread.expect("moments");
    let size = exact
        .iter()
        .map(|value| {
            if *value < integer(0) {
                -value
            } else {
                value.clone()
            }
        })
        .max()
        .expect("values");
    let mean_error = rational(spread.mean.offset) + integer(spread.mean.origin) - &mean;
    prop_assert!(
        ulps(spread.mean.value(), &mean) <= 2.0
            || mean_error.clone() * mean_error < size.clone() * size * rational(1.3e-32)
    );
    if variance > integer(0) {
        let count = integer(exact.len() as i128);
        let error = ulps(spread.m2, &(variance * count));
        prop_assert!(error <= 2.0, "{} units", error);
    }
    Ok(())
}

fn float() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => Just(1e16),
        4 => Just(1.0),
        2 => Just(f64::NAN),
        2 => -1e3..1e3,
        1 => Just(-0.0),
        1 => prop::num::f64::ANY,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_chunking_has_the_same_bits(
        pattern in prop::collection::vec((float(), any::<bool>()), 1..300),
        rows in 1..20_000_usize, seed in any::<u64>(), longest in 2..10_000_u64,
    ) {
        let values: Vec<f64> = pattern.iter().cycle().take(rows).map(|pair| pair.0).collect();
        let valid: Vec<bool> = pattern.iter().cycle().skip(seed as usize % 7).take(rows).map(|pair| pair.1).collect();
        let once = in_chunks(&values, Some(&valid), 1, u64::MAX).finish();
        prop_assert_eq!(bits(&in_chunks(&values, Some(&valid), seed, longest).finish()), bits(&once));
        let all = vec![true; rows];
        prop_assert_eq!(bits(&in_chunks(&values, Some(&all), seed, longest).finish()), bits(&whole(&values)));
    }

    #[test]
    fn any_chunking_of_integers_has_the_same_bits(
        pattern in prop::collection::vec((any::<i64>(), any::<bool>()), 1..300),
        rows in 1..20_000_usize, seed in any::<u64>(), longest in 2..10_000_u64,
    ) {
        let values: Vec<i64> = pattern.iter().cycle().take(rows).map(|pair| pair.0).collect();
        let valid: Vec<bool> = pattern.iter().cycle().take(rows).map(|pair| pair.1).collect();
        let once = in_chunks(&values, Some(&valid), 1, u64::MAX);
        prop_assert_eq!(in_chunks(&values, Some(&valid), seed, longest), once);
    }

    #[test]
    fn floats_come_within_two_units_of_the_truth(seed in any::<u64>(), rows in 1..4_500_usize, centre in -3.0..3.0_f64) {
        let mut random = Random(seed | 1);
        let values: Vec<f64> = (0..rows).map(|_| random.unit() + centre).collect();
        let exact: Vec<_> = values.iter().map(|value| rational(*value)).collect();
        same_as_exact(&values, &exact)?;
    }

    #[test]
    fn integers_come_within_two_units_of_the_truth(seed in any::<u64>(), rows in 1..4_500_usize, shift in 0..63_u32) {
        let mut random = Random(seed | 1);
        let values: Vec<i64> = (0..rows).map(|_| (random.next().cast_signed() >> shift).wrapping_add(i64::MAX / 3)).collect();
        let exact: Vec<_> = values.iter().map(|value| integer(i128::from(*value))).collect();
        same_as_exact(&values, &exact)?;
    }
}
