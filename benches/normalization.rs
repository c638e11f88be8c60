//! The normalisation core against the best that Polars expressions can do, in the same run.
//!
//! `cargo bench --bench normalization`; `cargo test --benches` runs each once, unoptimised.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::{Frame, Train};

const COLUMNS: [&str; 4] = ["a", "b", "c", "d"];

/// Numbers in 0..1000 from a fixed xorshift: the values do not matter, only that they are the same.
fn frame(rows: usize) -> DataFrame {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let columns = COLUMNS.map(|name| {
        let values: Vec<f64> = (0..rows)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state >> 11) as f64 / 9_007_199_254_740_992.0 * 1000.0
            })
            .collect();
        Column::new(name.into(), values)
    });
    DataFrame::new(rows, columns.into()).unwrap_or_default()
}

fn train(frame: DataFrame) -> Option<Frame<Train>> {
    floe::train_on(InMemory::new(frame)).ok()
}

/// Rows to measure on; few when the benches only run as tests.
fn rows() -> usize {
    let measured = std::env::args().any(|argument| argument == "--bench");
    if measured { 10_000_000 } else { 10_000 }
}

fn fit(criterion: &mut Criterion) {
    let frame = frame(rows());
    let Some(train) = train(frame.clone()) else {
        return;
    };
    let mut group = criterion.benchmark_group("fit of min, max, mean, deviation, 4 columns");
    group.throughput(Throughput::Elements((rows() * COLUMNS.len()) as u64));
    group.sample_size(10);
    let scalers = MinMaxScaler::new(["a", "b"]).then(StandardScaler::new(["c", "d"]));
    group.bench_function("floe, scalers", |bench| {
        bench.iter(|| scalers.fit_on(black_box(&train)));
    });
    let every: Vec<Expr> = COLUMNS
        .iter()
        .flat_map(|name| {
            [
                col(*name).min().alias(format!("{name}_min")),
                col(*name).max().alias(format!("{name}_max")),
                col(*name).mean().alias(format!("{name}_mean")),
                col(*name).std(0).alias(format!("{name}_std")),
            ]
        })
        .collect();
    for (name, engine) in [
        ("Polars expressions, streaming", Engine::Streaming),
        ("Polars expressions, in memory", Engine::InMemory),
    ] {
        group.bench_function(name, |bench| {
            bench.iter(|| {
                frame
                    .clone()
                    .lazy()
                    .select(every.clone())
                    .collect_with_engine(engine)
            });
        });
    }
    group.finish();
}

fn apply(criterion: &mut Criterion) {
    let frame = frame(rows());
    let Some(train) = train(frame.clone()) else {
        return;
    };
    let Ok(fitted) = MinMaxScaler::new(COLUMNS).fit_on(&train) else {
        return;
    };
    let mut group = criterion.benchmark_group("apply of a min-max scaling, 4 columns");
    group.throughput(Throughput::Elements((rows() * COLUMNS.len()) as u64));
    group.sample_size(10);
    group.bench_function("floe, streaming", |bench| {
        bench.iter(|| {
            let scaled = fitted.apply(frame.clone().lazy());
            scaled.map(|scaled| scaled.collect_with_engine(Engine::Streaming).map(drop))
        });
    });
    let arithmetic: Vec<Expr> = COLUMNS
        .iter()
        .map(|name| (col(*name) - lit(0.000_1)) / lit(999.9))
        .collect();
    group.bench_function("arithmetic expression, streaming", |bench| {
        bench.iter(|| {
            let scaled = frame.clone().lazy().with_columns(arithmetic.clone());
            scaled.collect_with_engine(Engine::Streaming).map(drop)
        });
    });
    group.finish();
}

criterion_group!(benches, fit, apply);
criterion_main!(benches);
