//! The series of an hourly collection: one value for each whole snapshot.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use floe::jiff::Timestamp;
use floe::output::write_whole;
use floe::polars::prelude::{DataFrame, col, df};
use floe::source::remote::youtube::{COMMENTS, like_score};
use floe::source::remote::{Landing, Outcome};
use floe::{Error, ErrorKind, Result};

use super::asked::Score;
use super::files::{INDEX, LIKES};

/// When the whole snapshots were begun. One that is not whole would pass for a fall of the likes.
pub(crate) fn hours(landing: &Landing) -> Result<Vec<Timestamp>> {
    let runs = landing.runs()?;
    let whole = runs.iter().filter(|run| run.outcome == Outcome::Complete);
    Ok(whole.map(|run| run.started).collect())
}

/// One value an hour: one lazy query over the table of comments, of which the rows of the whole
/// snapshots are kept.
pub(crate) fn of(landing: &Landing, score: Score) -> Result<Vec<f64>> {
    let comments = landing.scan(COMMENTS)?;
    let by_run = like_score(comments, score.of_likes(), &["run_id"]).collect()?;
    let runs = landing.runs()?;
    let whole = runs.iter().filter(|run| run.outcome == Outcome::Complete);
    let whole: BTreeSet<&str> = whole.map(|run| run.run.as_str()).collect();
    let (ids, likes) = (
        by_run.column("run_id")?.str()?,
        by_run.column("likes")?.f64()?,
    );
    let values = ids.iter().zip(likes.iter());
    let values = values.filter(|(id, _)| id.is_some_and(|id| whole.contains(id)));
    Ok(values.filter_map(|(_, likes)| likes).collect())
}

/// The series as the flow reads it.
pub(crate) fn frame(values: &[f64]) -> Result<DataFrame> {
    // As a file of like sums numbers its lines.
    let hours = (0u32..).take(values.len());
    Ok(df![INDEX => hours.collect::<Vec<_>>(), LIKES => values]?)
}

/// How many different comments have landed.
pub(crate) fn distinct_comments(landing: &Landing) -> Result<u64> {
    let comments = landing.scan(COMMENTS)?;
    let count = comments.select([col("comment_id").n_unique()]).collect()?;
    let count = count.column("comment_id")?.u32()?.get(0);
    Ok(count.map_or(0, u64::from))
}

/// Adds to a file of one like sum a line what it lacks. What it has stays, also when the rows
/// behind it were purged since.
pub(crate) fn append(path: &Path, sums: &[f64]) -> Result<()> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => {
            let message = format!("`{}` was not read: {error}", path.display());
            return Err(Error::new(ErrorKind::Output, message)
                .with_help("name another file for the like sums with --out"));
        }
    };
    let there: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let sums: Vec<String> = sums.iter().map(|sum| sum.to_string()).collect();
    // The end of the file is the begin of the series, as far as they are the same.
    let shared = (0..=sums.len().min(there.len())).rev();
    let mut shared = shared.filter(|shared| there[there.len() - shared..] == sums[..*shared]);
    let missing = &sums[shared.next().unwrap_or(0)..];
    if missing.is_empty() {
        return Ok(());
    }
    write_whole(path, |file| {
        let mut lines = there
            .iter()
            .copied()
            .chain(missing.iter().map(String::as_str));
        lines.try_for_each(|line| writeln!(file, "{line}"))
    })
}
