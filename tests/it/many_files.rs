//! Several files, patterns and gzip: the rows of one table, wherever they are cut.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::{Error, ErrorKind};
use proptest::prelude::{Strategy, any, prop, prop_assert, proptest};

use crate::parquet::write as parquet;
use crate::support::collect;

type Outcome = Result<(), Box<dyn std::error::Error>>;

pub(crate) fn gzip(path: &Path, members: &[&[u8]]) -> PathBuf {
    let mut bytes = Vec::new();
    for member in members {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(member).expect("memory");
        bytes.extend(encoder.finish().expect("memory"));
    }
    fs::write(path, bytes).expect("a file");
    path.to_owned()
}

fn put(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(&path, text).expect("a file");
    path
}

fn read(source: &impl Source) -> DataFrame {
    let rows = collect(source.scan().expect("a scan")).expect("rows");
    let promised = source.schema().expect("a schema").to_polars();
    assert_eq!(&promised, &**rows.schema());
    rows
}

fn says(source: &impl Source, kind: ErrorKind, parts: &[&str]) -> Error {
    let error = source.scan().and_then(collect).expect_err("an error");
    assert_eq!(error.kind(), kind, "{error}");
    for part in parts {
        assert!(
            error.to_string().contains(part),
            "`{part}` is not in: {error}"
        );
    }
    error
}

#[test]
fn files_follow_one_another_in_the_given_order() -> Outcome {
    let dir = tempfile::tempdir()?;
    let b = put(dir.path(), "b.csv", "x,y\n1,a\n\n2,b\n");
    let a = put(dir.path(), "a.csv", "y,x\nc,0.5\n");
    let none = put(dir.path(), "none.csv", "x,y\n");
    // Whole numbers in one file and fractions in another: decided once.
    let rows = read(&Csv::files([&b, &none, &a]).row_index("id"));
    let expected = df!["id" => [0u32, 1, 2], "x" => [1.0, 2.0, 0.5], "y" => ["a", "b", "c"]]?;
    assert!(rows.equals(&expected), "{rows}");
    let rows = read(&Csv::files([&a, &b]).limit(2));
    assert!(
        rows.equals(&df!["y" => ["c", "a"], "x" => [0.5, 1.0]]?),
        "{rows}"
    );
    let rows = read(&Csv::files([&b, &b]));
    assert_eq!(rows.height(), 4);
    assert_eq!(
        format!("{:?}", Csv::files(["a", "b"])),
        "Csv([\"a\", \"b\"])"
    );
    assert_eq!(format!("{:?}", Parquet::glob("*")), "Parquet(glob \"*\")");
    Ok(())
}

#[test]
fn text_files_that_do_not_agree_are_errors() -> Outcome {
    let dir = tempfile::tempdir()?;
    let first = put(dir.path(), "first.csv", "x,y\n1,2\n");
    let lacks = put(dir.path(), "lacks.csv", "x\n1\n");
    let other = put(dir.path(), "other.csv", "x,y,z\n1,2,3\n");
    let late = put(dir.path(), "late.csv", "x,y\n1,2\nwhat,2\n");
    let empty = put(dir.path(), "empty.csv", "\n");
    let error = says(
        &Csv::files([&first, &lacks]),
        ErrorKind::Source,
        &["lacks.csv", "first.csv", "missing"],
    );
    assert_eq!(error.column(), Some("y"));
    let error = says(
        &Csv::files([&first, &other]),
        ErrorKind::Source,
        &["other.csv", "does not have"],
    );
    assert_eq!(error.column(), Some("z"));
    let csv = Csv::files([&first, &late]).infer_rows(Some(1));
    let error = says(&csv, ErrorKind::Source, &["late.csv", "line 3", "`what`"]);
    assert_eq!(error.column(), Some("x"));
    says(
        &Csv::files([&first, &empty]),
        ErrorKind::Source,
        &["empty.csv", "the file is empty"],
    );
    says(
        &Csv::files([&empty, &empty]).no_header(),
        ErrorKind::Source,
        &["empty.csv", "all others"],
    );
    let rows = read(&Csv::files([&empty, &first]).no_header());
    assert_eq!(rows.height(), 2);
    says(
        &Csv::files(Vec::<PathBuf>::new()),
        ErrorKind::Config,
        &["empty"],
    );
    says(
        &Parquet::files(Vec::<PathBuf>::new()),
        ErrorKind::Config,
        &["empty"],
    );
    Ok(())
}

