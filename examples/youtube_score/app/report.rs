//! What `run` prints.

use std::io::Write;

use floe::estimator::{LinearModel, PREDICTION};
use floe::learn::Plan;
use floe::metric::Metrics;
use floe::polars::prelude::{IntoLazy, df};
use floe::prelude::*;
use floe::{Explain, Run};
use serde_json::json;

use super::collect::Collection;
use super::files::INDEX;
use super::run::{Args, FILES};
use super::{Outcome, get_data, print};

/// What there is to print.
pub(crate) struct Report<'a, P: Plan, T: Plan> {
    pub(crate) args: &'a Args,
    pub(crate) collection: Option<&'a Collection>,
    pub(crate) run: &'a Run<P::Fitted, T::Fitted, LinearModel>,
    pub(crate) baseline: &'a Metrics,
    pub(crate) scaled_baseline: &'a Metrics,
    pub(crate) explain: &'a Explain,
    pub(crate) warnings: &'a [String],
    pub(crate) is_tracked: bool,
}

impl<P: Plan, T: Plan> Report<'_, P, T>
where
    T::Fitted: Invert,
{
    pub(crate) fn table(&self, out: &mut impl Write) -> Outcome {
        if let Some(collection) = self.collection {
            get_data::table(collection, &self.args.asked, out)?;
            writeln!(out)?;
        }
        let run = self.run;
        let line = run.model().predictor();
        let slope = line.coefficient(INDEX).unwrap_or(f64::NAN);
        let sign = if slope < 0.0 { '-' } else { '+' };
        let (train, test) = self.sizes();
        let mut facts = vec![
            ("flow", self.flow()),
            ("input", self.input()),
            (
                "rows",
                format!(
                    "{} hours: {train} to learn from, {test} for the score",
                    train + test
                ),
            ),
            (
                "model",
                format!(
                    "value = {} {sign} {} * {INDEX}",
                    print::number(line.intercept()),
                    print::number(slope.abs())
                ),
            ),
        ];
        if !self.args.like_the_original {
            let (first, last) = self.ends(train + test)?;
            let ends = format!("{first:.1} likes in the first hour, {last:.1} in the last");
            facts.push(("predicts", ends));
        }
        print::facts(out, &facts)?;
        writeln!(out)?;
        print::table(out, &self.scores())?;
        for reason in print::reasons(run.metrics(), &["r2", "rmse", "mae"]) {
            writeln!(out, "{reason}")?;
        }
        writeln!(out, "\n{}", self.scale())?;
        writeln!(out, "\nexplain() said, before a row was read:")?;
        let explain = self.explain.to_string();
        for line in explain.lines().skip(self.explain.stages.len()) {
            // The settings of a step are more than a person wants to read here.
            writeln!(out, "  {}", line.split(" {").next().unwrap_or(line))?;
        }
        let made = run.scans().iter();
        let made: Vec<_> = made
            .map(|scan| format!("{} {}", scan.purpose, scan.rows))
            .collect();
        writeln!(out, "scans made, with their rows: {}", made.join(", "))?;
        for warning in self.warnings {
            writeln!(out, "Warning: {warning}")?;
        }
        if let Some(folder) = &self.args.out {
            writeln!(out, "Written to {}: {}", folder.display(), FILES.join(", "))?;
        }
        if self.is_tracked
            && let Some(place) = self.args.tracking.told()
        {
            writeln!(out, "Tracked in {place}")?;
        }
        Ok(())
    }

    fn scores(&self) -> Vec<Vec<String>> {
        let mut rows = vec![
            ["", "unit", "line", "always the mean"]
                .map(ToOwned::to_owned)
                .to_vec(),
        ];
        let mut add = |name: &str, unit: &str, of: &Metrics, baseline: &Metrics| {
            rows.push(vec![
                name.to_owned(),
                unit.to_owned(),
                print::metric(of, name),
                print::metric(baseline, name),
            ]);
        };
        let own = (self.run.metrics(), self.baseline);
        let scaled = (self.run.scaled_metrics(), self.scaled_baseline);
        add("r2", "", own.0, own.1);
        if !self.args.like_the_original {
            add("rmse", "likes", own.0, own.1);
            add("mae", "likes", own.0, own.1);
        }
        add("rmse", "0..1", scaled.0, scaled.1);
        add("mae", "0..1", scaled.0, scaled.1);
        rows
    }

    fn flow(&self) -> String {
        let source = match self.collection {
            Some(_) => "InMemory",
            None => "Csv",
        };
        let steps = if self.args.like_the_original {
            "MinMaxScaler, before the split -> TrainTestSplit -> LinearRegression"
        } else {
            "TrainTestSplit -> MinMaxScaler, on the target -> LinearRegression"
        };
        format!("{source} -> {steps}")
    }

    fn scale(&self) -> &'static str {
        if self.args.like_the_original {
            "As in the original, the scale was learned from all hours: a leak, and tagged so."
        } else {
            "The scale was learned from the train hours only (--like-the-original: from all)."
        }
    }

    pub(crate) fn json(&self, out: &mut impl Write) -> Outcome {
        let run = self.run;
        let (train, test) = self.sizes();
        let scans = run.scans().iter();
        let scans: Vec<_> = scans
            .map(|scan| json!({ "purpose": scan.purpose, "rows": scan.rows }))
            .collect();
        // Scaled before the split, there are no likes left to score in.
        let likes = (!self.args.like_the_original).then(|| {
            json!({
                "line": print::metrics(run.metrics()),
                "mean": print::metrics(self.baseline),
            })
        });
        let collected = self
            .collection
            .map(|collection| get_data::as_json(collection, &self.args.asked));
        let result = json!({
            "run": run.id(),
            "collected": collected.transpose()?,
            "input": self.input(),
            "score": self.collection.map(|_| format!("{:?}", self.args.score)),
            "rows": { "train": train, "test": test },
            "split": run.model().split(),
            "model": run.model().report(),
            "likes": likes,
            "scaled": {
                "line": print::metrics(run.scaled_metrics()),
                "mean": print::metrics(self.scaled_baseline),
            },
            "stages": self.explain.stages,
            "scans": scans,
            "tags": run.tags(),
            "warnings": self.warnings,
        });
        print::json(out, &result)?;
        Ok(())
    }

    fn input(&self) -> String {
        match &self.args.input {
            Some(path) => path.display().to_string(),
            None => "the hourly values of the collection".to_owned(),
        }
    }

    fn sizes(&self) -> (u64, u64) {
        let train = self.run.model().predictor().fit_report().rows;
        let test = self.run.metrics();
        (train, test.rows() + test.skipped())
    }

    /// What the line predicts for the first hour and for the last.
    fn ends(&self, rows: u64) -> floe::Result<(f64, f64)> {
        let last = u32::try_from(rows.saturating_sub(1)).unwrap_or(u32::MAX);
        let hours = df![INDEX => [0, last]]?;
        let predicted = self.run.model().predict(hours.lazy())?.collect()?;
        let predicted = predicted.column(PREDICTION)?.f64()?;
        let at = |row| predicted.get(row).unwrap_or(f64::NAN);
        Ok((at(0), at(1)))
    }
}
