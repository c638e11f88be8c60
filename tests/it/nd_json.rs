//! The `NdJson` source: what is read, what is refused, and that the message says where.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use floe::polars::prelude::*;
use floe::prelude::*;
use floe::{Error, ErrorKind};
use proptest::prelude::{any, prop, prop_assert, proptest};

use crate::many_files::gzip;
use crate::support::collect;

type Outcome = Result<(), Box<dyn std::error::Error>>;

struct Made {
    dir: tempfile::TempDir,
    path: PathBuf,
}

fn made(content: impl AsRef<[u8]>) -> Made {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("made.ndjson");
    fs::write(&path, content).expect("a file");
    Made { dir, path }
}

impl Made {
    fn json(&self) -> NdJson {
        NdJson::new(&self.path)
    }
}

fn read(source: &NdJson) -> DataFrame {
    let rows = collect(source.scan().expect("a scan")).expect("rows");
    let promised = source.schema().expect("a schema").to_polars();
    assert_eq!(&promised, &**rows.schema());
    rows
}

fn fails(source: &NdJson) -> Error {
    source.scan().and_then(collect).expect_err("an error")
}

fn says(source: &NdJson, parts: &[&str]) -> Error {
    let error = fails(source);
    assert_eq!(error.kind(), ErrorKind::Source, "{error}");
    for part in parts {
        assert!(
            error.to_string().contains(part),
            "`{part}` is not in: {error}"
        );
    }
    error
}

#[test]
fn keys_become_columns() -> Outcome {
    let file = made(
        "{\"i\":1,\"f\":0.5,\"b\":true,\"s\":\"x\",\"none\":null}\n\
         \n  \t\r\n\
         { \"u\" : 18446744073709551615, \"s\": \"2026-01-01\", \"i\":-2 }\r\n\
         {}\n\
         {\"f\":1e3,\"i\":9223372036854775807,\"f2\":2,\"s\":\"7\"}",
    );
    let expected = df![
        "id" => [0u32, 1, 2, 3],
        "i" => [Some(1i64), Some(-2), None, Some(i64::MAX)],
        "f" => [Some(0.5), None, None, Some(1000.0)],
        "b" => [Some(true), None, None, None],
        "s" => [Some("x"), Some("2026-01-01"), None, Some("7")],
        "none" => [None::<&str>, None, None, None],
        "u" => [None, Some(u64::MAX), None, None],
        "f2" => [None, None, None, Some(2i64)],
    ]?;
    let rows = read(&file.json().row_index("id"));
    assert!(rows.equals_missing(&expected), "{rows} {expected}");
    let rows = read(&file.json().columns(["s", "i"]).limit(2));
    assert!(rows.equals(&df!["s" => ["x", "2026-01-01"], "i" => [1i64, -2]]?));
    assert_eq!(format!("{:?}", NdJson::new("a")), "NdJson(\"a\")");
    assert_eq!(file.json(), file.json());
    assert_ne!(file.json(), file.json().limit(2));
    Ok(())
}

#[test]
fn a_later_key_is_not_lost() -> Outcome {
    let file = made("{\"a\":1}\n\n{\"a\":2,\"late\":0.5}\n");
    let one = file.json().infer_rows(Some(1));
    let error = says(
        &one,
        &[
            "made.ndjson",
            "line 3",
            ".infer_rows(None)",
            ".columns([..])",
        ],
    );
    assert_eq!(error.column(), Some("late"));
    let expected = df!["a" => [1i64, 2], "late" => [None, Some(0.5)]]?;
    for source in [file.json(), one.clone().dtype("late", DataType::Float64)] {
        assert!(read(&source).equals_missing(&expected));
    }
    assert_eq!(read(&one.clone().columns(["a"])).width(), 1);
    let error = fails(&one.columns(["a", "late"]));
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Schema, Some("late"))
    );
    Ok(())
}

