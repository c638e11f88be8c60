use std::fmt;

use super::super::Explain;
use super::super::explain::mebibytes;
use crate::learn::Level;

/// What a sweep will cost, known before a row is read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SweepExplain {
    /// How many parameter sets are compared.
    pub candidates: usize,
    /// How many models each of them is judged by: one a fold.
    pub folds: usize,
    /// Models that are fitted: one for each candidate and fold, and the best one again.
    pub fits: usize,
    /// Scans for `fit_before_split`.
    pub scans_before_split: usize,
    /// Scans that the two splits take to count or rank the rows.
    pub count_scans: usize,
    /// What all candidates learn together, level by level; a level reads the rows once.
    pub levels: Vec<Level>,
    /// Scans of the train rows that the estimators make beyond the levels: at most.
    pub estimator_scans: usize,
    /// The bytes of rows that may be held in memory for the estimators: rows that take no more are
    /// read once for all of them, in place of `estimator_scans`.
    pub estimator_held: Option<usize>,
    /// Scans for the scores: one a candidate.
    pub score_scans: usize,
    /// Scans for fitting the best candidate again and scoring it once on the test rows: at most.
    pub final_scans: usize,
}

impl SweepExplain {
    /// All scans of a sweep; where an estimator stops early there are fewer.
    pub fn scans(&self) -> usize {
        let levels: usize = self.levels.iter().map(|level| level.scans).sum();
        self.scans_before_split
            + self.count_scans
            + levels
            + self.estimator_scans
            + self.score_scans
            + self.final_scans
    }

    /// What candidates cost together that would each cost this alone.
    pub(super) fn joined(candidates: &[Explain], folds: usize, inner_count: usize) -> Self {
        let mut levels: Vec<Level> = Vec::new();
        for explain in candidates {
            for (at, level) in explain.levels.iter().enumerate() {
                match levels.get_mut(at) {
                    Some(known) => known.join(level, folds),
                    None => levels.push(level.of_models(folds)),
                }
            }
        }
        let first = candidates.first();
        let estimators = candidates.iter().map(|explain| explain.estimator_scans);
        let again = candidates.iter().map(|explain| {
            let levels: usize = explain.levels.iter().map(|level| level.scans).sum();
            levels + explain.estimator_scans + explain.score_scans
        });
        Self {
            candidates: candidates.len(),
            folds,
            fits: candidates.len() * folds + 1,
            scans_before_split: first.map_or(0, |explain| explain.scans_before_split),
            count_scans: first.map_or(0, |explain| explain.count_scans) + inner_count,
            levels,
            estimator_scans: estimators.sum::<usize>() * folds,
            estimator_held: None,
            score_scans: candidates.len(),
            final_scans: again.max().unwrap_or(0),
        }
    }
}

impl SweepExplain {
    /// Says how many bytes of rows may be held. One reading is broken off where they are too many.
    pub(super) fn hold(&mut self, bytes: Option<usize>) {
        self.estimator_scans += usize::from(bytes.is_some());
        self.estimator_held = bytes;
    }
}

impl fmt::Display for SweepExplain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            candidates,
            folds,
            fits,
            ..
        } = self;
        writeln!(
            f,
            "{candidates} candidates, {folds} folds, {fits} fits, at most {} scans:",
            self.scans()
        )?;
        let mut line = |scans: usize, what: &str| {
            if scans == 0 {
                return Ok(());
            }
            writeln!(f, "  {scans} x {what}")
        };
        line(self.scans_before_split, "before the split")?;
        line(self.count_scans, "count, for the splits")?;
        for (at, level) in self.levels.iter().enumerate() {
            let columns = level.columns.join(", ");
            let what = format!(
                "level {}, of all candidates and folds together: {columns}",
                at + 1
            );
            line(level.scans, &what)?;
        }
        let mut of_estimators = "estimators, of the train rows".to_owned();
        if let Some(bytes) = self.estimator_held {
            let held = mebibytes(bytes as u64);
            let told =
                format!("; 1 where the rows take up to {held} MiB, which are then held in memory");
            of_estimators.push_str(&told);
        }
        line(self.estimator_scans, &of_estimators)?;
        line(self.score_scans, "score, one a candidate")?;
        line(self.final_scans, "the best one again, on all train rows")
    }
}
