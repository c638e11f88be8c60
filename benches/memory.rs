//! The memory of a fit: the most anonymous memory that a process of its own holds while it learns
//! from a Parquet file of 2 GiB in row groups of 262,144 rows.
//!
//! `cargo bench --bench memory`; `cargo test --benches` does it once with a small file. It looks at
//! `/proc/self/status`, so that there is a figure on Linux only.

use std::error::Error;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use floe::polars::prelude::*;
use floe::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const COLUMNS: usize = 8;

const ROW_GROUP: usize = 262_144;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [mode, path] = arguments.as_slice()
        && mode == "fit"
    {
        return fit(Path::new(path));
    }
    let measured = arguments.iter().any(|argument| argument == "--bench");
    let bytes = if measured { 2 << 30 } else { 2 << 20 };
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("table.parquet");
    write(&path, bytes)?;
    let ended = Command::new(std::env::current_exe()?)
        .arg("fit")
        .arg(&path)
        .status()?;
    if ended.success() {
        return Ok(());
    }
    Err("the fit failed".into())
}

fn names() -> Vec<String> {
    (0..COLUMNS).map(|at| format!("x{at}")).collect()
}

/// Floats that hardly compress, until the file has so many bytes.
fn write(path: &Path, bytes: u64) -> Result<(), Box<dyn Error>> {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let fields = names()
        .into_iter()
        .map(|name| Field::new(name.as_str().into(), DataType::Float64));
    let schema = fields.collect::<Schema>();
    let writer = ParquetWriter::new(File::create(path)?).with_row_group_size(Some(ROW_GROUP));
    let mut writer = writer.batched(&schema)?;
    let rows = if bytes < 1 << 30 { 4096 } else { ROW_GROUP };
    while fs::metadata(path)?.len() < bytes {
        let columns = names().into_iter().map(|name| {
            let values: Vec<f64> = (0..rows)
                .map(|_| (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64)
                .collect();
            Column::new(name.as_str().into(), values)
        });
        writer.write_batch(&DataFrame::new(rows, columns.collect())?)?;
    }
    writer.finish()?;
    Ok(())
}

/// Learns minimum, maximum, mean and deviation of all columns while a thread looks at the memory.
fn fit(path: &Path) -> Result<(), Box<dyn Error>> {
    let before = anonymous();
    let (peak, done) = (AtomicU64::new(0), AtomicBool::new(false));
    let began = Instant::now();
    let fitted = thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                peak.fetch_max(anonymous().unwrap_or(0), Ordering::Relaxed);
                thread::sleep(Duration::from_millis(2));
            }
        });
        let train = floe::train_on(Parquet::new(path));
        let steps = MinMaxScaler::new(names()).then(StandardScaler::new(names()));
        let fitted = train.and_then(|train| steps.fit_on(&train));
        done.store(true, Ordering::Relaxed);
        fitted
    });
    drop(fitted?);
    let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let out = &mut std::io::stdout();
    let size = mebibytes(fs::metadata(path)?.len());
    let seconds = began.elapsed().as_secs_f64();
    match before {
        Some(before) => writeln!(
            out,
            "fit over {size:.0} MiB of Parquet in {seconds:.2} s: at most {:.0} MiB of anonymous memory, {:.0} before it",
            mebibytes(peak.into_inner()),
            mebibytes(before),
        )?,
        None => writeln!(out, "fit over {size:.0} MiB of Parquet in {seconds:.2} s")?,
    }
    Ok(())
}

/// The anonymous memory of this process in bytes.
fn anonymous() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kibibytes * 1024)
}
