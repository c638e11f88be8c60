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
    println!("{:?}", flow);
    println!("{}", flow.explain()?);
    let run = flow.run()?;
    println!("{}", run.metrics());
    println!("{}", run.scaled_metrics());
    println!("{:?}", run.model());
    println!("{:?}", run.scans());
    println!("{}", run.predictions()?.collect()?);
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("model.json");
    run.model().save(&path)?;
    println!("{}", std::fs::read_to_string(&path)?);
    let back = flow.load(&path)?;
    let again = back.predict(run.test().lazy())?.collect()?;
    assert!(again.equals(&run.predictions()?.collect()?));
    for event in tracker.events() {
        println!("{}", serde_json::to_string(&event)?);
    }
    assert!(run.metrics().r2().is_some_and(|r2| r2 > 0.99));
    Ok(())
}
