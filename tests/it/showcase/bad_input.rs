//! Every bad input ends in one error that says what is wrong, and leaves no file behind.

use std::fs;

use super::{Room, youtube_score};

#[test]
fn bad_like_sums_end_in_an_error_and_leave_no_file() {
    let bad: [(&str, &[u8], &str); 10] = [
        ("empty", b"", "the file is empty"),
        ("no rows", b"\n\n", "the file is empty"),
        ("one row", b"5\n", "the same value"),
        ("constant", b"7\n7\n7\n", "the same value"),
        ("text", b"1\n2\nmany\n", "line 3"),
        ("ragged", b"1\n2,3\n4\n", "line 2"),
        ("binary", b"\x00\x01\xff\xfe\x00", "text"),
        ("not a number", b"1\nNaN\n3\n", "NaN"),
        ("infinite", b"1\ninf\n3\n", "infinity"),
        ("all null", b"\"\"\n\"\"\n", "null"),
    ];
    for (name, content, told) in bad {
        let room = Room::new();
        let (input, output) = (room.file("data.csv", content), room.path("out.csv"));
        let error = youtube_score(["process-data", "--input", &input, "--output", &output])
            .expect_err(name);
        assert!(error.contains(told), "{name}: {error}");
        assert_eq!(room.files(), ["data.csv"], "{name}");
        youtube_score(["run", "--input", &input]).expect_err(name);
    }
}

#[test]
fn bad_paths_end_in_an_error() {
    let room = Room::new();
    let folder = room.path("");
    let good = room.file("data.csv", "1\n2\n3\n4\n5\n6\n7\n8\n9\n");
    let away = room.path("away/out.csv");
    let check = |input: &str, output: &str, told: &str| {
        let args = ["process-data", "--input", input, "--output", output];
        let error = youtube_score(args).expect_err(told);
        assert!(error.contains(told), "{error}");
    };
    check(&room.path("missing.csv"), &away, "No such file");
    check(&folder, &away, "directory");
    check(&good, &away, "No such file");
    check(&good, &folder, "directory");
    let error = youtube_score(["--input", &good, "--out", &room.path("away")]).expect_err("away");
    assert!(error.contains("does not exist"), "{error}");
    let error = youtube_score(["--input", &good, "--out", &good]).expect_err("a file");
    assert!(error.contains("is not a folder"), "{error}");
    assert_eq!(room.files(), ["data.csv"]);
}

#[cfg(unix)]
#[test]
fn pipes_and_devices_end_in_an_error_at_once() {
    let room = Room::new();
    let (good, pipe) = (room.file("v.csv", "0,0.1\n1,0.9\n"), room.path("pipe"));
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo").success());
    for path in [pipe.as_str(), "/dev/zero"] {
        let out = room.path("out.csv");
        let error =
            youtube_score(["process-data", "--input", path, "--output", &out]).expect_err(path);
        assert!(error.contains("pipe or a device"), "{error}");
        let error =
            youtube_score(["test-model", "--test", &good, "--model", path]).expect_err(path);
        assert!(error.contains("pipe or a device"), "{error}");
    }
}

#[test]
fn impossible_shares_end_in_an_error() {
    let room = Room::new();
    let data = room.file("data.csv", "0,0.5\n1,1.0\n2,0.0\n");
    let [train, test] = ["train.csv", "test.csv"].map(|name| room.path(name));
    for share in ["0", "1", "-0.5", "NaN", "1.5", "inf", "0.01"] {
        let error = youtube_score([
            "train-test-split",
            "--input",
            &data,
            "--train",
            &train,
            "--test",
            &test,
            "--test-share",
            share,
        ])
        .expect_err(share);
        assert!(error.contains("test share"), "{share}: {error}");
    }
    assert_eq!(room.files(), ["data.csv"]);
}

fn split(input: &str, train: &str, test: &str) -> Result<String, String> {
    youtube_score([
        "train-test-split",
        "--input",
        input,
        "--train",
        train,
        "--test",
        test,
    ])
}

