//! A logged model predicts in Python what it predicts here.
//!
//! Each case is a model folder as MLflow reads it, the rows it is asked about, and what it said
//! here. `tests/mlflow/parity.py` loads them by `mlflow.pyfunc` and compares.

use std::fmt::Write as _;
use std::path::Path;

use floe::polars::prelude::*;
use floe::prelude::*;
use floe::tracker::LoggedModel;

const LIKES: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/examples/youtube_score/sample.csv"
);

fn rows() -> DataFrame {
    let gap = |i: i64, value: f64| (i % 7 != 3).then_some(value);
    df![
        "a" => (0..60_i64).map(|i| gap(i, (i * 37 % 41) as f64 / 7.0)).collect::<Vec<_>>(),
        "b" => (0..60_i64).map(|i| i * i % 23 - 11).collect::<Vec<_>>(),
        "c" => (0..60_i64).map(|i| (i * 29 % 31) as f64 * 1e3 + 0.1).collect::<Vec<_>>(),
        "d" => (0..60_i64).map(|i| (i * 17 % 19) as f32 / 3.0 - 2.0).collect::<Vec<f32>>(),
        "e" => (0..60_i64).map(|i| (i * 13 % 47) as u32).collect::<Vec<_>>(),
        "f" => (0..60_i64).map(|i| (i != 9).then_some(i % 3)).collect::<Vec<_>>(),
        "far" => (0..60_i64).map(|i| (1_i64 << 50) + i * i).collect::<Vec<_>>(),
        "town" => (0..60_i64).map(|i| ["Ås", "Bo", "Lund"][(i % 3) as usize]).collect::<Vec<_>>(),
        "yes" => (0..60_i64).map(|i| i * 5 % 3 == 0).collect::<Vec<_>>(),
        "class" => (0..60_i64).map(|i| ["röd", "grön", "blå"][(i * i % 7 % 3) as usize]).collect::<Vec<_>>(),
        "side" => (0..60_i64).map(|i| i * i % 7 < 3).collect::<Vec<_>>(),
        "y" => (0..60_i64).map(|i| 1e3 + 3.5 * i as f64 + (i * 7 % 5) as f64).collect::<Vec<_>>(),
        "n" => (0..60_i64).map(|i| (1_i64 << 54) + 40 * i + i % 7).collect::<Vec<_>>(),
    ]
    .unwrap()
}

/// One cell as JSON, which keeps the bits of floats.
fn cell(value: &AnyValue<'_>) -> String {
    match value {
        AnyValue::Null => "null".to_owned(),
        AnyValue::String(text) => serde_json::to_string(text).unwrap(),
        AnyValue::StringOwned(text) => serde_json::to_string(text.as_str()).unwrap(),
        AnyValue::Float64(value) if value.is_nan() => "NaN".to_owned(),
        AnyValue::Float64(value) => serde_json::to_string(value).unwrap(),
        AnyValue::Float32(value) => serde_json::to_string(&f64::from(*value)).unwrap(),
        other => other.to_string(),
    }
}

fn columns(frame: &DataFrame, path: &Path) {
    let mut text = String::from("{");
    for column in frame.columns() {
        let cells = (0..column.len()).map(|at| cell(&column.get(at).unwrap()));
        let cells: Vec<_> = cells.collect();
        let before = if text.len() > 1 { ",\n" } else { "" };
        write!(
            text,
            "{before}{:?}: {{\"dtype\": \"{}\", \"cells\": [{}]}}",
            column.name().as_str(),
            column.dtype(),
            cells.join(", ")
        )
        .unwrap();
    }
    std::fs::write(path, text + "}\n").unwrap();
}

macro_rules! case {
    ($folder:expr, $name:literal, $rows:expr, $flow:expr) => {{
        let folder = $folder.join($name);
        std::fs::create_dir_all(&folder).unwrap();
        let run = $flow.run().unwrap();
        run.model().save(folder.join("model.json")).unwrap();
        let saved = std::fs::read_to_string(folder.join("model.json")).unwrap();
        LoggedModel::new($name, saved).write(&folder).unwrap();
        let rows: LazyFrame = $rows;
        let predicted = run.model().predict(rows.clone()).unwrap();
        columns(&rows.collect().unwrap(), &folder.join("rows.json"));
        columns(
            &predicted.collect().unwrap(),
            &folder.join("predicted.json"),
        );
    }};
}

