//! Datasets and columns as MLflow describes them.

use serde_json::{Value, json};

use super::DatasetEntry;
use crate::tracker::Dataset;

/// The most characters of a digest.
const LONGEST_DIGEST: usize = 36;
/// The most characters of a source.
const LONGEST_SOURCE: usize = 65_535;
/// The most characters of a schema.
const LONGEST_SCHEMA: usize = 1_048_575;

pub(super) fn dataset(of: &Dataset) -> DatasetEntry {
    let columns: Vec<Value> = of
        .columns
        .iter()
        .map(|column| {
            let dtype = column_type(&column.dtype);
            json!({ "type": dtype, "name": column.name, "required": !column.nullable })
        })
        .collect();
    let elements = of
        .rows
        .and_then(|rows| rows.checked_mul(of.columns.len() as u64));
    let (source_type, source) = source(of);
    DatasetEntry {
        name: of.name.chars().take(500).collect(),
        digest: of.digest.chars().take(LONGEST_DIGEST).collect(),
        source_type,
        source,
        schema: schema(columns),
        profile: json!({ "num_rows": of.rows, "num_elements": elements }).to_string(),
        context: of.role.clone(),
    }
}

/// Where the rows come from, with as many of many files as MLflow keeps.
fn source(of: &Dataset) -> (&'static str, String) {
    let files = of.files.as_slice();
    let Some(first) = files.first() else {
        let whole = json!({ "tags": { "floe.source": of.source } }).to_string();
        if whole.chars().count() <= LONGEST_SOURCE {
            return ("code", whole);
        }
        // A character may become six, as `\u0001` does.
        let cut: String = of.source.chars().take(LONGEST_SOURCE / 6 - 100).collect();
        let cut = json!({ "tags": { "floe.source": format!("{cut}…") } });
        return ("code", cut.to_string());
    };
    if files.len() == 1 {
        return ("local", json!({ "uri": first }).to_string());
    }
    let told = |files: &[String], of: Option<usize>| {
        let mut source = json!({ "uri": first, "uris": files });
        if let Some(of) = of {
            source["files"] = json!(of);
        }
        source.to_string()
    };
    let whole = told(files, None);
    if whole.chars().count() <= LONGEST_SOURCE {
        return ("local", whole);
    }
    let mut most = files.len();
    let mut cut = whole;
    while cut.chars().count() > LONGEST_SOURCE && most > 0 {
        most /= 2;
        cut = told(&files[..most], Some(files.len()));
    }
    ("local", cut)
}

/// The columns, or the first of very many, as many as MLflow keeps.
fn schema(mut columns: Vec<Value>) -> String {
    loop {
        let schema = json!({ "mlflow_colspec": columns }).to_string();
        if schema.chars().count() <= LONGEST_SCHEMA {
            return schema;
        }
        columns.truncate(columns.len() / 2);
    }
}

impl DatasetEntry {
    /// The same rows as another dataset, which a run needs that reads them in a second role: MLflow
    /// ties a dataset to a run once.
    pub(crate) fn in_role(&self) -> Self {
        let role: String = self.context.chars().take(LONGEST_DIGEST / 2).collect();
        let left = LONGEST_DIGEST - 1 - role.chars().count();
        let digest: String = self.digest.chars().take(left).collect();
        Self {
            digest: format!("{digest}-{role}"),
            ..self.clone()
        }
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
