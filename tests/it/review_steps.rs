//! Steps on dirty tables: the shared scan against one step after the other, and what a target of
//! extreme size teaches.

use floe::learn::{Category, FitOn};
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::transform::BoxTransform;
use floe::{ErrorKind, Frame, Train};
use proptest::prelude::{Just, ProptestConfig, Strategy, prop, prop_assert, prop_oneof, proptest};

use crate::support::collect;

fn train(rows: &DataFrame) -> Frame<Train> {
    floe::train_on(InMemory::new(rows.clone())).expect("train rows")
}

fn new(step: impl Transform + 'static) -> BoxTransform {
    BoxTransform::new(step)
}

fn floats(frame: &DataFrame, name: &str) -> Vec<Option<f64>> {
    let column = frame.column(name).expect("a column");
    let column = column.cast(&DataType::Float64).expect("numbers");
    column.f64().expect("floats").iter().collect()
}

/// Towns whose prices differ, in some unit.
fn prices(unit: f64) -> DataFrame {
    let towns: Vec<_> = (0..40)
        .map(|i| if i % 2 == 0 { "a" } else { "b" })
        .collect();
    let price = (0..40).map(|i| unit * f64::from(i % 2 * 3 + i % 5));
    df!["town" => towns, "price" => price.collect::<Vec<_>>()].expect("a frame")
}

#[test]
fn a_target_whose_squares_are_no_floats_is_refused_and_not_taken_for_a_constant() {
    let encoder = TargetEncoder::new(["town"], "price");
    let mean = |encoder: &TargetEncoder, unit| {
        let fitted = encoder.fit_on(&train(&prices(unit)))?;
        Ok::<_, floe::Error>(fitted.mean("town", Some(&"b".into())).expect("b"))
    };
    let usual = mean(&encoder, 1.0).expect("a fit");
    for unit in [2_f64.powi(400), 2_f64.powi(-400)] {
        assert_eq!(mean(&encoder, unit).expect("a fit"), unit * usual);
    }
    for unit in [1e200, 1e307, 1e-200, 1e-310] {
        let error = mean(&encoder, unit).expect_err("no squares");
        assert_eq!(error.kind(), ErrorKind::Fit);
        assert_eq!(error.column(), Some("price"));
    }
    // Without the variances only the sums must be floats.
    let encoder = encoder.smooth(1.0);
    assert!(mean(&encoder, 1e200).is_ok_and(|mean| mean > 4e200));
    assert!(mean(&encoder, 1e-200).is_ok_and(|mean| mean > 4e-200));
    let error = mean(&encoder, 1e307).expect_err("no sum");
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Fit, Some("price"))
    );
}

fn step(which: usize) -> BoxTransform {
    match which {
        0 => new(Imputer::mean(["x"]).nans(NanAs::Missing)),
        1 => new(Imputer::median(["x", "n"]).by("k").nans(NanAs::Missing)),
        2 => new(Imputer::most_frequent(["x", "n", "k"])),
        3 => new(Imputer::constant(["x"], 2.5).nans(NanAs::Missing)),
        4 => new(Imputer::mean(["n"]).integers(Integers::Float)),
        5 => new(Winsorizer::new(["x"]).fence(Fence::quantiles(0.1, 0.9))),
        6 => new(Winsorizer::new(["x", "n"]).fence(Fence::iqr(1.0))),
        7 => new(OutlierFilter::new(["x"]).fence(Fence::iqr(1.0))),
        8 => new(OutlierFilter::new(["n"]).fence(Fence::z_score(1.5))),
        9 => new(StandardScaler::new(["x"])),
        10 => new(MinMaxScaler::new(["x"])),
        11 => new(RobustScaler::new(["x"])),
        12 => new(Imputer::constant(["k"], "none").empty(EmptyAs::Missing)),
        13 => new(Imputer::most_frequent(["k"]).empty(EmptyAs::Missing)),
        14 => new(OneHotEncoder::new(["k"])
            .unknown(Unknown::Other)
            .min_frequency(3)),
        15 => new(OrdinalEncoder::new(["k"])),
        16 => new(Imputer::mean(["x"]).by("n").nans(NanAs::Missing)),
        17 => new(Imputer::most_frequent(["k"])
            .by("n")
            .empty(EmptyAs::Missing)),
        18 => new(Winsorizer::new(["n"]).fence(Fence::fixed(-2.0, 3.0))),
        19 => new(OutlierFilter::new(["n"]).fence(Fence::fixed(-2.0, 3.0))),
        _ => new(MissingIndicator::new(["n"])),
    }
}

const STEPS: usize = 21;
const ONE_HOT: usize = 14;

/// Each step fitted by itself on the rows that the ones before it made; then new rows through all.
fn by_hand(
    steps: &[BoxTransform],
    rows: &DataFrame,
    fresh: &DataFrame,
) -> Result<DataFrame, floe::Error> {
    let (mut left, mut out) = (rows.clone(), fresh.clone());
    for step in steps {
        let fitted = step.fit_on(&train(&left))?;
        left = fitted.apply_to_train(left.lazy()).and_then(collect)?;
        out = fitted.apply(out.lazy()).and_then(collect)?;
    }
    Ok(out)
}

fn together(
    steps: &[BoxTransform],
    rows: &DataFrame,
    fresh: &DataFrame,
) -> Result<DataFrame, floe::Error> {
    let fitted = steps.to_vec().fit_on(&train(rows))?;
    fitted.apply(fresh.clone().lazy()).and_then(collect)
}

