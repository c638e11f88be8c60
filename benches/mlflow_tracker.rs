//! What a tracker of an MLflow server costs the thread that is tracked: 1000 metrics at once, and
//! 1000 one by one. The server is away, so that nothing but the recording is measured; the target is
//! one millisecond for 1000.

#![allow(clippy::unwrap_used, reason = "a bench may fail loudly")]

use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use floe::tracker::{Event, MlflowTracker, RunInfo, RunLog, Tracker, What};
use tempfile::TempDir;

fn metrics(run: &str) -> Vec<Event> {
    let metric = |step: i64| What::Metric {
        name: "loss".to_owned(),
        value: Some(1.0 / (step as f64 + 1.0)),
        reason: None,
        step,
    };
    (0..1000)
        .map(|step| Event::at(run, 1_795_421_000_000 + step, metric(step)))
        .collect()
}

fn recording(c: &mut Criterion) {
    let folder = TempDir::new().unwrap();
    // Port 9 of this machine, where nobody listens.
    let tracker = MlflowTracker::new("http://127.0.0.1:9")
        .spool(folder.path())
        .buffering(Duration::from_hours(1))
        .deadline(Duration::ZERO);
    let log = RunLog::start(&tracker, &RunInfo::named("bench")).unwrap();
    let events = metrics(log.run());
    let mut group = c.benchmark_group("mlflow_tracker");
    group.throughput(Throughput::Elements(1000));
    group.bench_function("1000 metrics in one call", |b| {
        b.iter_batched(
            || events.clone(),
            |events| tracker.record_all(&events).unwrap(),
            BatchSize::SmallInput,
        );
    });
    group.bench_function("1000 metrics one by one", |b| {
        b.iter(|| {
            events
                .iter()
                .for_each(|event| tracker.record(event).unwrap());
        });
    });
    group.finish();
}

criterion_group!(benches, recording);
criterion_main!(benches);
