//! A model file is read without its flow, to the same bits, or says what is wrong with it.

use std::path::{Path, PathBuf};

use floe::estimator::LinearModel;
use floe::learn::Learned;
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::transform::scale::MinMaxScaling;
use floe::transform::{Artifact, Saved};
use floe::{BoxModel, ErrorKind, Field, Registry, Result, Schema};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::model_file::rows as golden_rows;
use crate::support::collect;

fn rows() -> DataFrame {
    df![
        "big" => (0..40_i64).map(|i| (1_i64 << 60) + i * i).collect::<Vec<_>>(),
        "a" => (0..40_i64).map(|i| (i * 37 % 41) as f64 / 7.0).collect::<Vec<_>>(),
        "b" => (0..40_i64).map(|i| i * 11 % 13 - 6).collect::<Vec<_>>(),
        "likes" => (0..40_i64).map(|i| 1900 + 13 * i + i % 5).collect::<Vec<_>>(),
    ]
    .expect("a frame")
}

/// Every kind of step and of step on the target that is read without a flow.
macro_rules! flow {
    () => {
        floe::from(InMemory::new(rows()))
            .split(TrainTestSplit::new(0.25).seed(3))
            .then(RobustScaler::new(["big"]).quantile_range(0.1, 0.9))
            .then(MaxAbsScaler::new(["a"]))
            .then(Normalizer::new(all().exclude_cols(["big"])))
            .then(MinMaxScaler::new(["b"]))
            .on_target(StandardScaler::new(["likes"]))
            .on_target(MinMaxScaler::new(["likes"]).range(-1.0, 1.0))
            .learn(LinearRegression::new(["big", "a"], "likes"))
    };
}

fn file() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model.json");
    (folder, path)
}

fn bits(frame: LazyFrame) -> Vec<u64> {
    let frame = collect(frame).expect("predictions");
    let prediction = frame.column("prediction").expect("a column");
    let values = prediction.f64().expect("floats").clone();
    values.into_no_null_iter().map(f64::to_bits).collect()
}

fn predicted(model: &BoxModel, rows: DataFrame) -> Vec<u64> {
    bits(model.predict(rows.lazy()).expect("a lazy frame"))
}

#[test]
fn what_is_read_without_the_flow_does_all_that_the_model_did() {
    let (folder, path) = file();
    let run = flow!().run().expect("a run");
    run.model().save(&path).expect("a file");
    let loaded = Registry::new().load(&path).expect("a model");
    let model = run.model();
    let expected = bits(model.predict(rows().lazy()).expect("a lazy frame"));
    assert_eq!(predicted(&loaded, rows()), expected);
    assert_eq!(
        loaded.evaluate(InMemory::new(rows())).expect("a score"),
        model.evaluate(InMemory::new(rows())).expect("a score")
    );
    assert_eq!(loaded.metrics(), Some(run.metrics()));
    assert_eq!(loaded.split(), model.split());
    assert_eq!(loaded.report(), model.report());

    let applied = loaded.pipeline().apply(rows().lazy()).and_then(collect);
    let expected = model.pipeline().apply(rows().lazy()).and_then(collect);
    let (applied, expected) = (applied.expect("rows"), expected.expect("rows"));
    assert!(applied.equals_missing(&expected));
    let target = loaded.pipeline().target_steps();
    let scaled = target.apply(rows().lazy()).and_then(collect).expect("rows");
    assert_eq!(scaled["likes"].dtype(), &DataType::Float64);
    let back = target.inverse(scaled.lazy()).and_then(collect);
    assert!(back.expect("rows").equals(&rows()), "undone in reverse");

    // Saving what was loaded writes the same bytes.
    let again = folder.path().join("again.json");
    loaded.save(&again).expect("a file");
    let bytes = |path: &Path| std::fs::read(path).expect("bytes");
    assert_eq!(bytes(&again), bytes(&path));
    // What was loaded keeps its types, and its flow loads the copy.
    flow!().load(&again).expect("a model");
    let model: Option<&LinearModel> = loaded.predictor().downcast_ref();
    assert_eq!(model.expect("a linear model").features(), ["big", "a"]);
    let last: Option<&MinMaxScaling> = target[1].downcast_ref();
    assert!(last.is_some_and(|scaling| scaling.range("likes").is_some()));
}

#[test]
fn a_missing_column_is_named_by_a_model_without_its_flow() {
    let (_folder, path) = file();
    flow!().fit().expect("a fit").save(&path).expect("a file");
    let loaded = Registry::new().load(&path).expect("a model");
    let error = match loaded.predict(rows().drop("a").expect("fewer").lazy()) {
        Ok(_) => panic!("it predicts without `a`"),
        Err(error) => error,
    };
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Predict, Some("a"))
    );
}

