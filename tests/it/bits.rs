//! The same bits at any chunking, any number of threads, either kind of source.

use std::fs::File;

use floe::polars::prelude::*;
use floe::prelude::*;

use crate::support::one_test;

const ROWS: usize = 1_000_003;

/// Rows that make any change of summation order visible: 1e16 beside 1, with nulls.
fn rows() -> DataFrame {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut a = Vec::with_capacity(ROWS);
    let mut b = Vec::with_capacity(ROWS);
    let mut y = Vec::with_capacity(ROWS);
    for _ in 0..ROWS {
        let draw = next();
        a.push(match draw % 11 {
            0 => None,
            1 => Some(1e16),
            2 => Some(-1e16),
            _ => Some((draw >> 11) as f64 / 1e15),
        });
        b.push((next() >> 40) as i64 - 8_000_000);
        y.push((next() >> 11) as f64 / 1e16);
    }
    df!["a" => a, "b" => b, "y" => y].unwrap()
}

/// Everything that a run learns and scores, as bits.
fn fingerprint(source: impl Source + 'static) -> String {
    let run = floe::from(source)
        .keep(col("b").gt(lit(-7_900_000_i64)))
        .split(TrainTestSplit::new(0.3).seed(42))
        .then(StandardScaler::new(["a"]))
        .then(StandardScaler::new(["b"]))
        .on_target(MinMaxScaler::new(["y"]))
        .learn(LinearRegression::new(["b"], "y"))
        .run()
        .unwrap();
    let model = run.model();
    let mut bits = Vec::new();
    let steps = model.pipeline().steps();
    bits.push(steps.first().next().mean("a").unwrap());
    bits.push(steps.first().next().std("a").unwrap());
    bits.push(steps.next().mean("b").unwrap());
    bits.push(steps.next().std("b").unwrap());
    bits.extend(model.predictor().coefficients());
    bits.push(model.predictor().intercept());
    bits.extend(run.metrics().iter().filter_map(|metric| metric.value));
    bits.iter()
        .map(|value| format!("{:016x}", value.to_bits()))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Everything that a run of folds learns, scores and predicts over two levels, as bits.
fn fingerprint_of_folds(source: impl Source + 'static) -> String {
    let run = floe::from(source)
        .keep(col("b").gt(lit(-7_900_000_i64)))
        .split(KFold::new(3).seed(42))
        .then(StandardScaler::new(["b"]))
        .then(WithColumns::new([(col("b") * col("b")).alias("square")]))
        .then(StandardScaler::new(["square"]))
        .on_target(MinMaxScaler::new(["y"]))
        .learn(LinearRegression::new(["b", "square"], "y"))
        .run()
        .unwrap();
    let mut bits = Vec::new();
    for (model, metrics) in run.models().iter().zip(run.metrics()) {
        bits.extend(model.predictor().coefficients());
        bits.push(model.predictor().intercept());
        bits.extend(metrics.iter().filter_map(|metric| metric.value));
    }
    let predicted = run.predictions().unwrap().collect().unwrap();
    let predicted = predicted.column("prediction").unwrap().f64().unwrap();
    let mixed = predicted
        .iter()
        .flatten()
        .fold(0_u64, |mixed, value| mixed.rotate_left(1) ^ value.to_bits());
    let bits = bits.iter().map(|value| value.to_bits()).chain([mixed]);
    bits.map(|bits| format!("{bits:016x}"))
        .collect::<Vec<_>>()
        .join(" ")
}

/// The same rows in chunks that end at random places.
fn chunked(frame: &DataFrame, seed: u64) -> DataFrame {
    let mut state = seed * 7919 + 17;
    let mut start = 0;
    let mut pieces: Option<DataFrame> = None;
    while start < frame.height() {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let most = 1 + (state >> 33) % 200_000;
        let length = usize::try_from(most).unwrap().min(frame.height() - start);
        let piece = frame.slice(i64::try_from(start).unwrap(), length);
        pieces = Some(match pieces {
            None => piece,
            Some(mut all) => {
                all.vstack_mut(&piece).unwrap();
                all
            }
        });
        start += length;
    }
    pieces.unwrap()
}

#[test]
fn bits_do_not_depend_on_chunks_row_groups_or_files() {
    let frame = rows();
    let expected = fingerprint(InMemory::new(frame.clone()));
    for seed in 0..20 {
        let chunked = chunked(&frame, seed);
        assert!(chunked.first_col_n_chunks() > 1);
        assert_eq!(
            fingerprint(InMemory::new(chunked)),
            expected,
            "chunking {seed}"
        );
    }
    let part = frame.head(Some(250_000));
    let of_part = |rows: DataFrame| fingerprint_of_folds(InMemory::new(rows));
    assert_eq!(
        of_part(chunked(&part, 21)),
        of_part(part),
        "chunking of folds"
    );
    let folder = tempfile::tempdir().unwrap();
    for (at, group) in [1_000, 65_536, 262_144].into_iter().enumerate() {
        let path = folder.path().join(format!("groups{at}.parquet"));
        write(&frame, &path, group);
        assert_eq!(
            fingerprint(Files(vec![path])),
            expected,
            "row groups of {group}"
        );
    }
    let mut files = Vec::new();
    for (at, start) in (0..ROWS).step_by(333_333).enumerate() {
        let path = folder.path().join(format!("part{at}.parquet"));
        let part = frame.slice(i64::try_from(start).unwrap(), 333_333);
        write(&part, &path, 50_000);
        files.push(path);
    }
    assert!(files.len() > 3);
    assert_eq!(fingerprint(Files(files)), expected, "several files");
}

fn write(frame: &DataFrame, path: &std::path::Path, group: usize) {
    let file = File::create(path).unwrap();
    let writer = ParquetWriter::new(file).with_row_group_size(Some(group));
    writer.finish(&mut frame.clone()).unwrap();
}

/// Parquet files, one after the other.
#[derive(Debug)]
struct Files(Vec<std::path::PathBuf>);

impl Source for Files {
    fn scan(&self) -> floe::Result<LazyFrame> {
        let paths: Vec<PlRefPath> = self
            .0
            .iter()
            .map(|path| PlRefPath::new(path.to_str().unwrap()))
            .collect();
        Ok(LazyFrame::scan_parquet_files(
            paths.into(),
            ScanArgsParquet::default(),
        )?)
    }
}

const PRINT: &str = "FLOE_PRINT_FINGERPRINT";

/// The number of threads is fixed when Polars starts, so each gets a process of its own.
#[test]
fn bits_do_not_depend_on_threads() {
    if std::env::var_os(PRINT).is_some() {
        let whole = fingerprint(InMemory::new(rows()));
        let folds = fingerprint_of_folds(InMemory::new(rows().head(Some(250_000))));
        println!("fingerprint: {whole} {folds}");
        return;
    }
    let of = |threads: &str| {
        let output = one_test("bits::bits_do_not_depend_on_threads")
            .env(PRINT, "1")
            .env("POLARS_MAX_THREADS", threads)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let found = text
            .lines()
            .find_map(|line| line.split_once("fingerprint: "));
        found.unwrap_or_else(|| panic!("{text}")).1.to_owned()
    };
    let expected = of("1");
    for threads in ["2", "4", "8"] {
        assert_eq!(of(threads), expected, "{threads} threads");
    }
}

#[test]
fn an_all_true_validity_gives_the_bits_of_none() {
    let values: Vec<f64> = (0..10_000).map(|i| f64::from(i) * 0.1 + 1e9).collect();
    let plain =
        DataFrame::new(values.len(), vec![Column::new("a".into(), values.clone())]).unwrap();
    let mut with_null = values.iter().copied().map(Some).collect::<Vec<_>>();
    with_null.push(None);
    let masked = DataFrame::new(with_null.len(), vec![Column::new("a".into(), with_null)]).unwrap();
    let masked = masked.slice(0, values.len());
    let learned = |frame: DataFrame| {
        let train = floe::train_on(InMemory::new(frame)).unwrap();
        let fitted = StandardScaler::new(["a"]).fit_on(&train).unwrap();
        (
            fitted.mean("a").unwrap().to_bits(),
            fitted.std("a").unwrap().to_bits(),
        )
    };
    assert_eq!(learned(plain), learned(masked));
}
