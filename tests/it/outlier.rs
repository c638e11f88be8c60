//! Fences, the winsorizer and the logarithm: against naive computations on every dtype.

use floe::learn::{FitOn, Value};
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::testing::{Laws, check_inverse, check_plan, check_step};
use floe::transform::outlier::{OutlierFiltering, Winsorization};
use floe::transform::{BoxTransform, Identity};
use floe::{ErrorKind, Frame, Registry, Train};
use proptest::prelude::{ProptestConfig, Strategy, prop, prop_assert, prop_assert_eq, proptest};

use crate::support::{bits, collect, data, frame, integer_dtypes, physical, text};

fn train(rows: DataFrame) -> Frame<Train> {
    floe::train_on(InMemory::new(rows)).expect("train rows")
}

fn floats(values: &[Option<f64>]) -> DataFrame {
    frame(Series::new("x".into(), values))
}

fn ends(fence: Option<(Value, Value)>) -> (f64, f64) {
    let (low, high) = fence.expect("a fence");
    (low.to_f64(), high.to_f64())
}

#[test]
fn titanic_has_the_fences_and_outliers_that_numpy_finds() {
    let (Some(path), Some(expected)) = (
        data("titanic/train.csv"),
        text("expected/scikit_learn.json"),
    ) else {
        return;
    };
    let expected: serde_json::Value = serde_json::from_str(&expected).expect("JSON");
    let rows = Csv::new(path).scan().and_then(collect).expect("rows");
    let close = |found: f64, expected: f64, what: &str| {
        let size = expected.abs().max(1.0);
        assert!(
            (found - expected).abs() <= 1e-12 * size,
            "{what}: {found} {expected}"
        );
    };
    for name in ["Age", "Fare", "SibSp", "Parch"] {
        let of = &expected["titanic"][name];
        let number = |key: &str| of[key].as_f64().expect("a number");
        let frame = train(rows.clone());
        let whole = !rows.column(name).expect("a column").dtype().is_float();
        let fitted = |fence| {
            OutlierFilter::new([name])
                .fence(fence)
                .fit_on(&frame)
                .expect("fences")
        };
        let left = |fitted: &OutlierFiltering| {
            let left = fitted.apply_to_train(rows.clone().lazy()).and_then(collect);
            (rows.height() - left.expect("rows").height()) as u64
        };
        let filter = fitted(Fence::iqr(1.5));
        let (low, high) = ends(filter.fence(name));
        let (iqr_lo, iqr_hi) = (number("iqr_lo"), number("iqr_hi"));
        if whole {
            close(low, iqr_lo.ceil(), name);
            close(high, iqr_hi.floor(), name);
        } else {
            close(low, iqr_lo, name);
            close(high, iqr_hi, name);
        }
        let outliers = of["iqr_outliers"].as_u64();
        assert_eq!(filter.dropped(), outliers, "{name}");
        assert_eq!(Some(left(&filter)), outliers, "{name}");
        let z = fitted(Fence::z_score(3.0));
        assert_eq!((z.outside(name), z.dropped()), (None, None));
        assert_eq!(Some(left(&z)), of["z3_outliers_ddof0"].as_u64(), "{name}");
        let winsorizer = Winsorizer::new([name]).fit_on(&frame).expect("fences");
        let (low, high) = ends(winsorizer.fence(name));
        close(low, number("p01"), name);
        close(high, number("p99"), name);
    }
}

#[test]
fn steps_with_fences_keep_the_laws_on_every_dtype() {
    let exact = Laws::new().tolerance(0.0);
    for (dtype, low, high) in integer_dtypes() {
        let from = low / 2 + high / 2;
        let value = |row: i128| (from + row * 7 % 19).clamp(low, high);
        let values = (0..23).map(|row| (row % 6 != 2).then(|| value(row)));
        let rows = frame(physical(&dtype, &values.collect::<Vec<_>>()));
        lawful(exact, &rows);
    }
    let value = |row: i32| match row % 7 {
        2 => None,
        4 => Some(f64::NAN),
        _ => Some(f64::from(row * 13 % 17) / 3.0 - 2.0),
    };
    let rows = floats(&(0..23).map(value).collect::<Vec<_>>());
    lawful(exact, &rows);
    let narrow = rows.lazy().with_columns([col("x").cast(DataType::Float32)]);
    lawful(exact, &narrow.collect().expect("rows"));
}

