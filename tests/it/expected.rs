//! What scikit-learn 1.9.1 says of the same files; `../shared/data/expected/README.md` tells how its
//! answers were made. Row i is a test row when i % 5 == 4.

use std::io::Read;

use floe::estimator::LinearModel;
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::transform::impute::FillValue;
use serde_json::Value;

use crate::support::{collect, data, text};

/// Two implementations that round differently: 1e-12, a thousand times closer than promised.
const CLOSE: f64 = 1e-12;

/// Coefficients get ten times that, for scikit-learn's sake: of Titanic's fare it says
/// -3.524558630532942e-05, we -3.524558630522808e-05, and exact rational arithmetic on the same
/// rows -3.5245586305228047e-05.
const COEFFICIENT: f64 = 1e-11;

/// scikit-learn ends a descent where the duality gap is 1e-12 of the target's sum of squares, which
/// leaves six digits.
const DESCENT: Precision = Precision {
    coefficient: 1e-6,
    rest: 1e-6,
};

/// Closed forms.
const EXACT: Precision = Precision {
    coefficient: COEFFICIENT,
    rest: CLOSE,
};

struct Precision {
    coefficient: f64,
    rest: f64,
}

pub(crate) fn expected() -> Option<Value> {
    let text = text("expected/scikit_learn.json")?;
    Some(serde_json::from_str(&text).expect("JSON"))
}

pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    let values = value.as_array().expect("an array").iter();
    values
        .map(|value| value.as_f64().expect("a number"))
        .collect()
}

/// Differences of numbers far smaller than their terms are judged by the size of the terms.
pub(crate) fn close(found: f64, expected: f64, size: f64, within: f64, what: &str) {
    let error = (found - expected).abs() / expected.abs().max(size);
    assert!(error <= within, "{what}: {found} {expected}");
}

fn agrees(found: &[f64], expected: &Value, size: f64, what: &str) {
    let expected = numbers(expected);
    assert_eq!(found.len(), expected.len(), "{what}");
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        close(*found, expected, size, CLOSE, &format!("{what}[{at}]"));
    }
}

pub(crate) fn read(csv: &Csv) -> DataFrame {
    csv.scan().and_then(collect).expect("rows")
}

/// A file whose first line holds counts: columns `x0`, `x1`, … and the class.
pub(crate) fn counted(path: &str, features: usize) -> Option<DataFrame> {
    let mut names: Vec<_> = (0..features).map(|at| format!("x{at}")).collect();
    names.push("class".to_owned());
    let csv = Csv::new(data(path)?).no_header().skip_lines(1);
    Some(read(&csv.columns(names)))
}

/// The diabetes table: two files of numbers with spaces between, under gzip.
pub(crate) fn diabetes(features: &[String]) -> Option<DataFrame> {
    let unpacked = |path: &str| {
        let file = std::fs::File::open(data(path)?).expect("a file");
        let mut text = String::new();
        let mut reader = flate2::read::GzDecoder::new(file);
        reader.read_to_string(&mut text).expect("text");
        Some(text)
    };
    let rows: Vec<Vec<f64>> = unpacked("tabular/diabetes_data_raw.csv.gz")?
        .lines()
        .map(|line| line.split_whitespace())
        .map(|cells| cells.map(|cell| cell.parse().expect("a float")).collect())
        .collect();
    let target: Vec<f64> = unpacked("tabular/diabetes_target.csv.gz")?
        .lines()
        .map(|line| line.trim().parse().expect("a float"))
        .collect();
    let mut columns: Vec<Column> = features
        .iter()
        .enumerate()
        .map(|(at, name)| {
            let values: Vec<f64> = rows.iter().map(|row| row[at]).collect();
            Column::new(name.as_str().into(), values)
        })
        .collect();
    columns.push(Column::new("target".into(), target));
    Some(DataFrame::new_infer_height(columns).expect("a frame"))
}

pub(crate) fn names(block: &Value) -> Vec<String> {
    serde_json::from_value(block["features"].clone()).expect("names")
}

