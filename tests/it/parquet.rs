//! The `Parquet` source: what the footer says, what is refused, and the way into a flow.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use floe::polars::prelude::*;
use floe::prelude::*;
use floe::{Error, ErrorKind};
use proptest::prelude::{Just, Strategy, any, prop, prop_assert, prop_oneof, proptest};

use crate::support::{collect, integer_dtypes, physical};

type Outcome = Result<(), Box<dyn std::error::Error>>;

pub(crate) fn write(path: &Path, frame: &DataFrame, row_group: usize) -> PathBuf {
    let file = File::create(path).expect("a file");
    let writer = ParquetWriter::new(file).with_row_group_size(Some(row_group));
    writer.finish(&mut frame.clone()).expect("a Parquet file");
    path.to_owned()
}

fn rows(n: i64) -> DataFrame {
    df![
        "x" => (0..n).map(|i| (i % 97) as f64 * 0.5).collect::<Vec<_>>(),
        "likes" => (0..n).map(|i| 3 * (i % 97) + i % 5).collect::<Vec<_>>(),
        "name" => (0..n).map(|i| format!("n{i}")).collect::<Vec<_>>(),
    ]
    .expect("a frame")
}

fn read(source: &Parquet) -> DataFrame {
    let rows = collect(source.scan().expect("a scan")).expect("rows");
    let promised = source.schema().expect("a schema").to_polars();
    assert_eq!(&promised, &**rows.schema());
    rows
}

fn says(source: &Parquet, kind: ErrorKind, parts: &[&str]) -> Error {
    let error = source.scan().map(drop).expect_err("an error");
    assert_eq!(error.kind(), kind, "{error}");
    for part in parts {
        assert!(
            error.to_string().contains(part),
            "`{part}` is not in: {error}"
        );
    }
    assert_eq!(
        source.schema().expect_err("twice").to_string(),
        error.to_string()
    );
    assert_eq!(
        source.outline().expect_err("thrice").to_string(),
        error.to_string()
    );
    error
}

#[test]
fn the_footer_knows_columns_rows_and_row_groups() -> Outcome {
    let dir = tempfile::tempdir()?;
    let path = write(&dir.path().join("a.parquet"), &rows(1000), 100);
    let source = Parquet::new(&path);
    assert!(read(&source).equals(&rows(1000)));
    assert_eq!(source.outline()?.rows, Some(1000));
    let all = source.outline()?.largest_row_group.ok_or("a size")?;
    let one = Parquet::new(&path).columns(["x"]).outline()?;
    let one = one.largest_row_group.ok_or("a size")?;
    // 100 rows of 8 bytes at most, with the header of a page.
    assert!(one > 0 && one < 1200 && one < all, "{one} {all}");
    let whole = write(&dir.path().join("b.parquet"), &rows(1000), 1000);
    let whole = Parquet::new(whole).outline()?;
    assert!(whole.largest_row_group > Some(5 * all), "{whole:?} {all}");
    Ok(())
}

#[test]
fn columns_row_index_and_limit() -> Outcome {
    let dir = tempfile::tempdir()?;
    let path = write(&dir.path().join("a.parquet"), &rows(10), 3);
    let source = Parquet::new(&path)
        .columns(["likes", "x"])
        .row_index("id")
        .limit(4);
    let expected =
        df!["id" => [0u32, 1, 2, 3], "likes" => [0i64, 4, 8, 12], "x" => [0.0, 0.5, 1.0, 1.5]]?;
    assert!(read(&source).equals(&expected), "{}", read(&source));
    assert_eq!(source.outline()?.rows, Some(4));
    assert_eq!(Parquet::new(&path).limit(99).outline()?.rows, Some(10));

    let error = says(
        &Parquet::new(&path).columns(["x", "y"]),
        ErrorKind::Schema,
        &["`likes`"],
    );
    assert_eq!(error.column(), Some("y"));
    says(
        &Parquet::new(&path).columns(["x", "x"]),
        ErrorKind::Source,
        &["twice", "`x`"],
    );
    says(
        &Parquet::new(&path).row_index("x"),
        ErrorKind::Source,
        &["twice", ".row_index(..)"],
    );
    Ok(())
}

#[test]
fn what_is_no_parquet_file_is_an_error() -> Outcome {
    let dir = tempfile::tempdir()?;
    let path = write(&dir.path().join("a.parquet"), &rows(100), 10);
    let bytes = fs::read(&path)?;
    says(
        &Parquet::new(dir.path().join("none")),
        ErrorKind::Source,
        &["none"],
    );
    says(&Parquet::new(dir.path()), ErrorKind::Source, &["directory"]);
    for (name, bytes) in [
        ("empty", &b""[..]),
        ("text", b"a,b\n1,2\n"),
        ("cut", &bytes[..bytes.len() - 20]),
        ("head", &bytes[..40]),
    ] {
        let path = dir.path().join(name);
        fs::write(&path, bytes)?;
        says(
            &Parquet::new(&path),
            ErrorKind::Source,
            &[name, "not a whole Parquet file"],
        );
    }
    // A name with the characters of a pattern is a name.
    let odd = write(&dir.path().join("[a]*.parquet"), &rows(3), 3);
    assert_eq!(read(&Parquet::new(odd)).height(), 3);
    Ok(())
}