#[test]
fn one_file_under_two_options_is_an_error_and_stays() {
    let room = Room::new();
    let before = "0,0.5\n1,1.0\n2,0.0\n";
    let data = room.file("data.csv", before);
    let train = room.path("train.csv");
    // The same file by another path, there and not there yet.
    let [again, twin] = ["./data.csv", "./train.csv"].map(|name| room.path(name));
    let errors = [
        split(&data, &train, &train),
        split(&data, &train, &twin),
        youtube_score(["train-model", "--train", &data, "--model", &again]),
        youtube_score(["--input", &data, "--track", &again]),
    ];
    for error in errors {
        let error = error.expect_err("one file");
        assert!(error.contains("are one file"), "{error}");
    }
    assert_eq!(room.files(), ["data.csv"]);
    assert_eq!(fs::read_to_string(&data).expect("a file"), before);
}

#[test]
fn both_sides_of_a_split_are_replaced_or_none() {
    let room = Room::new();
    let data = room.file("data.csv", "0,0.5\n1,1.0\n2,0.0\n");
    let train = room.file("train.csv", "before");
    let error = split(&data, &train, &room.path("away/test.csv")).expect_err("no folder");
    assert!(error.contains("away"), "{error}");
    assert_eq!(fs::read_to_string(&train).expect("a file"), "before");
    assert_eq!(room.files(), ["data.csv", "train.csv"]);
}

#[test]
fn bad_train_rows_end_in_an_error_and_leave_no_model() {
    let bad = [
        ("one row", "0,0.5\n", "row"),
        ("constant index", "1,0.5\n1,0.7\n1,0.9\n", "index"),
        ("all null", "0,\n1,\n2,\n", "null"),
        ("not a number", "0,0.1\n1,nan\n2,0.3\n", "NaN"),
        ("infinite", "0,0.1\n1,inf\n2,0.3\n", "infinit"),
        ("one column", "1\n2\n", "column"),
    ];
    for (name, content, told) in bad {
        let room = Room::new();
        let (train, model) = (room.file("train.csv", content), room.path("model.json"));
        let error =
            youtube_score(["train-model", "--train", &train, "--model", &model]).expect_err(name);
        assert!(error.contains(told), "{name}: {error}");
        assert_eq!(room.files(), ["train.csv"], "{name}");
    }
}

#[test]
fn bad_test_rows_and_model_files_end_in_an_error() {
    let room = Room::new();
    let train = room.file("train.csv", "0,0.5\n1,0.7\n2,0.8\n");
    let model = room.path("model.json");
    youtube_score(["train-model", "--train", &train, "--model", &model]).expect("it runs");
    let check = |test: &str, model: &str, told: &str| {
        let error =
            youtube_score(["test-model", "--test", test, "--model", model]).expect_err(told);
        assert!(error.contains(told), "{told}: {error}");
    };
    for (content, told) in [
        ("", "the file is empty"),
        ("3,\n4,\n", "have no value"),
        ("3,0.5\n4,nan\n", "have no value"),
        ("3,0.5\n4,inf\n", "infinit"),
        ("3,0.5\n4\n", "line 2"),
    ] {
        check(&room.file("test.csv", content), &model, told);
    }
    let saved = fs::read_to_string(&model).expect("a file");
    let half = &saved[..saved.len() / 2];
    let other = saved.replace("\"format_version\": 1", "\"format_version\": 99");
    let edited = saved.replace("\"index\": ", "\"index\":  1");
    let edited = if edited == saved {
        saved.replacen("0.", "1.", 1)
    } else {
        edited
    };
    for (content, told) in [
        (half, "ends in the middle"),
        (other.as_str(), "version is 99"),
        (edited.as_str(), "seal"),
        ("", "is empty"),
        ("{}", "not a model"),
        ("text", "not JSON"),
    ] {
        check(&train, &room.file("bad.json", content), told);
    }
    check(&train, &room.path("missing.json"), "No such file");
    check(&train, &room.path(""), "directory");
}
