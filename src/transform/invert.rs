use polars::prelude::{Expr, LazyFrame};

use super::Apply;
use crate::error::Result;

/// A fitted step that can be undone, so that it may stand on the target.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be undone, so it cannot stand on the target",
    label = "not invertible",
    note = "predictions come back in the target's own units: use an invertible step such as `MinMaxScaler` or `StandardScaler`"
)]
pub trait Invert: Apply {
    /// Undoes the step on its columns and restores their dtypes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Apply`](crate::ErrorKind::Apply) when the columns are not what the step made.
    fn inverse(&self, frame: LazyFrame) -> Result<LazyFrame>;

    /// Undoes the step on one value of `column`, which stays a Float64: what predictions use.
    ///
    /// A column that the step does not know is left alone.
    ///
    /// # Errors
    ///
    /// As [`inverse`](Self::inverse).
    fn inverse_value(&self, column: &str, value: Expr) -> Result<Expr>;
}

// The last step was applied last, so it is undone first.
impl<A: Invert> Invert for Vec<A> {
    fn inverse(&self, frame: LazyFrame) -> Result<LazyFrame> {
        let mut steps = self.iter().rev();
        steps.try_fold(frame, |frame, step| {
            step.inverse(frame).map_err(|e| e.at(step))
        })
    }

    fn inverse_value(&self, column: &str, value: Expr) -> Result<Expr> {
        let mut steps = self.iter().rev();
        steps.try_fold(value, |value, step| {
            step.inverse_value(column, value).map_err(|e| e.at(step))
        })
    }
}
