//! One step on its way: waiting, asked, fitted, applied.

use std::fmt;
use std::sync::{Arc, OnceLock};

use polars::prelude::PlSmallStr;

use super::algebra::{Link, Shape, Slot};
use super::answers::Answers;
use super::climb::stuck;
use super::sheet::Asked;
use super::walk::Walk;
use super::{Learned, Need};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{Field, Schema, refuse_hidden, refuse_role};
use crate::transform::{Apply, Transform};

/// How far one step has come.
#[derive(Debug, Default)]
pub enum Progress<F> {
    /// Something that it reads is not there yet.
    #[default]
    Waiting,
    /// Its needs are on the sheet of the current level.
    #[doc(hidden)]
    Asked(Schema, AskedNeeds),
    /// When only planning: it will be fitted by now.
    Known,
    /// Fitted, but it makes a group of columns behind another one whose names are not known yet, and
    /// theirs must differ: it is fitted again, from what it learned, once they are.
    #[doc(hidden)]
    Unsettled(F, Learned),
    /// Fitted.
    Done(F),
}

/// The needs of a step, once they are on a sheet, and where the step is put once it is fitted.
pub struct AskedNeeds {
    asked: Asked,
    fitted: Slot,
}

impl fmt::Debug for AskedNeeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.asked.fmt(f)
    }
}

impl<F> Progress<F> {
    pub(crate) fn done(self) -> Result<F> {
        match self {
            Self::Done(fitted) => Ok(fitted),
            _ => Err(stuck()),
        }
    }
}

/// What a step declares; the planner's side of [`Transform`], shared with the erased twin.
pub(crate) trait Declare: fmt::Debug {
    type Fitted: Apply + Clone + 'static;
    fn reads(&self, input: &Schema) -> Result<Vec<PlSmallStr>>;
    fn writes(&self, input: &Schema) -> Result<Vec<PlSmallStr>>;
    fn learns_from(&self, input: &Schema) -> Result<Vec<PlSmallStr>>;
    fn drops_train_rows(&self) -> bool;
    fn needs(&self, input: &Schema) -> Result<Vec<Need>>;
    fn fit(&self, input: &Schema, learned: &Learned) -> Result<Self::Fitted>;
    fn output(&self, input: &Schema) -> Result<Schema>;
    fn shape(&self, input: &Schema, column: &str) -> Shape;
}

/// A transform as the planner sees it.
#[derive(Debug)]
pub(crate) struct Step<'a, T>(pub(crate) &'a T);

impl<T: Transform> Declare for Step<'_, T> {
    type Fitted = T::Fitted;

    fn reads(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.0.reads(input)
    }

    fn writes(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.0.writes(input)
    }

    fn learns_from(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.0.learns_from(input)
    }

    fn drops_train_rows(&self) -> bool {
        self.0.drops_train_rows()
    }

    fn needs(&self, input: &Schema) -> Result<Vec<Need>> {
        self.0.needs(input)
    }

    fn fit(&self, input: &Schema, learned: &Learned) -> Result<T::Fitted> {
        self.0.fit(input, learned)
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        self.0.output(input)
    }

    fn shape(&self, input: &Schema, column: &str) -> Shape {
        self.0.shape(input, column)
    }
}

/// Refuses needs on columns that are not among the declared reads: neither their role nor whether
/// a step before still has to write them was looked at.
pub(crate) fn refuse_undeclared(reads: &[PlSmallStr], needs: &[Need]) -> Result<()> {
    let mut asked = needs.iter().flat_map(Need::columns);
    let Some(column) = asked.find(|column| !reads.contains(column)) else {
        return Ok(());
    };
    let message = "it learns from a column that it does not say it reads";
    Err(Error::new(ErrorKind::Config, message)
        .on_column(column)
        .with_help("return the column from `reads`, or of an estimator from `features`"))
}

