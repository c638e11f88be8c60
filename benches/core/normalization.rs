//! Normalisation against the best that Polars expressions can do, and against a plain copy.

use floe::polars::prelude::*;
use floe::prelude::*;
use floe::{Frame, Train};

use super::side::{Case, Outcome, Side};
use super::tables::{names, numbers, write};

const COLUMNS: usize = 4;

const DTYPES: [DataType; 4] = [
    DataType::Float64,
    DataType::Float32,
    DataType::Int64,
    DataType::Int16,
];

/// Minimum, maximum, mean and deviation of every column.
fn statistics() -> Vec<Expr> {
    let each = names(COLUMNS).into_iter().flat_map(|name| {
        let of = || col(name.as_str());
        [
            of().min().alias(format!("{name}_min")),
            of().max().alias(format!("{name}_max")),
            of().mean().alias(format!("{name}_mean")),
            of().std(0).alias(format!("{name}_std")),
        ]
    });
    each.collect()
}

fn expressions(name: &'static str, engine: Engine, rows: LazyFrame) -> Side {
    Side::new(name, move || {
        let query = rows.clone().select(statistics());
        Ok(query.collect_with_engine(engine)?)
    })
}

/// The scalers that between them learn the four statistics of every column.
fn scalers(name: &'static str, train: Frame<Train>) -> Side {
    let steps = MinMaxScaler::new(names(COLUMNS)).then(StandardScaler::new(names(COLUMNS)));
    Side::new(name, move || Ok(steps.fit_on(&train)?))
}

/// The bytes of all columns, moved once.
fn copy(frame: &DataFrame) -> Side {
    let bytes = frame.height() * COLUMNS * frame.columns()[0].dtype().byte_size();
    let from = vec![1_u8; bytes];
    let mut to = vec![0_u8; bytes];
    Side::new("plain copy of the bytes", move || {
        to.copy_from_slice(std::hint::black_box(&from));
        Ok(to[bytes / 2])
    })
}

trait ByteSize {
    fn byte_size(&self) -> usize;
}

impl ByteSize for DataType {
    fn byte_size(&self) -> usize {
        match self {
            Self::Int16 => 2,
            Self::Float32 => 4,
            _ => 8,
        }
    }
}

pub(crate) fn fit(scale: usize) -> Outcome<Vec<Case>> {
    let rows = scale * 100;
    let cases = DTYPES.into_iter().map(|dtype| {
        let frame = numbers(rows, COLUMNS, &dtype)?;
        let train = floe::train_on(InMemory::new(frame.clone()))?;
        let lazy = || frame.clone().lazy();
        Ok(Case::new(
            format!("fit of min, max, mean and deviation, {COLUMNS} x {rows} {dtype}"),
            rows * COLUMNS,
            vec![
                scalers("floe", train),
                expressions("Polars, streaming", Engine::Streaming, lazy()),
                expressions("Polars, in memory", Engine::InMemory, lazy()),
                copy(&frame),
            ],
        ))
    });
    cases.collect()
}

pub(crate) fn parquet(scale: usize) -> Outcome<Vec<Case>> {
    let rows = scale * 100;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("table.parquet");
    let mut frame = numbers(rows, COLUMNS, &DataType::Float64)?;
    write(&mut frame, std::fs::File::create(&path)?)?;
    let train = floe::train_on(Parquet::new(&path))?;
    let scan = |path: &std::path::Path| {
        let path = path.to_str().ok_or("a path that is no UTF-8")?;
        Ok::<_, Box<dyn std::error::Error>>(LazyFrame::scan_parquet(
            path.into(),
            ScanArgsParquet::default(),
        )?)
    };
    let lazy = scan(&path)?;
    let whole = lazy.clone();
    let read = Side::new("Polars, reading alone", move || {
        let sink = whole
            .clone()
            .sink_batches(PlanCallback::new(|_| Ok(false)), true, None)?;
        Ok(sink.collect_with_engine(Engine::Streaming)?)
    });
    Ok(vec![
        Case::new(
            format!("fit from Parquet, {COLUMNS} x {rows} f64"),
            rows * COLUMNS,
            vec![
                scalers("floe", train),
                expressions("Polars, streaming", Engine::Streaming, lazy.clone()),
                expressions("Polars, in memory", Engine::InMemory, lazy),
                read,
            ],
        )
        .holding(folder),
    ])
}

/// Runs a query whose batches are let go as they come, as one that ends in a file or a model lets
/// them go.
fn handed_on(query: LazyFrame) -> Outcome {
    collected(query.sink_batches(PlanCallback::new(|_| Ok(false)), true, None)?)
}

fn collected(query: LazyFrame) -> Outcome {
    std::hint::black_box(query.collect_with_engine(Engine::Streaming)?);
    Ok(())
}

/// The scaled rows batch by batch, and all of them at once, where writing to memory that is new costs
/// more than what is written.
pub(crate) fn apply(scale: usize) -> Outcome<Vec<Case>> {
    let rows = scale * 100;
    let mut cases = Vec::new();
    for dtype in DTYPES {
        let frame = numbers(rows, COLUMNS, &dtype)?;
        let train = floe::train_on(InMemory::new(frame.clone()))?;
        let fitted = MinMaxScaler::new(names(COLUMNS)).fit_on(&train)?;
        let float = |name: &str| match &dtype {
            DataType::Float32 => (col(name) - lit(0.5_f32)) / lit(999.0_f32),
            DataType::Float64 => (col(name) - lit(0.5)) / lit(999.0),
            // What is right for any integer: the difference must not wrap.
            _ => (col(name).cast(DataType::Float64) - lit(0.5)) / lit(999.0),
        };
        let arithmetic: Vec<Expr> = names(COLUMNS).iter().map(|name| float(name)).collect();
        let queries = [
            ("floe, streaming", fitted.apply(frame.clone().lazy())?),
            (
                "arithmetic expression, streaming",
                frame.clone().lazy().with_columns(arithmetic),
            ),
        ];
        let case = |way, run: fn(LazyFrame) -> Outcome, copy: Option<Side>| {
            let sides = queries.clone().into_iter();
            let sides = sides.map(|(name, query)| Side::new(name, move || run(query.clone())));
            let name = format!("apply of a min-max scaling, {COLUMNS} x {rows} {dtype}, {way}");
            Case::new(name, rows * COLUMNS, sides.chain(copy).collect())
        };
        cases.push(case("batch by batch", handed_on, None));
        cases.push(case("collected", collected, Some(copy(&frame))));
    }
    Ok(cases)
}