#[test]
fn parquet_files_agree_by_name_and_dtype() -> Outcome {
    let dir = tempfile::tempdir()?;
    let at = |name: &str| dir.path().join(name);
    let a = parquet(&at("a"), &df!["x" => [1i64, 2], "y" => ["a", "b"]]?, 1);
    let b = parquet(&at("b"), &df!["y" => ["c"], "x" => [3i64]]?, 1);
    let none = parquet(&at("none"), &df!["y" => ["c"], "x" => [3i64]]?.clear(), 1);
    let source = Parquet::files([&a, &none, &b]).row_index("id");
    let expected = df!["id" => [0u32, 1, 2], "x" => [1i64, 2, 3], "y" => ["a", "b", "c"]]?;
    assert!(read(&source).equals(&expected));
    assert_eq!(source.outline()?.rows, Some(3));

    let other = parquet(&at("other"), &df!["x" => [1i32], "y" => ["a"]]?, 1);
    let error = says(
        &Parquet::files([&a, &other]),
        ErrorKind::Source,
        &["other", "i64"],
    );
    assert_eq!((error.column(), error.dtype()), (Some("x"), Some("i32")));
    let more = parquet(
        &at("more"),
        &df!["x" => [1i64], "y" => ["a"], "z" => [1i64]]?,
        1,
    );
    let error = says(
        &Parquet::files([&a, &more]),
        ErrorKind::Source,
        &["more", "does not have"],
    );
    assert_eq!(error.column(), Some("z"));
    assert_eq!(
        read(&Parquet::files([&a, &more]).columns(["y"])).height(),
        3
    );
    let blank = put(dir.path(), "blank", "");
    says(
        &Parquet::files([&a, &blank]),
        ErrorKind::Source,
        &["blank", "Parquet"],
    );
    Ok(())
}

#[test]
fn patterns_find_files_in_the_order_of_bytes() -> Outcome {
    let dir = tempfile::tempdir()?;
    for (at, name) in [
        "part-10.csv",
        "part-2.csv",
        "part-B.csv",
        "part-a.csv",
        ".part-3.csv",
        "part-4.txt",
        "y=1/part-5.csv",
        "y=1/z/part-6.csv",
        "y=2/part-7.csv",
        ".git/part-8.csv",
    ]
    .into_iter()
    .enumerate()
    {
        put(dir.path(), name, &format!("x\n{at}\n"));
    }
    fs::create_dir(dir.path().join("part-d.csv"))?;
    let found = |pattern: &str| -> Vec<i64> {
        let rows = read(&Csv::glob(format!("{}/{pattern}", dir.path().display())));
        rows.column("x")
            .expect("x")
            .i64()
            .expect("numbers")
            .iter()
            .flatten()
            .collect()
    };
    assert_eq!(found("part-*.csv"), [0, 1, 2, 3]);
    assert_eq!(found("part-?.csv"), [1, 2, 3]);
    assert_eq!(found("part-[0-9A-Z]*"), [0, 1, 5, 2]);
    assert_eq!(found("y=*/part-*.csv"), [6, 8]);
    assert_eq!(found("**/*.csv"), [0, 1, 2, 3, 6, 7, 8]);
    assert_eq!(found("y=1/**"), [6, 7]);
    assert_eq!(found("*/**/part-[!7].csv"), [6, 7]);
    assert_eq!(found("part-2.csv"), [1]);
    assert_eq!(found(".part*"), [4]);

    let none = format!("{}/none-*.csv", dir.path().display());
    says(
        &Csv::glob(&none),
        ErrorKind::Source,
        &["no file matches", "none-*.csv"],
    );
    says(
        &Parquet::glob(&none),
        ErrorKind::Source,
        &["no file matches"],
    );
    says(&Csv::glob("a[b"), ErrorKind::Config, &["`a[b`", "`]`"]);
    says(&Csv::glob("a**"), ErrorKind::Config, &["`**`"]);
    // A name is no pattern.
    let odd = put(dir.path(), "[p]art-*.csv", "x\n99\n");
    assert_eq!(read(&Csv::new(&odd)).height(), 1);
    assert!(Csv::new(dir.path().join("part-?.csv")).scan().is_err());
    Ok(())
}

fn table(rows: std::ops::Range<i64>) -> DataFrame {
    let x = |i: i64| {
        if i % 11 == 0 {
            None
        } else {
            Some((i as f64).sin() * 1e8)
        }
    };
    df![
        "x" => rows.clone().map(x).collect::<Vec<_>>(),
        "y" => rows.map(|i| i * 7 % 1009).collect::<Vec<_>>(),
    ]
    .expect("a frame")
}

