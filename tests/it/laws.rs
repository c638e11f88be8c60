//! What holds of min-max scaling whatever the rows, for every numeric dtype, through Polars.
//!
//! 64 cases a dtype with a fixed seed; `PROPTEST_CASES` asks for more.

use floe::polars::prelude::*;
use floe::prelude::*;
use floe::transform::scale::MinMaxScaling;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use crate::support::{bits, collect, frame, integer_dtypes, physical};

pub(crate) fn runner() -> TestRunner {
    let mut config = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 64;
    }
    config.failure_persistence = None;
    let seed = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    TestRunner::new_with_rng(config, seed)
}

fn fit(rows: &DataFrame) -> MinMaxScaling {
    let train = floe::train_on(InMemory::new(rows.clone())).expect("rows");
    MinMaxScaler::new(["x"]).fit_on(&train).expect("a fit")
}

// A query takes longer than its rows here, so both engines run only where chunks matter.
fn apply(fitted: &MinMaxScaling, rows: &DataFrame) -> DataFrame {
    let scaled = fitted.apply(rows.clone().lazy()).expect("a lazy frame");
    scaled.collect().expect("scaled rows")
}

fn undo(fitted: &MinMaxScaling, rows: DataFrame) -> DataFrame {
    let undone = fitted.inverse(rows.lazy()).expect("a lazy frame");
    undone.collect().expect("restored rows")
}

/// The rows in the order of `by`, which is as long as they are.
pub(crate) fn permuted(rows: &DataFrame, by: &[u32]) -> DataFrame {
    let order = IdxCa::from_vec("order".into(), by.to_vec());
    rows.take(&order).expect("rows")
}

/// The same rows in pieces, as they come from files and joins.
pub(crate) fn chunked(rows: &DataFrame, cuts: &[usize]) -> DataFrame {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (rows.height() + 1)).collect();
    ends.push(rows.height());
    ends.sort_unstable();
    let (mut start, mut filled) = (0, 0);
    let mut pieces = rows.slice(0, 0);
    for end in ends {
        let piece = rows.slice(start as i64, end - start);
        pieces.vstack_mut(&piece).expect("the same columns");
        filled += usize::from(end > start);
        start = end;
    }
    assert!(pieces.first_col_n_chunks() >= filled, "Polars joined them");
    pieces
}

/// An order of `len` rows out of random keys.
pub(crate) fn order(keys: &[u32], len: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..len as u32).collect();
    order.sort_by_key(|row| (keys[*row as usize % keys.len()].rotate_left(*row), *row));
    order
}

pub(crate) type Cells = Vec<Option<f64>>;

pub(crate) fn cells(rows: &DataFrame) -> Cells {
    let column = rows.column("x").expect("x").cast(&DataType::Float64);
    let column = column.expect("floats");
    column.f64().expect("floats").iter().collect()
}

/// The laws that hold for integers and floats alike; gives the scaled rows.
/// `before` orders the values as the dtype does.
fn check_laws<T: PartialOrd + Copy>(
    rows: &DataFrame,
    values: &[Option<T>],
    keys: &[u32],
    cuts: &[usize],
) -> (MinMaxScaling, DataFrame) {
    let fitted = fit(rows);
    let scaled = apply(&fitted, rows);
    let found = cells(&scaled);
    // Nulls stay where they are, and nothing else becomes one.
    let gaps = |at: usize| (values[at].is_none(), found[at].is_none());
    assert!((0..values.len()).all(|at| matches!(gaps(at), (true, true) | (false, false))));

    // In the order of the input: order is kept, so the first is the minimum and the last the maximum.
    let mut pairs: Vec<(T, f64)> = values
        .iter()
        .zip(&found)
        .filter_map(|(value, scaled)| value.zip(*scaled))
        .collect();
    pairs.sort_by(|left, right| left.0.partial_cmp(&right.0).expect("no NaN"));
    for pair in pairs.windows(2) {
        assert!(pair[0].1 <= pair[1].1, "the order is lost");
        assert!(pair[0].0 < pair[1].0 || pair[0].1.to_bits() == pair[1].1.to_bits());
    }
    let constant = pairs
        .first()
        .zip(pairs.last())
        .is_some_and(|(first, last)| first.0 == last.0);
    for (value, scaled) in &pairs {
        assert!((0.0..=1.0).contains(scaled), "{scaled}");
        let (first, last) = (pairs[0].0, pairs[pairs.len() - 1].0);
        if *value == first {
            assert_eq!(scaled.to_bits(), 0.0_f64.to_bits());
        } else if *value == last {
            assert_eq!(scaled.to_bits(), 1.0_f64.to_bits());
        }
    }
    // What is 0..1 already stays as it is.
    if !constant {
        assert_eq!(bits(&apply(&fit(&scaled), &scaled)), bits(&scaled));
    }
    // Neither the order of the rows nor the pieces that they come in change a bit.
    let order = order(keys, rows.height());
    let mixed = permuted(rows, &order);
    assert_eq!(fit(&mixed), fitted);
    assert_eq!(
        bits(&apply(&fitted, &mixed)),
        bits(&permuted(&scaled, &order))
    );
    let pieces = chunked(rows, cuts);
    assert_eq!(fit(&pieces), fitted);
    let of_pieces = fitted.apply(pieces.lazy()).and_then(collect);
    assert_eq!(bits(&of_pieces.expect("scaled rows")), bits(&scaled));
    (fitted, scaled)
}