#[test]
fn frozen_model_files_load_without_their_flow_to_the_same_bits() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let frozen = std::fs::read_to_string(folder.join("model_1.bits.json")).expect("text");
    let expected: Vec<String> = serde_json::from_str(&frozen).expect("bits");
    let model = Registry::new().load(folder.join("model_1.json"));
    let model = model.expect("a model");
    let found: Vec<String> = predicted(&model, golden_rows())
        .iter()
        .map(|bits| format!("{bits:016x}"))
        .collect();
    assert_eq!(found, expected);
    let (_folder, again) = file();
    model.save(&again).expect("a file");
    assert_eq!(
        std::fs::read(again).expect("bytes"),
        std::fs::read(folder.join("model_1.json")).expect("bytes")
    );
}

#[test]
fn steps_alone_load_as_a_pipeline() {
    let (_folder, path) = file();
    let fitted = floe::from_train(InMemory::new(rows()))
        .then(StandardScaler::new(["a"]))
        .fit()
        .expect("a fit");
    fitted.save(&path).expect("a file");
    let loaded = Registry::new().load_pipeline(&path).expect("the steps");
    let [expected, found] = [fitted.apply(rows().lazy()), loaded.apply(rows().lazy())]
        .map(|frame| frame.and_then(collect).expect("rows"));
    assert!(found.equals_missing(&expected));
    refused(
        &Registry::new(),
        &path,
        &["holds steps and no model", "Registry::load_pipeline"],
    );
}

/// The error of a load, which must say all of these.
fn refused(registry: &Registry, path: &Path, says: &[&str]) {
    let error = match registry.load(path) {
        Ok(_) => panic!("it loads, and should say {says:?}"),
        Err(error) => error,
    };
    assert_eq!(error.kind(), ErrorKind::Model, "{error}");
    let told = format!("{error:?}");
    for part in says {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn files_that_are_no_model_say_what_is_wrong() {
    let (_folder, path) = file();
    flow!().fit().expect("a fit").save(&path).expect("a file");
    let good = std::fs::read_to_string(&path).expect("text");
    let registry = Registry::new();
    let with = |text: &str, says: &str| {
        std::fs::write(&path, text).expect("a file");
        refused(&registry, &path, &[says, "model.json"]);
    };
    with("", "empty");
    with(&good[..good.len() / 2], "ends in the middle");
    with("[1, 2]", "not a model of floe");
    with(
        &good.replace("\"format_version\": 1", "\"format_version\": 2"),
        "format version is 2; this floe reads version 1",
    );
    with(&good.replacen("0.1", "0.2", 1), "edited or damaged");
    with(
        &good.replace("robust_scaling", "robuster_scaling"),
        "edited or damaged",
    );
    std::fs::remove_file(&path).expect("no file");
    refused(&registry, &path, &["model.json"]);
}

#[test]
fn a_step_that_holds_code_asks_for_its_flow() {
    let (_folder, path) = file();
    let flow = floe::from_train(InMemory::new(rows()))
        .then(MinMaxScaler::new(["a"]))
        .then(WithColumns::new([(col("a") * lit(2.0)).alias("twice")]))
        .learn(LinearRegression::new(["twice"], "likes"));
    flow.fit().expect("a fit").save(&path).expect("a file");
    flow.load(&path).expect("the flow has the expressions");
    refused(
        &Registry::new(),
        &path,
        &["`step 2`", "`with_columns` holds code", "flow.load(path)"],
    );
}

/// `x + by`, learned from nothing: a step of someone else's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Add {
    column: String,
    by: f64,
}

impl Artifact for Add {
    const KIND: &'static str = "add";
}

impl Apply for Add {
    fn apply(&self, frame: LazyFrame) -> Result<LazyFrame> {
        let sum = col(self.column.as_str()) + lit(self.by);
        Ok(frame.with_columns([sum]))
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        let mut output = input.clone();
        output.set(Field::new(self.column.as_str(), DataType::Float64));
        Ok(output)
    }
}

impl Invert for Add {
    fn inverse(&self, frame: LazyFrame) -> Result<LazyFrame> {
        let value = col(self.column.as_str());
        Ok(frame.with_columns([value - lit(self.by)]))
    }

    fn inverse_value(&self, column: &str, value: Expr) -> Result<Expr> {
        Ok(if column == self.column {
            value - lit(self.by)
        } else {
            value
        })
    }
}

impl Transform for Add {
    type Fitted = Self;

    fn reads(&self, _: &Schema) -> Result<Vec<PlSmallStr>> {
        Ok(vec![self.column.as_str().into()])
    }

    fn writes(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.reads(input)
    }

    fn fit(&self, _: &Schema, _: &Learned) -> Result<Self> {
        Ok(self.clone())
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        Apply::output(self, input)
    }
}

/// A model of someone else's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Always(f64);

impl Artifact for Always {
    const KIND: &'static str = "always";
}

impl Predict for Always {
    fn predict(&self, frame: LazyFrame) -> Result<LazyFrame> {
        Ok(frame.with_columns([lit(self.0).alias("prediction")]))
    }

    fn report(&self) -> serde_json::Value {
        serde_json::json!({ "always": self.0 })
    }
}

#[derive(Clone, Debug)]
struct LearnAlways;

impl Estimator for LearnAlways {
    type Model = Always;

    fn target(&self) -> &'static str {
        "likes"
    }

    fn features(&self, _: &Schema) -> Result<Vec<PlSmallStr>> {
        Ok(Vec::new())
    }

    fn needs(&self, _: &Schema) -> Result<Vec<floe::learn::Need>> {
        Ok(Vec::new())
    }

    fn fit(&self, _: &floe::estimator::Training<'_>) -> Result<Always> {
        Ok(Always(1.5))
    }
}

