//! The files of a logged model, which are the same for every store of MLflow.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{LoggedModel, SignatureColumn};

/// Path in the model's folder, and content: `MLmodel` and the model file.
pub(crate) fn files(model: &LoggedModel, run: &str, id: &str, time: i64) -> Vec<(String, Vec<u8>)> {
    vec![
        (
            "MLmodel".to_owned(),
            description(model, run, id, time).into_bytes(),
        ),
        ("model.json".to_owned(), model.file.clone().into_bytes()),
    ]
}

/// The file `MLmodel`. A text of JSON is a text of YAML.
fn description(model: &LoggedModel, run: &str, id: &str, time: i64) -> String {
    let made = Timestamp::from_millisecond(time).unwrap_or_default();
    let made = made.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string();
    let columns = |columns: &[SignatureColumn]| {
        let columns: Vec<Value> = columns.iter().map(column).collect();
        json!(Value::from(columns).to_string())
    };
    format!(
        "flavors:\n  floe:\n    data: model.json\n    floe_version: {version}\n    kind: {kind}\n\
         model_id: {id}\nrun_id: {run}\nsignature:\n  inputs: {inputs}\n  outputs: {outputs}\n  \
         params: null\nutc_time_created: {made}\n",
        version = json!(env!("CARGO_PKG_VERSION")),
        kind = json!(model.kind),
        id = json!(id),
        run = json!(run),
        inputs = columns(&model.signature.inputs),
        outputs = columns(&model.signature.outputs),
        made = json!(made),
    )
}

/// A column of a signature. Numbers are doubles: a narrower type would refuse a frame of pandas that
/// has the same values as floats, such as integers beside a gap.
fn column(column: &SignatureColumn) -> Value {
    let dtype = match column.dtype.split(['[', '(']).next().unwrap_or_default() {
        "bool" | "boolean" => "boolean",
        "date" | "datetime" => "datetime",
        "str" | "string" | "binary" | "cat" | "enum" | "time" => "string",
        _ => "double",
    };
    json!({ "name": column.name, "type": dtype, "required": false })
}