/// Writes every case into a folder.
pub(crate) fn write_cases(folder: &Path) {
    let likes = Csv::new(LIKES)
        .no_header()
        .columns(["likes"])
        .row_index("index");
    let hours = likes.scan().unwrap();
    case!(
        folder,
        "likes",
        hours.clone(),
        floe::from(likes.clone())
            .split(TrainTestSplit::new(0.3).seed(42))
            .on_target(MinMaxScaler::new(["likes"]))
            .learn(LinearRegression::new(["index"], "likes"))
    );
    case!(
        folder,
        "likes_before_split",
        hours,
        floe::from(likes)
            .fit_before_split(MinMaxScaler::new(["likes"]))
            .split(TrainTestSplit::new(0.3).seed(42))
            .learn(LinearRegression::new(["index"], "likes"))
    );
    numbers(folder);
    classes(folder);
}

fn numbers(folder: &Path) {
    let split = || floe::from(InMemory::new(rows())).split(TrainTestSplit::new(0.25).seed(3));
    case!(
        folder,
        "scalers",
        rows().lazy(),
        split()
            .then(MissingIndicator::new(["a"]))
            .then(Imputer::mean(["a"]))
            .then(Imputer::most_frequent(["f"]))
            .then(Imputer::constant(["e"], 3).integers(Integers::Float))
            .then(StandardScaler::new(["a", "far"]))
            .then(
                MinMaxScaler::new(["b"])
                    .range(-1.0, 2.5)
                    .outside(Outside::Clip)
            )
            .then(RobustScaler::new(["d"]))
            .then(MaxAbsScaler::new(["c"]))
            .then(Log1p::new(["e"]))
            .then(Winsorizer::new(["c"]))
            .then(OutlierFilter::new(["b"]).fence(Fence::fixed(-10.0, 10.0)))
            .then(Normalizer::new(["c", "d", "e"]))
            .then(Rename::new([("f", "g")]))
            .then(DropColumns::new(["town"]))
            .on_target(StandardScaler::new(["y"]))
            .learn(Ridge::new(
                ["a", "a_missing", "b", "c", "d", "e", "far", "g", "yes"],
                "y"
            ))
    );
    case!(
        folder,
        "gaps",
        rows().lazy(),
        floe::from(InMemory::new(rows()))
            .keep(col("a").is_not_null())
            .split(TrainTestSplit::new(0.25).seed(3))
            .then(RobustScaler::new(["a"]).nulls(Nulls::Keep))
            .on_target(Log1p::new(["y"]))
            .learn(LinearRegression::new(["a", "far"], "y"))
    );
    case!(
        folder,
        "far_target",
        rows().lazy(),
        split()
            .then(Normalizer::new(["b", "c"]).norm(Norm::L1))
            .on_target(MinMaxScaler::new(["n"]))
            .learn(LinearRegression::new(["b", "c", "far"], "n"))
    );
}

fn classes(folder: &Path) {
    let split = || floe::from(InMemory::new(rows())).split(TrainTestSplit::new(0.25).seed(3));
    case!(
        folder,
        "categories",
        rows().lazy(),
        split()
            .then(OneHotEncoder::new(["town"]))
            .then(OrdinalEncoder::new(["class"]))
            .learn(Lasso::new(["town", "class", "b"], "y"))
    );
    case!(
        folder,
        "three_classes",
        rows().lazy(),
        split()
            .then(StandardScaler::new(["b", "c"]))
            .learn(LogisticRegression::new(["b", "c", "far"], "class"))
    );
    case!(
        folder,
        "two_classes",
        rows().lazy(),
        split()
            .then(StandardScaler::new(["b", "c"]))
            .learn(LogisticRegression::new(["b", "c"], "side"))
    );
    case!(
        folder,
        "constant",
        rows().lazy(),
        split().learn(MedianRegressor::new("y"))
    );
    case!(
        folder,
        "refused_tree",
        rows().lazy(),
        split().learn(DecisionTreeRegressor::new(["b"], "y"))
    );
}
