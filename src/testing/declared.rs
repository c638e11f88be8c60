//! Laws of what a step says of itself: reads, writes, the columns after it.

use polars::prelude::{DataFrame, DataType, IntoLazy, PlSmallStr, Schema as PolarsSchema};

use super::fitted::applied;
use super::law::{Verdict, because};
use super::rows::{ROW, columns, in_memory, kept, numbered, take};
use super::subject::{Learner, Steps, Subject};
use crate::estimator::{Estimator, PREDICTION, Predict};
use crate::learn::FitOn;
use crate::schema::{Nullable, Schema};
use crate::source::{InMemory, Source};
use crate::transform::{Apply, Transform};

/// What is known of the sample before a row of it is read.
pub(super) fn known(rows: &DataFrame) -> Verdict<Schema> {
    let schema = InMemory::new(rows.clone()).schema();
    schema.map_err(because("looking at the sample"))
}

/// The rows with these columns only, each once.
fn only(rows: &DataFrame, names: &[PlSmallStr]) -> Verdict<DataFrame> {
    let mut once: Vec<PlSmallStr> = Vec::new();
    for name in names {
        if !once.contains(name) {
            once.push(name.clone());
        }
    }
    let chosen = rows.select(once);
    chosen.map_err(|error| because("choosing what it reads")(error.into()))
}

/// What a step says before its fit: it learns from what it reads, in one level.
pub(super) fn asked<T: Transform>(step: &T, rows: &DataFrame) -> Verdict {
    let input = known(rows)?;
    let mut reads = Transform::reads(step, &input).map_err(because("asking what it reads"))?;
    let learns_from = Transform::learns_from(step, &input);
    reads.extend(learns_from.map_err(because("asking what it learns from"))?);
    let needs = Transform::needs(step, &input).map_err(because("asking what it needs"))?;
    if let Some(absent) = reads.iter().find(|name| !input.contains(name)) {
        return Err(format!(
            "it reads `{absent}`, which the sample does not have"
        ));
    }
    let more = Transform::learns_from(step, &input);
    let reads = [reads, more.map_err(because("asking what it learns from"))?].concat();
    let mut asked = needs.iter().flat_map(|need| need.columns());
    if let Some(column) = asked.find(|column| !reads.contains(column)) {
        return Err(format!("it learns from `{column}` and does not read it"));
    }
    let levels = step.levels(&input).map_err(because("planning it"))?.len();
    if levels != usize::from(!needs.is_empty()) {
        return Err(format!("its needs take {levels} levels"));
    }
    Ok(())
}

