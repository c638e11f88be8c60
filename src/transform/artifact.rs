use std::collections::VecDeque;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Chain;
use crate::error::{Error, ErrorKind, Result};

/// What was learned, as data: a fitted step or a model that can be written to a file and read back.
///
/// The serialised form holds learned values and settings only: never code, never a query plan.
pub trait Artifact: Serialize + DeserializeOwned {
    /// The name of this kind in a model file, in snake case; never changed once it was released.
    const KIND: &'static str;

    /// What is written: of an erased artifact, that which it holds.
    #[doc(hidden)]
    fn to_saved(&self) -> Result<Saved> {
        Saved::of(self)
    }
}

/// One fitted step of a model file: its kind and what it learned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saved {
    kind: String,
    state: Value,
}

impl Saved {
    /// The serialised form of a fitted step.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Model`] when a value cannot be written as JSON.
    pub fn of<A: Artifact>(artifact: &A) -> Result<Self> {
        let state = serde_json::to_value(artifact).map_err(|error| {
            Error::new(ErrorKind::Model, format!("`{}` cannot be written", A::KIND))
                .caused_by(error)
        })?;
        Ok(Self {
            kind: A::KIND.to_owned(),
            state,
        })
    }

    /// The kind of the saved step.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// What the step learned.
    pub fn state(&self) -> &Value {
        &self.state
    }

    /// Reads the fitted step back.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Model`] when it is of another kind or its values are not what they should be.
    pub fn read<A: Artifact>(&self) -> Result<A> {
        if self.kind != A::KIND {
            let message = format!("it holds `{}` where this flow has `{}`", self.kind, A::KIND);
            return Err(Error::new(ErrorKind::Model, message)
                .with_help("load it with the flow that it was saved from"));
        }
        A::deserialize(&self.state).map_err(|error| {
            Error::new(
                ErrorKind::Model,
                format!("the values of `{}` are not valid", A::KIND),
            )
            .caused_by(error)
        })
    }
}

/// The saved steps of a chain, taken off one by one.
#[derive(Debug)]
pub struct SavedSteps(VecDeque<Saved>);

impl SavedSteps {
    pub(crate) fn new(steps: Vec<Saved>) -> Self {
        Self(steps.into())
    }

    pub(crate) fn next(&mut self) -> Result<Saved> {
        self.0.pop_front().ok_or_else(|| {
            Error::new(ErrorKind::Model, "it holds fewer steps than this flow")
                .with_help("load it with the flow that it was saved from")
        })
    }

    pub(crate) fn finish(self) -> Result<()> {
        match self.0.front() {
            None => Ok(()),
            Some(extra) => {
                let message = format!("it holds `{}` beyond the steps of this flow", extra.kind);
                Err(Error::new(ErrorKind::Model, message)
                    .with_help("load it with the flow that it was saved from"))
            }
        }
    }
}

/// How fitted steps, alone or composed, are written down in order.
pub trait Persist {
    #[doc(hidden)]
    fn save(&self, steps: &mut Vec<Saved>) -> Result<()>;

    /// The kinds of the steps, in the order in which they are saved.
    #[doc(hidden)]
    fn kinds(&self, kinds: &mut Vec<&'static str>);
}

#[diagnostic::do_not_recommend]
impl<A: Artifact> Persist for A {
    fn save(&self, steps: &mut Vec<Saved>) -> Result<()> {
        steps.push(self.to_saved()?);
        Ok(())
    }

    fn kinds(&self, kinds: &mut Vec<&'static str>) {
        kinds.push(A::KIND);
    }
}

impl<A: Persist, B: Persist> Persist for Chain<A, B> {
    fn save(&self, steps: &mut Vec<Saved>) -> Result<()> {
        self.first().save(steps)?;
        self.next().save(steps)
    }

    fn kinds(&self, kinds: &mut Vec<&'static str>) {
        self.first().kinds(kinds);
        self.next().kinds(kinds);
    }
}

impl<A: Persist> Persist for Vec<A> {
    fn save(&self, steps: &mut Vec<Saved>) -> Result<()> {
        self.iter().try_for_each(|step| step.save(steps))
    }

    fn kinds(&self, kinds: &mut Vec<&'static str>) {
        self.iter().for_each(|step| step.kinds(kinds));
    }
}