fn csv_text(frame: &DataFrame) -> Vec<u8> {
    let mut text = Vec::new();
    CsvWriter::new(&mut text)
        .finish(&mut frame.clone())
        .expect("memory");
    text
}

/// The train rows of a split, as text, and the file of what is learned from them: both to the bit.
fn learned(source: impl Source) -> Result<(String, String), Box<dyn std::error::Error>> {
    let flow = floe::from(source).split(TrainTestSplit::new(0.3).seed(42));
    let train = flow.frames()?.0.collect()?;
    let train = String::from_utf8(csv_text(&train))?;
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("pipeline.json");
    flow.then(StandardScaler::new(["x"])).fit()?.save(&path)?;
    Ok((train, fs::read_to_string(path)?))
}

#[test]
fn cuts_into_files_and_row_groups_do_not_show() -> Outcome {
    let dir = tempfile::tempdir()?;
    let whole = table(0..20_011);
    let expected = learned(InMemory::new(whole.clone()))?;
    let at = |name: String| dir.path().join(name);
    let mut csvs = Vec::new();
    let mut zipped = Vec::new();
    let mut parquets = Vec::new();
    let cuts = [0, 1, 4096, 4096, 9000, 20_011];
    for (i, cut) in cuts.windows(2).enumerate() {
        let part = table(cut[0]..cut[1]);
        let text = csv_text(&part);
        fs::write(at(format!("{i}.csv")), &text)?;
        csvs.push(at(format!("{i}.csv")));
        zipped.push(gzip(
            &at(format!("{i}.gz")),
            &[&text[..text.len() / 2], &text[text.len() / 2..]],
        ));
        parquets.push(parquet(&at(format!("{i}.parquet")), &part, 700 + 300 * i));
    }
    fs::write(at("whole.csv".into()), csv_text(&whole))?;
    assert_eq!(learned(Csv::new(at("whole.csv".into())))?, expected);
    assert_eq!(learned(Csv::files(csvs))?, expected);
    assert_eq!(learned(Csv::files(&zipped))?, expected);
    assert_eq!(learned(Parquet::files(parquets))?, expected);
    assert_eq!(
        learned(Parquet::new(parquet(&at("whole".into()), &whole, 100_000)))?,
        expected
    );
    Ok(())
}

#[test]
fn gzip_is_known_by_its_bytes() -> Outcome {
    let dir = tempfile::tempdir()?;
    let text = "# made\n\nx,y\n1,\"a\nb\"\n \n2,c\n\n";
    let plain = put(dir.path(), "plain.csv.gz", text);
    let (head, tail) = text.as_bytes().split_at(17);
    let zipped = gzip(&dir.path().join("zipped.csv"), &[head, b"", tail]);
    let read_one = |path: &Path| read(&Csv::new(path).comment_prefix("#").row_index("id"));
    assert!(read_one(&plain).equals(&read_one(&zipped)));
    assert_eq!(read_one(&zipped).shape(), (2, 3));
    let none = gzip(&dir.path().join("none.gz"), &[b""]);
    says(&Csv::new(none), ErrorKind::Source, &["the file is empty"]);
    let bad = gzip(&dir.path().join("bad.gz"), &[b"x,y\n1,2\n1,2,3\n"]);
    says(
        &Csv::new(&bad).infer_rows(Some(1)),
        ErrorKind::Source,
        &["line 3 has 3 fields"],
    );
    let bad = gzip(&dir.path().join("value.gz"), &[b"x,y\n1,2\n1,z\n"]);
    says(
        &Csv::new(&bad).infer_rows(Some(1)),
        ErrorKind::Source,
        &["line 3 has `z`"],
    );
    Ok(())
}

#[test]
fn a_cut_or_damaged_gzip_is_an_error() -> Outcome {
    let dir = tempfile::tempdir()?;
    let text = csv_text(&table(0..3000));
    let path = gzip(&dir.path().join("a.csv.gz"), &[&text]);
    let whole = fs::read(&path)?;
    assert_eq!(read(&Csv::new(&path)).height(), 3000);
    for keep in [
        2,
        9,
        20,
        whole.len() / 2,
        whole.len() - 9,
        whole.len() - 8,
        whole.len() - 1,
    ] {
        fs::write(&path, &whole[..keep])?;
        says(
            &Csv::new(&path),
            ErrorKind::Source,
            &["a.csv.gz", "gzip file is cut off"],
        );
    }
    // A flipped bit of the data, of the checksum, of the length; and what is no gzip behind it.
    for at in [whole.len() / 2, whole.len() - 7, whole.len() - 3] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&path, &bytes)?;
        assert!(Csv::new(&path).scan().is_err(), "{at}");
    }
    fs::write(&path, [&whole[..], b"garbage that follows"].concat())?;
    says(&Csv::new(&path), ErrorKind::Source, &["damaged"]);
    Ok(())
}