/// What Polars' own reader takes from two lines: it loses digits, or half a character, or a value.
#[test]
fn what_polars_reads_otherwise_is_refused() {
    for (text, column, parts) in [
        (
            "{\"a\":0.5}\n{\"a\":9007199254740993}",
            "a",
            &["line 2", "`9007199254740993`", "exactly"][..],
        ),
        (
            "{\"a\":1}\n{\"a\":123456789012345678901234567890}",
            "a",
            &["line 2", "not an i64"],
        ),
        (
            "{\"a\":1}\n{\"a\":9223372036854775808}",
            "a",
            &["line 2", "not an i64"],
        ),
        (
            "{\"a\":1}\n{\"a\":1.9}",
            "a",
            &["line 2", "`1.9`", "not an i64"],
        ),
        ("{\"a\":1}\n{\"a\":1.0}", "a", &["line 2", "not an i64"]),
        (
            "{\"a\":1.5}\n{\"a\":1e400}",
            "a",
            &["line 2", "`1e400`", "not an f64"],
        ),
        ("{\"a\":1}\n{\"a\":\"2\"}", "a", &["line 2", "not an i64"]),
        (
            "{\"a\":\"x\"}\n{\"a\":1.50}",
            "a",
            &["line 2", "`1.50`", "not a str"],
        ),
        ("{\"a\":true}\n{\"a\":0}", "a", &["line 2", "not a bool"]),
        ("{\"a\":1}\n{\"a\":{}}", "a", &["line 2", "`{}`"]),
        (
            "{\"a\":\"x\"}\n{\"a\":\"\\ud800\"}",
            "a",
            &["line 2", "surrogate"],
        ),
        (
            "{\"a\":1}\n{\"a\":2,\"\\u0061\":3}",
            "a",
            &["line 2", "twice"],
        ),
    ] {
        let file = made(text);
        let error = says(&file.json().infer_rows(Some(1)), parts);
        assert_eq!(error.column(), Some(column), "{error}");
    }
}

#[test]
fn values_of_several_kinds_need_a_declaration() -> Outcome {
    for (text, part) in [
        ("{\"a\":1}\n{\"a\":\"x\"}", "another kind"),
        ("{\"a\":null}\n{\"a\":true}\n{\"a\":0}", "another kind"),
        ("{\"a\":1}\n{\"a\":[1, 2]}", "an object or an array"),
        ("{\"a\":0.5}\n{\"a\":9007199254740993}", "a whole number"),
        ("{\"a\":-1}\n{\"a\":18446744073709551615}", "a whole number"),
        ("{\"a\":1}\n{\"a\":18446744073709551616}", "a whole number"),
    ] {
        let file = made(text);
        let line = text.lines().count();
        let error = says(&file.json(), &[part, &format!("line {line}"), ".dtype(..)"]);
        assert_eq!(error.column(), Some("a"));
        let rows = read(&file.json().dtype("a", DataType::String));
        assert_eq!(rows.height(), line);
    }
    let file = made("{\"a\":{\"x\": [1, \"}\"]},\"b\":[],\"c\":1.50,\"d\":\"\\u0000\\\"é\"}\n");
    let text = DataType::String;
    let dtypes = ["a", "b", "c", "d"].map(|name| (name, text.clone()));
    let rows = read(&file.json().dtypes(dtypes));
    let expected =
        df!["a" => ["{\"x\": [1, \"}\"]}"], "b" => ["[]"], "c" => ["1.50"], "d" => ["\0\"é"]]?;
    assert!(rows.equals(&expected), "{rows}");
    assert_eq!(read(&file.json().columns(["d"])).shape(), (1, 1));
    Ok(())
}

#[test]
fn declared_dtypes_read_strings_too() -> Outcome {
    let file = made(
        "{\"n\":\"1957\",\"f\":\"NaN\",\"d\":\"2026-01-31\",\"t\":\"2026-01-31T12:00:00.5\"}\n\
         {\"n\":255,\"f\":100000000000000000001,\"d\":null}\n",
    );
    let datetime = DataType::Datetime(TimeUnit::Milliseconds, None);
    let source = file
        .json()
        .dtype("n", DataType::Int16)
        .dtype("f", DataType::Float64)
        .dtype("d", DataType::Date)
        .dtype("t", datetime.clone());
    let rows = read(&source);
    let mut expected = df![
        "n" => [1957i16, 255],
        "f" => [f64::NAN, 1e20],
        "d" => [Some(20_484i32), None],
        "t" => [Some(1_769_860_800_500i64), None],
    ]?;
    expected.apply("d", |days| days.cast(&DataType::Date).expect("a date"))?;
    expected.apply("t", |ticks| ticks.cast(&datetime).expect("a datetime"))?;
    assert!(rows.equals_missing(&expected), "{rows} {expected}");
    let error = says(
        &source.clone().dtype("n", DataType::UInt8),
        &["line 1", "`\"1957\"`", "not a u8"],
    );
    assert_eq!(error.dtype(), Some("u8"));
    says(
        &source.clone().dtype("d", DataType::Int8),
        &["line 1", "not an i8"],
    );
    assert_eq!(
        fails(&source.clone().dtype("d", DataType::Time)).kind(),
        ErrorKind::Config
    );
    let error = fails(&source.columns(["n", "t"]));
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Schema, Some("f"))
    );
    Ok(())
}