/// All scalers of one block: what they learn, and the first and the last row.
fn check_scalers(rows: &DataFrame, block: &Value) {
    let features = names(block);
    let train = floe::train_on(InMemory::new(rows.clone())).expect("a frame");
    let ends = |scaled: LazyFrame| {
        let scaled = collect(scaled).expect("scaled rows");
        [0, scaled.height() - 1].map(|row| -> Vec<f64> {
            let cell = |name: &String| scaled.column(name).and_then(|column| column.get(row));
            let cell = |name| cell(name).expect("a cell").try_extract().expect("a float");
            features.iter().map(cell).collect()
        })
    };
    let standard = StandardScaler::new(features.clone());
    let standard = standard.fit_on(&train).expect("a fit");
    let theirs = &block["StandardScaler"];
    let all = |of: &dyn Fn(&str) -> Option<f64>| -> Vec<f64> {
        features
            .iter()
            .map(|name| of(name).expect("a column"))
            .collect()
    };
    let std = all(&|name| standard.std(name));
    agrees(
        &all(&|name| standard.mean(name)),
        &theirs["mean_"],
        0.0,
        "mean",
    );
    agrees(&std, &theirs["scale_"], 0.0, "scale");
    let variance: Vec<_> = std.iter().map(|std| std * std).collect();
    agrees(&variance, &theirs["var_"], 0.0, "var");
    // A value near the mean loses digits to the mean itself, in both.
    let [first, last] = ends(standard.apply(rows.clone().lazy()).expect("a frame"));
    agrees(&first, &theirs["first_row"], 1.0, "first row, standard");
    agrees(&last, &theirs["last_row"], 1.0, "last row, standard");

    let min_max = MinMaxScaler::new(features.clone());
    let min_max = min_max.fit_on(&train).expect("a fit");
    let theirs = &block["MinMaxScaler"];
    let range = |name: &str| min_max.range(name);
    let min = all(&|name| range(name).map(|(min, _)| min.to_f64()));
    let max = all(&|name| range(name).map(|(_, max)| max.to_f64()));
    // Nothing is computed here: the very floats.
    assert_eq!(min, numbers(&theirs["data_min_"]));
    assert_eq!(max, numbers(&theirs["data_max_"]));
    let scale: Vec<_> = min
        .iter()
        .zip(&max)
        .map(|(min, max)| 1.0 / (max - min))
        .collect();
    agrees(&scale, &theirs["scale_"], 0.0, "scale");
    // scikit-learn computes x · scale + min_, whose terms are larger than the result.
    let [first, last] = ends(min_max.apply(rows.clone().lazy()).expect("a frame"));
    agrees(&first, &theirs["first_row"], 1.0, "first row, min-max");
    agrees(&last, &theirs["last_row"], 1.0, "last row, min-max");

    let max_abs = MaxAbsScaler::new(features.clone());
    let max_abs = max_abs.fit_on(&train).expect("a fit");
    let theirs = &block["MaxAbsScaler"];
    let found = all(&|name| max_abs.max_abs(name).map(floe::learn::Value::to_f64));
    assert_eq!(found, numbers(&theirs["max_abs_"]));
    assert_eq!(found, numbers(&theirs["scale_"]));
    let [first, last] = ends(max_abs.apply(rows.clone().lazy()).expect("a frame"));
    assert_eq!(first, numbers(&theirs["first_row"]));
    assert_eq!(last, numbers(&theirs["last_row"]));

    let robust = RobustScaler::new(features.clone());
    let robust = robust.fit_on(&train).expect("a fit");
    let theirs = &block["RobustScaler"];
    let found = all(&|name| robust.center(name));
    agrees(&found, &theirs["center_"], 0.0, "center");
    let found = all(&|name| robust.scale(name));
    agrees(&found, &theirs["scale_"], 0.0, "scale, robust");
    let [first, last] = ends(robust.apply(rows.clone().lazy()).expect("a frame"));
    agrees(&first, &theirs["first_row"], 1.0, "first row, robust");
    agrees(&last, &theirs["last_row"], 1.0, "last row, robust");
}

#[test]
fn scalers_of_diabetes_wine_and_iris_agree_with_scikit_learn() {
    let Some(expected) = expected() else { return };
    let block = &expected["diabetes_raw_scalers"];
    if let Some(rows) = diabetes(&names(block)) {
        check_scalers(&rows, block);
    }
    for (name, path, features) in [
        ("wine_scalers", "tabular/wine_data.csv", 13),
        ("iris_scalers", "tabular/iris.csv", 4),
    ] {
        if let Some(rows) = counted(path, features) {
            check_scalers(&rows, &expected[name]);
        }
    }
}

