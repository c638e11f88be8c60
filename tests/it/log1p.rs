//! The logarithm of counts and amounts: its domain, its way back, its places in a flow.

use floe::ErrorKind;
use floe::learn::FitOn;
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::testing::{check_inverse, check_step};

use crate::support::{bits, collect, frame, integer_dtypes, physical};

fn train(rows: DataFrame) -> floe::Frame<floe::Train> {
    floe::train_on(InMemory::new(rows)).expect("train rows")
}

fn floats(values: &[Option<f64>]) -> DataFrame {
    frame(Series::new("x".into(), values))
}

#[test]
fn log1p_keeps_the_laws_and_comes_back() {
    for (dtype, _, high) in integer_dtypes() {
        if dtype.is_temporal() {
            let rows = frame(physical(&dtype, &[Some(1)]));
            let error = Log1p::new(["x"]).fit_on(&train(rows)).expect_err("no unit");
            assert_eq!(
                (error.kind(), error.column()),
                (ErrorKind::Schema, Some("x"))
            );
            continue;
        }
        let values = (0..23).map(|row| (row % 6 != 2).then(|| (row * row * 11).min(high)));
        let rows = frame(physical(&dtype, &values.collect::<Vec<_>>()));
        check_step(&Log1p::new(["x"]), &rows).expect("a lawful step");
        check_inverse(&Log1p::new(["x"]), &rows, 1e-13).expect("it can be undone");
        let fitted = Log1p::new(["x"])
            .fit_on(&train(rows.clone()))
            .expect("a step");
        let logs = fitted.apply(rows.clone().lazy()).expect("logs");
        let back = fitted.inverse(logs).and_then(collect).expect("values");
        assert!(back.equals_missing(&rows), "{back} {rows}");
    }
    let rows = floats(&[
        Some(-0.75),
        None,
        Some(1e-300),
        Some(f64::NAN),
        Some(-0.0),
        Some(7e10),
    ]);
    check_step(&Log1p::new(["x"]), &rows).expect("a lawful step");
    check_inverse(&Log1p::new(["x"]), &rows, 1e-13).expect("it can be undone");
    let logs = Log1p::new(["x"])
        .apply(rows.lazy())
        .and_then(collect)
        .expect("logs");
    assert_eq!(
        bits(&logs),
        [
            Some(-0.75),
            None,
            Some(1e-300),
            Some(f64::NAN),
            Some(0.0),
            Some(7e10)
        ]
        .map(|x: Option<f64>| x.map(|x| x.ln_1p().to_bits()))
    );
    // Rounded to the nearest, also where a rounding below would lose one.
    let whole = df!["x" => (0..2000i64).map(|i| i * i * i * 125).collect::<Vec<_>>()].unwrap();
    let fitted = Log1p::new(["x"])
        .fit_on(&train(whole.clone()))
        .expect("a step");
    let logs = fitted.apply(whole.clone().lazy()).expect("logs");
    assert_eq!(
        fitted.inverse(logs).and_then(collect).expect("values"),
        whole
    );
}

#[test]
fn log1p_says_which_value_has_no_logarithm() {
    for (values, first) in [
        (vec![0.5, -1.0, -7.5], "-1"),
        (vec![f64::NEG_INFINITY, 1.0, 2.0], "inf"),
    ] {
        let rows = df!["x" => values].unwrap();
        let error = Log1p::new(["x"])
            .apply(rows.clone().lazy())
            .and_then(collect);
        let error = error.expect_err("no logarithm");
        assert_eq!(
            (error.kind(), error.column()),
            (ErrorKind::Apply, Some("x"))
        );
        assert!(error.to_string().contains(first), "{error}");
        let step = Log1p::new(["x"]).out_of_domain(OutOfDomain::Null);
        let logs = step
            .apply(rows.clone().lazy())
            .and_then(collect)
            .expect("nulls");
        let naive = rows
            .column("x")
            .unwrap()
            .f64()
            .unwrap()
            .iter()
            .map(|x| x.filter(|x| *x > -1.0).map(|x| x.ln_1p().to_bits()));
        assert_eq!(bits(&logs), naive.collect::<Vec<_>>());
        check_step(&step, &rows).expect("a lawful step");
    }
    let rows = df!["x" => [Some(f64::INFINITY), None]].unwrap();
    let logs = Log1p::new(["x"])
        .apply(rows.lazy())
        .and_then(collect)
        .expect("logs");
    assert_eq!(bits(&logs), [Some(f64::INFINITY.to_bits()), None]);
    let texts = df!["x" => ["a"]].unwrap();
    let error = Log1p::new(["x"])
        .apply(texts.lazy())
        .and_then(collect)
        .expect_err("no number");
    assert_eq!(error.kind(), ErrorKind::Schema);
}

#[test]
fn log1p_stands_on_the_target_and_before_the_split() {
    let rows = df![
        "x" => (0..40).map(f64::from).collect::<Vec<_>>(),
        "y" => (0..40).map(|i| (f64::from(i) / 10.0).exp_m1()).collect::<Vec<_>>(),
    ]
    .unwrap();
    let run = floe::from(InMemory::new(rows.clone()))
        .split(TrainTestSplit::new(0.3).seed(1))
        .on_target(Log1p::new(["y"]))
        .learn(LinearRegression::new(["x"], "y"))
        .run()
        .expect("a run");
    // In logarithms the rows lie on a line, and predictions are in the target's own units.
    assert!(run.metrics().get("r2").unwrap() > 1.0 - 1e-12);
    let flow = floe::from(InMemory::new(rows))
        .then(Log1p::new(["x"]))
        .split(TrainTestSplit::new(0.3).seed(1))
        .learn(LinearRegression::new(["x"], "y"));
    flow.run().expect("a run");
}