#[test]
fn lines_that_are_no_objects_are_errors() {
    for (text, parts) in [
        (
            &b"{\"a\":1}\n{\"a\":2"[..],
            &["line 2", "ends inside", "cut off"][..],
        ),
        (b"{\"a\":1}\n{\"a\":\"x", &["line 2", "cut off"]),
        (b"{\"a\":1}\n{\"a\":", &["line 2", "cut off"]),
        (b"{\"a\":1}\n{\"a\"", &["line 2", "cut off"]),
        (
            b"{\"a\":1}\n{a:2}\n{\"a\":3}\n",
            &["line 2", "not valid JSON at byte 2"],
        ),
        (b"{\"a\":1}\n\n{\"a\":2,}", &["line 3", "not valid JSON"]),
        (b"{\"a\":1} {\"a\":2}\n", &["line 1", "text follows"]),
        (b"{\"a\":1}\r{\"a\":2}\n", &["line 1", "text follows"]),
        (b"{\"a\":1}\n[1]\n", &["line 2", "not a JSON object"]),
        (b"[\n{\"a\":1}\n]\n", &["line 1", "not a JSON object"]),
        (b"{\n\"a\":1\n}\n", &["line 1", "one line"]),
        (b"{\"a\":NaN}\n", &["line 1", "not valid JSON at byte 6"]),
        (b"{\"a\":01}\n", &["line 1", "not valid JSON"]),
        (b"{\"a\":\"x\xff\"}\n", &["line 1", "not valid UTF-8"]),
        (
            b"{\"a\":1}\n{\"a\":2}\n{\"\xff\":1}",
            &["line 3", "not valid UTF-8"],
        ),
        (b"{\"a\":1}\n{\"a\":\0}\n", &["line 2", "zero byte"]),
        (b"{\"a\":1}\x01\n", &["line 1", "JSON"]),
        (b"{\"a\":1}\n{\"a\":2}\x01{}\n", &["line 2", "JSON"]),
        (b"", &["the file is empty"]),
        (b"\n \n", &["the file is empty"]),
        (b"{}\n{}\n", &["no object has a key"]),
        (
            b"\x28\xb5\x2f\xfd\x04\x00\x41",
            &["zstd", "a compressed file must be converted"],
        ),
    ] {
        let file = made(text);
        for rows in [Some(1), None] {
            says(&file.json().infer_rows(rows), parts);
        }
    }
    let empty = made("");
    let rows = read(&empty.json().dtype("a", DataType::Int64));
    assert_eq!(rows.shape(), (0, 1));
    says(&NdJson::new(empty.dir.path()), &["directory"]);
    says(
        &empty.json().dtype("a", DataType::Int64).row_index("a"),
        &["twice"],
    );
}

#[test]
fn names_that_mean_something_elsewhere() -> Outcome {
    let file = made("\u{feff}{\"*\":1,\"^a$\":2,\"\":3,\"0\":4,\"\\u0041\":5}\n");
    let rows = read(&file.json());
    let expected = df!["*" => [1i64], "^a$" => [2i64], "" => [3i64], "0" => [4i64], "A" => [5i64]]?;
    assert!(rows.equals(&expected), "{rows}");
    Ok(())
}

#[test]
fn a_limit_looks_no_further() {
    let file = made("{\"a\":1}\n\n{\"a\":2}\nnothing\n");
    let source = file.json().infer_rows(Some(1)).limit(2);
    assert_eq!(read(&source).height(), 2);
    says(&source.limit(3), &["line 4"]);
}

#[test]
fn a_changed_file_is_checked_again() -> Outcome {
    let file = made("{\"a\":1}\n");
    let source = file.json();
    assert_eq!(read(&source).height(), 1);
    fs::write(&file.path, "{\"a\":1}\n\n{\"a\":2}\n")?;
    assert_eq!(read(&source.clone()).height(), 2);
    fs::write(&file.path, b"{\"a\":1}\n\n{\"a\":\"\xc3\x28\"}\n")?;
    says(&source, &["line 3 is not valid UTF-8"]);
    Ok(())
}

