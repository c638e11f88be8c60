use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result, listed};

/// One thing that an API is asked for: the values of the placeholders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiItem {
    pub(super) label: String,
    pub(super) values: BTreeMap<String, String>,
}

impl ApiItem {
    /// An item under a label, which names it where it is skipped.
    pub fn new(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            values: BTreeMap::new(),
        }
    }

    /// Sets a value. It stands in manifests: no secrets.
    pub fn set(mut self, name: impl Into<String>, value: impl fmt::Display) -> Self {
        self.values.insert(name.into(), value.to_string());
        self
    }

    /// The text with its placeholders filled in.
    pub(super) fn fill(&self, text: &str) -> Result<String> {
        let (mut filled, mut rest) = (String::new(), text);
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else {
                break;
            };
            let value = self.values.get(name).ok_or_else(|| {
                let message = format!("the item `{}` has no value for `{{{name}}}`", self.label);
                Error::new(ErrorKind::Config, message)
                    .with_help(format!("it has values for {}", listed(self.values.keys())))
            })?;
            filled.push_str(before);
            filled.push_str(value);
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }
}
