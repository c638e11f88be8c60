//! Values as texts within MLflow's limits.

use serde_json::Value;

use super::{Pair, safe_key};
use crate::tracker::Artifact;
use crate::tracker::checksum::checksum;

/// The most characters that MLflow keeps of a parameter; a server cuts the rest off in silence.
const LONGEST_PARAM: usize = 6000;
/// And of a tag.
const LONGEST_TAG: usize = 8000;

/// The most bytes of a key in the name of a file: file systems take 255 of the whole.
const LONGEST_NAME: usize = 200;

/// Makes texts fit, and keeps those that do not whole beside.
#[derive(Default)]
pub(super) struct Texts {
    pub(super) whole: Vec<Artifact>,
}

impl Texts {
    pub(super) fn params(&mut self, pairs: impl IntoIterator<Item = Pair>) -> Vec<Pair> {
        self.fit(pairs, "params", LONGEST_PARAM)
    }

    pub(super) fn tags(&mut self, pairs: impl IntoIterator<Item = Pair>) -> Vec<Pair> {
        self.fit(pairs, "tags", LONGEST_TAG)
    }

    fn fit(
        &mut self,
        pairs: impl IntoIterator<Item = Pair>,
        folder: &str,
        longest: usize,
    ) -> Vec<Pair> {
        let fit = |(key, value): Pair| {
            if value.chars().count() <= longest {
                return (key, value);
            }
            let path = format!("{folder}/{}.txt", file_name(&key));
            let end = format!("… whole in the artifact {path}");
            let kept = longest - end.chars().count();
            let cut: String = value.chars().take(kept).chain(end.chars()).collect();
            self.whole.push(Artifact::text(path, value));
            (key, cut)
        };
        pairs.into_iter().map(fit).collect()
    }
}

/// The name of a file for a key, and no other key has it: one that had to be changed or cut ends in
/// digits of the whole key. Slashes do not become folders, since `a` and `a.txt/b` may both be keys.
fn file_name(key: &str) -> String {
    let safe = safe_key(key).replace('/', "_");
    if safe == key && key.len() <= LONGEST_NAME {
        return safe;
    }
    let mut end = safe.len().min(LONGEST_NAME);
    while !safe.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}-{:016x}", &safe[..end], checksum(key.as_bytes()))
}

/// A JSON value as a person writes it: a text without its quotes.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// The leaves of a JSON value with their paths, `likes.mean`; nulls are left out.
pub(super) fn flat(value: &Value) -> Vec<Pair> {
    let mut leaves = Vec::new();
    collect(value, "", &mut leaves);
    leaves
}

fn collect(value: &Value, path: &str, leaves: &mut Vec<Pair>) {
    let below = |name: &str| match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    };
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            for (name, value) in fields {
                collect(value, &below(name), leaves);
            }
        }
        // A short list of plain values reads better as one text.
        Value::Array(values)
            if values
                .iter()
                .any(|value| value.is_object() || value.is_array()) =>
        {
            for (at, value) in values.iter().enumerate() {
                collect(value, &below(&at.to_string()), leaves);
            }
        }
        value => leaves.push((path.to_owned(), text(value))),
    }
}
