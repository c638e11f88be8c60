//! The core against the best alternative on the same rows, in the same run.
//!
//! | command | what it does |
//! |---|---|
//! | `cargo bench --bench core` | Criterion's report of every side |
//! | `cargo bench --bench core -- --paired` | sides in turn, nine rounds, told as ratios: for machines that are not quiet |
//! | `cargo bench --bench core -- --paired folds` | one group of them |
//! | `cargo test --benches` | every side once, on few rows |
//!
//! Groups: `fit`, `parquet`, `apply`, `split`, `folds`, `steps`, `planning`.

mod folds;
mod normalization;
mod paired;
mod planning;
mod side;
mod splits;
mod steps;
mod tables;

use criterion::{Criterion, Throughput};
use side::{Case, Outcome};

/// What a group measures, on so many times a hundred rows.
type Group = (&'static str, fn(usize) -> Outcome<Vec<Case>>);

const GROUPS: [Group; 7] = [
    ("fit", normalization::fit),
    ("parquet", normalization::parquet),
    ("apply", normalization::apply),
    ("split", splits::cases),
    ("folds", folds::cases),
    ("steps", steps::cases),
    ("planning", planning::cases),
];

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    if has("--paired") {
        return paired::run(&arguments);
    }
    let scale = if has("--bench") { 100_000 } else { 100 };
    let mut criterion = Criterion::default().configure_from_args();
    for (_, cases) in GROUPS {
        // The tables of one group are let go before the next ones are made.
        for case in cases(scale)? {
            let mut group = criterion.benchmark_group(&case.name);
            group.throughput(Throughput::Elements(case.elements));
            group.sample_size(10);
            for mut side in case.sides {
                side.once()?;
                group.bench_function(side.name, |bench| {
                    bench.iter_custom(|times| (0..times).map(|_| side.time()).sum());
                });
            }
            group.finish();
        }
    }
    criterion.final_summary();
    Ok(())
}
