use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::error::ErrorKind;
use crate::tracker::{Dataset, RunInfo, Signature, SignatureColumn, Started, Surroundings};

const RUN: &str = "0123456789abcdef0123456789abcdef";

fn of(what: What) -> Vec<Entry> {
    entries(&Event::at(RUN, 1_795_421_000_000, what)).unwrap()
}

fn get<'a>(pairs: &'a [Pair], key: &str) -> Option<&'a str> {
    let pair = pairs.iter().find(|(found, _)| found == key)?;
    Some(pair.1.as_str())
}

#[test]
fn a_run_begins_with_its_name_its_tags_and_its_parameters() {
    let info = RunInfo::named("first")
        .experiment("likes")
        .tag("team", "films å")
        .parameter("alpha", 0.5)
        .parameter("seed", "mine")
        .nested_in("f".repeat(32))
        .note("a *note*");
    let mut started = Started::new(&info);
    started.source = "Csv(\"a.csv\")".to_owned();
    started.split = json!({ "splitter": "train_test", "seed": 42, "key": null });
    started.seed = Some(42);
    started.steps = vec!["MinMaxScaler([\"x\"])".to_owned()];
    started.estimator = "LinearRegression(y ~ x)".to_owned();
    started.tags = vec!["leakage: fitted before the split: X".to_owned()];
    started.surroundings = Some(Surroundings::here());
    let found = of(What::Started(Box::new(started.clone())));
    let [Entry::Run(run), Entry::Params(params)] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(
        (run.name.as_str(), run.experiment.as_deref()),
        ("first", Some("likes"))
    );
    assert_eq!(run.start_time, 1_795_421_000_000);
    for (key, value) in [
        ("mlflow.runName", "first"),
        ("mlflow.source.type", "LOCAL"),
        ("mlflow.parentRunId", "ffffffffffffffffffffffffffffffff"),
        ("mlflow.note.content", "a *note*"),
        ("team", "films å"),
        ("floe.run", RUN),
        ("floe.leakage", "leakage: fitted before the split: X"),
    ] {
        assert_eq!(get(&run.tags, key), Some(value), "{key}");
    }
    assert!(get(&run.tags, "floe.os").is_some());
    for (key, value) in [
        ("alpha", "0.5"),
        ("seed", "mine"),
        ("floe.seed", "42"),
        ("split.splitter", "train_test"),
        ("step_0", "MinMaxScaler([\"x\"])"),
        ("source", "Csv(\"a.csv\")"),
    ] {
        assert_eq!(get(params, key), Some(value), "{key}");
    }
    assert_eq!(get(params, "split.key"), None);
    started.name = None;
    let found = of(What::Started(Box::new(started)));
    let Entry::Run(run) = &found[0] else {
        panic!("{found:?}")
    };
    assert_eq!(run.name, "LinearRegression-01234567");
}

#[test]
fn numbers_stay_numbers_and_what_is_undefined_is_a_tag() {
    let metric = |value, reason: Option<&str>| What::Metric {
        name: "r2".to_owned(),
        value,
        reason: reason.map(str::to_owned),
        step: -3,
    };
    for value in [0.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let found = of(metric(Some(value), None));
        let [Entry::Metrics(metrics)] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(metrics[0].value.to_bits(), value.to_bits());
        assert_eq!(
            (metrics[0].timestamp, metrics[0].step),
            (1_795_421_000_000, -3)
        );
    }
    let found = of(metric(None, Some("two rows are needed")));
    let tag = (
        "floe.undefined.r2".to_owned(),
        "two rows are needed".to_owned(),
    );
    assert_eq!(found, [Entry::Tags(vec![tag])]);
}

#[test]
fn what_is_too_long_is_cut_and_kept_whole_beside() {
    let long = "é".repeat(6001);
    let parameters = Map::from_iter([("a/b".to_owned(), json!(long)), ("c".to_owned(), json!(1))]);
    let found = of(What::Parameters { parameters });
    let [Entry::Params(params), Entry::Artifact(whole)] = found.as_slice() else {
        panic!("{found:?}");
    };
    let cut = get(params, "a/b").unwrap();
    assert_eq!(cut.chars().count(), 6000);
    let place = cut.rsplit(' ').next().unwrap();
    assert!(cut.ends_with(&format!("… whole in the artifact {place}")));
    assert!(place.starts_with("params/a_b-"), "{place}");
    assert_eq!(*whole, Artifact::text(place, long));
    assert_eq!(get(params, "c"), Some("1"));
}