fn lawful(exact: Laws, rows: &DataFrame) {
    for fence in [Fence::quantiles(0.1, 0.8), Fence::iqr(0.25)] {
        let clip = Winsorizer::new(["x"]).fence(fence);
        exact.step(&clip, rows).expect("a lawful step");
        let filter = OutlierFilter::new(["x"]).fence(fence);
        exact.step(&filter, rows).expect("a lawful step");
        check_inverse(&filter, rows, 0.0).expect("it changes nothing");
        let nothing = Winsorizer::new(["x"])
            .fence(fence)
            .infinities(Infinities::Null);
        exact.step(&nothing, rows).expect("a lawful step");
    }
    for fence in [Fence::z_score(1.0), Fence::iqr(1.0).approximate(0.01)] {
        check_step(&Winsorizer::new(["x"]).fence(fence), rows).expect("a lawful step");
        check_step(&OutlierFilter::new(["x"]).fence(fence), rows).expect("a lawful step");
    }
    if !rows.column("x").expect("x").dtype().is_temporal() {
        let fixed = Fence::fixed(f64::NEG_INFINITY, 1.0);
        exact
            .step(&Winsorizer::new(["x"]).fence(fixed), rows)
            .expect("a lawful step");
        exact
            .step(&OutlierFilter::new(["x"]).fence(fixed), rows)
            .expect("a lawful step");
    }
    let chain = Winsorizer::new(["x"]).then(MinMaxScaler::new(["x"]));
    check_plan(&chain, rows).expect("a lawful plan");
    let empty = rows.slice(2, 1);
    check_step(&Winsorizer::new(["x"]), &empty).expect("a column without a value");
    check_step(&OutlierFilter::new(["x"]), &empty).expect("a column without a value");
}

#[test]
fn a_fence_that_cannot_be_is_said_before_a_row_is_read() {
    let schema = floe::Schema::from_polars(floats(&[Some(1.0)]).schema());
    for (fence, says) in [
        (Fence::quantiles(0.5, 0.5), "quantiles 0.5 and 0.5"),
        (Fence::quantiles(-0.1, 0.9), "quantiles"),
        (Fence::quantiles(0.1, f64::NAN), "quantiles"),
        (Fence::iqr(-1.0), "reach -1"),
        (Fence::iqr(f64::INFINITY), "reach inf"),
        (Fence::z_score(0.0), "0 standard"),
        (Fence::z_score(f64::NAN), "NaN standard"),
        (Fence::fixed(2.0, 1.0), "stand at 2 and 1"),
        (Fence::fixed(f64::NAN, 1.0), "stand at NaN"),
        (Fence::fixed(f64::INFINITY, f64::INFINITY), "stand at inf"),
        (Fence::z_score(3.0).approximate(0.1), "no quantiles"),
        (Fence::iqr(3.0).approximate(0.25), "apart"),
        (Fence::iqr(3.0).approximate(0.0), "(0, 0.5]"),
    ] {
        for step in [
            BoxTransform::new(Winsorizer::new(["x"]).fence(fence)),
            BoxTransform::new(OutlierFilter::new(["x"]).fence(fence)),
        ] {
            let error = step.levels(&schema).expect_err("it cannot be");
            assert_eq!(error.kind(), ErrorKind::Config, "{error}");
            assert!(error.to_string().contains(says), "{error}");
        }
    }
}

#[test]
fn a_fence_without_a_number_of_the_dtype_is_an_error() {
    let rows = df!["x" => [3, 4]].unwrap();
    let error = Winsorizer::new(["x"])
        .fit_on(&train(rows.clone()))
        .expect_err("3.01 to 3.99");
    assert_eq!((error.kind(), error.column()), (ErrorKind::Fit, Some("x")));
    for fence in [Fence::fixed(3.2, 3.8), Fence::fixed(1e10, 1e11)] {
        let error = OutlierFilter::new(["x"])
            .fence(fence)
            .fit_on(&train(rows.clone()));
        assert_eq!(error.expect_err("no such integer").kind(), ErrorKind::Fit);
    }
    let dates = frame(physical(&DataType::Date, &[Some(3)]));
    let error = Winsorizer::new(["x"])
        .fence(Fence::fixed(0.0, 1.0))
        .fit_on(&train(dates));
    assert_eq!(error.expect_err("of what unit").kind(), ErrorKind::Schema);
}