fn table(rows: std::ops::Range<i64>) -> DataFrame {
    let x = |i: i64| {
        if i % 11 == 0 {
            None
        } else {
            Some((i as f64).sin() * 1e8 + 0.1)
        }
    };
    df![
        "x" => rows.clone().map(x).collect::<Vec<_>>(),
        "y" => rows.clone().map(|i| i * 7 % 1009).collect::<Vec<_>>(),
        "name" => rows.map(|i| format!("n\n\"{i}\"")).collect::<Vec<_>>(),
    ]
    .expect("a frame")
}

fn json_text(frame: &DataFrame) -> Vec<u8> {
    let mut text = Vec::new();
    let mut writer = JsonWriter::new(&mut text).with_json_format(JsonFormat::JsonLines);
    writer.finish(&mut frame.clone()).expect("memory");
    text
}

#[test]
fn projections_slices_and_filters_over_many_batches() -> Outcome {
    let mut text = json_text(&table(0..60_000));
    text.extend(b"\n\n");
    let file = made(&text);
    let all = file.json().row_index("id").scan()?;
    let part = all.clone().slice(50_000, 2).select([col("y"), col("id")]);
    let part = collect(part)?;
    let expected =
        df!["y" => [50_000 * 7 % 1009i64, 50_001 * 7 % 1009], "id" => [50_000u32, 50_001]]?;
    assert!(part.equals(&expected), "{part}");
    assert_eq!(
        collect(all.clone().select([len()]))?
            .column("len")?
            .get(0)?,
        AnyValue::UInt32(60_000)
    );
    assert_eq!(
        collect(all.filter(col("x").is_null()))?.height(),
        60_000_usize.div_ceil(11)
    );
    assert!(read(&file.json()).equals_missing(&table(0..60_000)));
    Ok(())
}

/// A split and a fit, as the file of the pipeline: to the bit.
fn learned(source: impl Source) -> Result<(String, String), Box<dyn std::error::Error>> {
    let flow = floe::from(source).split(TrainTestSplit::new(0.3).seed(42));
    let train = String::from_utf8(json_text(&flow.frames()?.0.collect()?))?;
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("pipeline.json");
    flow.then(StandardScaler::new(["x"])).fit()?.save(&path)?;
    Ok((train, fs::read_to_string(path)?))
}

#[test]
fn cuts_into_files_do_not_show() -> Outcome {
    let dir = tempfile::tempdir()?;
    let at = |name: String| dir.path().join(name);
    let whole = table(0..20_011);
    let expected = learned(InMemory::new(whole.clone()))?;
    fs::write(at("whole".into()), json_text(&whole))?;
    assert_eq!(learned(NdJson::new(at("whole".into())))?, expected);
    for (i, cut) in [0, 1, 4096, 4096, 9000, 20_011].windows(2).enumerate() {
        let text = json_text(&table(cut[0]..cut[1]));
        fs::write(at(format!("{i}.ndjson")), &text)?;
        gzip(
            &at(format!("{i}.gz")),
            &[&text[..text.len() / 2], &text[text.len() / 2..]],
        );
    }
    for ending in ["ndjson", "gz"] {
        let source = NdJson::glob(format!("{}/*.{ending}", dir.path().display()));
        assert_eq!(learned(source)?, expected);
    }
    Ok(())
}

#[test]
fn several_files_are_one_table() -> Outcome {
    let dir = tempfile::tempdir()?;
    let put = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).expect("a file");
        path
    };
    let a = put("a", "{\"x\":1,\"y\":\"a\"}\n");
    let empty = put("empty", "");
    let b = put("b", "{\"y\":\"b\",\"x\":0.5}\n{\"z\":true}");
    let rows = read(&NdJson::files([&empty, &a, &b]).row_index("id").limit(3));
    let expected = df![
        "id" => [0u32, 1, 2],
        "x" => [Some(1.0), Some(0.5), None],
        "y" => [Some("a"), Some("b"), None],
        "z" => [None, None, Some(true)],
    ]?;
    assert!(rows.equals_missing(&expected), "{rows}");
    assert_eq!(read(&NdJson::files([&a, &b]).limit(1)).height(), 1);
    says(&NdJson::files([&empty, &empty]), &["empty", "all others"]);
    let other = put("other", "\n{\"x\":\"text\"}\n");
    says(
        &NdJson::files([&a, &other]),
        &["other", "line 2", "another kind"],
    );
    let late = put("late", "{\"x\":2}\n{\"x\":\"text\"}\n");
    says(
        &NdJson::files([&a, &late]).infer_rows(Some(1)),
        &["late", "line 2", "`\"text\"`"],
    );
    assert_eq!(fails(&NdJson::glob("none-*.x")).kind(), ErrorKind::Source);
    Ok(())
}

