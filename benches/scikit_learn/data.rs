//! The tables that both sides read: made here, written as Parquet in row groups of 262,144 rows.

use std::error::Error;
use std::fs::File;
use std::path::Path;

use floe::polars::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

struct Random(ChaCha8Rng);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64() % bound
    }

    /// In [0, 1).
    fn share(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (0..6).map(|_| self.share() - 0.5).sum::<f64>() * 2_f64.sqrt()
    }
}

fn write(mut frame: DataFrame, path: &Path) -> Result<(), Box<dyn Error>> {
    ParquetWriter::new(File::create(path)?)
        .with_row_group_size(Some(262_144))
        .finish(&mut frame)?;
    Ok(())
}

/// Four floats of which a tenth is missing, two integers, three columns of texts with gaps.
pub(crate) fn mixed(path: &Path, rows: usize) -> Result<(), Box<dyn Error>> {
    let mut random = Random(ChaCha8Rng::seed_from_u64(1));
    let mut columns = Vec::new();
    for (at, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
        let scale = 10_f64.powi(i32::try_from(at)?);
        let values: Vec<Option<f64>> = (0..rows)
            .map(|_| (random.below(10) > 0).then(|| random.normal() * scale))
            .collect();
        columns.push(Column::new(name.into(), values));
    }
    for (name, bound) in [("e", 100), ("f", 1_000_000)] {
        let values: Vec<i64> = (0..rows)
            .map(|_| i64::try_from(random.below(bound)))
            .collect::<Result<_, _>>()?;
        columns.push(Column::new(name.into(), values));
    }
    for (name, kinds) in [("port", 4), ("title", 12), ("cabin", 50)] {
        let kinds: Vec<String> = (0..kinds).map(|kind| format!("{name} {kind}")).collect();
        let values: Vec<Option<&str>> = (0..rows)
            .map(|_| {
                let at = usize::try_from(random.below(kinds.len() as u64 + 1)).ok()?;
                kinds.get(at).map(String::as_str)
            })
            .collect();
        columns.push(Column::new(name.into(), values));
    }
    write(DataFrame::new(rows, columns)?, path)
}

/// Twenty floats and a class that depends on them.
pub(crate) fn classes(path: &Path, rows: usize) -> Result<(), Box<dyn Error>> {
    let mut random = Random(ChaCha8Rng::seed_from_u64(2));
    let weights: Vec<f64> = (0..20).map(|_| random.normal() * 0.5).collect();
    let mut features: Vec<Vec<f64>> = vec![Vec::new(); 20];
    let mut class = Vec::with_capacity(rows);
    for _ in 0..rows {
        let mut sum = 0.0;
        for (feature, weight) in features.iter_mut().zip(&weights) {
            let value = random.normal();
            sum += value * weight;
            feature.push(value * 3.0 + 5.0);
        }
        class.push(i64::from(random.share() < 1.0 / (1.0 + (-sum).exp())));
    }
    let names = (0..20).map(|at| format!("x{at}"));
    let features = names
        .zip(features)
        .map(|(name, values)| Column::new(name.as_str().into(), values));
    let columns = features.chain([Column::new("class".into(), class)]);
    write(DataFrame::new(rows, columns.collect())?, path)
}

/// Four floats of which a tenth is missing, two integers, and a number that depends on them.
pub(crate) fn job(path: &Path, rows: usize) -> Result<(), Box<dyn Error>> {
    let mut random = Random(ChaCha8Rng::seed_from_u64(3));
    let mut target = vec![0.0; rows];
    let mut columns = Vec::new();
    for name in ["a", "b", "c", "d"] {
        let mut values = Vec::with_capacity(rows);
        for target in &mut target {
            let value = random.normal() + 3.0;
            *target += value;
            values.push((random.below(10) > 0).then_some(value));
        }
        columns.push(Column::new(name.into(), values));
    }
    for (name, bound) in [("e", 100), ("f", 1_000_000)] {
        let mut values = Vec::with_capacity(rows);
        for target in &mut target {
            let value = i64::try_from(random.below(bound))?;
            *target += value as f64 / bound as f64;
            values.push(value);
        }
        columns.push(Column::new(name.into(), values));
    }
    for target in &mut target {
        *target += random.normal();
    }
    columns.push(Column::new("y".into(), target));
    write(DataFrame::new(rows, columns)?, path)
}