#[test]
fn a_fixed_fence_is_in_the_columns_own_numbers() {
    let clip = |rows: &DataFrame, low, high| {
        let step = Winsorizer::new(["x"]).fence(Fence::fixed(low, high));
        let fitted = step.fit_on(&train(rows.clone())).expect("nothing to learn");
        fitted
            .apply(rows.clone().lazy())
            .and_then(collect)
            .expect("rows")
    };
    let decimals =
        |values: [i128; 4]| frame(physical(&DataType::Decimal(10, 2), &values.map(Some)));
    assert_eq!(
        clip(&decimals([-500, 105, 110, 999]), -1.105, 1.1),
        decimals([-110, 105, 110, 110])
    );
    let ints = df!["x" => [i64::MIN, -3, 2, i64::MAX]].unwrap();
    assert_eq!(
        clip(&ints, -2.5, f64::INFINITY),
        df!["x" => [-2, -2, 2, i64::MAX]].unwrap()
    );
    let narrow = df!["x" => [0.0f32, 0.05, 0.2, 1.0]].unwrap();
    let clipped = clip(&narrow, 0.1, 0.3);
    let low = 0.1f32;
    assert!(f64::from(low) >= 0.1);
    let high = 0.3f32.next_down();
    assert!(f64::from(0.3f32) > 0.3 && f64::from(high) <= 0.3);
    assert_eq!(clipped, df!["x" => [low, low, 0.2, high]].unwrap());
}

#[test]
fn large_integers_are_fenced_without_a_rounding() {
    let far = i64::MAX - 1000;
    let rows = df!["x" => (0..101).map(|i| far + i).collect::<Vec<_>>()].unwrap();
    let fitted = Winsorizer::new(["x"]).fence(Fence::quantiles(0.07, 0.93));
    let fitted = fitted.fit_on(&train(rows.clone())).expect("fences");
    let ends = fitted.fence("x").expect("a fence");
    assert_eq!(
        ends,
        (Value::Int((far + 7).into()), Value::Int((far + 93).into()))
    );
    assert_eq!(fitted.outside("x"), Some((7, 7)));
    let expected = (0..101).map(|i| far + i.clamp(7, 93)).collect::<Vec<_>>();
    let clipped = fitted.apply(rows.lazy()).and_then(collect).expect("rows");
    assert_eq!(clipped, df!["x" => expected].unwrap());
}

#[test]
fn infinities_are_what_the_policy_says() {
    let rows = df!["x" => [1.0, 2.0, 3.0, f64::INFINITY, f64::NAN]].unwrap();
    let step = Winsorizer::new(["x"]).fence(Fence::quantiles(0.0, 1.0));
    let error = step.fit_on(&train(rows.clone())).expect_err("an infinity");
    assert_eq!((error.kind(), error.column()), (ErrorKind::Fit, Some("x")));
    let clean = step.fit_on(&train(rows.slice(0, 3))).expect("fences");
    let error = clean
        .apply(rows.clone().lazy())
        .and_then(collect)
        .expect_err("an infinity");
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Apply, Some("x"))
    );
    assert!(
        error.to_string().contains("1, the first one inf"),
        "{error}"
    );
    let of = |infinities| {
        let fitted = step
            .clone()
            .infinities(infinities)
            .fit_on(&train(rows.clone()));
        let fitted = fitted.expect("fences");
        let told = fitted.report();
        assert_eq!(told["x"]["infinite"], 1);
        bits(
            &fitted
                .apply(rows.clone().lazy())
                .and_then(collect)
                .expect("rows"),
        )
    };
    let bits = |values: [Option<f64>; 5]| values.map(|value| value.map(f64::to_bits)).to_vec();
    let (one, nan) = (Some(1.0), Some(f64::NAN));
    assert_eq!(
        of(Infinities::Keep),
        bits([one, Some(2.0), Some(3.0), Some(3.0), nan])
    );
    assert_eq!(
        of(Infinities::Null),
        bits([one, Some(2.0), Some(3.0), None, nan])
    );
    let filter = OutlierFilter::new(["x"]).fence(Fence::quantiles(0.0, 1.0));
    let filter = filter.fit_on(&train(rows.clone())).expect("fences");
    assert_eq!(
        (filter.outside("x"), filter.dropped()),
        (Some((0, 0)), Some(1))
    );
    let left = filter
        .apply_to_train(rows.lazy())
        .and_then(collect)
        .expect("rows");
    assert_eq!(left.height(), 4);
}