#[test]
fn what_was_learned_is_kept_whole_and_as_parameters() {
    let report = json!({ "likes!": { "min": 1.5, "none": null }, "features": ["a", "b"] });
    let fitted = |fold| What::StepFitted {
        step: "S".to_owned(),
        index: 2,
        on_target: true,
        fold,
        report: report.clone(),
    };
    let found = of(fitted(None));
    let [Entry::Artifact(whole), Entry::Params(params)] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(whole.path, "learned/target_step_2.json");
    assert_eq!(get(params, "learned.target_step_2.likes_.min"), Some("1.5"));
    assert_eq!(
        get(params, "learned.target_step_2.features"),
        Some("[\"a\",\"b\"]")
    );
    let found = of(fitted(Some(1)));
    let [Entry::Artifact(whole)] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(whole.path, "learned/fold_1/target_step_2.json");
}

#[test]
fn datasets_models_and_the_end_are_in_the_words_of_mlflow() {
    let data = Dataset::new("likes.csv", "d".repeat(40), "training")
        .column("x", "int64", false)
        .column("when", "datetime[us, Europe/Stockholm]", true)
        .file("/data/likes.csv")
        .rows(7);
    let found = of(What::Dataset(Box::new(data)));
    let [Entry::Dataset(data)] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(data.digest.len(), 36);
    assert_eq!(data.source, r#"{"uri":"/data/likes.csv"}"#);
    let schema: Value = serde_json::from_str(&data.schema).unwrap();
    let first = json!({ "type": "long", "name": "x", "required": true });
    assert_eq!(schema["mlflow_colspec"][0], first);
    assert_eq!(schema["mlflow_colspec"][1]["type"], "datetime");
    assert_eq!(data.profile, r#"{"num_elements":14,"num_rows":7}"#);

    let columns = [SignatureColumn::new("x", "int64")];
    let outputs = [SignatureColumn::new("prediction", "float64")];
    let mut model = LoggedModel::new("model", "{}").signature(Signature::new(columns, outputs));
    let found = of(What::Model(Box::new(model.clone())));
    let [Entry::Model(entry)] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(entry.id.len(), 34);
    let description = std::str::from_utf8(&entry.files[0].1).unwrap();
    assert!(
        description.contains("\\\"name\\\":\\\"x\\\""),
        "{description}"
    );
    assert!(
        description.contains("utc_time_created: \"2026-11-23 08:03:20.000000\""),
        "{description}"
    );
    model.name = "a/b".to_owned();
    assert!(entries(&Event::at(RUN, 0, What::Model(Box::new(model)))).is_err());

    let found = of(What::Finished {
        status: Status::Failed,
        error: Some("x".repeat(9000)),
    });
    let end = EndEntry {
        status: "FAILED",
        end_time: 1_795_421_000_000,
    };
    assert_eq!(found.last(), Some(&Entry::End(end)));
    assert!(matches!(&found[1], Entry::Artifact(whole) if whole.path == "tags/floe.error.txt"));
}

#[test]
fn what_mlflow_refuses_is_refused_before_anything_is_written() {
    let bad: Vec<What> = vec![
        What::Parameters {
            parameters: Map::from_iter([("a!".to_owned(), json!(1))]),
        },
        What::Tags {
            tags: BTreeMap::from([("../x".to_owned(), String::new())]),
        },
        What::Artifact(Box::new(Artifact::text("../../etc/passwd", ""))),
    ];
    for what in bad {
        let error = entries(&Event::at(RUN, 0, what)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Track);
        assert!(error.help().is_some());
    }
}

/// What a spool keeps must be what happened.
#[test]
fn events_survive_json() {
    let mut started = Started::new(&RunInfo::named("n").parameter("p", [1, 2]).tag("k", "v"));
    started.surroundings = Some(Surroundings::here());
    let metric = |value| What::Metric {
        name: "m".to_owned(),
        value,
        reason: None,
        step: i64::MIN,
    };
    let all = vec![
        What::Started(Box::new(started)),
        metric(Some(0.1 + 0.2)),
        metric(Some(f64::NEG_INFINITY)),
        metric(None),
        What::Dataset(Box::new(
            Dataset::new("a", "b", "training").column("x", "int64", true),
        )),
        What::Artifact(Box::new(Artifact::bytes("a.png", [0, 255]))),
        What::Artifact(Box::new(Artifact::copy("", "folder"))),
        What::Model(Box::new(LoggedModel::new("model", "{}"))),
        What::Scanned {
            purpose: "level".to_owned(),
            rows: 7,
            milliseconds: 0.5,
            index: 1,
        },
        What::Finished {
            status: Status::Cancelled,
            error: None,
        },
    ];
    for what in all {
        let event = Event::at(RUN, i64::MAX, what);
        let line = serde_json::to_string(&event).unwrap();
        let back: Event = serde_json::from_str(&line).unwrap();
        assert_eq!(back, event, "{line}");
    }
    let line = serde_json::to_string(&Event::at(RUN, 0, metric(Some(f64::NAN)))).unwrap();
    assert!(line.contains("\"value\":\"NaN\""), "{line}");
    let back: Event = serde_json::from_str(&line).unwrap();
    assert!(matches!(back.what, What::Metric { value: Some(value), .. } if value.is_nan()));
}

#[test]
fn a_bad_key_is_left_out_and_the_run_is_kept() {
    let info = RunInfo::named("n").tag("a,b", "c").tag("team", "t");
    let info = info.parameter("lr (log)", 1).parameter("alpha", 2);
    let event = Event::at(RUN, 0, What::Started(Box::new(Started::new(&info))));
    let found = entries(&event).unwrap();
    let [Entry::Run(run), Entry::Params(params)] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(get(&run.tags, "team"), Some("t"));
    assert_eq!(
        (get(params, "alpha"), get(params, "lr (log)")),
        (Some("2"), None)
    );
    let said = get(&run.tags, "floe.left_out").unwrap();
    assert!(
        said.contains("`a,b`") && said.contains("`lr (log)`"),
        "{said}"
    );
    // Whoever records it is told too.
    for error in [left_out(&event).unwrap(), check(&event).unwrap_err()] {
        assert!(error.to_string().contains("`lr (log)`"), "{error}");
    }
    let good = Event::at(
        RUN,
        0,
        What::Started(Box::new(Started::new(&RunInfo::new()))),
    );
    assert!(check(&good).is_ok());
}

#[test]
fn what_becomes_a_path_has_the_form_of_an_id() {
    let finished = || What::Finished {
        status: Status::Finished,
        error: None,
    };
    for run in ["my-run", "../../x", "", &RUN[1..], &format!("{RUN}0")] {
        let error = entries(&Event::at(run, 0, finished())).unwrap_err();
        assert!(error.to_string().contains("is no run"), "{error}");
    }
    let mut model = LoggedModel::new("model", "{}");
    for id in ["m-../../x", "m-", RUN, &format!("m-{}", &RUN[1..])] {
        model.id = id.to_owned();
        let error = check(&Event::at(RUN, 0, What::Model(Box::new(model.clone())))).unwrap_err();
        assert!(error.to_string().contains("the id of a model"), "{error}");
    }
    let file = Artifact::copy("", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    let error = check(&Event::at(RUN, 0, What::Artifact(Box::new(file)))).unwrap_err();
    assert!(error.to_string().contains("needs a name"), "{error}");
}

#[test]
fn long_values_do_not_share_an_artifact() {
    let longest = "é".repeat(250);
    let keys = ["a/b", "a_b", longest.as_str()];
    let long = |key: &str| (key.to_owned(), json!("x".repeat(6001)));
    let parameters = Map::from_iter(keys.map(long));
    let found = of(What::Parameters { parameters });
    let paths: std::collections::BTreeSet<&str> = found
        .iter()
        .filter_map(|entry| match entry {
            Entry::Artifact(whole) => Some(whole.path.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(paths.len(), 3, "{paths:?}");
    assert!(paths.contains("params/a_b.txt"), "{paths:?}");
    assert!(paths.iter().all(|path| path.len() <= 255), "{paths:?}");
}

#[test]
fn datasets_stay_within_the_limits() {
    let entry = |data: Dataset| {
        let found = of(What::Dataset(Box::new(data)));
        let [Entry::Dataset(entry)] = found.as_slice() else {
            panic!("{found:?}")
        };
        entry.clone()
    };
    let mut data = Dataset::new("d", "f".repeat(32), "testing").rows(u64::MAX);
    for at in 0..30_000 {
        data = data.column(format!("column {at}"), "int64", false);
    }
    for at in 0..3_000 {
        data = data.file(format!("/data/part å {at:05}.parquet"));
    }
    let found = entry(data);
    let profile = json!({ "num_rows": u64::MAX, "num_elements": null });
    assert_eq!(found.profile, profile.to_string());
    assert!(found.source.chars().count() <= 65_535);
    let source: Value = serde_json::from_str(&found.source).unwrap();
    assert_eq!(source["files"], 3_000);
    assert!(source["uris"].as_array().unwrap().len() > 500);
    assert!(found.schema.chars().count() <= 1_048_575);
    let schema: Value = serde_json::from_str(&found.schema).unwrap();
    assert_eq!(schema["mlflow_colspec"][0]["name"], "column 0");
    let twice = found.in_role();
    assert_eq!(twice.digest, format!("{}-testing", "f".repeat(28)));
    let mut code = Dataset::new("d", "f", "testing");
    code.source = "\u{1}å".repeat(50_000);
    let found = entry(code);
    assert!(found.source.chars().count() <= 65_535);
    assert!(serde_json::from_str::<Value>(&found.source).is_ok());
}
