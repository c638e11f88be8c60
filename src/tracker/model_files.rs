//! The files of a logged model, which are the same for every store of MLflow.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{LoggedModel, SignatureColumn};

/// What applies the model file in Python.
const LOADER: &str = include_str!("floe_pyfunc.py");
/// The version of MLflow that the form of the folder was tried with.
const MLFLOW: &str = "3.17.2";
/// The version of Python that the loader was tried with.
const PYTHON: &str = "3.11";

/// Path in the model's folder, and content: `MLmodel`, the model file, and what Python needs to
/// apply it.
pub(crate) fn files(model: &LoggedModel, run: &str, id: &str, time: i64) -> Vec<(String, Vec<u8>)> {
    let environment = format!(
        "python: \"{PYTHON}\"\nbuild_dependencies:\n- pip\ndependencies:\n- -r requirements.txt\n"
    );
    let mut files = vec![
        ("MLmodel", description(model, run, id, time)),
        ("model.json", model.file.clone()),
        ("code/floe_pyfunc.py", LOADER.to_owned()),
        ("requirements.txt", "mlflow\nnumpy\npandas\n".to_owned()),
        ("python_env.yaml", environment),
    ];
    if let Some(example) = &model.input_example {
        files.push(("input_example.json", example.to_string()));
        let serving = json!({ "dataframe_split": example });
        files.push(("serving_input_example.json", serving.to_string()));
    }
    let files = files.into_iter();
    files
        .map(|(path, text)| (path.to_owned(), text.into_bytes()))
        .collect()
}

/// The file `MLmodel`. A text of JSON is a text of YAML.
fn description(model: &LoggedModel, run: &str, id: &str, time: i64) -> String {
    let made = Timestamp::from_millisecond(time).unwrap_or_default();
    let made = made.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string();
    let gaps = gaps(&model.file);
    let columns = |columns: &[SignatureColumn]| {
        if columns.is_empty() {
            // MLflow refuses a list of none: a baseline takes any rows.
            return Value::Null;
        }
        let columns: Vec<Value> = columns.iter().map(|of| column(of, &gaps)).collect();
        json!(Value::from(columns).to_string())
    };
    let example = match &model.input_example {
        Some(_) => {
            "saved_input_example_info:\n  artifact_path: input_example.json\n  pandas_orient: split\n  \
             serving_input_path: serving_input_example.json\n  type: dataframe\n"
        }
        None => "",
    };
    let signature = match (&model.signature.inputs, &model.signature.outputs) {
        (inputs, outputs) if inputs.is_empty() && outputs.is_empty() => String::new(),
        (inputs, outputs) => format!(
            "signature:\n  inputs: {}\n  outputs: {}\n  params: null\n",
            columns(inputs),
            columns(outputs)
        ),
    };
    format!(
        "flavors:\n  floe:\n    data: model.json\n    floe_version: {version}\n    kind: {kind}\n  \
         python_function:\n    code: code\n    data: model.json\n    env:\n      virtualenv: \
         python_env.yaml\n    loader_module: floe_pyfunc\n    python_version: \"{PYTHON}\"\n\
         mlflow_version: {MLFLOW}\nmodel_id: {id}\nrun_id: {run}\n{example}{signature}\
         utc_time_created: {made}\n",
        version = json!(env!("CARGO_PKG_VERSION")),
        kind = json!(model.kind),
        id = json!(id),
        run = json!(run),
        made = json!(made),
    )
}

/// A column of a signature. MLflow takes narrower integers and floats for a `long` and a `double`, but
/// no integers of 64 bits, which pandas makes of all integers, for a `double`, and no floats, which
/// pandas makes of integers beside a gap, for a `long`. Integers whose gaps a step looks for can come
/// as both: the loader judges them.
fn column(column: &SignatureColumn, gaps: &BTreeSet<String>) -> Value {
    let dtype = match column.dtype.split(['[', '(']).next().unwrap_or_default() {
        "bool" | "boolean" => "boolean",
        "date" | "datetime" => "datetime",
        "str" | "string" | "binary" | "cat" | "enum" | "time" => "string",
        dtype if dtype.contains("int") && gaps.contains(&column.name) => "any",
        dtype if dtype.contains("int") => "long",
        _ => "double",
    };
    json!({ "name": column.name, "type": dtype, "required": true })
}

/// The columns that a step of a model file fills or marks.
fn gaps(file: &str) -> BTreeSet<String> {
    let told: Value = serde_json::from_str(file).unwrap_or_default();
    let steps = told["contents"]["steps"].as_array().into_iter().flatten();
    let looking =
        steps.filter(|step| step["kind"] == "imputation" || step["kind"] == "missing_indicator");
    let columns =
        looking.flat_map(|step| step["state"]["columns"].as_array().into_iter().flatten());
    columns
        .filter_map(|column| column.as_str().or_else(|| column["column"].as_str()))
        .map(str::to_owned)
        .collect()
}
