//! The `Csv` source: what is read, what is refused, and that the message says where.

use std::fs;
use std::path::{Path, PathBuf};

use floe::polars::prelude::*;
use floe::source::{Csv, Source};
use floe::{Error, ErrorKind};

/// A file of its own for one test case; removed with its directory.
struct Made {
    _dir: tempfile::TempDir,
    path: PathBuf,
}

fn made(content: impl AsRef<[u8]>) -> Made {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("made.csv");
    fs::write(&path, content).expect("a file");
    Made { _dir: dir, path }
}

impl Made {
    fn csv(&self) -> Csv {
        Csv::new(&self.path)
    }
}

fn append(text: &mut String, line: std::fmt::Arguments<'_>) {
    std::fmt::Write::write_fmt(text, line).expect("memory");
}

fn read(csv: &Csv) -> DataFrame {
    let streamed = collect(csv, Engine::Streaming).expect("rows, streaming");
    let in_memory = collect(csv, Engine::InMemory).expect("rows, in memory");
    assert!(
        streamed.equals_missing(&in_memory),
        "{streamed} {in_memory}"
    );
    let promised = csv.schema().expect("a schema").to_polars();
    assert_eq!(&promised, &**streamed.schema());
    streamed
}

fn collect(csv: &Csv, engine: Engine) -> Result<DataFrame, Error> {
    let answer = csv.scan()?.collect_with_engine(engine).map_err(travelled)?;
    Ok(answer.unwrap_single())
}

/// Our error on its way through Polars, as text: `from_polars` is private to the crate.
fn travelled(error: PolarsError) -> Error {
    Error::from(error)
}

fn refused(csv: &Csv) -> Error {
    let error = collect(csv, Engine::Streaming).expect_err("an error");
    let twin = collect(csv, Engine::InMemory).expect_err("an error");
    assert_eq!(error.to_string(), twin.to_string());
    error
}