#[test]
fn a_column_of_another_dtype_than_at_the_fit_is_an_error() {
    let fitted = Winsorizer::new(["x"]).fit_on(&train(df!["x" => [1, 2, 2, 3]].unwrap()));
    let error = fitted
        .expect("fences")
        .apply(df!["x" => [1.0]].unwrap().lazy())
        .and_then(collect);
    assert_eq!(error.expect_err("floats").kind(), ErrorKind::Schema);
    let filter = OutlierFilter::new(["x"]).fit_on(&train(df!["x" => [1, 2, 2, 3]].unwrap()));
    let filter = filter.expect("fences");
    let error = filter
        .apply_to_train(df!["x" => [1.0]].unwrap().lazy())
        .and_then(collect);
    assert_eq!(error.expect_err("floats").kind(), ErrorKind::Schema);
}

#[test]
fn equal_values_are_never_outside() {
    for value in [0.1, 1e300, -7.3e-200] {
        let rows = df!["x" => [value; 11]].unwrap();
        for fence in [
            Fence::z_score(3.0),
            Fence::iqr(1.5),
            Fence::quantiles(0.01, 0.99),
        ] {
            let fitted = Winsorizer::new(["x"])
                .fence(fence)
                .fit_on(&train(rows.clone()));
            let clipped = fitted
                .expect("fences")
                .apply(rows.clone().lazy())
                .and_then(collect);
            assert_eq!(clipped.expect("rows"), rows);
        }
    }
}

#[test]
fn a_step_after_the_winsorizer_learns_at_the_same_level() {
    let rows = df!["x" => (0..200).map(|i| f64::from(i * 37 % 199)).collect::<Vec<_>>()].unwrap();
    let schema = floe::Schema::from_polars(rows.schema());
    let chain = Winsorizer::new(["x"])
        .then(RobustScaler::new(["x"]))
        .then(MinMaxScaler::new(["x"]));
    assert_eq!(chain.levels(&schema).expect("levels").len(), 1);
    let whole = chain.fit_on(&train(rows.clone())).expect("a fit");
    let clip = Winsorizer::new(["x"])
        .fit_on(&train(rows.clone()))
        .expect("a fit");
    let clipped = clip.apply(rows.lazy()).and_then(collect).expect("rows");
    let alone = RobustScaler::new(["x"])
        .fit_on(&train(clipped))
        .expect("a fit");
    assert_eq!(
        (whole.first().first(), whole.first().next()),
        (&clip, &alone)
    );
    // Behind a scaler the fences follow too; what lies beyond them is then not counted.
    let behind = StandardScaler::new(["x"]).then(OutlierFilter::new(["x"]).fence(Fence::iqr(0.1)));
    assert_eq!(behind.levels(&schema).expect("levels").len(), 1);
}

#[test]
fn an_approximate_fence_stands_near_and_holds_no_column() {
    let rows = df!["x" => (0..20_000).map(|i| f64::from(i * 7919 % 20_011)).collect::<Vec<_>>()];
    let rows = rows.unwrap();
    let step = Winsorizer::new(["x"]).fence(Fence::quantiles(0.1, 0.9).approximate(0.01));
    let levels = step
        .levels(&floe::Schema::from_polars(rows.schema()))
        .expect("levels");
    assert_eq!((levels[0].buffered.len(), levels[0].sketched.len()), (0, 1));
    let fitted = step.fit_on(&train(rows)).expect("fences");
    let (low, high) = ends(fitted.fence("x"));
    assert!(
        (low - 2000.0).abs() < 220.0 && (high - 18_000.0).abs() < 220.0,
        "{low} {high}"
    );
    assert_eq!(fitted.outside("x"), None);
}

