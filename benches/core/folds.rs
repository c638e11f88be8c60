//! The folds of a cross-validation in one reading, against one fit and against a fit a fold.

use std::time::Duration;

use floe::polars::prelude::*;
use floe::prelude::*;

use super::side::{Case, Outcome, Side};
use super::tables::{names, numbers, write};

const COLUMNS: usize = 20;

const FOLDS: usize = 5;

pub(crate) fn cases(scale: usize) -> Outcome<Vec<Case>> {
    let rows = scale * 20;
    let mut frame = numbers(rows, COLUMNS + 1, &DataType::Float64)?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("table.parquet");
    write(&mut frame, std::fs::File::create(&path)?)?;
    let case = |from, sides| {
        let name = format!("{FOLDS} folds over {COLUMNS} x {rows} f64 {from}");
        Case::new(name, rows * COLUMNS, sides)
    };
    Ok(vec![
        case("in memory", of(InMemory::new(frame))?),
        case("from Parquet", of(Parquet::new(path))?).holding(folder),
    ])
}

fn of<S: Source + Clone + 'static>(source: S) -> Outcome<Vec<Side>> {
    let train = floe::train_on(source.clone())?;
    let steps = || StandardScaler::new(names(COLUMNS));
    let level = move |name, splitter: KFold| {
        let source = source.clone();
        Side::timed(name, move || {
            let flow = floe::from(source.clone())
                .split(splitter.clone())
                .then(steps())
                .learn(MeanRegressor::new("x20"));
            // The scan that scores is no part of the fit.
            let run = flow.run()?;
            let levels = run.scans().iter().filter(|scan| scan.purpose == "level");
            Ok(levels.map(|scan| scan.elapsed).sum::<Duration>())
        })
    };
    let folds = KFold::new(FOLDS);
    let one = train.clone();
    Ok(vec![
        Side::new("floe, one fit of all rows", move || {
            Ok(steps().fit_on(&one)?)
        }),
        level(
            "floe, folds at random, in one reading",
            folds.clone().seed(1),
        ),
        level("floe, folds in order, in one reading", folds.in_order()),
        Side::new("floe, a fit of all rows, five times", move || {
            for _ in 0..FOLDS {
                steps().fit_on(&train)?;
            }
            Ok(())
        }),
    ])
}