fn says(csv: &Csv, parts: &[&str]) {
    let error = refused(csv);
    assert_eq!(error.kind(), ErrorKind::Source, "{error}");
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

#[test]
fn dtypes_are_inferred_from_the_sample() {
    let file = made(
        "i,u,f,b,d,t,s,none\n\
         1,18446744073709551615,0.5,true,2024-02-29,2024-02-29T12:00:00.25,x,\n\
         -2, 1 ,1e3,FALSE,1969-12-31,2024-03-01,,\n\
         ,,,,,,\"\",\n",
    );
    let rows = read(&file.csv());
    let expected = df![
        "i" => [Some(1i64), Some(-2), None],
        "u" => [Some(u64::MAX), Some(1), None],
        "f" => [Some(0.5), Some(1000.0), None],
        "b" => [Some(true), Some(false), None],
        "d" => [Some(19_782i32), Some(-1), None],
        "t" => [Some(1_709_208_000_250_000i64), Some(1_709_251_200_000_000), None],
        "s" => [Some("x"), None, Some("")],
        "none" => [None::<&str>, None, None],
    ];
    let mut expected = expected.expect("a frame");
    for (name, dtype) in [
        ("d", DataType::Date),
        ("t", DataType::Datetime(TimeUnit::Microseconds, None)),
    ] {
        expected
            .apply(name, |column| column.cast(&dtype).expect("a cast"))
            .expect("a column");
    }
    assert!(rows.equals_missing(&expected), "{rows} {expected}");
}

#[test]
fn a_number_too_big_for_an_integer_stays_text() {
    let file = made("a,b\n123456789012345678901,-1\n1,18446744073709551615\n");
    let rows = read(&file.csv());
    assert_eq!(rows.dtypes(), [DataType::String, DataType::String]);
}

#[test]
fn blank_lines_are_skipped_before_rows_are_numbered() {
    for text in [
        "\n7\n8\n\n9\n\n",
        "\r\n7\r\n8\r\n  \r\n9",
        " \t\n\n7\n8\n\n\n\n9\n   ",
        "\u{feff}\n7\n8\n\n9",
    ] {
        let file = made(text);
        let rows = read(&file.csv().no_header().columns(["likes"]).row_index("id"));
        let expected = df!["id" => [0u32, 1, 2], "likes" => [7i64, 8, 9]].expect("a frame");
        assert!(rows.equals(&expected), "{text:?} {rows}");
    }
    let file = made("\n  \n\u{20}\na,b\n\n1,2\n \n,\n3,4\n");
    let rows = read(&file.csv());
    let expected = df!["a" => [Some(1i64), None, Some(3)], "b" => [Some(2i64), None, Some(4)]];
    assert!(rows.equals_missing(&expected.expect("a frame")), "{rows}");
    // A quoted empty field is a row of a one-column file, a blank line is not.
    let file = made("a\n1\n\n\"\"\n2\n");
    assert_eq!(read(&file.csv()).height(), 3);
}

#[test]
fn many_blank_lines_over_many_batches() {
    let mut text = String::from("id,value\n");
    for row in 0..60_000 {
        append(&mut text, format_args!("{row},{}.5\n", row % 7));
        if row % 3 == 0 {
            text.push_str("\n  \n");
        }
    }
    let rows = read(&made(&text).csv().row_index("row"));
    assert_eq!(rows.height(), 60_000);
    let row = rows
        .column("row")
        .expect("row")
        .cast(&DataType::Int64)
        .expect("a cast");
    let id = rows.column("id").expect("id");
    assert!(
        row.as_materialized_series()
            .equals(&id.as_materialized_series().clone().with_name("row".into()))
    );
}

#[test]
fn short_and_long_rows_are_errors_on_every_projection() {
    let short = made("a,b,c\n1,2,3\n\n4,5\n");
    says(
        &short.csv(),
        &[
            "made.csv",
            "line 4 has 2 fields, expected 3",
            ".pad_short()",
        ],
    );
    says(&short.csv().infer_rows(Some(1)), &["line 4 has 2 fields"]);
    assert!(
        short
            .csv()
            .infer_rows(Some(1))
            .scan()
            .map(|rows| rows.select([col("a")]).collect())
            .is_err()
    );
    let rows = read(&short.csv().pad_short());
    assert_eq!(rows.column("c").expect("c").null_count(), 1);
    // The absent field looks like an empty one to Polars; a real empty one is fine.
    assert_eq!(read(&made("a,b\n1,\n,2\n,\n").csv()).height(), 3);
    for long in ["a,b\n1,2\n1,2,3\n", "a,b\n1,2\n1,2,\n", "a,b\n1,2\n1,2,"] {
        says(
            &made(long).csv().pad_short(),
            &["line 3 has 3 fields, expected 2"],
        );
    }
    says(
        &made("a\n1\n1,").csv(),
        &["line 3 has 2 fields, expected 1"],
    );
    says(
        &made("a,b\n1,2\n3").csv(),
        &["line 3 has 1 field, expected 2"],
    );
}

#[test]
fn a_value_of_another_dtype_is_an_error_with_its_line() {
    let file = made("a,b\n1,\"x\ny\"\n\n2,z\noops,z\n");
    let csv = file.csv().infer_rows(Some(2));
    let error = refused(&csv);
    assert_eq!(error.kind(), ErrorKind::Source);
    assert_eq!(error.column(), Some("a"));
    let text = error.to_string();
    for part in [
        "made.csv",
        "line 6",
        "`oops`",
        "i64",
        ".dtype(..)",
        ".infer_rows(None)",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(
        read(&csv.clone().infer_rows(None)).dtypes()[0],
        DataType::String
    );
    assert_eq!(read(&csv.dtype("a", DataType::String)).height(), 3);
    // It is lazy: the column is not looked at unless it is used.
    let csv = file.csv().infer_rows(Some(2));
    let rows = csv
        .scan()
        .expect("a scan")
        .select([col("b")])
        .collect()
        .expect("rows");
    assert_eq!(rows.height(), 3);
}

#[test]
fn integers_and_floats_are_exact() {
    for (value, dtype) in [
        ("256", DataType::UInt8),
        ("-129", DataType::Int8),
        ("1.0", DataType::Int64),
        ("9223372036854775808", DataType::Int64),
        ("1e400", DataType::Float64),
        ("2023-02-29", DataType::Date),
        (
            "2024-01-01T00:00:00.1234567",
            DataType::Datetime(TimeUnit::Microseconds, None),
        ),
        ("yes", DataType::Boolean),
    ] {
        let file = made(format!("a\n{value}\n"));
        says(
            &file.csv().dtype("a", dtype.clone()),
            &["line 2", &format!("`{value}`"), &dtype.to_string()],
        );
    }
    let floats = [
        "0.41025641025641024",
        "5e-324",
        "1.7976931348623157e308",
        "-0.0",
        " 0.1\t",
    ];
    let file = made(format!("a\n{}\n", floats.join("\n")));
    let rows = read(&file.csv());
    let read: Vec<u64> = rows
        .column("a")
        .expect("a")
        .f64()
        .expect("floats")
        .iter()
        .flatten()
        .map(f64::to_bits)
        .collect();
    let wanted: Vec<u64> = floats
        .iter()
        .map(|text| text.trim().parse::<f64>().expect("a float").to_bits())
        .collect();
    assert_eq!(read, wanted);
}

#[test]
fn infinity_and_nan_need_a_declared_float() {
    let file = made("a\n1.5\ninf\nNaN\n");
    assert_eq!(read(&file.csv()).dtypes(), [DataType::String]);
    says(&file.csv().infer_rows(Some(1)), &["line 3 has `inf`"]);
    let rows = read(&file.csv().dtype("a", DataType::Float32));
    assert_eq!(
        rows.column("a").expect("a").f32().expect("floats").get(1),
        Some(f32::INFINITY)
    );
}

#[test]
fn decimal_comma_null_values_separator_comment_quote_skip() {
    let file = made(
        "made by hand\n# \"a\"\nid;x;name\n# none\n1;0,5;'a;b'\n2;NA;NA\n# \"end\n3;;''\n#last",
    );
    let csv = file
        .csv()
        .skip_lines(1)
        .comment_prefix("#")
        .separator(b';')
        .quote(Some(b'\''))
        .decimal_comma()
        .null_values(["NA", ""]);
    let rows = read(&csv);
    let expected = df!["id" => [1i64, 2, 3], "x" => [Some(0.5), None, None], "name" => [Some("a;b"), None, None]];
    assert!(rows.equals_missing(&expected.expect("a frame")), "{rows}");
    let file = made("x;y\n1,5;1\n1.234;2\n");
    let csv = file.csv().separator(b';').decimal_comma();
    says(
        &csv.dtype("x", DataType::Float64),
        &["line 3 has `1", "f64"],
    );
}

#[test]
fn quotes_that_polars_would_count_wrongly_are_errors() {
    let file = made("a,b\n1,5\" disk\n2,6\" disk\n");
    says(&file.csv(), &["line 2", "lone quote", ".quote(None)"]);
    let rows = read(&file.csv().quote(None));
    assert_eq!(rows.height(), 2);
    assert_eq!(
        read(&made("a,b\n1,say \"hi\" now\n2,x\n").csv()).height(),
        2
    );
    says(&made("a,b\n1,\"x\"y\n").csv(), &["line 2", "closing quote"]);
    says(
        &made("a,b\n1,x\n2,\"cut off\n3,y\n").csv(),
        &["line 3", "never closed"],
    );
    let multi = made("a,b\r\n1,\"x, \"\"y\"\"\r\nz\"\r\n2,w\r\n");
    let rows = read(&multi.csv());
    assert_eq!(
        rows.column("b").expect("b").str().expect("text").get(0),
        Some("x, \"y\"\r\nz")
    );
}

#[test]
fn what_is_no_table_is_an_error() {
    let dir = tempfile::tempdir().expect("a directory");
    says(&Csv::new(dir.path().join("none.csv")), &["none.csv"]);
    says(&Csv::new(dir.path()), &["directory"]);
    for empty in ["", "\n", " \n\r\n", "\u{feff}"] {
        says(&made(empty).csv(), &["the file is empty"]);
        says(&made(empty).csv().no_header(), &["the file is empty"]);
    }
    says(
        &made(b"a,b\n1,\0\n").csv(),
        &["line 2", "does not look like text"],
    );
    says(
        &made(b"a,b\n1,2\n\n1,\xff\n").csv(),
        &["line 4 is not valid UTF-8"],
    );
    says(&made("a,b,a\n1,2,3\n").csv(), &["occurs twice", "`a`"]);
    says(
        &made("a,b\n").csv().row_index("b"),
        &["occurs twice", "`b`"],
    );
    says(&made("a,b\r1,2\r").csv(), &["carriage return"]);
}

#[test]
fn settings_that_do_not_fit_the_file() {
    let file = made("1,2\n");
    let error = refused(&file.csv().no_header().columns(["a"]));
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(
        error.to_string().contains("2 columns, but 1 names"),
        "{error}"
    );
    let error = refused(&file.csv().no_header().dtype("likes", DataType::Int64));
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Schema, Some("likes"))
    );
    let error = refused(&file.csv().no_header().dtype("column_1", DataType::Time));
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[test]
fn header_bom_line_ends() {
    for text in [
        "a,b\n1,2\n",
        "\u{feff}a,b\r\n1,2\r\n",
        "\u{feff}\"a\",b\n1,2",
        "a,b\r\n1,2\r\n\r\n",
    ] {
        let rows = read(&made(text).csv());
        assert!(
            rows.equals(&df!["a" => [1i64], "b" => [2i64]].expect("a frame")),
            "{text:?} {rows}"
        );
    }
    let rows = read(&made("\u{feff}1,2\n3,4\n").csv().no_header());
    assert!(
        rows.equals(&df!["column_1" => [1i64, 3], "column_2" => [2i64, 4]].expect("a frame")),
        "{rows}"
    );
    for text in ["a,b", "a,b\n", "a,b\n\n"] {
        let rows = read(&made(text).csv().row_index("row").dtype("a", DataType::Int8));
        assert_eq!(rows.shape(), (0, 3));
    }
    let rows = read(&made("*,^a$,\n1,2,3\n").csv().row_index("row"));
    assert_eq!(rows.get_column_names(), ["row", "*", "^a$", ""]);
}

#[test]
fn slices_projections_and_limit() {
    let mut text = String::from("id,value,name\n");
    for row in 0..30_000 {
        append(&mut text, format_args!("{row},0.5,\"n\n{row}\"\n"));
    }
    let file = made(&text);
    assert_eq!(read(&file.csv().limit(7)).height(), 7);
    let rows = file.csv().row_index("row").scan().expect("a scan");
    let part = rows
        .clone()
        .slice(20_000, 3)
        .select([col("id"), col("row")])
        .collect()
        .expect("rows");
    let expected = df!["id" => [20_000i64, 20_001, 20_002], "row" => [20_000u32, 20_001, 20_002]];
    assert!(part.equals(&expected.expect("a frame")), "{part}");
    let count = rows.clone().select([len()]).collect().expect("rows");
    assert_eq!(
        count.column("len").expect("len").get(0).expect("a value"),
        AnyValue::UInt32(30_000)
    );
    let filtered = rows
        .filter(col("id").gt(lit(29_997)))
        .select([col("name")])
        .collect()
        .expect("rows");
    assert_eq!(filtered.height(), 2);
}

#[test]
fn a_changed_file_is_checked_again() {
    let file = made("a,b\n1,2\n");
    let csv = file.csv();
    assert_eq!(read(&csv).height(), 1);
    fs::write(&file.path, "a,b\n1,2\n\n3,4\n").expect("a file");
    assert_eq!(read(&csv.clone()).height(), 2);
    fs::write(&file.path, "a,b\n1,2\n\n3,4\n5").expect("a file");
    says(&csv.infer_rows(Some(1)), &["line 5 has 1 field"]);
}

#[test]
fn debug_is_short_and_equality_is_of_settings() {
    let csv = Csv::new("likes.csv").no_header();
    assert_eq!(format!("{csv:?}"), "Csv(\"likes.csv\")");
    assert_eq!(csv, Csv::new("likes.csv").no_header());
    assert_ne!(csv, Csv::new("likes.csv"));
}

/// Whatever is accepted has the rows and the text that the `csv` crate finds, on every projection.
#[test]
fn accepted_text_is_split_as_the_csv_crate_does() {
    const PIECES: [&str; 10] = [
        "a",
        "7",
        ",",
        ",",
        "\"",
        "\"\"",
        "\n",
        "\r\n",
        " ",
        "\"x,\ny\"",
    ];
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("random.csv");
    let mut state = 1_u64;
    let mut accepted = 0;
    for _ in 0..3_000 {
        let mut text = String::new();
        for _ in 0..16 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            text.push_str(PIECES[usize::try_from((state >> 33) % 10).expect("small")]);
        }
        fs::write(&path, &text).expect("a file");
        let csv = Csv::new(&path).no_header().infer_rows(Some(0)).pad_short();
        let Ok(rows) = csv.scan() else { continue };
        accepted += 1;
        let all = rows.clone().collect().expect("checked text");
        let mut reader = csv::ReaderBuilder::new();
        let mut reader = reader
            .has_headers(false)
            .flexible(true)
            .from_path(&path)
            .expect("a reader");
        let records = reader.records().map(|record| record.expect("a record"));
        // To the `csv` crate a line of spaces is a row.
        let records: Vec<_> = records
            .filter(|record| {
                record.len() > 1 || !record[0].trim().is_empty() || record[0].contains('\n')
            })
            .collect();
        if records
            .iter()
            .any(|record| record.len() == 1 && record[0].trim().is_empty())
            || text.contains("\"\"")
        {
            // Empty quoted fields alone in a line are rows to us and were filtered above.
            assert!(all.height() >= records.len(), "{text:?}");
        } else {
            assert_eq!(all.height(), records.len(), "{text:?} {all}");
            for (at, column) in all.columns().iter().enumerate() {
                let ours = column
                    .str()
                    .expect("text")
                    .iter()
                    .map(Option::unwrap_or_default);
                let theirs: Vec<&str> = records
                    .iter()
                    .map(|record| record.get(at).unwrap_or_default())
                    .collect();
                assert_eq!(ours.collect::<Vec<_>>(), theirs, "{text:?}");
            }
        }
        for name in all.get_column_names_owned() {
            let one = rows
                .clone()
                .select([col(name.clone())])
                .collect()
                .expect("checked text");
            assert!(
                one.column(&name)
                    .expect("a column")
                    .equals_missing(all.column(&name).expect("a column")),
                "{text:?}"
            );
        }
    }
    assert!(accepted > 100, "{accepted}");
}

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data");

