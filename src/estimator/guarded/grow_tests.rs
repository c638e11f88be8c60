//! Copied trees against smartcore's own answers.

use std::collections::HashSet;

use super::super::tree::mean;
use super::*;

const ROWS: usize = 211;
const FEATURES: usize = 5;

fn matrix() -> Vec<f64> {
    let value = |at: usize| ((at * 7919 + at / ROWS * 31) % 97) as f64 / 8.0;
    (0..ROWS * FEATURES).map(value).collect()
}

fn target() -> Target {
    let matrix = matrix();
    let value = |row: usize| matrix[row] * 3.0 - matrix[2 * ROWS + row] + (row % 7) as f64 / 3.0;
    Target::new(&(0..ROWS).map(value).collect::<Vec<_>>())
}

/// A target that comes back in the units that smartcore saw.
fn unscaled() -> Target {
    let mut target = Target::indicator(&[], 0);
    target.values = self::target().values;
    target
}

fn grower(settings: &Settings, weights: Option<Vec<f64>>) -> Grower<'_> {
    let table = Table {
        matrix: matrix(),
        rows: ROWS,
        weights,
    };
    Grower::new(table, FEATURES, settings).expect("rows")
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// What a copied tree says of the train rows, in the units that smartcore saw.
fn said(tree: &Tree) -> Vec<f64> {
    let matrix = matrix();
    let columns: Vec<_> = matrix.chunks(ROWS).collect();
    mean(std::slice::from_ref(tree), ROWS, &columns)
}

#[test]
fn a_copied_tree_says_what_smartcore_says() {
    let settings = Settings {
        min_samples_leaf: 3,
        seed: 5,
        ..Settings::default()
    };
    let grower = grower(&settings, None);
    let target = unscaled();
    let theirs = RandomForestRegressor::fit(
        &grower.matrix,
        &target.values,
        RandomForestRegressorParameters {
            max_depth: None,
            min_samples_leaf: 3,
            min_samples_split: 2,
            n_trees: 1,
            m: Some(2),
            keep_samples: false,
            seed: seed_of(5, 4),
        },
    )
    .expect("a forest");
    let predicted = theirs.predict(&grower.matrix).expect("predictions");
    let shares = theirs.compute_feature_importances().expect("importances");
    let ours = grower.tree_of_forest(&target, 2, 4).expect("a tree");
    assert_eq!(bits(&said(&ours.tree)), bits(&predicted));
    assert_eq!(bits(&importances([ours].iter(), FEATURES)), bits(&shares));
}

#[test]
fn a_copied_lone_tree_says_what_smartcore_says() {
    let weights: Vec<f64> = (0..ROWS).map(|row| (row % 4) as f64).collect();
    for (depth, weights) in [(None, None), (Some(3), None), (None, Some(weights))] {
        let settings = Settings {
            max_depth: depth,
            ..Settings::default()
        };
        let grower = grower(&settings, weights.clone());
        let target = unscaled();
        let parameters = DecisionTreeRegressorParameters {
            max_depth: levels(depth),
            min_samples_leaf: 1,
            min_samples_split: 2,
            seed: Some(0),
        };
        let theirs = match &weights {
            None => DecisionTreeRegressor::fit(&grower.matrix, &target.values, parameters),
            Some(weights) => DecisionTreeRegressor::fit_with_weights(
                &grower.matrix,
                &target.values,
                weights,
                parameters,
            ),
        };
        let theirs = theirs.expect("a tree");
        let ours = grower.tree(&target).expect("a tree");
        let predicted = theirs.predict(&grower.matrix).expect("predictions");
        assert_eq!(bits(&said(&ours.tree)), bits(&predicted));
        let shares = theirs.compute_feature_importances(true);
        assert_eq!(bits(&ours.importances), bits(&shares.expect("importances")));
        assert_eq!(ours.tree.depth() == 3, depth == Some(3));
    }
}

#[test]
fn trees_of_neighbouring_seeds_are_strangers() {
    let seeds = (0..50).flat_map(|seed| (0..50).map(move |number| seed_of(seed, number)));
    assert_eq!(seeds.collect::<HashSet<_>>().len(), 2500);
}

#[test]
fn rows_of_one_value_are_one_leaf() {
    let settings = Settings::default();
    let grower = grower(&settings, None);
    let target = Target::indicator(&[1; ROWS], 1);
    let grown = grower.tree(&target).expect("a tree");
    assert_eq!((grown.tree.splits(), grown.tree.leaves()), (0, 1));
    assert_eq!(grown.importances, [0.0; FEATURES]);
}

#[test]
fn a_panic_is_an_error() {
    let error = caught::<()>(|| panic!("told to")).expect_err("an error");
    assert_eq!(error.kind(), ErrorKind::Fit);
    let error = in_parallel(3, || Ok(()), |_| panic!("told to"));
    assert_eq!(error.err().expect("an error").kind(), ErrorKind::Fit);
    let stopped = || Err(Error::new(ErrorKind::Cancelled, "told to"));
    let error = in_parallel(3, stopped, |_| Err(unreadable()));
    assert_eq!(error.err().expect("an error").kind(), ErrorKind::Cancelled);
}

#[test]
fn a_tree_that_a_file_may_hold_is_refused_when_it_goes_nowhere() {
    let settings = Settings::default();
    let tree = grower(&settings, None)
        .tree(&target())
        .expect("a tree")
        .tree;
    tree.check(FEATURES).expect("a tree");
    let json = serde_json::to_value(&tree).expect("JSON");
    let cases = [
        ("/children/3/0", serde_json::json!(3)),
        ("/children/0/1", serde_json::json!(100_000)),
        ("/features/0", serde_json::json!(FEATURES)),
        ("/thresholds", serde_json::json!([])),
        ("/leaves", serde_json::json!([])),
    ];
    for (place, value) in cases {
        let mut json = json.clone();
        *json.pointer_mut(place).expect("a place") = value;
        let tree: Tree = serde_json::from_value(json).expect("a form");
        assert!(tree.check(FEATURES).is_err(), "{place}");
    }
}
