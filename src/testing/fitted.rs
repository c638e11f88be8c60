//! Laws of what was fitted: engines, laziness, rows by themselves.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use polars::prelude::{DataFrame, IntoLazy, LazyFrame};

use super::law::{Verdict, because};
use super::rows::{counted, in_memory, kept, mixed, numbered, same, streamed, take};
use super::subject::Subject;
use crate::Result;
use crate::source::Source;

/// How many rows are applied each alone; more of a long sample would show nothing new.
const ALONE: usize = 16;

pub(super) fn applied<S: Subject>(
    subject: &S,
    fitted: &S::Fitted,
    rows: &DataFrame,
) -> Verdict<DataFrame> {
    let applied = subject.apply(fitted, rows.clone().lazy());
    applied.and_then(in_memory).map_err(because("applying it"))
}

pub(super) fn engines<S: Subject>(subject: &S, fitted: &S::Fitted, rows: &DataFrame) -> Verdict {
    let memory = applied(subject, fitted, rows)?;
    let stream = subject.apply(fitted, rows.clone().lazy());
    let stream = stream.and_then(streamed);
    let stream = stream.map_err(because("applying it on the streaming engine"))?;
    same(&memory, &stream).map_err(|seen| format!("streaming against in memory, {seen}"))
}

/// A sample whose rows are counted as they are read.
struct Counted {
    rows: DataFrame,
    count: Arc<AtomicUsize>,
}

impl fmt::Debug for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sample, counted")
    }
}

impl Source for Counted {
    fn scan(&self) -> Result<LazyFrame> {
        Ok(counted(&self.rows, &self.count))
    }
}

pub(super) fn lazy<S: Subject>(subject: &S, fitted: &S::Fitted, rows: &DataFrame) -> Verdict {
    let count = Arc::new(AtomicUsize::new(0));
    let none_read = |doing: &str| match count.load(Ordering::Relaxed) {
        0 => Ok(()),
        read => Err(format!("{doing} read {read} values")),
    };
    let source = Counted {
        rows: rows.clone(),
        count: Arc::clone(&count),
    };
    subject.plan(source).map_err(because("planning it"))?;
    none_read("planning")?;
    let query = subject.apply(fitted, counted(rows, &count));
    let _query = query.map_err(because("applying it"))?;
    none_read("applying")
}

pub(super) fn row_wise<S: Subject>(subject: &S, fitted: &S::Fitted, rows: &DataFrame) -> Verdict {
    let rows = numbered(rows)?;
    let height = rows.height();
    let whole = applied(subject, fitted, &rows)?;
    let mut places = vec![None; height];
    for (place, row) in kept(&whole, height)?.into_iter().enumerate() {
        if places[row].replace(place).is_some() {
            return Err(format!("row {row} comes out twice"));
        }
    }
    let every = |step: usize, from: usize| (from..height).step_by(step).collect::<Vec<_>>();
    let mut parts = vec![
        ("no row".to_owned(), Vec::new()),
        ("the rows in another order".to_owned(), mixed(height)),
        ("every second row".to_owned(), every(2, 1)),
        ("the first third".to_owned(), (0..height / 3).collect()),
        (
            "all but the first third".to_owned(),
            (height / 3..height).collect(),
        ),
    ];
    for row in every(height.div_ceil(ALONE).max(1), 0) {
        parts.push((format!("row {row} alone"), vec![row]));
    }
    for (what, part) in parts {
        let found = applied(subject, fitted, &take(&rows, &part)?);
        let found = found.map_err(|seen| format!("on {what}, {seen}"))?;
        let places: Vec<usize> = part.iter().filter_map(|row| places[*row]).collect();
        let expected = take(&whole, &places)?;
        same(&expected, &found).map_err(|seen| format!("on {what}, {seen}"))?;
    }
    Ok(())
}