#[test]
fn other_compressions_are_named() -> Outcome {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("a.csv");
    for (bytes, name) in [
        (&b"\x28\xb5\x2f\xfd\x04\x00\x41"[..], "zstd"),
        (b"PK\x03\x04\x14\x00", "zip"),
        (b"\xfd7zXZ\x00\x00", "xz"),
        (b"x\x9c\x4b\x04\x00", "zlib"),
    ] {
        fs::write(&path, bytes)?;
        says(
            &Csv::new(&path),
            ErrorKind::Source,
            &[name, "a compressed file must be converted"],
        );
    }
    // Polars would take this text for zlib.
    fs::write(&path, "x^2,y\n4,1\n")?;
    says(
        &Csv::new(&path),
        ErrorKind::Source,
        &["zlib", "byte order mark"],
    );
    for start in ["\n", "\u{feff}"] {
        fs::write(&path, format!("{start}x^2,y\n4,1\n"))?;
        assert_eq!(read(&Csv::new(&path)).shape(), (1, 2));
    }
    Ok(())
}

#[test]
fn a_flow_from_compressed_flights() -> Outcome {
    let Some(path) = crate::support::data("flights/nycflights13_flights.csv.gz") else {
        return Ok(());
    };
    let source = Csv::new(path).null_values(["NA"]).infer_rows(Some(10_000));
    let flow = floe::from(source)
        .keep(
            col("arr_delay")
                .is_not_null()
                .and(col("dep_delay").is_not_null()),
        )
        .split(TrainTestSplit::new(0.3).seed(42))
        .then(StandardScaler::new(["dep_delay", "distance"]))
        .learn(LinearRegression::new(
            ["dep_delay", "distance"],
            "arr_delay",
        ));
    let run = flow.run()?;
    // 327,346 of the 336,776 flights arrived and have a delay.
    let rows = run.train().collect()?.height() + run.test().collect()?.height();
    assert_eq!(rows, 327_346);
    Ok(())
}

#[test]
fn recorded_likes_are_one_table() -> Outcome {
    let Some(folder) = crate::support::data("youtube_likes") else {
        return Ok(());
    };
    let pattern = format!("{}/run*/data.csv", folder.display());
    let likes = Csv::glob(pattern)
        .no_header()
        .columns(["likes"])
        .row_index("id");
    let alone = (1..=10).map(|run| {
        let path = folder.join(format!("run{run:02}/data.csv"));
        read(&Csv::new(path).no_header().columns(["likes"]))
    });
    let alone = alone.reduce(|mut all, next| {
        all.vstack_mut(&next).expect("one schema");
        all
    });
    let all = read(&likes);
    assert_eq!(
        all.column("likes")?.as_materialized_series(),
        alone
            .ok_or("rows")?
            .column("likes")?
            .as_materialized_series()
    );
    let run = floe::from(likes)
        .split(TrainTestSplit::new(0.3).seed(42))
        .then(StandardScaler::new(["id"]))
        .on_target(MinMaxScaler::new(["likes"]))
        .learn(LinearRegression::new(["id"], "likes"))
        .run()?;
    assert_eq!(
        run.test().collect()?.height() + run.train().collect()?.height(),
        all.height()
    );
    Ok(())
}

proptest! {
    #[test]
    fn what_polars_writes_as_csv_is_read_back_from_gzip(
        values in prop::collection::vec(
            (prop::option::of(any::<i64>()), any::<f64>().prop_filter("finite", |x| x.is_finite()), "[^\0]*"),
            1..40,
        ),
        cut in any::<prop::sample::Index>(),
    ) {
        let dir = tempfile::tempdir().expect("a directory");
        let frame = df![
            "i" => values.iter().map(|row| row.0).collect::<Vec<_>>(),
            "f" => values.iter().map(|row| row.1).collect::<Vec<_>>(),
            "s" => values.iter().map(|row| row.2.clone()).collect::<Vec<_>>(),
        ]
        .expect("a frame");
        let text = csv_text(&frame);
        let (head, tail) = text.split_at(cut.index(text.len()));
        let path = gzip(&dir.path().join("a"), &[head, tail]);
        let csv = Csv::new(path).dtypes([
            ("i", DataType::Int64),
            ("f", DataType::Float64),
            ("s", DataType::String),
        ]);
        let found = read(&csv);
        prop_assert!(found.equals_missing(&frame), "{found} {frame}");
    }
}
