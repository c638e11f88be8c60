//! Metrics of classes against scikit-learn 1.9.1 on the same probabilities: those of a logistic
//! regression from its published coefficients, and of naive Bayes from the train rows, in plain
//! arithmetic. `../shared/data/expected/README.md` tells how its answers were made.

use floe::estimator::{Classes, Training};
use floe::learn::{Need, Statistic};
use floe::metric::{Confusion, Metrics};
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::transform::Artifact;
use floe::{Registry, Schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::expected::{counted, expected, names, numbers, sides, titanic};

/// A classifier that is told the probabilities by columns `p0`, `p1`, ….
#[derive(Clone, Debug)]
struct Told {
    target: PlSmallStr,
    features: Vec<PlSmallStr>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Teller {
    features: Vec<String>,
    classes: Classes,
}

impl Artifact for Teller {
    const KIND: &'static str = "teller";
}

impl Estimator for Told {
    type Model = Teller;

    fn target(&self) -> &str {
        &self.target
    }

    fn features(&self, _: &Schema) -> floe::Result<Vec<PlSmallStr>> {
        Ok(self.features.clone())
    }

    fn needs(&self, _: &Schema) -> floe::Result<Vec<Need>> {
        let most = Classes::MOST;
        let categories = Statistic::Categories { most };
        Ok(vec![Need::column(self.target.clone(), categories)])
    }

    fn is_classifier(&self) -> bool {
        true
    }

    fn fit(&self, training: &Training<'_>) -> floe::Result<Teller> {
        let found = training.learned.categories(&self.target, Classes::MOST)?;
        let dtype = training.schema().field(&self.target)?.dtype();
        Ok(Teller {
            features: self.features.iter().map(ToString::to_string).collect(),
            classes: Classes::learned(&self.target, dtype, &found)?,
        })
    }
}

impl Predict for Teller {
    fn predict(&self, frame: LazyFrame) -> floe::Result<LazyFrame> {
        let classes = self.classes.clone();
        let field = Field::new("prediction".into(), classes.dtype().clone());
        let features: Vec<_> = self.features.iter().map(col).collect();
        let prediction = map_multiple(
            move |columns| {
                let of: Vec<_> = columns.iter().map(|column| column.f64()).collect();
                let of = of.into_iter().collect::<PolarsResult<Vec<_>>>()?;
                let codes = (0..columns[0].len()).map(|row| {
                    let of: Option<Vec<f64>> = of.iter().map(|column| column.get(row)).collect();
                    let of = of?;
                    let best =
                        (1..of.len()).fold(0, |best, at| if of[at] > of[best] { at } else { best });
                    Some(best as u32)
                });
                let codes: Vec<_> = codes.collect();
                let column = classes.column("prediction".into(), &codes);
                column.map_err(|error| polars_err!(ComputeError: "{error}"))
            },
            features.clone(),
            move |_, _| Ok(field.clone()),
        );
        let names = self.classes.probability_names().into_iter();
        let probabilities = names.zip(features).map(|(name, of)| of.alias(name));
        let all = [prediction.alias("prediction")]
            .into_iter()
            .chain(probabilities);
        Ok(frame.with_columns(all.collect::<Vec<_>>()))
    }

    fn classes(&self) -> Option<&Classes> {
        Some(&self.classes)
    }

    fn report(&self) -> Value {
        Value::Null
    }
}

/// The rows of one side: features scaled by the statistics of the train rows, and classes.
struct Side {
    rows: Vec<Vec<f64>>,
    classes: Vec<usize>,
}

fn standardised(rows: &DataFrame, target: &str, features: &[String]) -> [Side; 2] {
    let cells = |rows: &DataFrame, name: &str| -> Vec<f64> {
        let column = rows
            .column(name)
            .and_then(|column| column.cast(&DataType::Float64));
        let column = column.expect("numbers");
        column.f64().expect("floats").iter().flatten().collect()
    };
    let sides = sides(rows);
    let scales: Vec<_> = features
        .iter()
        .map(|name| {
            let values = cells(&sides[0], name);
            let n = values.len() as f64;
            let mean = values.iter().sum::<f64>() / n;
            let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
            (mean, variance.sqrt())
        })
        .collect();
    sides.map(|side| {
        let columns: Vec<_> = features.iter().map(|name| cells(&side, name)).collect();
        let row = |at: usize| {
            let of = columns.iter().zip(&scales);
            of.map(|(column, (mean, std))| (column[at] - mean) / std)
                .collect()
        };
        let classes = cells(&side, target).into_iter().map(|class| class as usize);
        Side {
            rows: (0..side.height()).map(row).collect(),
            classes: classes.collect(),
        }
    })
}

/// Shares of what the logarithms say.
fn shares(logs: &[f64]) -> Vec<f64> {
    let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logs.iter().map(|log| (log - most).exp()).sum();
    logs.iter().map(|log| (log - most).exp() / sum).collect()
}

fn logistic(test: &Side, theirs: &Value) -> Vec<Vec<f64>> {
    let coefficients = theirs["coef"].as_array().expect("rows").iter();
    let coefficients: Vec<_> = coefficients.map(numbers).collect();
    let intercepts = numbers(&theirs["intercept"]);
    let of = |row: &Vec<f64>| {
        let lines = coefficients.iter().zip(&intercepts);
        let mut logs: Vec<f64> = lines
            .map(|(line, base)| base + line.iter().zip(row).map(|(a, b)| a * b).sum::<f64>())
            .collect();
        // Of two classes there is one line, for the second.
        if logs.len() == 1 {
            logs.insert(0, 0.0);
        }
        shares(&logs)
    };
    test.rows.iter().map(of).collect()
}

fn naive_bayes(train: &Side, test: &Side) -> Vec<Vec<f64>> {
    let moments = |rows: &[&Vec<f64>], at: usize| {
        let n = rows.len() as f64;
        let mean = rows.iter().map(|row| row[at]).sum::<f64>() / n;
        let variance = rows.iter().map(|row| (row[at] - mean).powi(2)).sum::<f64>() / n;
        (mean, variance)
    };
    let features = 0..train.rows[0].len();
    let all: Vec<_> = train.rows.iter().collect();
    let most = features
        .clone()
        .map(|at| moments(&all, at).1)
        .fold(0.0, f64::max);
    let classes = 0..=train.classes.iter().copied().max().expect("rows");
    let fitted: Vec<_> = classes
        .map(|class| {
            let of = train.rows.iter().zip(&train.classes);
            let of: Vec<_> = of
                .filter(|(_, is)| **is == class)
                .map(|(row, _)| row)
                .collect();
            let moments: Vec<_> = features.clone().map(|at| moments(&of, at)).collect();
            ((of.len() as f64 / all.len() as f64).ln(), moments)
        })
        .collect();
    let of = |row: &Vec<f64>| {
        let log = |(prior, moments): &(f64, Vec<(f64, f64)>)| {
            let terms = moments.iter().zip(row).map(|((mean, variance), x)| {
                let variance = variance + 1e-9 * most;
                (2.0 * std::f64::consts::PI * variance).ln() + (x - mean).powi(2) / variance
            });
            prior - 0.5 * terms.sum::<f64>()
        };
        shares(&fitted.iter().map(log).collect::<Vec<_>>())
    };
    test.rows.iter().map(of).collect()
}

/// The metrics of these probabilities, through the whole flow.
fn scored(sides: &[Side; 2], probabilities: &[Vec<f64>]) -> Metrics {
    let count = probabilities[0].len();
    let frame = |side: &Side, of: &dyn Fn(usize, usize) -> f64| {
        let classes: Vec<_> = side.classes.iter().map(|class| *class as i64).collect();
        let mut columns = vec![Column::new("class".into(), classes)];
        columns.extend((0..count).map(|class| {
            let values: Vec<_> = (0..side.rows.len()).map(|row| of(row, class)).collect();
            Column::new(format!("p{class}").into(), values)
        }));
        InMemory::new(DataFrame::new_infer_height(columns).expect("a frame"))
    };
    let train = frame(&sides[0], &|_, _| 0.5);
    let test = frame(&sides[1], &|row, class| probabilities[row][class]);
    let told = Told {
        target: "class".into(),
        features: (0..count).map(|class| format!("p{class}").into()).collect(),
    };
    let run = floe::from_parts(train, test.clone()).learn(told).run();
    let run = run.expect("a run");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model.json");
    run.model().save(&path).expect("a file");
    let loaded = Registry::new().predictor::<Teller>().load(&path);
    let again = loaded.and_then(|model| model.evaluate(test));
    assert_eq!(&again.expect("metrics"), run.metrics());
    run.metrics().clone()
}

fn agrees(metrics: &Metrics, probabilities: &[Vec<f64>], theirs: &Value, what: &str) {
    let first = theirs["proba_first3"].as_array().expect("rows");
    for (row, theirs) in probabilities.iter().zip(first) {
        for (found, expected) in row.iter().zip(numbers(theirs)) {
            assert!(
                (found - expected).abs() < 1e-9,
                "{what}: {found} {expected}"
            );
        }
    }
    let names = [
        "accuracy",
        "precision_macro",
        "recall_macro",
        "f1_macro",
        "roc_auc",
        "log_loss",
    ];
    let mut compared = 0;
    for name in names {
        let Some(expected) = theirs[name].as_f64() else {
            continue;
        };
        let found = metrics.get(name).expect(name);
        assert!(
            (found - expected).abs() < 1e-12,
            "{what} {name}: {found} {expected}"
        );
        compared += 1;
    }
    assert!(compared >= 4, "{what}");
    let confusion = metrics.confusion().expect("classes");
    let labels = confusion.labels();
    let of = |truth: &String| -> Vec<u64> {
        let row = labels.iter().filter_map(|at| confusion.rows(truth, at));
        row.collect()
    };
    let found: Vec<_> = labels.iter().map(of).collect();
    let expected: Vec<Vec<u64>> =
        serde_json::from_value(theirs["confusion"].clone()).expect("rows");
    assert_eq!(found, expected, "{what}");
    assert_eq!(Confusion::unseen(confusion), 0);
}

fn check(rows: &DataFrame, target: &str, block: &Value) {
    let sides = standardised(rows, target, &names(block));
    let theirs = &block["LogisticRegression_C1_standardised"];
    let probabilities = logistic(&sides[1], theirs);
    agrees(
        &scored(&sides, &probabilities),
        &probabilities,
        theirs,
        "logistic",
    );
    let theirs = &block["GaussianNB_standardised"];
    let probabilities = naive_bayes(&sides[0], &sides[1]);
    agrees(
        &scored(&sides, &probabilities),
        &probabilities,
        theirs,
        "naive Bayes",
    );
}

#[test]
fn metrics_of_flowers_and_wines_agree_with_scikit_learn() {
    let Some(expected) = expected() else { return };
    for (path, features, block) in [
        ("tabular/wine_data.csv", 13, &expected["wine"]),
        ("tabular/iris.csv", 4, &expected["iris"]),
    ] {
        if let Some(rows) = counted(path, features) {
            check(&rows, "class", block);
        }
    }
}

#[test]
fn metrics_of_titanic_agree_with_scikit_learn() {
    let Some(expected) = expected() else { return };
    if let Some(rows) = titanic() {
        check(
            &rows,
            "Survived",
            &expected["titanic"]["classifiers_median_age"],
        );
    }
}