#[test]
fn scalers_of_titanic_leave_nulls_out_as_scikit_learn_does() {
    let Some(expected) = expected() else { return };
    let Some(path) = data("titanic/train.csv") else {
        return;
    };
    let rows = read(&Csv::new(path));
    check_scalers(&rows, &expected["titanic"]["scalers_Age_Fare_nan_ignored"]);
}

pub(crate) fn sides(rows: &DataFrame) -> [DataFrame; 2] {
    let test = |at: usize| at % 5 == 4;
    let mask = |wanted: bool| -> BooleanChunked {
        (0..rows.height())
            .map(|at| Some(test(at) == wanted))
            .collect()
    };
    [false, true].map(|wanted| rows.filter(&mask(wanted)).expect("rows"))
}

/// A linear regression of one block, through the whole flow.
fn check_regression(rows: &DataFrame, target: &str, block: &Value) {
    let estimator = LinearRegression::new(names(block), target);
    check_linear(rows, estimator, &block["LinearRegression"]);
}

fn check_linear<E: Estimator<Model = LinearModel>>(rows: &DataFrame, estimator: E, theirs: &Value) {
    check_within(rows, estimator, theirs, EXACT);
}

fn check_within<E: Estimator<Model = LinearModel>>(
    rows: &DataFrame,
    estimator: E,
    theirs: &Value,
    precision: Precision,
) {
    let [train, test] = sides(rows).map(InMemory::new);
    let run = floe::from_parts(train.clone(), test)
        .learn(estimator)
        .run()
        .expect("a run");
    let model: &LinearModel = run.model().predictor();
    let coefficients = numbers(&theirs["coef"]);
    assert_eq!(model.coefficients().len(), coefficients.len());
    let pairs = model.coefficients().iter().zip(coefficients);
    for (name, (ours, theirs)) in model.features().iter().zip(pairs) {
        if theirs == 0.0 {
            // Nothing is as good as exactly nothing.
            assert_eq!(*ours, 0.0, "{name}");
            continue;
        }
        close(*ours, theirs, 0.0, precision.coefficient, name);
    }
    let number = |name: &str| theirs[name].as_f64().expect("a number");
    let check = |name: &str, found: Option<f64>| {
        close(
            found.expect("a value"),
            number(name),
            0.0,
            precision.rest,
            name,
        );
    };
    check("intercept", Some(model.intercept()));
    check("r2_test", run.metrics().r2());
    check("mae_test", run.metrics().mae());
    check("rmse_test", run.metrics().rmse());
    let on_train = run.model().evaluate(train).expect("metrics");
    check("r2_train", on_train.r2());
    let fit = model.fit_report();
    let r2 = 1.0 - fit.residual_sum_of_squares / fit.total_sum_of_squares;
    check("r2_train", Some(r2));
    let predictions = run.predictions().and_then(collect).expect("rows");
    let predictions = predictions.column("prediction").expect("a column");
    let first: Vec<f64> = predictions
        .f64()
        .expect("floats")
        .iter()
        .flatten()
        .collect();
    for (found, expected) in first.iter().zip(numbers(&theirs["pred_first5"])) {
        close(*found, expected, 0.0, precision.rest, "predictions");
    }
}

#[test]
fn least_squares_of_diabetes_agrees_with_scikit_learn() {
    let Some(expected) = expected() else { return };
    let block = &expected["diabetes_raw"];
    if let Some(rows) = diabetes(&names(block)) {
        check_regression(&rows, "target", block);
    }
}

#[test]
fn ridge_of_diabetes_agrees_with_scikit_learn() {
    let Some(expected) = expected() else { return };
    let block = &expected["diabetes_raw"];
    if let Some(rows) = diabetes(&names(block)) {
        let estimator = Ridge::new(names(block), "target").alpha(1.0);
        check_linear(&rows, estimator, &block["Ridge_alpha1"]);
    }
}

#[test]
fn lasso_and_elastic_net_of_diabetes_agree_with_scikit_learn() {
    let Some(expected) = expected() else { return };
    let block = &expected["diabetes_raw"];
    if let Some(rows) = diabetes(&names(block)) {
        check_descents(&rows, "target", block);
    }
}

/// Both models of one block whose coefficients scikit-learn finds by descent.
fn check_descents(rows: &DataFrame, target: &str, block: &Value) {
    let (lasso, net) = (
        Lasso::new(names(block), target).alpha(0.1),
        ElasticNet::new(names(block), target).alpha(0.1),
    );
    check_within(rows, lasso, &block["Lasso_alpha0.1"], DESCENT);
    check_within(rows, net, &block["ElasticNet_alpha0.1_l1r0.5"], DESCENT);
}

