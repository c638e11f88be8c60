use super::{FoldAssignment, Splitter};
use crate::error::{Error, ErrorKind, Result};

/// A splitter that deals the rows into a number of folds that is known before a row is read.
pub trait FoldSplitter: Splitter<Assignment = FoldAssignment> {
    /// How many folds there are, a refitted model not counted.
    fn folds(&self) -> usize;
}

/// Refuses a number of folds that cannot be.
pub(super) fn check_count(k: usize) -> Result<()> {
    if k < 2 || u32::try_from(k).is_err() {
        let message = format!("the rows cannot be dealt into {k} folds");
        return Err(Error::new(ErrorKind::Split, message).with_help("ask for 2 folds or more"));
    }
    Ok(())
}

/// Refuses fewer rows than folds.
pub(super) fn enough_rows(rows: u64, k: usize) -> Result<()> {
    if rows < k as u64 {
        let message = format!("{rows} rows cannot be dealt into {k} folds");
        return Err(Error::new(ErrorKind::Split, message)
            .with_help("bring more rows or ask for fewer folds"));
    }
    Ok(())
}
