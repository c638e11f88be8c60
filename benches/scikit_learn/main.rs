//! floe's side of the comparison with scikit-learn; `run.py` beside it runs both.
//!
//! `cargo test --benches` runs each case once on a few rows.

mod data;

use std::error::Error;
use std::io::Write;
use std::path::Path;

use floe::Columns;
use floe::polars::prelude::*;
use floe::prelude::*;

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
            ["mixed", "classes", "job"]
                .into_iter()
                .try_for_each(|case| {
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
        "job" => data::job(path, rows),
        _ => data::classes(path, rows),
    }
}

fn run(case: &str, path: &str) -> Result<(), Box<dyn Error>> {
    let told = match case {
        "mixed" => mixed(path)?,
        "job" => job(path)?,
        _ => classes(path)?,
    };
    writeln!(std::io::stdout(), "{told}")?;
    Ok(())
}

/// Means for gaps, categories as columns, mean 0 and deviation 1; then the sum of each column.
fn mixed(path: &str) -> Result<String, Box<dyn Error>> {
    let source = Parquet::new(path);
    let train = floe::train_on(source.clone())?;
    let steps = Imputer::mean(NUMBERS)
        .then(StandardScaler::new(NUMBERS))
        .then(OneHotEncoder::new(TEXTS));
    let fitted = steps.fit_on(&train)?;
    let mut prepared = fitted.apply(source.scan()?)?;
    let names: Vec<PlSmallStr> = prepared.collect_schema()?.iter_names_cloned().collect();
    let sums: Vec<Expr> = names
        .iter()
        .map(|name| col(name.clone()).cast(DataType::Float64).sum())
        .collect();
    let sums = prepared
        .select(sums)
        .collect_with_engine(Engine::Streaming)?;
    let sums = sums.unwrap_single();
    let last = sums.columns().last().ok_or("no columns")?.f64()?.get(0);
    Ok(format!(
        "{{\"columns\": {}, \"last_sum\": {last:?}}}",
        sums.width()
    ))
}

/// Five folds in order, features of mean 0 and deviation 1, the logistic regression of defaults.
fn classes(path: &str) -> Result<String, Box<dyn Error>> {
    let features: Vec<String> = (0..20).map(|at| format!("x{at}")).collect();
    let features: Columns = features.into_iter().collect();
    let run = floe::from(Parquet::new(path))
        .split(KFold::new(5).in_order())
        .then(StandardScaler::new(features.clone()))
        .learn(LogisticRegression::new(features, "class"))
        .score_with(ClassificationMetrics::new().without_ranking())
        .run()?;
    let mean = |name| run.metric(name).map(|spread| spread.mean).ok_or(name);
    let (accuracy, log_loss) = (mean("accuracy")?, mean("log_loss")?);
    Ok(format!(
        "{{\"accuracy\": {accuracy:?}, \"log_loss\": {log_loss:?}}}"
    ))
}

/// Two columns derived from others, means for gaps, mean 0 and deviation 1, 30 % of the rows kept for
/// the score, least squares, R².
fn job(path: &str) -> Result<String, Box<dyn Error>> {
    let derived = WithColumns::new([
        (col("a") * col("b")).alias("product"),
        (col("d") / (col("c") + lit(1.0))).alias("ratio"),
    ]);
    let features = ["a", "b", "c", "d", "e", "f", "product", "ratio"];
    let run = floe::from(Parquet::new(path))
        .then(derived)
        .split(TrainTestSplit::new(0.3).seed(1))
        .then(Imputer::mean(features))
        .then(StandardScaler::new(features))
        .learn(LinearRegression::new(features, "y"))
        .run()?;
    let r2 = run.metrics().r2().ok_or("R² is not defined")?;
    Ok(format!("{{\"r2\": {r2:?}}}"))
}
