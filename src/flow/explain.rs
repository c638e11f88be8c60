use std::fmt;

use crate::learn::Level;

/// What a run will cost, known before a row is read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explain {
    /// The chain in order.
    pub stages: Vec<String>,
    /// Scans for `fit_before_split`.
    pub scans_before_split: usize,
    /// Scans that the split takes to count or rank the rows.
    pub count_scans: usize,
    /// What the split holds in memory meanwhile, if it grows with the rows.
    pub count_held: Option<String>,
    /// What each level learns. The scans of a level read the train rows.
    pub levels: Vec<Level>,
    /// Scans of the train rows that the estimator makes at most beyond the levels.
    pub estimator_scans: usize,
    /// The bytes of rows that may be held in memory for the estimators of several models: rows that
    /// take no more are read once for all of them, in place of `estimator_scans`.
    pub estimator_held: Option<usize>,
    /// Scans of the test rows for the score.
    pub score_scans: usize,
    /// The column that rows weigh by when they are scored.
    pub score_weight: Option<String>,
    /// What the score holds in memory.
    pub score_held: Vec<String>,
    /// How many models are fitted in these scans: one, or one a fold.
    pub models: usize,
    /// How many times the rows are dealt into folds. Each repeat has scans of its own.
    pub repeats: usize,
    /// The bytes, uncompressed, of the largest row group, where rows come in row groups. Memory is
    /// bounded for up to 64 MiB.
    pub largest_row_group: Option<u64>,
    /// Declared leaks and the like.
    pub tags: Vec<String>,
}

/// The size of row groups up to which the memory of a scan is known to be bounded.
const ROW_GROUP: u64 = 64 << 20;

/// Rounded up in tenths, so that what is over a bound does not look as if it were not.
pub(super) fn mebibytes(bytes: u64) -> String {
    let tenths = (u128::from(bytes) * 10).div_ceil(1 << 20);
    format!("{}.{}", tenths / 10, tenths % 10)
}

impl Explain {
    /// All scans of a run.
    pub fn scans(&self) -> usize {
        let levels: usize = self.levels.iter().map(|level| level.scans).sum();
        self.scans_before_split
            + self.count_scans
            + levels
            + self.estimator_scans
            + self.score_scans
    }
}

impl fmt::Display for Explain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, stage) in self.stages.iter().enumerate() {
            writeln!(f, "{}{stage}", if at == 0 { "" } else { "  -> " })?;
        }
        let word = if self.levels.len() == 1 {
            "level"
        } else {
            "levels"
        };
        writeln!(f, "{} {word}, {} scans:", self.levels.len(), self.scans())?;
        let mut line = |purpose: &str, scans: usize, detail: String| {
            if scans == 0 {
                return Ok(());
            }
            let detail = if detail.is_empty() {
                detail
            } else {
                format!("  {detail}")
            };
            writeln!(f, "  {scans} x {purpose}{detail}")
        };
        line(
            "before the split",
            self.scans_before_split,
            "of all rows".to_owned(),
        )?;
        let mut counted = "of all rows, for the split".to_owned();
        if let Some(held) = &self.count_held {
            counted.push_str("; holds in memory: ");
            counted.push_str(held);
        }
        line("count", self.count_scans, counted)?;
        for (at, level) in self.levels.iter().enumerate() {
            let mut detail = format!("of the train rows: {}", level.columns.join(", "));
            if !level.buffered.is_empty() {
                detail.push_str("; holds in memory: ");
                detail.push_str(&level.buffered.join(", "));
            }
            if !level.counted.is_empty() {
                detail.push_str("; holds each distinct value of: ");
                detail.push_str(&level.counted.join(", "));
            }
            if !level.sketched.is_empty() {
                let most = level.sketch_bytes.div_ceil(1024);
                let each = if self.models > 1 { " and fold" } else { "" };
                let held = format!("; holds at most {most} KiB a column{each}: ");
                detail.push_str(&held);
                detail.push_str(&level.sketched.join(", "));
            }
            if !level.queries.is_empty() {
                detail.push_str("; queries of their own: ");
                detail.push_str(&level.queries.join(", "));
            }
            line(&format!("level {}", at + 1), level.scans, detail)?;
        }
        let mut of_estimator = "of the train rows, at most".to_owned();
        if let Some(bytes) = self.estimator_held {
            let held = mebibytes(bytes as u64);
            let once = self.repeats;
            of_estimator = format!(
                "{of_estimator}; {once} where the rows take up to {held} MiB, which are then held in memory for all models"
            );
        }
        line("estimator", self.estimator_scans, of_estimator)?;
        let mut scored = match self.models {
            1 => "of the test rows".to_owned(),
            _ => "of all rows, each by the model of its fold".to_owned(),
        };
        if let Some(weight) = &self.score_weight {
            scored = format!("{scored}, weighed by `{weight}`");
        }
        if !self.score_held.is_empty() {
            scored.push_str("; holds in memory: ");
            scored.push_str(&self.score_held.join(", "));
        }
        line("score", self.score_scans, scored)?;
        if self.repeats > 1 {
            let (models, repeats) = (self.models, self.repeats);
            writeln!(
                f,
                "  {models} models are fitted in {repeats} repeats, each in scans of its own"
            )?;
        } else if self.models > 1 {
            writeln!(f, "  {} models are fitted in the same scans", self.models)?;
        }
        if let Some(bytes) = self.largest_row_group {
            let size = mebibytes(bytes);
            writeln!(f, "  the largest row group: {size} MiB uncompressed")?;
            if bytes > ROW_GROUP {
                f.write_str(
                    "  warning: memory is bounded for row groups up to 64 MiB; \
                     rewrite the file with smaller row groups\n",
                )?;
            }
        }
        for tag in &self.tags {
            writeln!(f, "  tagged: {tag}")?;
        }
        Ok(())
    }
}