#[test]
fn what_was_found_is_saved_and_told() {
    let rows = df![
        "x" => (0..30).map(|i| if i == 7 { 500.0 } else { f64::from(i) }).collect::<Vec<_>>(),
        "n" => (0..30).map(|i| if i % 10 == 3 { None } else { Some(i64::from(i % 9)) }).collect::<Vec<_>>(),
        "y" => (0..30).map(|i| 3.0 * f64::from(i)).collect::<Vec<_>>(),
    ]
    .unwrap();
    macro_rules! flow {
        ($($with:tt)*) => {
            floe::from(InMemory::new(rows.clone()))
                .split(TrainTestSplit::new(0.2).seed(2))
                .then(OutlierFilter::new(["x"]))
                .then(Imputer::mean(["n"]))
                .then(Winsorizer::new(["n"])$($with)*)
                .then(StandardScaler::new(["x"]))
                .then(WithColumns::new([(col("x") * lit(2.0)).alias("twice")]))
                .on_target(OutlierFilter::new(["y"]))
                .on_target(Log1p::new(["y"]))
                .learn(LinearRegression::new(["x", "n"], "y"))
        };
    }
    let tracker = MemoryTracker::new();
    let run = flow!().track(tracker.clone()).run().expect("a run");
    let told = run.model().step_reports();
    let kinds: Vec<_> = told.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(
        kinds,
        [
            "outlier_filtering",
            "imputation",
            "winsorization",
            "standard_scaling",
            "with_columns",
            "outlier_filtering",
            "log1p"
        ]
    );
    assert_eq!(told[0].1["x"]["above"], 1);
    assert!(told[1].1["n"]["fill"].is_i64());
    assert!(told[2].1["n"]["high"].is_i64());
    assert!(told[3].1["x"]["std"].is_f64());
    assert!(told[4].1.is_null());
    // The events tell the same.
    let events = tracker.events();
    let recorded: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.what {
            floe::tracker::What::StepFitted {
                step,
                on_target,
                fold,
                report,
                ..
            } => Some((step.clone(), *on_target, *fold, report.clone())),
            _ => None,
        })
        .collect();
    let expected: Vec<_> = told
        .iter()
        .map(|(_, report)| report)
        .filter(|r| !r.is_null())
        .collect();
    assert_eq!(
        recorded.iter().map(|told| &told.3).collect::<Vec<_>>(),
        expected
    );
    assert_eq!(recorded[0].0, r#"OutlierFilter(["x"], iqr 1.5)"#);
    assert_eq!(
        recorded.iter().map(|told| told.1).collect::<Vec<_>>(),
        [false, false, false, false, true]
    );
    assert!(recorded.iter().all(|told| told.2.is_none()));
    // The file holds it.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.json");
    let no_code = floe::from(InMemory::new(rows.clone()))
        .split(TrainTestSplit::new(0.2).seed(2))
        .then(OutlierFilter::new(["x"]))
        .then(Winsorizer::new(["x"]).fence(Fence::z_score(2.0)))
        .on_target(Log1p::new(["y"]))
        .learn(LinearRegression::new(["x"], "y"));
    let model = no_code.run().expect("a run");
    model.model().save(&path).expect("a file");
    let predicted = |frame: floe::Result<LazyFrame>| frame.and_then(collect).expect("rows");
    let first = predicted(model.model().predict(rows.clone().lazy()));
    let loaded = no_code.load(&path).expect("a model");
    assert_eq!(predicted(loaded.predict(rows.clone().lazy())), first);
    let known = Registry::new().load(&path).expect("a model");
    assert_eq!(predicted(known.predict(rows.clone().lazy())), first);
    assert_eq!(known.step_reports(), model.model().step_reports());
    let clip: Option<&Winsorization> = known.pipeline().steps()[1].downcast_ref();
    assert_eq!(clip, Some(model.model().pipeline().steps().next()));
    // Another fence is another step.
    run.model().save(&path).expect("a file");
    flow!().load(&path).expect("the same flow");
    let error = flow!(.fence(Fence::iqr(1.5)))
        .load(&path)
        .expect_err("another fence");
    assert_eq!(error.kind(), ErrorKind::Model);
    assert!(Identity.fit_on(&train(rows)).is_ok());
}

/// NumPy's linear quantile of sorted values.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let place = (sorted.len() - 1) as f64 * q;
    let (low, high) = (place.floor() as usize, place.ceil() as usize);
    sorted[low] + (sorted[high] - sorted[low]) * (place - place.floor())
}

