use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::shown::shown;
use crate::error::{Error, ErrorKind, Result};

/// The parameter sets that a [`Sweep`](super::Sweep) compares: a grid of typed axes, or a list.
///
/// # Examples
///
/// ```
/// use floe::flow::Candidates;
///
/// // A grid: every pair, the last axis fastest; a candidate is `(f64, u32)`.
/// let grid = Candidates::axis("alpha", [0.1, 1.0, 10.0]).cross("folds", [3_u32, 5]);
/// assert_eq!(grid.len(), 6);
///
/// // A list of a type of one's own; its fields become the columns of the table.
/// #[derive(Clone, Debug, serde::Serialize)]
/// struct Params {
///     alpha: f64,
///     scaled: bool,
/// }
/// let list = Candidates::list([
///     Params { alpha: 0.1, scaled: true },
///     Params { alpha: 1.0, scaled: false },
/// ]);
/// assert_eq!(list.len(), 2);
/// ```
#[derive(Clone)]
pub struct Candidates<C> {
    pub(super) each: Vec<Candidate<C>>,
}

/// One parameter set.
#[derive(Clone)]
pub(super) struct Candidate<C> {
    pub(super) params: C,
    /// The parameters by name, or why they cannot be shown.
    pub(super) shown: std::result::Result<Vec<(String, Value)>, String>,
}

impl<V: Serialize> Candidates<V> {
    /// One candidate for each value of one parameter.
    pub fn axis(name: impl Into<String>, values: impl IntoIterator<Item = V>) -> Self {
        let name = name.into();
        let each = values.into_iter().map(|value| Candidate {
            shown: shown(&value).map(|value| vec![(name.clone(), value)]),
            params: value,
        });
        Self {
            each: each.collect(),
        }
    }

    /// An explicit list. Each field of a struct is a parameter by its name; what is no struct is one
    /// parameter with the name `candidate`.
    pub fn list(candidates: impl IntoIterator<Item = V>) -> Self {
        let each = candidates.into_iter().map(|params| Candidate {
            shown: shown(&params).map(|value| match value {
                Value::Object(fields) => fields.into_iter().collect(),
                value => vec![("candidate".to_owned(), value)],
            }),
            params,
        });
        Self {
            each: each.collect(),
        }
    }
}

impl<C: Clone> Candidates<C> {
    /// Every candidate so far with every value of one more parameter.
    pub fn cross<V: Serialize + Clone>(
        self,
        name: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Candidates<(C, V)> {
        let name = name.into();
        let values: Vec<V> = values.into_iter().collect();
        let with = |candidate: &Candidate<C>, value: &V| Candidate {
            params: (candidate.params.clone(), value.clone()),
            shown: candidate.shown.clone().and_then(|mut shown_so_far| {
                shown_so_far.push((name.clone(), shown(value)?));
                Ok(shown_so_far)
            }),
        };
        let each = self
            .each
            .iter()
            .flat_map(|candidate| values.iter().map(move |value| with(candidate, value)));
        Candidates {
            each: each.collect(),
        }
    }
}

impl<C> Candidates<C> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.each.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.each.is_empty()
    }

    /// Refuses candidates that cannot be told apart in a table.
    pub(super) fn check(&self) -> Result<()> {
        let fail = |message: String, help: &'static str| {
            Err(Error::new(ErrorKind::Config, message).with_help(help))
        };
        let Some(first) = self.each.first() else {
            return fail(
                "there are no candidates to compare".to_owned(),
                "give an axis at least one value",
            );
        };
        for (at, candidate) in self.each.iter().enumerate() {
            let names = match &candidate.shown {
                Ok(shown) => shown.iter().map(|(name, _)| name),
                Err(error) => {
                    return fail(
                        format!("the parameters of candidate {at} cannot be written: {error}"),
                        "give parameters that serialise to JSON",
                    );
                }
            };
            let expected = first.shown.iter().flatten().map(|(name, _)| name);
            if !names.clone().eq(expected) {
                return fail(
                    format!("candidate {at} has other parameters than the first one"),
                    "give every candidate the same fields",
                );
            }
            let names: Vec<_> = names.collect();
            let twice = names
                .iter()
                .enumerate()
                .find(|(at, name)| names[..*at].contains(name));
            if let Some((_, name)) = twice {
                return fail(
                    format!("two parameters have the name `{name}`"),
                    "rename one of the axes",
                );
            }
        }
        Ok(())
    }
}

impl<C> Candidate<C> {
    /// The parameters by name.
    pub(super) fn parameters(&self) -> Vec<(String, Value)> {
        self.shown.clone().unwrap_or_default()
    }

    /// The parameters as a person reads them.
    pub(super) fn label(&self) -> String {
        let shown = self.shown.iter().flatten();
        let shown: Vec<String> = shown
            .map(|(name, value)| match value {
                Value::String(text) => format!("{name}={text}"),
                value => format!("{name}={value}"),
            })
            .collect();
        shown.join(", ")
    }
}

impl<C> fmt::Debug for Candidates<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels = self.each.iter().map(Candidate::label);
        f.debug_list().entries(labels).finish()
    }
}
