//! Steps that learn together in one scan, against a scan a step.

use floe::polars::prelude::*;
use floe::prelude::*;

use super::side::{Case, Outcome, Side};
use super::tables::{names, numbers, write};

const COLUMNS: usize = 8;

pub(crate) fn cases(scale: usize) -> Outcome<Vec<Case>> {
    let rows = scale * 20;
    let mut frame = numbers(rows, COLUMNS, &DataType::Float64)?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("table.parquet");
    write(&mut frame, std::fs::File::create(&path)?)?;
    let train = floe::train_on(Parquet::new(&path))?;
    let each = names(COLUMNS);
    let apart = train.clone();
    let [first, second, third, fourth] =
        [0, 2, 4, 6].map(|at| [each[at].clone(), each[at + 1].clone()]);
    let together = MinMaxScaler::new(first.clone())
        .then(StandardScaler::new(second.clone()))
        .then(MaxAbsScaler::new(third.clone()))
        .then(Imputer::mean(fourth.clone()));
    Ok(vec![
        Case::new(
            format!("four steps over {COLUMNS} x {rows} f64 from Parquet"),
            rows * COLUMNS,
            vec![
                Side::new("floe, in one scan", move || Ok(together.fit_on(&train)?)),
                Side::new("floe, a scan a step", move || {
                    MinMaxScaler::new(first.clone()).fit_on(&apart)?;
                    StandardScaler::new(second.clone()).fit_on(&apart)?;
                    MaxAbsScaler::new(third.clone()).fit_on(&apart)?;
                    Ok(Imputer::mean(fourth.clone()).fit_on(&apart)?)
                }),
            ],
        )
        .holding(folder),
    ])
}
