use std::sync::{Arc, Mutex, PoisonError};

use super::ledger::Charge;
use super::{Bucket, QuotaLedger, Units};
use crate::error::{Error, ErrorKind, Result};
use crate::source::remote::youtube::endpoint::Endpoint;

/// What one run spends: every attempt is charged before it is sent, to the ledger and to the run.
#[derive(Clone, Debug)]
pub(in super::super) struct Meter {
    ledger: QuotaLedger,
    /// The most that this run may spend.
    budget: Units,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    spent: Units,
    refused: Option<Refusal>,
}

/// A request that was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Refusal {
    pub(in super::super) bucket: Bucket,
    pub(in super::super) why: Why,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Why {
    /// The budget of the run is used up.
    Budget,
    /// The limit less the reserve is reached, by what the ledger knows.
    Limit,
    /// The service says so.
    Service,
    /// The service says so, but may speak of the day that has just ended.
    Young,
}

impl Meter {
    /// A meter that goes on from what an interrupted run has spent.
    pub(in super::super) fn new(ledger: QuotaLedger, budget: Units, spent: Units) -> Self {
        let state = State {
            spent,
            refused: None,
        };
        Self {
            ledger,
            budget,
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Charges one attempt, or refuses it: then the error is for the client, and
    /// [`refusal`](Self::refusal) for us.
    pub(in super::super) fn charge(&self, endpoint: Endpoint) -> Result<()> {
        let (bucket, units) = self.ledger.quota().price(endpoint);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = state.spent.of(bucket).saturating_add(units);
        let why = if sum > self.budget.of(bucket) {
            Why::Budget
        } else {
            match self.ledger.charge(bucket, units)? {
                Charge::Paid => {
                    *state.spent.of_mut(bucket) = sum;
                    return Ok(());
                }
                Charge::Spent => Why::Limit,
                Charge::Exhausted => Why::Service,
            }
        };
        state.refused = Some(Refusal { bucket, why });
        let message = format!("no quota is left for `{endpoint}` in the bucket `{bucket}`");
        Err(Error::new(ErrorKind::Remote, message).transient())
    }

    /// Why the last request was not sent, if it was not.
    pub(in super::super) fn refusal(&self) -> Option<Refusal> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.refused.take()
    }

    /// The service said that a bucket is empty.
    pub(in super::super) fn exhaust(&self, named: Bucket) -> Result<Refusal> {
        let bucket = self.ledger.quota().charged(named);
        let why = if self.ledger.exhaust(bucket)? {
            Why::Service
        } else {
            Why::Young
        };
        Ok(Refusal { bucket, why })
    }

    /// Whether a call could be paid for now.
    pub(in super::super) fn left(&self) -> Result<Units> {
        let spent = self.spent();
        let left = self.ledger.left()?;
        Ok(left.each(|bucket, left| {
            let of_budget = self.budget.of(bucket).saturating_sub(spent.of(bucket));
            left.min(of_budget)
        }))
    }

    pub(in super::super) fn spent(&self) -> Units {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.spent
    }

    pub(in super::super) fn ledger(&self) -> &QuotaLedger {
        &self.ledger
    }
}
