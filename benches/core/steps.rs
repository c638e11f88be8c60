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
    let (imputer, scaler) = (
        Imputer::mean(names(COLUMNS)),
        StandardScaler::new(names(COLUMNS)),
    );
    let (ends, largest) = (
        MinMaxScaler::new(names(COLUMNS)),
        MaxAbsScaler::new(names(COLUMNS)),
    );
    let together = imputer
        .clone()
        .then(scaler.clone())
        .then(ends.clone())
        .then(largest.clone());
    let levels = together.levels(train.schema())?.len();
    if levels != 1 {
        return Err(format!("the steps learn at {levels} levels").into());
    }
    let apart = train.clone();
    let case = Case::new(
        format!("four steps over {COLUMNS} x {rows} f64 from Parquet"),
        rows * COLUMNS,
        vec![
            Side::new("floe, in one scan", move || Ok(together.fit_on(&train)?)),
            Side::new("floe, a scan a step", move || {
                imputer.fit_on(&apart)?;
                scaler.fit_on(&apart)?;
                ends.fit_on(&apart)?;
                Ok(largest.fit_on(&apart)?)
            }),
        ],
    );
    Ok(vec![case.holding(folder)])
}