/// Integers near one another, spread out, and at the ends of the dtype.
pub(crate) fn integers(low: i128, high: i128) -> impl Strategy<Value = Vec<Option<i128>>> {
    let near = low / 2 + high / 2;
    let value = prop_oneof![
        3 => low..=high,
        3 => (-5_i128..=5).prop_map(move |step| (near + step).clamp(low, high)),
        1 => Just(low),
        1 => Just(high),
    ];
    let spread = prop::collection::vec(prop::option::weighted(0.9, value), 1..40);
    let close = (low..=high).prop_flat_map(move |from| {
        let value = (0_i128..1000).prop_map(move |step| from.saturating_add(step).min(high));
        prop::collection::vec(prop::option::weighted(0.9, value), 1..40)
    });
    prop_oneof![spread, close]
}

pub(crate) fn shuffles() -> (
    impl Strategy<Value = Vec<u32>>,
    impl Strategy<Value = Vec<usize>>,
) {
    (
        prop::collection::vec(any::<u32>(), 1..40),
        prop::collection::vec(any::<usize>(), 0..6),
    )
}

fn check_integer_dtypes(wanted: impl Fn(&DataType) -> bool) {
    let mut checked = 0;
    for (dtype, low, high) in integer_dtypes() {
        if !wanted(&dtype) {
            continue;
        }
        checked += 1;
        let (keys, cuts) = shuffles();
        let law = |(values, keys, cuts): (Vec<Option<i128>>, Vec<u32>, Vec<usize>)| {
            let rows = frame(physical(&dtype, &values));
            let (fitted, scaled) = check_laws(&rows, &values, &keys, &cuts);
            let back = undo(&fitted, scaled);
            assert_eq!(back.column("x").expect("x").dtype(), &dtype);
            let some: Vec<i128> = values.iter().flatten().copied().collect();
            let Some((min, max)) = some.iter().min().zip(some.iter().max()) else {
                assert!(back.equals_missing(&rows));
                return Ok(());
            };
            let range = max.abs_diff(*min);
            if range < 1 << 53 {
                assert!(back.equals_missing(&rows), "{rows} {back}");
                return Ok(());
            }
            // Two roundings of the range, and half a unit.
            let within = (range >> 52) + 1;
            for (value, back) in values.iter().zip(numbers(&back)) {
                let off = value.zip(back).map(|(value, back)| value.abs_diff(back));
                assert!(
                    off.is_none_or(|off| off <= within),
                    "{dtype} {off:?} {within}"
                );
                assert_eq!(value.is_none(), back.is_none());
            }
            Ok(())
        };
        runner()
            .run(&(integers(low, high), keys, cuts), law)
            .unwrap_or_else(|error| panic!("{dtype}: {error}"));
    }
    assert!(checked > 0);
}

/// The physical numbers of a wide column.
fn numbers(rows: &DataFrame) -> Vec<Option<i128>> {
    let column = rows.column("x").expect("x").as_materialized_series();
    if let Ok(decimal) = column.decimal() {
        return decimal.physical().iter().collect();
    }
    let physical = column.to_physical_repr();
    if let Ok(values) = physical.u64() {
        return values.iter().map(|value| value.map(i128::from)).collect();
    }
    let values = physical.cast(&DataType::Int64).expect("integers");
    let values = values.i64().expect("integers").iter();
    values.map(|value| value.map(i128::from)).collect()
}

#[test]
fn the_laws_hold_for_small_integers_and_booleans() {
    check_integer_dtypes(|dtype| {
        matches!(
            dtype,
            DataType::Boolean
                | DataType::Int8
                | DataType::Int16
                | DataType::UInt8
                | DataType::UInt16
        )
    });
}

#[test]
fn the_laws_hold_for_large_integers() {
    check_integer_dtypes(|dtype| {
        matches!(
            dtype,
            DataType::Int32 | DataType::Int64 | DataType::UInt32 | DataType::UInt64
        )
    });
}

#[test]
fn the_laws_hold_for_decimals() {
    check_integer_dtypes(|dtype| matches!(dtype, DataType::Decimal(..)));
}

