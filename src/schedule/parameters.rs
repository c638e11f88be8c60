use std::collections::BTreeMap;
use std::fmt;

use crate::error::{Error, ErrorKind, Result};

/// Names and texts that a run was given: half of its key, beside the interval.
///
/// # Examples
///
/// ```
/// use floe::schedule::Parameters;
///
/// let film = Parameters::new().with("query", "The Matrix");
/// assert_eq!(film.get("query"), Some("The Matrix"));
/// assert_eq!(film.to_string(), "query=The Matrix");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more; the last of equal names stands.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.insert(name.into(), value.into());
        self
    }

    /// The text of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and texts, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Names become variables of the environment, which are in capitals.
    pub(crate) fn check_names(&self) -> Result<()> {
        let mut seen: BTreeMap<String, &str> = BTreeMap::new();
        for name in self.0.keys() {
            let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.is_empty() || !name.chars().all(word) {
                let message =
                    format!("`{name}` is no name of a parameter: letters, digits and `_` make one");
                return Err(Error::new(ErrorKind::Config, message));
            }
            if let Some(other) = seen.insert(name.to_ascii_uppercase(), name) {
                let message =
                    format!("the parameters `{other}` and `{name}` differ by capitals only");
                return Err(Error::new(ErrorKind::Config, message)
                    .with_help("in the environment of a stage both would be one variable"));
            }
        }
        Ok(())
    }

    /// Those of another set stand before those of this one.
    pub(crate) fn over(mut self, other: &Self) -> Self {
        self.0.extend(other.0.clone());
        self
    }

    /// The form of the key: JSON with sorted names, or nothing at all for none.
    pub(crate) fn key(&self) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        serde_json::to_string(&self.0).unwrap_or_default()
    }

    pub(crate) fn from_key(key: &str) -> Result<Self> {
        if key.is_empty() {
            return Ok(Self::new());
        }
        serde_json::from_str(key).map(Self).map_err(|error| {
            let message = format!("the state has parameters that cannot be read: {error}");
            Error::new(ErrorKind::Schedule, message)
        })
    }
}

impl fmt::Display for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, value)) in self.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{name}={value}")?;
        }
        Ok(())
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Parameters {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let pairs = pairs.into_iter();
        Self(
            pairs
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }
}
