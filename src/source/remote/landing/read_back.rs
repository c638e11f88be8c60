//! Rows of a landing that are not in its files yet.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use polars::prelude::DataFrame;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::cell::written;
use super::compact::batch;
use super::files::{damaged, failed};
use super::{LandingRun, Table};
use crate::error::{Error, ErrorKind, Result};

impl LandingRun {
    /// Reads what the run had committed of a table when it was taken up: what a collector needs to
    /// land no row twice.
    pub(crate) fn read_back<T: DeserializeOwned>(
        &self,
        table: &str,
        mut each: impl FnMut(T),
    ) -> Result<()> {
        let Some((path, bytes)) = self.committed(table) else {
            return Ok(());
        };
        let unread = |error: std::io::Error| failed(&path, "read", error);
        let file = File::open(&path).map_err(unread)?.take(bytes);
        for line in BufReader::new(file).lines() {
            let row = serde_json::from_str(&line.map_err(unread)?)
                .map_err(|error| damaged(&path, &error.to_string()))?;
            each(row);
        }
        Ok(())
    }
}

impl Table {
    /// The rows as a landing gives them, without one.
    pub(crate) fn frame(&self, rows: &[Value]) -> Result<DataFrame> {
        let columns = self.all();
        let mut lines = Vec::with_capacity(rows.len());
        for row in rows {
            let mut line = Map::new();
            for (key, value) in row.as_object().into_iter().flatten() {
                let column = columns.iter().find(|column| column.name == *key);
                let column = column.filter(|_| !value.is_null());
                let Some(column) = column else { continue };
                let value = written(value.clone(), &column.dtype.0).ok_or_else(|| {
                    Error::new(ErrorKind::Schema, "a value does not fit its column")
                        .on_column(key)
                        .with_dtype(&column.dtype.0)
                })?;
                line.insert(key.clone(), value);
            }
            lines.push(Value::from(line).to_string());
        }
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        batch(&lines, &columns, Path::new("rows"), "", "")
    }
}