#[test]
fn a_file_of_no_rows_has_columns() -> Outcome {
    let dir = tempfile::tempdir()?;
    let path = write(&dir.path().join("a.parquet"), &rows(0), 10);
    assert_eq!(read(&Parquet::new(&path).row_index("id")).shape(), (0, 4));
    assert_eq!(Parquet::new(&path).outline()?.rows, Some(0));
    Ok(())
}

#[test]
fn explain_counts_without_a_scan_and_warns_of_large_row_groups() -> Outcome {
    let dir = tempfile::tempdir()?;
    let path = write(&dir.path().join("a.parquet"), &rows(1000), 100);
    let flow = |path: &Path| {
        floe::from(Parquet::new(path))
            .then(WithColumns::new([(col("x") * lit(2.0)).alias("y")]))
            .split(TrainTestSplit::new(0.3).seed(42))
            .then(StandardScaler::new(["x"]))
    };
    let explain = flow(&path).explain()?;
    assert_eq!(explain.count_scans, 0);
    // A filter may drop rows, which the footer cannot count; the size goes through it.
    let kept = floe::from(Parquet::new(&path)).keep(col("x").gt(lit(1.0)));
    let kept = kept.split(TrainTestSplit::new(0.3)).explain()?;
    assert_eq!(
        (kept.count_scans, kept.largest_row_group),
        (1, explain.largest_row_group)
    );
    assert!(explain.largest_row_group.is_some());
    let text = explain.to_string();
    assert!(
        text.contains("the largest row group: 0.1 MiB") && !text.contains("warning"),
        "{text}"
    );

    let noise: Vec<i64> = (0..9_000_000_i64)
        .map(|i| i.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64 as i64))
        .collect();
    let big = write(
        &dir.path().join("b.parquet"),
        &df!["x" => noise]?,
        9_000_000,
    );
    let text = flow(&big).explain()?.to_string();
    for part in ["MiB", "warning", "64 MiB", "smaller row groups"] {
        assert!(text.contains(part), "{text}");
    }
    Ok(())
}

/// The scores and the model of a run.
fn flow<S: Source>(source: S) -> Result<(String, String), Error> {
    let run = floe::from(source)
        .split(TrainTestSplit::new(0.3).seed(42))
        .then(StandardScaler::new(["x"]))
        .on_target(MinMaxScaler::new(["likes"]))
        .learn(LinearRegression::new(["x"], "likes"))
        .run()?;
    Ok((
        format!("{:?}", run.metrics()),
        format!("{:?}", run.model().predictor()),
    ))
}

#[test]
fn a_flow_from_parquet_is_that_from_memory() -> Outcome {
    let dir = tempfile::tempdir()?;
    let path = write(&dir.path().join("a.parquet"), &rows(5000), 700);
    assert_eq!(flow(Parquet::new(path))?, flow(InMemory::new(rows(5000)))?);
    Ok(())
}

#[test]
fn every_dtype_comes_back() -> Outcome {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("a.parquet");
    for (dtype, low, high) in integer_dtypes() {
        let series = physical(
            &dtype,
            &[Some(low), None, Some(high), Some(i128::midpoint(low, high))],
        );
        let frame = crate::support::frame(series);
        write(&path, &frame, 2);
        let found = read(&Parquet::new(&path));
        assert!(found.equals_missing(&frame), "{dtype} {found} {frame}");
    }
    Ok(())
}

proptest! {
    #[test]
    fn what_polars_writes_is_read_back(
        values in prop::collection::vec(
            (
                prop_oneof![Just(None), any::<i64>().prop_map(Some)],
                prop_oneof![Just(None), any::<u64>().prop_map(|bits| Some(f64::from_bits(bits)))],
                prop_oneof![Just(None), any::<String>().prop_map(Some)],
            ),
            0..40,
        ),
        row_group in 1_usize..20,
    ) {
        let dir = tempfile::tempdir().expect("a directory");
        let frame = df![
            "i" => values.iter().map(|row| row.0).collect::<Vec<_>>(),
            "f" => values.iter().map(|row| row.1).collect::<Vec<_>>(),
            "s" => values.iter().map(|row| row.2.clone()).collect::<Vec<_>>(),
        ]
        .expect("a frame");
        let path = write(&dir.path().join("a.parquet"), &frame, row_group);
        let found = read(&Parquet::new(path));
        prop_assert!(found.equals_missing(&frame), "{found} {frame}");
    }
}