#[test]
fn a_cut_gzip_is_an_error() -> Outcome {
    let dir = tempfile::tempdir()?;
    let path = gzip(&dir.path().join("a"), &[&json_text(&table(0..3000))]);
    let whole = fs::read(&path)?;
    for keep in [whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..keep])?;
        says(&NdJson::new(&path), &["gzip file is cut off"]);
    }
    Ok(())
}

/// The recorded pages are JSON documents; their items are flattened to lines here.
#[test]
fn a_flow_from_recorded_movies() -> Outcome {
    let Some(path) = crate::support::data("movies/vega_movies.json") else {
        return Ok(());
    };
    let movies: Vec<serde_json::Value> = serde_json::from_slice(&fs::read(&path)?)?;
    let mut lines = Vec::new();
    for movie in &movies {
        writeln!(lines, "{movie}")?;
    }
    let file = made(lines);
    says(&NdJson::new(Path::new(&path)), &["not a JSON object"]);
    // A title that is a number stands among strings.
    let source = file
        .json()
        .dtype("Title", DataType::String)
        .infer_rows(None);
    let rows = read(&source);
    assert_eq!(rows.height(), movies.len());
    for (at, movie) in movies.iter().enumerate() {
        let votes = rows.column("IMDB Votes")?.i64()?.get(at);
        assert_eq!(votes, movie["IMDB Votes"].as_i64(), "{movie}");
        let rating = rows.column("IMDB Rating")?.f64()?.get(at);
        assert_eq!(rating, movie["IMDB Rating"].as_f64(), "{movie}");
    }
    let run = floe::from(source)
        .keep(
            col("IMDB Votes")
                .is_not_null()
                .and(col("IMDB Rating").is_not_null()),
        )
        .split(TrainTestSplit::new(0.3).seed(42))
        .then(StandardScaler::new(["IMDB Votes"]))
        .learn(LinearRegression::new(["IMDB Votes"], "IMDB Rating"))
        .run()?;
    let rated = movies
        .iter()
        .filter(|movie| !movie["IMDB Votes"].is_null() && !movie["IMDB Rating"].is_null());
    assert_eq!(
        run.train().collect()?.height() + run.test().collect()?.height(),
        rated.count()
    );
    Ok(())
}

proptest! {
    #[test]
    fn what_polars_writes_is_read_back(
        values in prop::collection::vec(
            (
                prop::option::of(any::<i64>()),
                any::<u64>(),
                any::<u64>(),
                prop::option::of(any::<String>()),
                prop::option::of(any::<bool>()),
                any::<i8>(),
            ),
            1..40,
        ),
    ) {
        // JSON has no infinity and no NaN: Polars writes null.
        let float = |bits: u64| Some(f64::from_bits(bits)).filter(|value| value.is_finite());
        let frame = df![
            "i" => values.iter().map(|row| row.0).collect::<Vec<_>>(),
            "u" => values.iter().map(|row| row.1).collect::<Vec<_>>(),
            "f" => values.iter().map(|row| float(row.2)).collect::<Vec<_>>(),
            "s" => values.iter().map(|row| row.3.clone()).collect::<Vec<_>>(),
            "b" => values.iter().map(|row| row.4).collect::<Vec<_>>(),
            "t" => values.iter().map(|row| row.5).collect::<Vec<_>>(),
        ]
        .expect("a frame");
        let file = made(json_text(&frame));
        let dtypes = frame.schema().iter().map(|(name, dtype)| (name.as_str(), dtype.clone()));
        let found = read(&file.json().dtypes(dtypes));
        prop_assert!(found.equals_missing(&frame), "{found} {frame}");
    }
}
