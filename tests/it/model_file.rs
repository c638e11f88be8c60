//! A model file reads back to the same bits, or says what is wrong with it.

use std::path::Path;

use floe::ErrorKind;
use floe::polars::prelude::*;
use floe::prelude::*;

pub(crate) fn rows() -> DataFrame {
    let when = Column::new(
        "when".into(),
        (0..40_i64)
            .map(|i| 1_700_000_000_000_000 + i * 7_200_000_000)
            .collect::<Vec<_>>(),
    );
    let price = Column::new(
        "price".into(),
        (0..40_i64).map(|i| i * 125 % 977).collect::<Vec<_>>(),
    );
    df![
        "big" => (0..40_i64).map(|i| (1_i64 << 60) + i * i).collect::<Vec<_>>(),
        "small" => (0..40_i64).map(|i| (i * 37 % 41) as f32 / 7.0).collect::<Vec<f32>>(),
        "likes" => (0..40_i64).map(|i| 1900 + 13 * i + i % 5).collect::<Vec<_>>(),
    ]
    .unwrap()
    .hstack(&[
        when.cast(&DataType::Datetime(TimeUnit::Microseconds, None))
            .unwrap(),
        price.cast(&DataType::Decimal(10, 2)).unwrap(),
    ])
    .unwrap()
}

macro_rules! flow {
    () => {
        floe::from(InMemory::new(rows()))
            .split(TrainTestSplit::new(0.25).seed(3))
            .then(StandardScaler::new(["big", "when"]))
            .then(MinMaxScaler::new(["small", "price"]).outside(Outside::Clip))
            .then(WithColumns::new([
                (col("small") * lit(2.0_f32)).alias("twice")
            ]))
            .on_target(MinMaxScaler::new(["likes"]))
            .learn(LinearRegression::new(["big", "small", "price"], "likes"))
    };
}

fn bits(frame: LazyFrame) -> Vec<u64> {
    let frame = frame.collect().unwrap();
    let prediction = frame.column("prediction").unwrap().f64().unwrap().clone();
    prediction.into_no_null_iter().map(f64::to_bits).collect()
}

#[test]
fn what_was_saved_predicts_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.json");
    let run = flow!().run().unwrap();
    run.model().save(&path).unwrap();
    let loaded = flow!().load(&path).unwrap();
    let expected = bits(run.model().predict(rows().lazy()).unwrap());
    assert_eq!(bits(loaded.predict(rows().lazy()).unwrap()), expected);
    assert_eq!(loaded.metrics(), Some(run.metrics()));
    // Saving what was loaded writes the same bytes.
    let again = folder.path().join("again.json");
    loaded.save(&again).unwrap();
    assert_eq!(
        std::fs::read(&path).unwrap(),
        std::fs::read(&again).unwrap()
    );
    // Reformatting is no edit.
    let value: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    std::fs::write(&path, serde_json::to_string(&value).unwrap()).unwrap();
    flow!().load(&path).unwrap();
}

fn refused(path: &Path, says: &str) {
    let error = flow!().load(path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Model, "{error}");
    assert!(error.to_string().contains(says), "{error}");
    // A person gets each fact once.
    let told = format!("{error:?}");
    let lines: Vec<&str> = told.lines().collect();
    let distinct: std::collections::HashSet<&&str> = lines.iter().collect();
    assert_eq!(distinct.len(), lines.len(), "{told}");
}

#[test]
fn files_that_are_no_model_say_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.json");
    flow!().run().unwrap().model().save(&path).unwrap();
    let good = std::fs::read_to_string(&path).unwrap();
    let with = |text: &str, says: &str| {
        std::fs::write(&path, text).unwrap();
        refused(&path, says);
    };
    with("", "empty");
    with(&good[..good.len() / 2], "ends in the middle");
    with("PAR1 not json", "not JSON");
    with("[1, 2]", "not a model of floe");
    with("{\"a\": 1}", "not a model of floe");
    with(
        &good.replace("\"format_version\": 1", "\"format_version\": 2"),
        "format version is 2",
    );
    with(
        &good.replacen("\"likes\"", "\"views\"", 1),
        "edited or damaged",
    );
    let digit = good.find("\"intercept\": ").unwrap() + "\"intercept\": 0.".len();
    let mut edited = good.clone();
    let other = if &good[digit..=digit] == "1" {
        "2"
    } else {
        "1"
    };
    edited.replace_range(digit..=digit, other);
    with(&edited, "edited or damaged");
    std::fs::remove_file(&path).unwrap();
    refused(&path, "model.json");
    refused(folder.path(), "directory");
}

