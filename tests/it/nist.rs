//! NIST's reference data sets: means and deviations (NumAcc1 to 4), lines and group means.
//!
//! Digits are counted as NIST does (LRE), 15 at most; certified values come from the files.

use floe::estimator::{FitReport, LinearModel};
use floe::polars::prelude::*;
use floe::prelude::*;

use crate::support::{collect, digits, text};

/// Mean and deviation (ddof 1, as NIST certifies it) of one column.
fn moments(values: &[f64]) -> (f64, f64) {
    let rows = df!["x" => values].expect("a frame");
    let train = floe::train_on(InMemory::new(rows)).expect("rows");
    let fitted = StandardScaler::new(["x"]).fit_on(&train).expect("a fit");
    let n = values.len() as f64;
    let std = fitted.std("x").expect("a deviation") * (n / (n - 1.0)).sqrt();
    (fitted.mean("x").expect("a mean"), std)
}

/// `first`, then `low` and `high` in turn, `pairs` times.
fn alternating(first: f64, low: f64, high: f64, pairs: usize) -> Vec<f64> {
    let mut values = vec![first];
    values.extend((0..pairs).flat_map(|_| [low, high]));
    values
}

#[test]
fn numacc_means_and_deviations_are_as_exact_as_the_data() {
    // What the last argument asks for is what the rounding of the decimal data to binary leaves:
    // 10000000.2 is stored with an error of 1e-9, of which 0.1 keeps 8 digits.
    for (name, values, mean, std, least) in [
        (
            "NumAcc1",
            vec![1e7 + 1.0, 1e7 + 3.0, 1e7 + 2.0],
            1e7 + 2.0,
            1.0,
            15.0,
        ),
        ("NumAcc2", alternating(1.2, 1.1, 1.3, 500), 1.2, 0.1, 14.5),
        (
            "NumAcc3",
            alternating(1_000_000.2, 1_000_000.1, 1_000_000.3, 500),
            1_000_000.2,
            0.1,
            9.0,
        ),
        (
            "NumAcc4",
            alternating(10_000_000.2, 10_000_000.1, 10_000_000.3, 500),
            10_000_000.2,
            0.1,
            8.0,
        ),
    ] {
        let (found_mean, found_std) = moments(&values);
        let (of_mean, of_std) = (digits(found_mean, mean), digits(found_std, std));
        println!("{name}: mean {of_mean:.1} digits, deviation {of_std:.1}");
        assert!(of_mean >= 15.0, "{name}: {found_mean}");
        assert!(of_std >= least, "{name}: {found_std}");
        // Against the stored doubles themselves nothing is lost: offsets from the first value are
        // exact, and so is their arithmetic but for the last bit.
        let first = values[0];
        let offsets: Vec<f64> = values.iter().map(|value| value - first).collect();
        let (_, exact) = moments(&offsets);
        assert!(
            digits(found_std, exact) >= 14.5,
            "{name}: {found_std} {exact}"
        );
    }
}

/// A fitted line on its own rows, the metrics on the same rows, and the digits of both.
pub(crate) struct Fitted {
    pub(crate) model: LinearModel,
    pub(crate) r2: f64,
    mse: f64,
}

impl Fitted {
    pub(crate) fn of(rows: DataFrame, features: &[String], target: &str) -> Self {
        let same = InMemory::new(rows);
        let run = floe::from_parts(same.clone(), same)
            .learn(LinearRegression::new(features.to_vec(), target))
            .run()
            .expect("a run");
        Self {
            model: run.model().predictor().clone(),
            r2: run.metrics().r2().expect("r2"),
            mse: run.metrics().get("mse").expect("mse"),
        }
    }

    fn report(&self) -> &FitReport {
        self.model.fit_report()
    }

    pub(crate) fn r2_of_report(&self) -> f64 {
        1.0 - self.report().residual_sum_of_squares / self.report().total_sum_of_squares
    }

    /// Residual deviation by the degrees of freedom left: from the report, then from the metrics.
    pub(crate) fn residual_deviation(&self) -> [f64; 2] {
        let rows = self.report().rows as f64;
        let left = rows - self.report().rank as f64 - 1.0;
        [self.report().residual_sum_of_squares, self.mse * rows].map(|sum| (sum / left).sqrt())
    }
}

/// The number after a label of a NIST file.
fn certified(text: &str, label: &str, skip: usize) -> f64 {
    let (_, after) = text.split_once(label).expect("the label");
    let numbers = after
        .split_whitespace()
        .filter_map(|word| word.parse().ok());
    numbers.skip(skip).next().expect("a number")
}

