//! What a landing says of rows that it does not take.

use floe::polars::prelude::*;
use floe::source::remote::{Landing, Table};
use serde_json::json;

#[test]
fn a_text_that_does_not_fit_is_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let rows = Table::new("rows", ["id"]).column("id", DataType::UInt64);
    let landing = Landing::open(folder.path(), "rows", [rows]).unwrap();
    let mut run = landing.begin(&json!({})).unwrap();
    let error = run.append("rows", &json!({"id": "private"})).unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(text.contains("a text of 7 characters"), "{text}");
    assert!(!text.contains("private") && error.column() == Some("id"));
    let error = run.append("rows", &json!({"id": -1})).unwrap_err();
    assert!(error.to_string().contains("`-1`"), "{error}");
}
