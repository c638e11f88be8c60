//! The stages one by one; they share files and nothing else.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use floe::prelude::*;
use floe::{Error, ErrorKind};
use serde_json::json;

use super::files::{INDEX, LIKES, VALUE, likes, refuse_one_file, stage_values, values};
use super::progress::Progress;
use super::{Outcome, print};

#[derive(Debug, Args)]
pub(crate) struct ProcessArgs {
    /// Like sums, one a line
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// Where `index,value` goes
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SplitArgs {
    /// Lines of `index,value`
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// Where the lines to learn from go
    #[arg(long, value_name = "FILE")]
    train: PathBuf,
    /// Where the lines kept for the score go
    #[arg(long, value_name = "FILE")]
    test: PathBuf,
    /// Share of the lines kept for the score, between 0 and 1
    #[arg(
        long,
        value_name = "SHARE",
        default_value_t = 0.3,
        allow_negative_numbers = true
    )]
    test_share: f64,
    /// Which split of all the possible ones
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    /// Lines of `index,value` to learn from
    #[arg(long, value_name = "FILE")]
    train: PathBuf,
    /// Where the model goes
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Print the coefficients and the intercept as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// Lines of `index,value` that the model has not seen
    #[arg(long, value_name = "FILE")]
    test: PathBuf,
    /// The model that `train-model` saved
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Print the metrics as JSON
    #[arg(long)]
    json: bool,
}

/// The scaler of the job. An hour without a number, or like sums that never change, end in an
/// error instead of a column that says nothing.
pub(crate) fn scaler() -> MinMaxScaler {
    MinMaxScaler::new([LIKES])
        .nulls(Nulls::Error)
        .nans(Nans::Error)
        .constant(Constant::Error)
}

/// Scales over all rows, as the original did; whoever splits later has seen the test rows here.
pub(crate) fn process_data(
    args: &ProcessArgs,
    progress: &Progress,
    out: &mut impl Write,
) -> Outcome {
    progress.say("learning the range");
    let all = floe::train_on(likes(&args.input)?)?;
    let scaling = scaler().fit_on(&all)?;
    progress.say("scaling");
    let rows = scaling.apply(all.lazy())?.collect().map_err(Error::from)?;
    stage_values(&args.output, &rows, LIKES)?.put()?;
    let (min, max) = scaling
        .range(LIKES)
        .map_or((f64::NAN, f64::NAN), |(min, max)| {
            (min.to_f64(), max.to_f64())
        });
    if args.json {
        let result = json!({ "rows": rows.height(), "min": min, "max": max });
        print::json(out, &result)?;
    } else {
        let facts = [
            ("rows", rows.height().to_string()),
            ("min", format!("{min} likes, now 0")),
            ("max", format!("{max} likes, now 1")),
            ("written", shown(&args.output)),
        ];
        print::facts(out, &facts)?;
    }
    Ok(())
}

pub(crate) fn split(args: &SplitArgs, progress: &Progress, out: &mut impl Write) -> Outcome {
    refuse_one_file(&[("--train", &args.train), ("--test", &args.test)])?;
    progress.say("splitting");
    let (train, test) = floe::from(values(&args.input))
        .split(TrainTestSplit::new(args.test_share).seed(args.seed))
        .frames()?;
    let (train, test) = (train.collect()?, test.collect()?);
    // New train rows beside old test rows would leak: both sides are written before one is put.
    let sides = [(&args.train, &train), (&args.test, &test)];
    let sides = sides.map(|(path, rows)| stage_values(path, rows, VALUE));
    for side in sides.into_iter().collect::<floe::Result<Vec<_>>>()? {
        side.put()?;
    }
    if args.json {
        let result = json!({
            "train": train.height(),
            "test": test.height(),
            "test_share": args.test_share,
            "seed": args.seed,
        });
        print::json(out, &result)?;
    } else {
        let side = |rows: usize, path: &Path| format!("{rows} rows in {}", shown(path));
        let facts = [
            ("train", side(train.height(), &args.train)),
            ("test", side(test.height(), &args.test)),
        ];
        print::facts(out, &facts)?;
    }
    Ok(())
}

pub(crate) fn train(args: &TrainArgs, progress: &Progress, out: &mut impl Write) -> Outcome {
    refuse_one_file(&[("--train", &args.train), ("--model", &args.model)])?;
    progress.say("fitting");
    let model = floe::from_train(values(&args.train)).learn(line()).fit()?;
    model.save(&args.model)?;
    if args.json {
        print::json(out, &model.report())?;
    } else {
        let line = model.predictor();
        let slope = line.coefficient(INDEX).unwrap_or(f64::NAN);
        let facts = [
            ("coefficient", format!("{slope} for {INDEX}")),
            ("intercept", line.intercept().to_string()),
            ("rows", line.fit_report().rows.to_string()),
            ("written", shown(&args.model)),
        ];
        print::facts(out, &facts)?;
    }
    Ok(())
}

pub(crate) fn test(args: &TestArgs, progress: &Progress, out: &mut impl Write) -> Outcome {
    progress.say("scoring");
    // Loading takes the types of the chain and reads none of its rows.
    let model = floe::from_train(values(&args.test))
        .learn(line())
        .load(&args.model)?;
    let metrics = model.evaluate(values(&args.test))?;
    check_scored(&metrics, &args.test)?;
    if args.json {
        print::json(out, &print::metrics(&metrics))?;
    } else {
        let shown = ["r2", "rmse", "mae", "max_error"];
        let mut rows: Vec<_> = shown
            .map(|name| vec![name.to_owned(), print::metric(&metrics, name)])
            .into();
        rows.push(vec!["rows".to_owned(), metrics.rows().to_string()]);
        print::table(out, &rows)?;
        for reason in print::reasons(&metrics, &shown) {
            writeln!(out, "{reason}")?;
        }
    }
    Ok(())
}

fn line() -> LinearRegression {
    LinearRegression::new([INDEX], VALUE)
}

/// A score of some of the rows would pass for one of all.
fn check_scored(metrics: &floe::metric::Metrics, path: &Path) -> floe::Result<()> {
    let file = path.display();
    let message = match (metrics.rows(), metrics.skipped()) {
        (0, 0) => format!("`{file}` has no rows"),
        (_, 0) => return Ok(()),
        (rows, skipped) => format!(
            "{skipped} of the {} rows of `{file}` have no value or no index",
            rows + skipped
        ),
    };
    Err(Error::new(ErrorKind::Score, message).with_help("every line needs an index and a number"))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
