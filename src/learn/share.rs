//! What several candidates ask alike of the rows is learned once.

use std::sync::Arc;

use super::answers::{Answers, ColumnAnswer};
use super::batch::Accumulators;
use super::sheet::{ColumnQuestion, FactorAsk, GroupedAsk, Sheet};
use crate::frame::PartSet;

/// The sheets of several candidates for the first level, each question on the one sheet that all
/// share or on the candidate's own.
#[derive(Default)]
pub(super) struct Shared {
    /// Of columns as the source has them, which are the same for every candidate.
    pub(super) common: Sheet,
    pub(super) candidates: Vec<Own>,
}

/// What one candidate asks beyond that, of columns that its own steps wrote.
pub(super) struct Own {
    pub(super) sheet: Sheet,
    columns: Vec<Place>,
    factors: Vec<Place>,
    groups: Vec<Place>,
    /// Whether the place of an infinity will be looked for in the answer to a question.
    locates: Vec<bool>,
}

#[derive(Clone, Copy)]
enum Place {
    Common(usize),
    Own(usize),
}

impl Shared {
    pub(super) fn new(sheets: impl IntoIterator<Item = Sheet>) -> Self {
        let mut shared = Self::default();
        for sheet in sheets {
            let own = shared.candidate(&sheet);
            shared.candidates.push(own);
        }
        shared
    }

    fn candidate(&mut self, sheet: &Sheet) -> Own {
        let raw = |slot: &usize| !sheet.dropped && sheet.columns[*slot].ask.version == 0;
        let mut own = Sheet::default();
        let mut place = |common: &mut Sheet, slot: usize| {
            let question = &sheet.columns[slot];
            if raw(&slot) {
                Place::Common(join(common, question, false))
            } else {
                Place::Own(join(&mut own, question, true))
            }
        };
        let columns = (0..sheet.columns.len()).map(|slot| place(&mut self.common, slot));
        let columns = columns.collect();
        // A question about several columns is the candidate's own where one of them is.
        let mut held = |common: &mut Sheet, slots: &[usize]| -> (bool, Vec<usize>) {
            let is_common = slots.iter().all(raw);
            let hold = |slot: &usize| {
                let question = ColumnQuestion::held(&sheet.columns[*slot]);
                let to = if is_common { &mut *common } else { &mut own };
                join(to, &question, !is_common)
            };
            (is_common, slots.iter().map(hold).collect())
        };
        let mut factors = Vec::new();
        let mut grouped = Vec::new();
        for ask in &sheet.factors {
            let (is_common, columns) = held(&mut self.common, &ask.columns);
            let ask = FactorAsk {
                columns,
                ..ask.clone()
            };
            factors.push((is_common, ask));
        }
        for ask in &sheet.groups {
            let mut slots = vec![ask.by, ask.of];
            slots.extend(ask.rows);
            let (is_common, slots) = held(&mut self.common, &slots);
            let ask = GroupedAsk {
                by: slots[0],
                of: slots[1],
                rows: slots.get(2).copied(),
                ..ask.clone()
            };
            grouped.push((is_common, ask));
        }
        let factors = factors.into_iter().map(|(is_common, ask)| {
            if is_common {
                Place::Common(self.common.ask_factor(ask))
            } else {
                Place::Own(own.ask_factor(ask))
            }
        });
        let factors = factors.collect();
        let grouped = grouped.into_iter().map(|(is_common, ask)| {
            if is_common {
                Place::Common(self.common.ask_groups(ask))
            } else {
                Place::Own(own.ask_groups(ask))
            }
        });
        Own {
            groups: grouped.collect(),
            factors,
            columns,
            locates: sheet.columns.iter().map(|asked| asked.locate).collect(),
            sheet: own,
        }
    }
}

impl Own {
    /// The answers to the candidate's own sheet, for a model that learns from these parts.
    pub(super) fn answers(
        &self,
        common: &Answers,
        own: &mut Accumulators,
        learns: &PartSet,
    ) -> Answers {
        let own = own.answers(learns);
        let column = |(place, locate): (&Place, &bool)| {
            let answer = match place {
                Place::Common(slot) => common.columns.get(*slot),
                Place::Own(slot) => own.columns.get(*slot),
            };
            let answer = answer.cloned().flatten()?;
            // Its place is written into an answer that nobody else holds.
            let alone = *locate && answer.summary.infinities > 0;
            Some(if alone {
                Arc::new(ColumnAnswer::clone(&answer))
            } else {
                answer
            })
        };
        let pick = |place: &Place| match place {
            Place::Common(slot) => (common, *slot),
            Place::Own(slot) => (&own, *slot),
        };
        let factors = self.factors.iter().map(pick);
        let groups = self.groups.iter().map(pick);
        Answers {
            columns: self.columns.iter().zip(&self.locates).map(column).collect(),
            factors: factors
                .filter_map(|(of, slot)| of.factors.get(slot).cloned())
                .collect(),
            groups: groups
                .map(|(of, slot)| of.groups.get(slot).cloned().flatten())
                .collect(),
            queries: Vec::new(),
        }
    }
}

/// Adds a question to a sheet, or what it asks more to the same question there.
fn join(sheet: &mut Sheet, asked: &ColumnQuestion, keeps: bool) -> usize {
    let slot = sheet.hold_column(asked.ask.clone());
    let question = &mut sheet.columns[slot];
    // A common question reads the source itself.
    question.kept = asked.kept && keeps;
    question.summary |= asked.summary;
    question.moments |= asked.moments;
    question.locate |= asked.locate;
    question.count = question.count.max(asked.count);
    for q in &asked.quantiles {
        if !question.quantiles.contains(q) {
            question.quantiles.push(*q);
        }
    }
    for approximate in &asked.approximate {
        if !question.approximate.contains(approximate) {
            question.approximate.push(*approximate);
        }
    }
    slot
}