#[test]
fn a_model_of_another_chain_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.json");
    flow!().run().unwrap().model().save(&path).unwrap();
    let base = || floe::from(InMemory::new(rows())).split(TrainTestSplit::new(0.25));
    let fewer = base()
        .then(StandardScaler::new(["big", "when"]))
        .on_target(MinMaxScaler::new(["likes"]))
        .learn(LinearRegression::new(["big"], "likes"));
    let error = fewer.load(&path).unwrap_err();
    assert!(
        error.to_string().contains("`min_max_scaling` beyond"),
        "{error}"
    );
    let other = base()
        .then(MinMaxScaler::new(["big", "when"]))
        .learn(LinearRegression::new(["big"], "likes"));
    let error = other.load(&path).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("`standard_scaling` where this flow has `min_max_scaling`"),
        "{error}"
    );
    // The same kinds of steps on other columns, or with another policy, are another chain.
    let chain = |columns: [&'static str; 2], outside| {
        base()
            .then(StandardScaler::new(columns))
            .then(MinMaxScaler::new(["small", "price"]).outside(outside))
            .then(WithColumns::new([
                (col("small") * lit(2.0_f32)).alias("twice")
            ]))
            .on_target(MinMaxScaler::new(["likes"]))
    };
    let features = ["big", "small", "price"];
    let of =
        |columns, outside| chain(columns, outside).learn(LinearRegression::new(features, "likes"));
    of(["big", "when"], Outside::Clip).load(&path).unwrap();
    for other in [
        of(["when", "big"], Outside::Clip),
        of(["big", "when"], Outside::Keep),
    ] {
        let error = other.load(&path).unwrap_err();
        assert!(error.to_string().contains("with other settings"), "{error}");
    }
    let fewer =
        chain(["big", "when"], Outside::Clip).learn(LinearRegression::new(["big"], "likes"));
    let error = fewer.load(&path).unwrap_err();
    assert!(error.to_string().contains("its features are"), "{error}");
    let target = base().learn(MeanRegressor::new("small"));
    let error = target.load(&path).unwrap_err();
    assert!(error.to_string().contains("it predicts `likes`"), "{error}");
}

#[test]
fn a_folder_that_cannot_be_written_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let run = flow!().run().unwrap();
    let error = run
        .model()
        .save(folder.path().join("absent/model.json"))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Output);
    let error = run.model().save(folder.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Output, "a folder is no file");
    let path = folder.path().join("model.json");
    run.model().save(&path).unwrap();
    let before = std::fs::read(&path).unwrap();
    let failing = floe::output::write_whole(&path, |file| {
        file.write_all(b"half")?;
        Err(std::io::Error::other("the disk is full"))
    });
    assert_eq!(failing.unwrap_err().kind(), ErrorKind::Output);
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        1,
        "nothing is left beside it"
    );
}

/// The model files of every release stay in `tests/golden` and load for ever, to the same bits.
/// `FLOE_FREEZE=1` writes one that is not there yet; it never overwrites.
#[test]
fn frozen_model_files_load_to_the_same_bits() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let flow = floe::from(InMemory::new(rows()))
        .split(TrainTestSplit::new(0.25).seed(3))
        .then(StandardScaler::new(["big", "when"]))
        .then(MinMaxScaler::new(["price"]).outside(Outside::Clip))
        .then(RobustScaler::new(["small"]))
        .then(MaxAbsScaler::new(["price"]))
        .on_target(MinMaxScaler::new(["likes"]))
        .learn(LinearRegression::new(["big", "small", "price"], "likes"));
    let (file, frozen) = (
        folder.join("model_1.json"),
        folder.join("model_1.bits.json"),
    );
    if std::env::var_os("FLOE_FREEZE").is_some() && !file.exists() {
        let run = flow.run().unwrap();
        run.model().save(&file).unwrap();
        let bits: Vec<String> = bits(run.model().predict(rows().lazy()).unwrap())
            .iter()
            .map(|bits| format!("{bits:016x}"))
            .collect();
        std::fs::write(&frozen, serde_json::to_string_pretty(&bits).unwrap() + "\n").unwrap();
    }
    let expected: Vec<String> =
        serde_json::from_str(&std::fs::read_to_string(frozen).unwrap()).unwrap();
    let model = flow.load(&file).unwrap();
    let found: Vec<String> = bits(model.predict(rows().lazy()).unwrap())
        .iter()
        .map(|bits| format!("{bits:016x}"))
        .collect();
    assert_eq!(found, expected);
}
