//! What a run tells of its rows and of its model as a whole.

use polars::prelude::{DataFrame, LazyFrame, PlSmallStr};
use serde_json::{Value, json};

use super::Divided;
use super::divide::Division;
use super::recorder::Recorder;
use crate::error::{Result, label};
use crate::estimator::Predict;
use crate::learn::{Plan, ScanLog};
use crate::model::Model;
use crate::schema::{Dtype, Nullable, Schema, column};
use crate::source::digest_of;
use crate::tracker::{
    Dataset, LoggedModel, RunInfo, Signature, SignatureColumn, Tracker, What, to_json,
};
use crate::transform::{Apply, Artifact, Invert, Persist};

/// How many rows are shown as an example of what a model takes.
const EXAMPLE: u32 = 3;

/// Records the rows of each role, with how many there are where that is known.
pub(super) fn record_datasets<D: Division, P: Plan, T: Plan, K: Tracker>(
    recorder: &mut Recorder<'_, K>,
    divided: &Divided<D, P, T>,
    schema: &Schema,
    roles: &[(&str, Option<u64>)],
) -> Result<()> {
    if recorder.is_idle() {
        return Ok(());
    }
    let source = format!("{:?}", divided.division);
    let split = divided.division.describe().to_string();
    let datasets = roles.iter().map(|(role, rows)| {
        // A source that cannot be told apart by its rows is told apart by its text.
        let print = divided.division.fingerprint(role).unwrap_or_default();
        let name = match print.name.as_str() {
            "" => label(&divided.division),
            name => name.to_owned(),
        };
        let digest = digest_of(&[&print.digest, &source, &split, role]);
        let mut dataset = Dataset::new(format!("{name} ({role})"), digest, *role);
        dataset.source = label(&divided.division);
        dataset.rows = *rows;
        for path in print.files {
            dataset = dataset.file(path.to_string_lossy());
        }
        for field in schema.fields() {
            let dtype = Dtype(field.dtype().clone()).text();
            let nullable = field.is_nullable() == Nullable::Maybe;
            dataset = dataset.column(field.name().as_str(), dtype, nullable);
        }
        What::Dataset(Box::new(dataset))
    });
    recorder.record_all(datasets)
}

/// How many rows were learned from: those of the first scan that a fit made.
pub(super) fn learned_rows(log: &ScanLog) -> Option<u64> {
    let mut scans = log.scans.iter();
    let scan = scans.find(|scan| matches!(scan.purpose.as_str(), "level" | "estimator"))?;
    Some(scan.rows)
}

/// Records the model whole, with a few of the rows that it learned from as an example.
pub(super) fn record_model<P, T, M, K: Tracker>(
    recorder: &mut Recorder<'_, K>,
    model: &Model<P, T, M>,
    info: &RunInfo,
    train: &LazyFrame,
    schema: &Schema,
) -> Result<()>
where
    P: Apply + Persist,
    T: Invert + Persist,
    M: Predict + Artifact,
{
    if recorder.is_idle() {
        return Ok(());
    }
    let name = info.model.as_deref().unwrap_or("model");
    let mut logged = LoggedModel::new(name, model.text()?);
    M::KIND.clone_into(&mut logged.kind);
    let inputs = &model.pipeline.inputs;
    let names: Vec<PlSmallStr> = inputs
        .iter()
        .map(|input| input.name.as_str().into())
        .collect();
    let inputs = inputs
        .iter()
        .map(|input| SignatureColumn::new(&input.name, &input.dtype));
    let target = schema.field(&model.pipeline.target);
    let is_classifier = model.predictor.classes().is_some();
    let outputs = model.outcomes().into_iter().enumerate().map(|(at, name)| {
        // A class is of the target's own dtype; all else is a number.
        let class = target.as_ref().ok().filter(|_| is_classifier && at == 0);
        let dtype = class.map_or_else(
            || "float64".to_owned(),
            |field| Dtype(field.dtype().clone()).text(),
        );
        SignatureColumn::new(name.as_str(), dtype)
    });
    logged.signature = Signature::new(inputs, outputs);
    logged.input_example = example(train, &names);
    recorder.record(What::Model(Box::new(logged)))
}

/// The first rows, where they can be had: they are no more than an example.
fn example(train: &LazyFrame, names: &[PlSmallStr]) -> Option<Value> {
    let columns: Vec<_> = names.iter().cloned().map(column).collect();
    let rows = train
        .clone()
        .select(columns)
        .limit(EXAMPLE)
        .collect()
        .ok()?;
    let data: Option<Vec<Vec<Value>>> = (0..rows.height()).map(|row| cells(&rows, row)).collect();
    Some(
        json!({ "columns": names.iter().map(|name| name.as_str()).collect::<Vec<_>>(), "data": data? }),
    )
}

fn cells(rows: &DataFrame, row: usize) -> Option<Vec<Value>> {
    use polars::prelude::AnyValue;

    let cell = |value: AnyValue<'_>| match value {
        AnyValue::Null => Value::Null,
        AnyValue::Boolean(value) => json!(value),
        AnyValue::String(value) => json!(value),
        AnyValue::StringOwned(value) => json!(value.as_str()),
        value if value.is_integer() => value
            .extract::<i64>()
            .map_or_else(|| json!(value.to_string()), |value| json!(value)),
        value if value.is_float() => value.extract::<f64>().map_or(Value::Null, to_json),
        // Dates and the like, as texts that pandas reads.
        value => json!(value.to_string()),
    };
    let columns = rows.columns().iter();
    columns
        .map(|column| column.get(row).ok().map(cell))
        .collect()
}
