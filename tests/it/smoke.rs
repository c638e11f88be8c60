use floe::polars::prelude::*;
use floe::prelude::*;

#[test]
fn a_flow_runs_from_rows_to_a_score() -> Result<(), Box<dyn std::error::Error>> {
    let likes = df![
        "id" => (0..40i64).collect::<Vec<_>>(),
        "likes" => (0..40i64).map(|i| 3 * i + i % 3).collect::<Vec<_>>(),
    ]?;
    let tracker = MemoryTracker::new();
    let flow = floe::from(InMemory::new(likes))
        .split(TrainTestSplit::new(0.3).seed(42))
        .then(StandardScaler::new(["id"]))
        .on_target(MinMaxScaler::new(["likes"]))
        .learn(LinearRegression::new(["id"], "likes"))
        .track(tracker.clone());
    assert_eq!(
        format!("{flow:?}"),
        "InMemory(40 rows x 2 columns) -> TrainTestSplit(0.3, seed: 42) -> StandardScaler([\"id\"]) \
         -> on target: MinMaxScaler([\"likes\"]) -> LinearRegression([\"id\"] -> \"likes\")"
    );
    let run = flow.run()?;
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("model.json");
    run.model().save(&path)?;
    let again = flow.load(&path)?.predict(run.test().lazy())?.collect()?;
    assert!(again.equals(&run.predictions()?.collect()?));
    let events: Vec<String> = tracker
        .events()
        .iter()
        .map(|event| {
            serde_json::to_value(event).unwrap()["event"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(
        (events[0].as_str(), events[1].as_str()),
        ("started", "step_fitted")
    );
    assert!(events.iter().any(|event| event == "fitted"));
    assert_eq!(events.last().map(String::as_str), Some("finished"));
    assert!(run.warnings().is_empty());
    assert!(run.metrics().r2().is_some_and(|r2| r2 > 0.99));
    Ok(())
}

#[test]
fn known_nullability_travels_through_the_chain() -> Result<(), Box<dyn std::error::Error>> {
    use floe::Nullable;
    let schema = InMemory::new(df!["a" => [1.0, 2.0], "b" => [Some(1.0), None]]?).schema()?;
    assert_eq!(schema.field("a")?.is_nullable(), Nullable::Never);
    assert_eq!(schema.field("b")?.is_nullable(), Nullable::Maybe);
    let scaled = Transform::output(&MinMaxScaler::new(["a"]), &schema)?;
    assert_eq!(scaled.field("a")?.is_nullable(), Nullable::Never);
    let nulled = MinMaxScaler::new(["a"]).outside(Outside::Null);
    let scaled = Transform::output(&nulled, &schema)?;
    assert_eq!(scaled.field("a")?.is_nullable(), Nullable::Maybe);
    Ok(())
}

#[test]
fn errors_beyond_the_largest_number_are_named_and_never_left_out()
-> Result<(), Box<dyn std::error::Error>> {
    let likes = |outlier: f64| {
        df![
            "id" => (0..40i64).collect::<Vec<_>>(),
            "likes" => (0..40).map(|id| if id == 39 { outlier } else { 1.0 + f64::from(id) }).collect::<Vec<_>>(),
        ]
    };
    let run = |outlier: f64| -> Result<_, Box<dyn std::error::Error>> {
        // A split under which the last row is a test row.
        for seed in 0.. {
            let flow = floe::from(InMemory::new(likes(outlier)?))
                .split(TrainTestSplit::new(0.3).seed(seed))
                .learn(LinearRegression::new(["id"], "likes"));
            let held = floe::from(InMemory::new(likes(39.0)?))
                .split(TrainTestSplit::new(0.3).seed(seed))
                .learn(MeanRegressor::new("likes"))
                .run()?;
            let held = held.test().collect()?;
            if held.column("id")?.i64()?.last() == Some(39) {
                return Ok(flow.run());
            }
        }
        unreachable!("some seed holds the last row back")
    };
    let huge = run(1e300)??;
    for name in ["r2", "mse", "rmse"] {
        let metric = huge.metrics().iter().find(|metric| metric.name == name);
        let reason = metric.and_then(|metric| metric.reason.as_deref());
        assert_eq!(
            reason,
            Some("a squared error is beyond the largest number"),
            "{name}"
        );
        assert_eq!(huge.metrics().get(name), None, "{name}");
    }
    assert!(huge.metrics().mae().is_some_and(|mae| mae > 1e298));

    let infinite = run(f64::INFINITY)?.expect_err("an infinite truth cannot be scored");
    assert_eq!(infinite.kind(), floe::ErrorKind::Score, "{infinite}");
    assert!(
        infinite
            .to_string()
            .contains("1 of the errors are infinite"),
        "{infinite}"
    );
    Ok(())
}
