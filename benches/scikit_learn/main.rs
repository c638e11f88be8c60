//! floe's side of the comparison with scikit-learn; `run.py` beside it runs both.
//!
//! `cargo test --benches` runs each case once on a few rows.

mod data;

use std::error::Error;
use std::path::Path;

use floe::polars::prelude::*;
use floe::prelude::*;
use floe::{Columns, FitOn as _};

const NUMBERS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const TEXTS: [&str; 3] = ["port", "title", "cabin"];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["make", case, path, rows] => make(case, Path::new(path), rows.parse()?),
        ["run", case, path] => run(case, path),
        _ => {
            let folder = tempfile::tempdir()?;
            ["mixed", "classes"].into_iter().try_for_each(|case| {
                let path = folder.path().join(case).with_extension("parquet");
                make(case, &path, 5_000)?;
                run(case, path.to_str().ok_or("a path that is no UTF-8")?)
            })
        }
    }
}

fn make(case: &str, path: &Path, rows: usize) -> Result<(), Box<dyn Error>> {
    match case {
        "mixed" => data::mixed(path, rows),
        _ => data::classes(path, rows),
    }
}

fn run(case: &str, path: &str) -> Result<(), Box<dyn Error>> {
    let told = match case {
        "mixed" => mixed(path)?,
        _ => classes(path)?,
    };
    println!("{told}");
    Ok(())
}