#[test]
fn the_laws_hold_for_times() {
    check_integer_dtypes(|dtype| {
        matches!(
            dtype,
            DataType::Date | DataType::Time | DataType::Datetime(..) | DataType::Duration(_)
        )
    });
}

#[test]
fn the_laws_hold_for_f64() {
    let any = prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO;
    let value = prop_oneof![2 => any, 3 => -10.0..10.0, 2 => 1e9..1e9 + 1.0, 1 => Just(f64::MAX), 1 => Just(f64::MIN)];
    let rows = prop::collection::vec(prop::option::weighted(0.9, value), 1..40);
    let (keys, cuts) = shuffles();
    let law = |(values, keys, cuts): (Vec<Option<f64>>, Vec<u32>, Vec<usize>)| {
        let rows = frame(Series::new("x".into(), &values));
        let (fitted, scaled) = check_laws(&rows, &values, &keys, &cuts);
        let back = cells(&undo(&fitted, scaled));
        let some = || values.iter().flatten().copied();
        let (min, max) = (
            some().fold(f64::MAX, f64::min),
            some().fold(f64::MIN, f64::max),
        );
        for (value, back) in values.iter().zip(back) {
            let Some((value, back)) = value.zip(back) else {
                continue;
            };
            let half_unit = (value.abs().next_up() - value.abs()).min(f64::MAX) / 2.0;
            let half_unit = if half_unit.is_finite() {
                half_unit
            } else {
                f64::MAX * f64::EPSILON
            };
            // Halves, as the range itself may overflow.
            let within = 4.0 * (max / 2.0 - min / 2.0) * (f64::EPSILON / 2.0) + half_unit;
            assert!(
                (value - back).abs() <= within.max(f64::from_bits(1)),
                "{value} {back}"
            );
        }
        Ok(())
    };
    runner().run(&(rows, keys, cuts), law).expect("the laws");
}

#[test]
fn the_laws_hold_for_f32() {
    let any = prop::num::f32::NORMAL | prop::num::f32::SUBNORMAL | prop::num::f32::ZERO;
    let value =
        prop_oneof![2 => any, 3 => -10.0_f32..10.0, 1 => Just(f32::MAX), 1 => Just(f32::MIN)];
    let rows = prop::collection::vec(prop::option::weighted(0.9, value), 1..40);
    let (keys, cuts) = shuffles();
    let law = |(values, keys, cuts): (Vec<Option<f32>>, Vec<u32>, Vec<usize>)| {
        let rows = frame(Series::new("x".into(), &values));
        let (fitted, scaled) = check_laws(&rows, &values, &keys, &cuts);
        let undone = undo(&fitted, scaled);
        assert_eq!(undone.column("x").expect("x").dtype(), &DataType::Float32);
        let wide: Cells = values.iter().map(|value| value.map(f64::from)).collect();
        let some = || wide.iter().flatten().copied();
        let (min, max) = (
            some().fold(f64::MAX, f64::min),
            some().fold(f64::MIN, f64::max),
        );
        for (value, back) in wide.iter().zip(cells(&undone)) {
            let Some((value, back)) = value.zip(back) else {
                continue;
            };
            // The quotient has 24 bits, and so has the result.
            let within = ((max - min) + value.abs()) * f64::from(f32::EPSILON);
            assert!(
                (value - back).abs() <= within.max(1.5e-45),
                "{value} {back}"
            );
        }
        Ok(())
    };
    runner().run(&(rows, keys, cuts), law).expect("the laws");
}

/// The kernel is checked with every pair of ends; here a sample of them goes through Polars.
#[test]
fn all_values_of_8_bits_are_scaled_by_sampled_ranges() {
    for (dtype, low, high) in [(DataType::Int8, -128, 127), (DataType::UInt8, 0, 255)] {
        let all: Vec<_> = (low..=high).map(Some).collect();
        let rows = frame(physical(&dtype, &all));
        for (min, max) in [
            (0, 255),
            (0, 1),
            (127, 128),
            (254, 255),
            (10, 250),
            (3, 200),
            (77, 77),
        ] {
            let (min, max) = (low + min, low + max);
            let fitted = fit(&frame(physical(&dtype, &[Some(max), None, Some(min)])));
            let range = if max > min { (max - min) as f64 } else { 1.0 };
            let expected: Vec<_> = (low..=high)
                .map(|value| Some(((value - min) as f64 / range).to_bits()))
                .collect();
            let scaled = apply(&fitted, &rows);
            assert_eq!(bits(&scaled), expected, "{dtype} {min} {max}");
            assert!(undo(&fitted, scaled).equals(&rows), "{dtype} {min} {max}");
        }
    }
}