fn any_value() -> impl Strategy<Value = Option<f64>> {
    use proptest::prelude::prop_oneof;
    prop_oneof![
        8 => (-40..40i32).prop_map(|value| Some(f64::from(value) / 4.0)),
        1 => (-4000..4000i32).prop_map(|value| Some(f64::from(value))),
        1 => (0..1i32).prop_map(|_| None),
        1 => (0..1i32).prop_map(|_| Some(f64::NAN)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn fences_are_those_of_numpy_and_counts_are_true(
        values in prop::collection::vec(any_value(), 1..80),
        by_iqr: bool,
    ) {
        let mut sorted: Vec<f64> = values.iter().flatten().copied().filter(|x| !x.is_nan()).collect();
        proptest::prop_assume!(!sorted.is_empty());
        sorted.sort_by(f64::total_cmp);
        let (fence, naive) = if by_iqr {
            let (q1, q3) = (quantile(&sorted, 0.25), quantile(&sorted, 0.75));
            (Fence::iqr(1.5), (q1 - 1.5 * (q3 - q1), q3 + 1.5 * (q3 - q1)))
        } else {
            (Fence::quantiles(0.1, 0.9), (quantile(&sorted, 0.1), quantile(&sorted, 0.9)))
        };
        let rows = floats(&values);
        let filter = OutlierFilter::new(["x"]).fence(fence).fit_on(&train(rows.clone())).unwrap();
        let (low, high) = ends(filter.fence("x"));
        prop_assert!((low - naive.0).abs() <= 1e-9 && (high - naive.1).abs() <= 1e-9);
        let count = |is: &dyn Fn(f64) -> bool| sorted.iter().filter(|x| is(**x)).count() as u64;
        let (below, above) = (count(&|x| x < low), count(&|x| x > high));
        prop_assert_eq!(filter.outside("x"), Some((below, above)));
        // The filter keeps exactly the rows within.
        let left = filter.apply_to_train(rows.clone().lazy()).and_then(collect).unwrap();
        let within = |x: &Option<f64>| x.is_none_or(|x| !(x < low || x > high));
        let naive: Vec<_> = values.iter().copied().filter(within).collect();
        prop_assert_eq!(bits(&left), bits(&floats(&naive)));
        prop_assert_eq!(filter.dropped(), Some((values.len() - left.height()) as u64));
        prop_assert_eq!(bits(&filter.apply(rows.clone().lazy()).and_then(collect).unwrap()), bits(&rows));
        // What is clipped lies within, and nothing else is changed.
        let clip = Winsorizer::new(["x"]).fence(fence).fit_on(&train(rows.clone())).unwrap();
        let clipped = clip.apply(rows.lazy()).and_then(collect).unwrap();
        let naive: Vec<_> = values.iter().map(|x| x.map(|x| if x.is_nan() { x } else { x.clamp(low, high) + 0.0 })).collect();
        prop_assert_eq!(bits(&clipped), bits(&floats(&naive)));
    }

    #[test]
    fn integers_are_fenced_as_their_floats_are(
        values in prop::collection::vec(-60..60i64, 2..60),
        reach in 0..4i32,
    ) {
        let fence = Fence::iqr(f64::from(reach) / 2.0);
        let whole = df!["x" => values.clone()].unwrap();
        let floats = whole.clone().lazy().with_columns([col("x").cast(DataType::Float64)]).collect().unwrap();
        let of_floats = OutlierFilter::new(["x"]).fence(fence).fit_on(&train(floats)).unwrap();
        let (low, high) = ends(of_floats.fence("x"));
        let step = OutlierFilter::new(["x"]).fence(fence).fit_on(&train(whole.clone()));
        if low.ceil() > high.floor() {
            prop_assert_eq!(step.unwrap_err().kind(), ErrorKind::Fit);
            return Ok(());
        }
        let step = step.unwrap();
        prop_assert_eq!(ends(step.fence("x")), (low.ceil(), high.floor()));
        prop_assert_eq!(step.outside("x"), of_floats.outside("x"));
        let left = step.apply_to_train(whole.lazy()).and_then(collect).unwrap();
        let naive: Vec<i64> = values.into_iter().filter(|x| low <= *x as f64 && *x as f64 <= high).collect();
        prop_assert_eq!(left, df!["x" => naive].unwrap());
    }
}