/// The median of all rows, as the expected values were made: not a thing to do in a model.
pub(crate) fn imputed(rows: DataFrame, column: &str) -> DataFrame {
    let all = floe::train_on(InMemory::new(rows.clone())).expect("a frame");
    let imputer = Imputer::median([column]).fit_on(&all).expect("a fit");
    imputer.apply(rows.lazy()).and_then(collect).expect("rows")
}

#[test]
fn what_gaps_are_filled_with_agrees_with_scikit_learn() {
    let Some(expected) = expected() else { return };
    let age = &expected["titanic"]["Age"];
    let bedrooms = &expected["housing"];
    for (path, column, mean, median) in [
        ("titanic/train.csv", "Age", &age["mean"], &age["median"]),
        (
            "tabular/housing_missing.csv",
            "total_bedrooms",
            &bedrooms["total_bedrooms_mean"],
            &bedrooms["total_bedrooms_median"],
        ),
    ] {
        let Some(path) = data(path) else { continue };
        let all = floe::train_on(Csv::new(path)).expect("a frame");
        for (imputer, expected) in [
            (Imputer::mean([column]), mean),
            (Imputer::median([column]), median),
        ] {
            let fitted = imputer.fit_on(&all).expect("a fit");
            let Some(FillValue::Float(found)) = fitted.fill(column) else {
                panic!("{fitted:?}");
            };
            let expected = expected.as_f64().expect("a number");
            close(*found, expected, 0.0, CLOSE, &format!("{imputer:?}"));
        }
    }
}

/// The numbers of the passengers, ages imputed.
pub(crate) fn titanic() -> Option<DataFrame> {
    let rows = read(&Csv::new(data("titanic/train.csv")?));
    let is = |column: &str, value: &str, name: &str| {
        let is = col(column).eq(lit(value.to_owned()));
        is.fill_null(lit(false)).cast(DataType::Int64).alias(name)
    };
    let rows = imputed(rows, "Age").lazy().with_columns([
        is("Sex", "female", "female"),
        is("Embarked", "C", "Emb_C"),
        is("Embarked", "Q", "Emb_Q"),
    ]);
    Some(collect(rows).expect("rows"))
}

/// The housing table without gaps.
pub(crate) fn housing() -> Option<DataFrame> {
    let path = data("tabular/housing_missing.csv")?;
    Some(imputed(read(&Csv::new(path)), "total_bedrooms"))
}

/// Standardised on all rows, by our own scaler.
pub(crate) fn standardised(rows: DataFrame, features: &[String]) -> DataFrame {
    let all = floe::train_on(InMemory::new(rows.clone())).expect("a frame");
    let scaler = StandardScaler::new(features).fit_on(&all).expect("a fit");
    scaler.apply(rows.lazy()).and_then(collect).expect("rows")
}

#[test]
fn linear_models_of_titanic_agree_with_scikit_learn() {
    let Some(expected) = expected() else { return };
    if let Some(rows) = titanic() {
        let block = &expected["titanic"]["linear_survived"];
        check_regression(&rows, "Survived", block);
        check_descents(&rows, "Survived", block);
    }
}

#[test]
fn linear_models_of_housing_agree_with_scikit_learn() {
    let Some(expected) = expected() else { return };
    let Some(rows) = housing() else { return };
    let block = &expected["housing"]["median_imputed"];
    let rows = standardised(rows, &names(block));
    check_regression(&rows, "median_house_value", block);
    check_descents(&rows, "median_house_value", block);
}

#[test]
fn unshuffled_folds_score_as_in_scikit_learn() {
    let Some(expected) = expected() else { return };
    let block = &expected["diabetes_raw"];
    let features = names(block);
    let Some(rows) = diabetes(&features) else {
        return;
    };
    let flow = floe::from(InMemory::new(rows))
        .split(KFold::new(5).in_order())
        .learn(LinearRegression::new(features, "target"));
    let run = flow.run().expect("a run");
    let found: Vec<f64> = run.metrics().iter().filter_map(|fold| fold.r2()).collect();
    agrees(
        &found,
        &block["cv5_unshuffled_r2_LinearRegression"],
        0.0,
        "r2 of the folds",
    );
}