#[test]
fn recorded_files_load() {
    if !Path::new(DATA).exists() {
        crate::support::say(format_args!("left out: the recorded files are not here"));
        return;
    }
    for run in 1..=10 {
        let dir = Path::new(DATA).join(format!("youtube_likes/run{run:02}"));
        let likes = read(
            &Csv::new(dir.join("data.csv"))
                .no_header()
                .columns(["likes"])
                .row_index("id"),
        );
        assert_eq!(likes.dtypes(), [DataType::UInt32, DataType::Int64], "{run}");
        for name in ["data_processed.csv", "data_train.csv", "data_test.csv"] {
            let rows = read(
                &Csv::new(dir.join(name))
                    .no_header()
                    .columns(["id", "value"]),
            );
            assert_eq!(
                rows.dtypes(),
                [DataType::Int64, DataType::Float64],
                "{run} {name}"
            );
        }
    }
    let comments = read(
        &Csv::new(Path::new(DATA).join("youtube_comments/kaggle_youtube_statistics_comments.csv"))
            .infer_rows(None),
    );
    assert_eq!(comments.height(), 18_409);
    assert_eq!(
        comments.get_column_names(),
        ["", "Comment", "Likes", "Sentiment"]
    );
    let titanic = read(&Csv::new(Path::new(DATA).join("titanic/train.csv")));
    assert_eq!(titanic.shape(), (891, 12));
    assert_eq!(titanic.column("Age").expect("Age").null_count(), 177);
    assert_eq!(
        read(&Csv::new(Path::new(DATA).join("tabular/penguins.csv")).null_values(["NA"])).height(),
        344
    );
    assert_eq!(
        read(&Csv::new(
            Path::new(DATA).join("tabular/housing_missing.csv")
        ))
        .height(),
        20_640
    );
    // These three have counts, not names, in their first line.
    for (name, columns, rows) in [
        ("iris", 5, 150),
        ("wine_data", 14, 178),
        ("breast_cancer", 31, 569),
    ] {
        let csv = Csv::new(Path::new(DATA).join(format!("tabular/{name}.csv")))
            .no_header()
            .skip_lines(1);
        assert_eq!(read(&csv).shape(), (rows, columns), "{name}");
    }
    says(
        &Csv::new(Path::new(DATA).join("tabular/wine_data.csv")),
        &["line 2 has 14 fields, expected 5"],
    );
}