/// Moves one step along: applies it when it is fitted and what it reads is there, asks its needs
/// when they can be answered.
pub(crate) fn advance<D: Declare>(
    step: &D,
    progress: &mut Progress<D::Fitted>,
    walk: &mut Walk,
) -> Result<()> {
    let input = walk.schema().clone();
    let writes = step.writes(&input)?;
    let reads = step.reads(&input)?;
    walk.read(&reads);
    let learned_from = step.learns_from(&input)?;
    walk.learn_from(&learned_from);
    let drops = step.drops_train_rows();
    let waits_for_names = walk.is_group_pending(&writes)
        || (walk.has_pending_group() && makes_group(&input, &step.output(&input)?));
    // What was asked of all rows must not be answered by those that are left. What only the train
    // rows are judged by is read too.
    let held = drops && (walk.has_asked() || !walk.is_ready(&learned_from));
    let ready = walk.is_ready(&reads) && !waits_for_names && !held;
    if let Progress::Unsettled(_, learned) = progress
        && ready
    {
        *progress = Progress::Done(step.fit(&input, learned)?);
    }
    let passed = Passed {
        step,
        input: &input,
        reads: &reads,
        writes: &writes,
    };
    match progress {
        Progress::Done(fitted) if ready => {
            if drops {
                walk.drop_rows();
            }
            return walk.apply(&writes, fitted);
        }
        Progress::Known if ready => {
            walk.pass(&writes, step.output(&input)?);
            return Ok(());
        }
        Progress::Done(fitted) => {
            let slot = Slot::from(OnceLock::from(Arc::new(fitted.clone()) as Arc<dyn Apply>));
            passed.leave(walk, step.output(&input)?, Some(&slot));
            return Ok(());
        }
        Progress::Known => {
            passed.leave(walk, step.output(&input)?, Some(&Slot::default()));
            return Ok(());
        }
        Progress::Unsettled(..) => {
            passed.leave(walk, step.output(&input)?, None);
            return Ok(());
        }
        Progress::Waiting | Progress::Asked(..) => {}
    }
    for column in &reads {
        refuse_role(&input, column)?;
    }
    for column in &writes {
        refuse_hidden(column)?;
        if !input.contains(column) && input.group(column).next().is_some() {
            let message = "a column cannot be named as a group of columns is";
            return Err(Error::new(ErrorKind::Schema, message)
                .on_column(column.as_str())
                .with_help("choose another name"));
        }
    }
    for column in writes.iter().filter(|column| input.contains(column)) {
        refuse_role(&input, column)?;
    }
    // What cannot work must be said before a row is read, also of a step that waits.
    let output = step.output(&input)?;
    let needs = step.needs(&input)?;
    let declared = [reads.as_slice(), &learned_from].concat();
    refuse_undeclared(&declared, &needs)?;
    if needs.is_empty() && ready {
        // Nothing to learn: no reason to wait for a scan.
        let fitted = step.fit(&input, &Learned::default())?;
        if drops {
            walk.drop_rows();
        }
        walk.apply(&writes, &fitted)?;
        *progress = Progress::Done(fitted);
        return Ok(());
    }
    if needs.is_empty() || !walk.can_ask(&needs) {
        passed.leave(walk, output, None);
        return Ok(());
    }
    let asked = walk.ask(needs)?;
    let fitted = Slot::default();
    passed.leave(walk, output, Some(&fitted));
    *progress = Progress::Asked(input, AskedNeeds { asked, fitted });
    Ok(())
}

/// Whether a step makes a group of columns out of what was none.
fn makes_group(input: &Schema, output: &Schema) -> bool {
    let was_open = |name| input.get(name).is_some_and(Field::is_open);
    let mut fields = output.fields().iter();
    fields.any(|field| field.is_open() && !was_open(field.name()))
}

/// A step that cannot be applied in this walk.
struct Passed<'a, D> {
    step: &'a D,
    input: &'a Schema,
    reads: &'a [PlSmallStr],
    writes: &'a [PlSmallStr],
}

impl<D: Declare> Passed<'_, D> {
    /// Leaves what it writes pending; `fitted` is where it will be by the next level.
    fn leave(&self, walk: &mut Walk, output: Schema, fitted: Option<&Slot>) {
        walk.wait();
        if self.step.drops_train_rows() {
            walk.leave_rows_pending();
        }
        walk.leave_pending(self.writes, output, |column| {
            let shape = self.step.shape(self.input, column);
            let fitted = fitted.filter(|_| shape != Shape::Any)?;
            let fields = self.input.fields().iter();
            let fields = fields.filter(|field| self.reads.contains(field.name()));
            Some(Link {
                column: column.clone(),
                shape,
                input: Schema::new(fields.cloned()).ok()?,
                fitted: Arc::clone(fitted),
            })
        });
    }
}

/// Gives a step the answers of the level, or when only planning lets it count as fitted.
pub(crate) fn resolve<D: Declare>(
    step: &D,
    progress: &mut Progress<D::Fitted>,
    answers: Option<&Answers>,
) -> Result<()> {
    if let Progress::Asked(input, needs) = progress {
        *progress = match answers {
            Some(answers) => {
                let learned = Learned::of(answers, &needs.asked)?;
                let fitted = step.fit(input, &learned)?;
                // Each walk makes a place of its own, so it is empty.
                let _ = needs.fitted.set(Arc::new(fitted.clone()));
                let has_open = input.fields().iter().any(Field::is_open);
                if has_open && makes_group(input, &step.output(input)?) {
                    Progress::Unsettled(fitted, learned)
                } else {
                    Progress::Done(fitted)
                }
            }
            None => Progress::Known,
        };
    }
    Ok(())
}