/// The fitted step changes what it writes, and uses what it reads.
pub(super) fn declares<T: Transform>(step: &T, fitted: &T::Fitted, rows: &DataFrame) -> Verdict {
    let subject = Steps(step);
    let input = known(rows)?;
    let reads = Transform::reads(step, &input).map_err(because("asking what it reads"))?;
    let writes = Transform::writes(step, &input).map_err(because("asking what it writes"))?;
    let rows = numbered(rows)?;
    let output = applied(&subject, fitted, &rows)?;
    let before = take(&rows, &kept(&output, rows.height())?)?;
    let untouched = before.columns().iter();
    for column in untouched.filter(|column| !writes.contains(column.name())) {
        let name = column.name();
        match output.column(name) {
            Ok(found) if found.dtype() != column.dtype() => {
                return Err(format!(
                    "it changes the dtype of `{name}` and does not write it"
                ));
            }
            Ok(found) => columns(column, found, 0.0)
                .map_err(|seen| format!("it changes what it does not write: {seen}"))?,
            // The number of a row is the kit's own; a step that chooses its columns loses it.
            Err(_) if name == ROW => {}
            Err(_) => return Err(format!("it removes `{name}` and does not write it")),
        }
    }
    let planned = Transform::output(step, &input).map_err(because("planning its columns"))?;
    let open = planned.fields().iter().any(|field| field.is_open());
    let made = |name: &PlSmallStr| writes.contains(name) || (open && !input.contains(name));
    let mut names = output.get_column_names_owned().into_iter();
    if let Some(name) = names.find(|name| rows.column(name).is_err() && !made(name)) {
        return Err(format!("it adds `{name}` and does not write it"));
    }

    let more = Transform::learns_from(step, &input);
    let reads = [reads, more.map_err(because("asking what it learns from"))?].concat();
    if reads.is_empty() {
        return Ok(());
    }
    let alone = only(&rows, &reads)?;
    let again = subject.fit(&alone);
    let again = again.map_err(because("fitting it on what it reads alone"))?;
    let numbered = alone.hstack(&[rows.column(ROW).map_err(|e| e.to_string())?.clone()]);
    let found = applied(&subject, &again, &numbered.map_err(|e| e.to_string())?)
        .map_err(|seen| format!("on what it reads alone, {seen}"))?;
    for column in output.columns().iter().filter(|column| made(column.name())) {
        let found = found.column(column.name());
        let found = found.map_err(|_| format!("without it, `{}` is not made", column.name()))?;
        if found.len() != column.len() {
            return Err("what it does not read changes which rows it keeps".to_owned());
        }
        columns(column, found, 0.0)
            .map_err(|seen| format!("it uses more than it reads: on that alone, {seen}"))?;
    }
    Ok(())
}

/// Names and dtypes in order.
fn listed(schema: &PolarsSchema) -> String {
    let fields = schema
        .iter()
        .map(|(name, dtype)| format!("{name}: {dtype}"));
    fields.collect::<Vec<_>>().join(", ")
}

/// The real columns are those that the fitted step promises; gives its promise.
pub(super) fn promised<A: Apply>(fitted: &A, rows: &DataFrame) -> Verdict<(Schema, DataFrame)> {
    let promise = fitted.output(&known(rows)?);
    let promise = promise.map_err(because("asking what comes out"))?;
    let query = fitted.apply(rows.clone().lazy());
    let mut query = query.map_err(because("applying it"))?;
    let lazy = query.collect_schema();
    let lazy = lazy.map_err(|error| because("planning the query")(error.into()))?;
    let output = in_memory(query).map_err(because("applying it"))?;
    let (said, found) = (listed(&promise.to_polars()), listed(output.schema()));
    if said != found {
        return Err(format!(
            "the fitted step promises ({said}), and gives ({found})"
        ));
    }
    let planned = listed(&lazy);
    if planned != found {
        return Err(format!(
            "the query is planned as ({planned}), and gives ({found})"
        ));
    }
    without_nulls(&promise, &output)?;
    Ok((promise, output))
}

fn without_nulls(promise: &Schema, output: &DataFrame) -> Verdict {
    let never = promise.fields().iter();
    for field in never.filter(|field| field.is_nullable() == Nullable::Never && !field.is_open()) {
        let nulls = output
            .column(field.name())
            .map_or(0, |column| column.null_count());
        if nulls > 0 {
            return Err(format!(
                "`{}` can never be null, and {nulls} values are",
                field.name()
            ));
        }
    }
    Ok(())
}

/// What the step planned before the fit is what the fitted step promises; an open group stands for
/// columns of its dtype.
pub(super) fn schema<T: Transform>(step: &T, fitted: &T::Fitted, rows: &DataFrame) -> Verdict {
    let (promise, output) = promised(fitted, rows)?;
    let planned = Transform::output(step, &known(rows)?);
    let planned = planned.map_err(because("planning its columns"))?;
    without_nulls(&planned, &output)?;
    let (groups, closed): (Vec<_>, Vec<_>) =
        planned.fields().iter().partition(|field| field.is_open());
    let is_closed = |name: &PlSmallStr| closed.iter().any(|field| field.name() == name);
    let (kept, members): (Vec<_>, Vec<_>) = promise
        .fields()
        .iter()
        .partition(|field| is_closed(field.name()));
    let said = closed.iter().map(|field| (field.name(), field.dtype()));
    let found = kept.iter().map(|field| (field.name(), field.dtype()));
    if !said.eq(found) {
        return Err(format!(
            "planned are the columns ({planned}), fitted ({promise})"
        ));
    }
    for member in members {
        if !groups.iter().any(|group| group.dtype() == member.dtype()) {
            let (name, dtype) = (member.name(), member.dtype());
            return Err(format!("`{name}` ({dtype}) is in no group of ({planned})"));
        }
    }
    Ok(())
}

