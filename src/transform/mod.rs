//! Steps: what they declare, what they become once fitted, and how they compose.

mod artifact;
mod boxed;
mod chain;
mod columns;
pub mod encode;
mod identity;
pub mod impute;
mod invert;
mod names;
pub mod outlier;
pub(crate) mod row_wise;
pub mod scale;
mod with_columns;

use std::fmt;

use polars::prelude::{LazyFrame, PlSmallStr};
use serde_json::Value;

pub use artifact::{Artifact, Saved};
pub(crate) use artifact::{Persist, SavedSteps};
pub use boxed::{BoxApply, BoxInvert, BoxTransform};
pub use chain::Chain;
pub use columns::{Cast, DropColumns, Extract, Rename, Select};
pub use identity::Identity;
pub use invert::Invert;
pub use with_columns::WithColumns;

use crate::error::Result;
use crate::learn::{Learned, Line, Need, Plan, Shape};
use crate::schema::Schema;

/// A fitted step: turns a lazy frame into a lazy frame and reads no row itself.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not fitted, so it cannot be applied",
    label = "not a fitted step",
    note = "fit it first: `step.fit_on(&train)?` learns from the train rows and gives the fitted step; a flow fits its steps in `.run()`"
)]
pub trait Apply: fmt::Debug + Send + Sync {
    /// Adds this step to the query.
    ///
    /// What becomes of a row may depend on that row alone: fitted steps are applied to whatever rows
    /// are at hand, batch by batch or all at once. Columns that the step does not know must stay: the
    /// library's own travel beside those of the user.
    ///
    /// # Errors
    ///
    /// An error of kind [`Apply`](crate::ErrorKind::Apply) or [`Schema`](crate::ErrorKind::Schema)
    /// when the frame does not have what the step was fitted on.
    fn apply(&self, frame: LazyFrame) -> Result<LazyFrame>;

    /// Adds this step to a query of the rows that it was fitted on, for what learns after it.
    /// Default: as to any other rows.
    ///
    /// Here a step drops rows that must not teach, or keeps from a row what it learned of that very
    /// row; other rows, at prediction, are as they are.
    ///
    /// # Errors
    ///
    /// As [`apply`](Self::apply).
    fn apply_to_train(&self, train: LazyFrame) -> Result<LazyFrame> {
        self.apply(train)
    }

    /// The columns after this step, all names known.
    ///
    /// # Errors
    ///
    /// As [`apply`](Self::apply).
    fn output(&self, input: &Schema) -> Result<Schema>;

    /// The line along which the step moves a column, where [`Transform::shape`] says that it does so.
    fn line(&self, column: &str) -> Option<Line> {
        let _ = column;
        None
    }

    /// What the fit found that a person should know, such as a column without any value.
    fn warnings(&self, warnings: &mut Vec<String>) {
        let _ = warnings;
    }

    /// What the fit found, as data: by column, in few numbers, such as where its fences stand. A run
    /// records it. Default: nothing.
    fn report(&self) -> Value {
        Value::Null
    }

    /// The reports of all steps in order, of a chain one for each of them.
    #[doc(hidden)]
    fn reports(&self, reports: &mut Vec<Value>) {
        reports.push(self.report());
    }
}

/// A fitted step whose output row *i* depends on input row *i* only, and which keeps every row.
pub trait RowWise: Apply {}

/// A row-wise step that learns nothing: it is its own fitted form, and may stand before the split.
#[diagnostic::on_unimplemented(
    message = "`{Self}` learns from the data, so it cannot run before the split",
    label = "this learns and stands before `.split(..)`",
    note = "move it after `.split(..)`, a step into `.then(..)`, an estimator into `.learn(..)`: there it is fitted on the train rows only",
    note = "to reproduce a pipeline that normalized all rows first, say so: `.fit_before_split(..)`"
)]
pub trait Stateless: RowWise + Plan<Fitted = Self> + Clone + 'static {
    /// Refuses what cannot be row-wise, such as an expression that aggregates.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) naming the expression.
    fn check_row_wise(&self, input: &Schema) -> Result<()>;
}

/// A step as its author writes it: it never runs a query, it *declares* what it needs to know and
/// builds its fitted form from the answers.
///
/// The library answers the needs of many steps in one scan of the train rows; see
/// [`learn`](crate::learn).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a transform",
    label = "expected a step that maps columns to columns",
    note = "steps go into `.then(..)`; an estimator goes into `.learn(..)`"
)]
pub trait Transform: fmt::Debug + Send + Sync {
    /// What the step becomes once it has learned.
    type Fitted: Apply + Artifact + Clone + 'static;

    /// The columns that the fitted step and the needs read.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Schema`](crate::ErrorKind::Schema) when a chosen column is absent.
    fn reads(&self, input: &Schema) -> Result<Vec<PlSmallStr>>;

    /// The columns that the fitted step overwrites, adds or removes.
    ///
    /// # Errors
    ///
    /// As [`reads`](Self::reads).
    fn writes(&self, input: &Schema) -> Result<Vec<PlSmallStr>>;

    /// Columns that only the needs read: the target may be among them, and where the model
    /// predicts none of them has to be there. Default: none.
    ///
    /// # Errors
    ///
    /// As [`reads`](Self::reads).
    fn learns_from(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        let _ = input;
        Ok(Vec::new())
    }

    /// Whether [`Apply::apply_to_train`] drops rows. What learns after such a step waits for it, so
    /// that it costs a level. Default: no.
    fn drops_train_rows(&self) -> bool {
        false
    }

    /// What must be known of the train rows, as they stand at this step's place. Default: nothing.
    ///
    /// # Errors
    ///
    /// As [`reads`](Self::reads), and for a dtype that the step cannot learn from.
    fn needs(&self, input: &Schema) -> Result<Vec<Need>> {
        let _ = input;
        Ok(Vec::new())
    }

    /// Builds the fitted step from what was learned.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Fit`](crate::ErrorKind::Fit) when a policy refuses what was found.
    fn fit(&self, input: &Schema, learned: &Learned) -> Result<Self::Fitted>;

    /// The columns after this step; names that are known after the fit only form an open group.
    ///
    /// # Errors
    ///
    /// As [`reads`](Self::reads), and when a setting of the step cannot work.
    fn output(&self, input: &Schema) -> Result<Schema>;

    /// How the fitted step rewrites a column that it overwrites. Default: in any way.
    ///
    /// A step that says more saves scans: what a later step asks of the column can follow from the
    /// column as it is here, so that both learn at the same level.
    fn shape(&self, input: &Schema, column: &str) -> Shape {
        let _ = (input, column);
        Shape::Any
    }

    /// Reads the fitted step back from a model file. Default: from its serialised form.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Model`](crate::ErrorKind::Model) when the file holds something else.
    fn restore(&self, saved: &Saved) -> Result<Self::Fitted> {
        saved.read()
    }
}
