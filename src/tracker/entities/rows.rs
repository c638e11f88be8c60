//! Datasets and columns as MLflow describes them.

use serde_json::{Value, json};

use super::DatasetEntry;
use crate::tracker::Dataset;

/// The most characters of a digest.
const LONGEST_DIGEST: usize = 36;

pub(super) fn dataset(of: &Dataset) -> DatasetEntry {
    let columns: Vec<Value> = of
        .columns
        .iter()
        .map(|column| {
            let dtype = column_type(&column.dtype);
            json!({ "type": dtype, "name": column.name, "required": !column.nullable })
        })
        .collect();
    let elements = of.rows.map(|rows| rows * of.columns.len() as u64);
    let (source_type, source) = match of.files.as_slice() {
        [] => ("code", json!({ "tags": { "floe.source": of.source } })),
        [file] => ("local", json!({ "uri": file })),
        files => ("local", json!({ "uri": files[0], "uris": files })),
    };
    DatasetEntry {
        name: of.name.chars().take(500).collect(),
        digest: of.digest.chars().take(LONGEST_DIGEST).collect(),
        source_type,
        source: source.to_string(),
        schema: json!({ "mlflow_colspec": columns }).to_string(),
        profile: json!({ "num_rows": of.rows, "num_elements": elements }).to_string(),
        context: of.role.clone(),
    }
}

/// The type of a column in MLflow's words.
pub(crate) fn column_type(dtype: &str) -> &'static str {
    match dtype.split(['[', '(']).next().unwrap_or(dtype) {
        "bool" | "boolean" => "boolean",
        "int8" | "int16" | "int32" | "uint8" | "uint16" => "integer",
        "int64" | "uint32" | "uint64" => "long",
        "float32" => "float",
        "float64" | "decimal" => "double",
        "date" | "datetime" => "datetime",
        "binary" => "binary",
        _ => "string",
    }
}