/// The rows below `Data:` as two columns.
fn pairs(text: &str) -> [Vec<f64>; 2] {
    let (_, rows) = text.rsplit_once("Data:").expect("data");
    let numbers: Vec<f64> = rows
        .lines()
        .skip(1)
        .flat_map(str::split_whitespace)
        .map(|word| word.parse().expect("a number"))
        .collect();
    [0, 1].map(|at| numbers.iter().skip(at).step_by(2).copied().collect())
}

#[test]
fn norris_is_right_to_twelve_digits() {
    let Some(text) = text("nist/Norris.dat") else {
        return;
    };
    let [y, x] = pairs(&text);
    assert_eq!(y.len(), 36);
    let fitted = Fitted::of(
        df!["x" => x, "y" => y].expect("a frame"),
        &["x".to_owned()],
        "y",
    );
    let check = |what: &str, found: f64, certified: f64, least: f64| {
        let digits = digits(found, certified);
        println!("Norris {what}: {digits:.1} digits");
        assert!(digits >= least, "{what}: {found} {certified}");
    };
    check(
        "B0",
        fitted.model.intercept(),
        certified(&text, "  B0 ", 0),
        12.0,
    );
    check(
        "B1",
        fitted.model.coefficients()[0],
        certified(&text, "  B1 ", 0),
        12.0,
    );
    let r2 = certified(&text, "R-Squared", 0);
    check("R2 of the report", fitted.r2_of_report(), r2, 14.0);
    check("R2 of the metrics", fitted.r2, r2, 14.0);
    let (_, deviation) = text.split_once("Residual").expect("a label");
    let deviation = certified(deviation, "Standard Deviation", 0);
    let [report, metrics] = fitted.residual_deviation();
    check("deviation of the report", report, deviation, 12.0);
    check("deviation of the metrics", metrics, deviation, 12.0);
}

/// 0/1 columns for every group but the first.
pub(crate) fn indicators(group: &[f64], y: &[f64]) -> (DataFrame, Vec<String>) {
    let mut groups: Vec<i64> = group.iter().map(|group| group.round() as i64).collect();
    let of_row = groups.clone();
    groups.sort_unstable();
    groups.dedup();
    let names: Vec<String> = groups[1..].iter().map(|at| format!("group{at}")).collect();
    let mut columns: Vec<Column> = groups[1..]
        .iter()
        .zip(&names)
        .map(|(group, name)| {
            let is: Vec<i64> = of_row.iter().map(|of| i64::from(of == group)).collect();
            Column::new(name.as_str().into(), is)
        })
        .collect();
    columns.push(Column::new("y".into(), y));
    let rows = DataFrame::new_infer_height(columns).expect("a frame");
    (rows, names)
}

#[test]
fn one_way_layouts_are_right_to_nine_digits() {
    for name in ["SiRstv", "SmLs01", "SmLs04", "AtmWtAg"] {
        let Some(text) = text(&format!("nist/{name}.dat")) else {
            continue;
        };
        let [group, y] = pairs(&text);
        let (rows, features) = indicators(&group, &y);
        let fitted = Fitted::of(rows, &features, "y");
        let r2 = certified(&text, "R-Squared", 0);
        let (_, deviation) = text.split_once("Certified Residual").expect("a label");
        let deviation = certified(deviation, "Standard Deviation", 0);
        let [report, metrics] = fitted.residual_deviation();
        for (what, found, certified) in [
            ("R2 of the report", fitted.r2_of_report(), r2),
            ("R2 of the metrics", fitted.r2, r2),
            ("deviation of the report", report, deviation),
            ("deviation of the metrics", metrics, deviation),
        ] {
            let digits = digits(found, certified);
            println!("{name}, {what}: {digits:.1} digits");
            assert!(digits >= 9.0, "{name}, {what}: {found} {certified}");
        }
        // A coefficient is the distance of its group's mean from the first one's.
        let first = fitted.model.intercept();
        let sum = |wanted: f64| {
            let of_group = group.iter().zip(&y).filter(|(group, _)| **group == wanted);
            let (sum, count) =
                of_group.fold((0.0, 0.0), |(sum, n), (_, y)| (sum + y - first, n + 1.0));
            sum / count
        };
        assert!(sum(group[0]).abs() < 1e-12, "{name}");
        let predictions = fitted
            .model
            .predict(indicators(&group, &y).0.lazy())
            .and_then(collect);
        assert_eq!(predictions.expect("rows").height(), y.len());
    }
}