#[test]
fn steps_and_models_of_ones_own_join_the_registry() {
    let (_folder, path) = file();
    let on = |column: &str, by| Add {
        column: column.to_owned(),
        by,
    };
    let rows = rows()
        .lazy()
        .with_columns([col("likes").cast(DataType::Float64)]);
    let rows = collect(rows).expect("rows");
    let flow = floe::from_train(InMemory::new(rows.clone()))
        .then(on("a", 2.0))
        .on_target(on("likes", 1.0))
        .learn(LearnAlways);
    flow.fit().expect("a fit").save(&path).expect("a file");

    let known = Registry::new();
    refused(
        &known,
        &path,
        &[
            "the kind `always` of the model",
            "`constant_model`, `forest_classifier_model`",
            "`.predictor::<..>()`",
        ],
    );
    let known = known.predictor::<Always>();
    refused(
        &known,
        &path,
        &[
            "the kind `add` of step 1",
            "`min_max_scaling`, `missing_indicator`, `normalizer`",
            "Registry::step",
            "model.json",
        ],
    );
    refused(
        &known.clone().step::<Add>(),
        &path,
        &[
            "`add` stands on the target",
            "cannot be undone",
            "Registry::target_step",
        ],
    );
    let known = known.target_step::<Add>();
    let model = known.load(&path).expect("a model");
    assert_eq!(
        bits(model.predict(rows.lazy()).expect("a lazy frame"))[0],
        0.5_f64.to_bits()
    );
    let step: Option<&Add> = model.pipeline().steps()[0].downcast_ref();
    assert_eq!(step, Some(&on("a", 2.0)));
    assert!(format!("{known:?}").contains("\"add\""), "{known:?}");
}

/// Another type with the kind of [`Add`].
#[derive(Clone, Debug, Serialize, Deserialize)]
struct OtherAdd;

impl Artifact for OtherAdd {
    const KIND: &'static str = "add";
}

impl Apply for OtherAdd {
    fn apply(&self, frame: LazyFrame) -> Result<LazyFrame> {
        Ok(frame)
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        Ok(input.clone())
    }
}

#[test]
fn two_types_of_one_kind_are_refused_and_one_type_twice_is_not() {
    let (_folder, path) = file();
    flow!().fit().expect("a fit").save(&path).expect("a file");
    let twice = Registry::new().step::<Add>().target_step::<Add>();
    twice.load(&path).expect("a model");
    let error = twice.step::<OtherAdd>().load(&path).expect_err("a clash");
    assert_eq!(error.kind(), ErrorKind::Config);
    let told = error.to_string();
    for part in ["`add`", "::Add`", "::OtherAdd`"] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn values_that_a_step_cannot_be_made_of_name_the_step() {
    #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Newer {
        column: String,
        by: f64,
        beyond: bool,
    }
    impl Artifact for Newer {
        const KIND: &'static str = "add";
    }
    impl Apply for Newer {
        fn apply(&self, frame: LazyFrame) -> Result<LazyFrame> {
            Ok(frame)
        }

        fn output(&self, input: &Schema) -> Result<Schema> {
            Ok(input.clone())
        }
    }
    let (_folder, path) = file();
    let flow = floe::from_train(InMemory::new(rows()))
        .then(Add {
            column: "a".to_owned(),
            by: 1.0,
        })
        .learn(MeanRegressor::new("likes"));
    flow.fit().expect("a fit").save(&path).expect("a file");
    refused(
        &Registry::new().step::<Newer>(),
        &path,
        &[
            "`step 1`",
            "the values of `add` are not valid",
            "missing field `beyond`",
        ],
    );
    let saved = Saved::of(&Always(f64::NAN)).expect("JSON");
    assert!(saved.state().is_null());
}
