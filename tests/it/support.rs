//! What several test files share: both engines, columns of every dtype, data files, digits.

use std::fmt;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use floe::polars::prelude::*;

/// Says it past the harness, which swallows what a passing test prints.
pub(crate) fn say(what: fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{what}");
}

/// This binary, to run one of its tests in a process of its own.
pub(crate) fn one_test(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a test knows its own path"));
    command.args(["--exact", name, "--nocapture"]);
    command
}

/// Whether this process runs the named test alone; if not, the test has been run in one that does.
pub(crate) fn is_alone(name: &str) -> bool {
    const ALONE: &str = "FLOE_TEST_ALONE";
    if std::env::var_os(ALONE).is_some_and(|alone| alone == name) {
        return true;
    }
    let output = one_test(name).env(ALONE, name).output().expect("a process");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("1 passed"), "{said}");
    false
}

/// A file of the data that lies beside the tree; says what is left out where it is absent.
pub(crate) fn data(path: &str) -> Option<PathBuf> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data")).join(path);
    if path.exists() {
        return Some(path);
    }
    say(format_args!("left out: {} is not here", path.display()));
    None
}

/// A file of the data as text.
pub(crate) fn text(path: &str) -> Option<String> {
    data(path).map(|path| std::fs::read_to_string(path).expect("a text file"))
}

/// Runs a query in memory and streaming; both must say the same.
pub(crate) fn collect(frame: LazyFrame) -> Result<DataFrame, floe::Error> {
    let in_memory = frame.clone().collect().map_err(floe::Error::from);
    let streamed = frame.collect_with_engine(Engine::Streaming);
    let streamed = streamed
        .map(|answer| answer.unwrap_single())
        .map_err(floe::Error::from);
    match (&in_memory, &streamed) {
        (Ok(memory), Ok(stream)) => assert!(memory.equals_missing(stream), "{memory} {stream}"),
        // Counts differ: the streaming engine hands over several batches, and the first one with a
        // fault ends the query.
        (Err(memory), Err(stream)) => assert_eq!(
            (memory.kind(), memory.column(), memory.dtype()),
            (stream.kind(), stream.column(), stream.dtype())
        ),
        _ => panic!("the engines disagree: {in_memory:?} {streamed:?}"),
    }
    in_memory
}

/// A frame of one column `x`.
pub(crate) fn frame(column: Series) -> DataFrame {
    DataFrame::new_infer_height(vec![column.with_name("x".into()).into_column()]).expect("a frame")
}

/// A column of any integer-backed dtype from its physical numbers.
pub(crate) fn physical(dtype: &DataType, values: &[Option<i128>]) -> Series {
    if let DataType::Decimal(precision, scale) = dtype {
        let values = Int128Chunked::from_slice_options("x".into(), values);
        let decimal = values.into_decimal(*precision, *scale);
        return decimal.expect("a decimal").into_series();
    }
    if *dtype == DataType::UInt64 {
        let values = values
            .iter()
            .map(|value| value.map(|value| u64::try_from(value).expect("in range")));
        return Series::new("x".into(), values.collect::<Vec<_>>());
    }
    let values = values
        .iter()
        .map(|value| value.map(|value| i64::try_from(value).expect("in range")));
    let values = Series::new("x".into(), values.collect::<Vec<_>>());
    let physical = values
        .strict_cast(&dtype.to_physical())
        .expect("in range of the dtype");
    physical.cast(dtype).expect("a logical dtype")
}

/// The column `x` as bits, every NaN alike: the only comparison that sees -0.0.
pub(crate) fn bits(frame: &DataFrame) -> Vec<Option<u64>> {
    let column = frame.column("x").expect("x");
    let column = column.cast(&DataType::Float64).expect("floats");
    let values = column.f64().expect("floats").iter();
    values.map(|value| value.map(canonical)).collect()
}

/// The bits of a float; one pattern stands for every NaN.
pub(crate) fn canonical(value: f64) -> u64 {
    if value.is_nan() { f64::NAN } else { value }.to_bits()
}

/// Digits that agree, as NIST counts them: −log10 of the relative error (of the absolute one where
/// the truth is 0), 15 at most.
pub(crate) fn digits(found: f64, certified: f64) -> f64 {
    let error = if certified == 0.0 {
        found.abs()
    } else {
        ((found - certified) / certified).abs()
    };
    if error > 0.0 {
        (-error.log10()).clamp(0.0, 15.0)
    } else if error == 0.0 {
        15.0
    } else {
        0.0
    }
}

/// Every dtype that lies in memory as integers, with its smallest and its largest number.
pub(crate) fn integer_dtypes() -> Vec<(DataType, i128, i128)> {
    use TimeUnit::{Microseconds, Milliseconds, Nanoseconds};
    let (low, high) = (i128::from(i64::MIN), i128::from(i64::MAX));
    let decimal = |digits: u32| 10_i128.pow(digits) - 1;
    let mut dtypes = vec![
        (DataType::Boolean, 0, 1),
        (DataType::Int8, i8::MIN.into(), i8::MAX.into()),
        (DataType::Int16, i16::MIN.into(), i16::MAX.into()),
        (DataType::Int32, i32::MIN.into(), i32::MAX.into()),
        (DataType::Int64, low, high),
        (DataType::UInt8, 0, u8::MAX.into()),
        (DataType::UInt16, 0, u16::MAX.into()),
        (DataType::UInt32, 0, u32::MAX.into()),
        (DataType::UInt64, 0, u64::MAX.into()),
        (DataType::Decimal(10, 2), -decimal(10), decimal(10)),
        (DataType::Decimal(38, 4), -decimal(38), decimal(38)),
        (DataType::Date, i32::MIN.into(), i32::MAX.into()),
        (DataType::Time, 0, 86_399_999_999_999),
    ];
    for unit in [Nanoseconds, Microseconds, Milliseconds] {
        dtypes.push((DataType::Datetime(unit, None), low, high));
        dtypes.push((DataType::Duration(unit), low, high));
    }
    dtypes
}
