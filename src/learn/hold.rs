//! Rows that several models read again, held in memory.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use polars::prelude::{DataFrame, IntoLazy, PlSmallStr};

use super::climb::Climb;
use super::climb_folds::Climber;
use super::scan::{Purpose, ScanLog};
use super::walk::Walk;
use crate::error::Result;
use crate::frame::RowSet;
use crate::schema::{FOLD, ROW, Schema, column};

/// Reads what the models need of the rows, once for all of them, and leads each model's last walk over
/// the rows that are held; none when these take more bytes than `most`.
///
/// A model is fitted to the same bits, since no bit depends on where its rows come from.
pub(crate) fn hold<C: Climb>(
    climbers: &mut [Climber<C>],
    walks: &[Walk],
    schema: &Schema,
    rows: &RowSet,
    most: usize,
    log: &mut ScanLog,
) -> Result<Option<Vec<Walk>>> {
    let inputs = walks.iter().flat_map(Walk::train_inputs);
    let columns: BTreeSet<PlSmallStr> = inputs.cloned().chain([ROW.into(), FOLD.into()]).collect();
    let Some(held) = read(rows, columns, most, log)? else {
        return Ok(None);
    };
    let again = climbers.iter_mut().map(|climber| {
        let frame = held.only(&climber.learns).frame;
        let mut walk = Walk::new(schema.clone(), Some(frame));
        climber.steps.advance(&mut walk)?;
        Ok(walk)
    });
    again.collect::<Result<_>>().map(Some)
}

fn read(
    rows: &RowSet,
    columns: BTreeSet<PlSmallStr>,
    most: usize,
    log: &mut ScanLog,
) -> Result<Option<RowSet>> {
    let columns: Vec<_> = columns.into_iter().map(column).collect();
    let query = rows.frame.clone().select(columns);
    let mut held: Option<DataFrame> = None;
    let mut bytes = 0;
    log.stream_while(query, Purpose::Estimator, |batch| {
        bytes += batch.estimated_size();
        if bytes > most {
            return Ok(ControlFlow::Break(()));
        }
        match &mut held {
            Some(held) => drop(held.vstack_mut(batch)?),
            None => held = Some(batch.clone()),
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let held = held.filter(|_| bytes <= most).map(|held| RowSet {
        frame: held.lazy(),
        parts: rows.parts,
    });
    Ok(held)
}
