//! Tests of the sketch: the promised error, in any grouping, and bits that chunks do not change.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "The numbers here are made for the tests, and small enough."
)]

use proptest::prelude::*;

use super::OrderBuffer;
use super::sketch::{Sketch, most_held};

const SHARES: [f64; 9] = [0.0, 0.001, 0.1, 0.25, 0.5, 0.75, 0.9, 0.999, 1.0];

/// Every answer lies within the counted bound, and the bound within the promise.
fn keeps_its_promise(sketch: &mut Sketch<i64>, values: &[i64], error: f64) {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let n = sorted.len();
    assert_eq!(sketch.count(), n as u64);
    let bound = sketch.bound();
    assert!(bound as f64 <= error * n as f64, "{bound} of {n}, {error}");
    for q in SHARES {
        let found = sketch.quantile(q).expect("values");
        let wanted = ((n - 1) as f64 * q).round() as u64 + 1;
        let first = sorted.partition_point(|value| *value < found) as u64 + 1;
        let last = sorted.partition_point(|value| *value <= found) as u64;
        assert!(first <= last, "{found} is no value of the column");
        assert!(
            first <= wanted + bound && wanted <= last + bound,
            "{q}: rank {first}..{last} for {wanted}, bound {bound}"
        );
    }
}

fn of(values: &[i64], error: f64) -> Sketch<i64> {
    let mut sketch = Sketch::new(error);
    sketch.push(values, None);
    sketch
}

fn state(sketch: &Sketch<i64>) -> String {
    format!("{sketch:?}")
}

fn shapes(n: i64) -> Vec<Vec<i64>> {
    let scattered = |at: i64| (at.wrapping_mul(0x5DEE_CE66_D1CE_4E5B) >> 20).rem_euclid(1_000_003);
    vec![
        (0..n).collect(),
        (0..n).rev().collect(),
        (0..n).map(|at| at % 1_013).collect(),
        (0..n).map(|at| at % 3).collect(),
        (0..n).map(|at| if at % 50 == 0 { at } else { 7 }).collect(),
        (0..n).map(scattered).collect(),
    ]
}

#[test]
fn the_promise_holds_for_rows_of_any_shape_and_memory_is_bounded() {
    for values in shapes(200_003) {
        for error in [0.5, 0.1, 0.01] {
            let mut sketch = of(&values, error);
            assert!(sketch.bound() > 0, "nothing was compacted");
            assert!(sketch.held() <= most_held(error));
            keeps_its_promise(&mut sketch, &values, error);
        }
    }
}

#[test]
fn many_small_sketches_merge_within_the_promise() {
    for values in shapes(60_000) {
        for part in [150, 700, 1_900] {
            let mut merged = Sketch::new(0.1);
            for rows in values.chunks(part) {
                merged.merge(&of(rows, 0.1));
            }
            assert!(merged.held() <= most_held(0.1));
            keeps_its_promise(&mut merged, &values, 0.1);
        }
    }
}

#[test]
fn the_size_follows_from_the_error() {
    assert_eq!(most_held(0.01), 22 * 2_102);
    assert_eq!(most_held(1e-12), 1 << 32);
    for error in [0.5, 0.1, 0.037, 0.01, 1e-3, 1e-5] {
        let sketch = Sketch::<f64>::new(error);
        let text = format!("{sketch:?}");
        let k: u64 = text
            .trim_start_matches("Sketch { k: ")
            .split(',')
            .next()
            .and_then(|k| k.parse().ok())
            .expect("k");
        let full = f64::from(32 - k.ilog2());
        assert!(
            k.is_multiple_of(2) && full / k as f64 <= error,
            "{error}: {k}"
        );
    }
}

#[test]
fn few_rows_are_answered_exactly_and_what_is_not_finite_is_left_out() {
    let mut sketch = Sketch::new(0.01);
    let rows = [3.0, f64::NAN, -0.0, f64::INFINITY, 0.0, 9.0, 1.0];
    let valid = [true, true, true, true, true, false, true];
    sketch.push(&rows, Some(&valid.as_slice()));
    assert_eq!((sketch.count(), sketch.bound()), (4, 0));
    let bits = |value: Option<f64>| value.map(f64::to_bits);
    assert_eq!(bits(sketch.quantile(0.0)), bits(Some(-0.0)));
    assert_eq!(bits(sketch.quantile(1.0)), bits(Some(3.0)));
    assert_eq!(sketch.quantile(1.5), None);
    assert_eq!(Sketch::<f64>::new(0.1).quantile(0.5), None);
}

proptest! {
    #[test]
    fn any_rows_in_any_grouping_keep_the_promise(
        values in prop::collection::vec(-300_i64..300, 1..6_000),
        cuts in prop::collection::vec(1_usize..1_500, 1..12),
        halves in any::<bool>(),
    ) {
        let error = 0.4;
        let mut parts = Vec::new();
        let (mut rest, mut cuts) = (values.as_slice(), cuts.iter().cycle());
        while !rest.is_empty() {
            let (part, after) = rest.split_at(rest.len().min(*cuts.next().expect("endless")));
            parts.push(of(part, error));
            rest = after;
        }
        // One after the other, or in a tree.
        while parts.len() > 1 {
            let second = parts.remove(1);
            parts[0].merge(&second);
            if halves {
                parts.rotate_left(1);
            }
        }
        keeps_its_promise(&mut parts[0], &values, error);
    }

    #[test]
    fn chunks_do_not_change_a_bit(
        values in prop::collection::vec(any::<i64>(), 1..4_000),
        longest in 1_usize..900,
    ) {
        let mut sketch = Sketch::new(0.4);
        for chunk in values.chunks(longest) {
            sketch.push(chunk, None);
        }
        prop_assert_eq!(state(&sketch), state(&of(&values, 0.4)));
        let before = state(&sketch);
        sketch.merge(&Sketch::new(0.4));
        prop_assert_eq!(state(&sketch), before);
    }

    #[test]
    fn uncompacted_it_is_a_neighbour_of_the_exact_quantile(
        values in prop::collection::vec(-50_i64..50, 1..60),
        q in 0.0..=1.0_f64,
    ) {
        let mut exact = OrderBuffer::new();
        exact.push(&values, None);
        let exact = exact.quantile(q).expect("values");
        let found = of(&values, 0.4).quantile(q).expect("values");
        let nearest = if exact.fraction < 0.5 { exact.lower } else { exact.upper };
        prop_assert_eq!(found, nearest);
    }
}