fn same(found: &DataFrame, expected: &DataFrame, within: f64) -> Result<(), String> {
    if found.schema() != expected.schema() {
        return Err(format!("{:?} {:?}", found.schema(), expected.schema()));
    }
    for column in found.columns() {
        let name = column.name();
        let other = expected.column(name).expect("the same columns");
        if !column.dtype().is_float() {
            if !column.equals_missing(other) {
                return Err(format!("{column:?} {other:?}"));
            }
            continue;
        }
        for (a, b) in floats(found, name).into_iter().zip(floats(expected, name)) {
            let near = match (a, b) {
                (Some(a), Some(b)) => {
                    a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= within * b.abs().max(1.0)
                }
                (a, b) => a == b,
            };
            if !near {
                return Err(format!("{name}: {a:?} {b:?}"));
            }
        }
    }
    Ok(())
}

type Row = (Option<f64>, Option<i32>, Option<&'static str>);

fn row() -> impl Strategy<Value = Row> {
    let x = prop_oneof![
        8 => (-20_i32..20).prop_map(|x| Some(f64::from(x) / 4.0)),
        1 => Just(Some(1e6)),
        2 => Just(None),
        1 => Just(Some(f64::NAN)),
    ];
    let n = prop_oneof![6 => (-3..4).prop_map(Some), 1 => Just(None), 1 => Just(Some(90))];
    let texts = ["a", "b", "c", "", "a_b", "None", "other"];
    let k = prop_oneof![6 => (0..texts.len()).prop_map(move |at| Some(texts[at])), 1 => Just(None)];
    (x, n, k)
}

fn table(rows: &[Row]) -> DataFrame {
    df![
        "x" => rows.iter().map(|row| row.0).collect::<Vec<_>>(),
        "n" => rows.iter().map(|row| row.1).collect::<Vec<_>>(),
        "k" => rows.iter().map(|row| row.2).collect::<Vec<_>>(),
        "k_a" => vec![1; rows.len()],
    ]
    .expect("a frame")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_chain_fits_as_its_steps_one_after_the_other(
        rows in prop::collection::vec(row(), 6..60),
        which in prop::collection::vec(0..STEPS, 2..6),
    ) {
        let rows = table(&rows);
        let fresh = rows.slice(0, 5);
        let mut which = which;
        // By hand the group of encoded columns has no name any more: it stands last.
        which.sort_by_key(|which| *which == ONE_HOT);
        which.dedup_by(|a, b| *a == ONE_HOT && *b == ONE_HOT);
        let steps: Vec<_> = which.into_iter().map(step).collect();
        match (together(&steps, &rows, &fresh), by_hand(&steps, &rows, &fresh)) {
            (Ok(found), Ok(expected)) => {
                let same = same(&found, &expected, 1e-9);
                prop_assert!(same.is_ok(), "{:?}: {:?}", steps, same);
            }
            (Err(_), Err(_)) => {}
            (found, expected) => prop_assert!(false, "{:?}: {:?} {:?}", steps, found, expected),
        }
    }

    #[test]
    fn no_train_row_sees_its_own_target(
        rows in prop::collection::vec((0..4_i32, -50..50_i32), 30..60),
        at in 0..30_usize,
        other in -1e3..1e3,
        smooth in prop_oneof![Just(None), Just(Some(0.0)), Just(Some(3.0))],
    ) {
        let k: Vec<_> = rows.iter().map(|row| (row.0 > 0).then_some(row.0)).collect();
        let y: Vec<_> = rows.iter().map(|row| f64::from(row.1)).collect();
        let mut changed = y.clone();
        changed[at] = other;
        let mut encoder = TargetEncoder::new(["k"], "y").nulls(NullMean::Category);
        if let Some(rows) = smooth {
            encoder = encoder.smooth(rows);
        }
        let encoded = |y: &[f64]| {
            let train = train(&df!["k" => &k, "y" => y].expect("a frame"));
            let fitted = encoder.fit_on(&train).expect("a fit");
            let rows = collect(fitted.encode_train(&train).expect("a query")).expect("rows");
            floats(&rows, "k")[at]
        };
        let (before, after) = (encoded(&y), encoded(&changed));
        prop_assert!(before == after, "{:?} {:?}", before, after);
    }
}

#[test]
fn a_new_column_does_not_take_the_place_of_a_category() {
    let rows = df!["k" => ["a", "b", "a", "b"], "z" => [1, 2, 3, 4]].expect("a frame");
    let made = |name: &str| {
        let encoder = new(OneHotEncoder::new(["k"]));
        let ten = new(WithColumns::new([(col("z") * lit(10)).alias(name)]));
        together(&[encoder, ten], &rows, &rows)
    };
    let error = made("k_a").expect_err("the category would be lost");
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Schema, Some("k_a"))
    );
    assert_eq!(made("k_c").expect("a free name").width(), 4);
    assert_eq!(made("z").expect("a column of the source").width(), 3);
}

#[test]
fn a_given_category_is_not_taken_for_another_one_of_the_same_bits() {
    let given = |category: i128, rows: &DataFrame| {
        let encoder = OrdinalEncoder::new(["n"]).categories([Category::Int(category)]);
        encoder.fit_on(&train(rows)).map(drop)
    };
    let signed = df!["n" => [-1_i64]].expect("a frame");
    let unsigned = df!["n" => [u64::MAX]].expect("a frame");
    for (category, rows) in [(i128::from(u64::MAX), &signed), (-1, &unsigned)] {
        let error = given(category, rows).expect_err("no such number");
        assert_eq!(
            (error.kind(), error.column()),
            (ErrorKind::Config, Some("n"))
        );
    }
    given(-1, &signed).expect("a number of the dtype");
    given(u64::MAX.into(), &unsigned).expect("a number of the dtype");
}