/// The columns that a model adds: a prediction, of floats or in the dtype of its classes, and then a
/// probability of each class.
fn added(model: &impl Predict) -> Vec<(PlSmallStr, DataType)> {
    let Some(classes) = model.classes() else {
        return vec![(PREDICTION.into(), DataType::Float64)];
    };
    let mut added = vec![(PREDICTION.into(), classes.dtype().clone())];
    let names = classes.probability_names().into_iter();
    added.extend(names.map(|name| (name, DataType::Float64)));
    added
}

/// A model needs its features only.
pub(super) fn predicts<E: Estimator + Clone>(
    subject: &Learner<'_, E>,
    estimator: &E,
    fitted: &E::Model,
    rows: &DataFrame,
) -> Verdict {
    let features = estimator.features(&known(rows)?);
    let features = features.map_err(because("asking for its features"))?;
    if features.is_empty() {
        return Ok(());
    }
    let expected = applied(subject, fitted, rows)?;
    let found = applied(subject, fitted, &only(rows, &features)?)
        .map_err(|seen| format!("on its features alone, {seen}"))?;
    for (name, _) in added(fitted) {
        let of = |frame: &DataFrame| frame.column(&name).cloned().map_err(|e| e.to_string());
        columns(&of(&expected)?, &of(&found)?, 0.0)
            .map_err(|seen| format!("it uses more than its features: {seen}"))?;
    }
    Ok(())
}

/// The columns of a model's output: those of its input, and what it adds.
pub(super) fn prediction<E: Estimator + Clone>(
    subject: &Learner<'_, E>,
    fitted: &E::Model,
    rows: &DataFrame,
) -> Verdict {
    let query = subject.apply(fitted, rows.clone().lazy());
    let mut query = query.map_err(because("predicting"))?;
    let lazy = query.collect_schema();
    let lazy = lazy.map_err(|error| because("planning the query")(error.into()))?;
    let output = in_memory(query).map_err(because("predicting"))?;
    let mut said = known(rows)?;
    let mut found = Schema::from_polars(output.schema());
    let added = added(fitted);
    for (name, dtype) in &added {
        said.remove(name);
        found.remove(name);
        let made = output.column(name);
        let made = made.map_err(|_| format!("it adds no column `{name}`"))?;
        if made.dtype() != dtype {
            let found = made.dtype();
            return Err(format!("`{name}` is {found} and not {dtype:?}"));
        }
    }
    let (said, found) = (listed(&said.to_polars()), listed(&found.to_polars()));
    if said != found {
        return Err(format!(
            "beside the prediction there are ({found}) and not ({said})"
        ));
    }
    let (planned, found) = (listed(&lazy), listed(output.schema()));
    if planned != found {
        return Err(format!(
            "the query is planned as ({planned}), and gives ({found})"
        ));
    }
    let is_added = |name: &PlSmallStr| added.iter().any(|(added, _)| added == name);
    for column in rows
        .columns()
        .iter()
        .filter(|column| !is_added(column.name()))
    {
        let after = output.column(column.name()).map_err(|e| e.to_string())?;
        columns(column, after, 0.0).map_err(|seen| format!("it changes more: {seen}"))?;
    }
    Ok(())
}
