use super::answers::Answers;
use super::level::run_level;
use super::scan::{Purpose, ScanLog};
use super::sheet::Level;
use super::walk::Walk;
use crate::error::{Error, ErrorKind, Result};
use crate::frame::RowSet;
use crate::schema::Schema;

/// What is planned or fitted level by level: one plan, or all parts of a flow together.
pub(crate) trait Climb {
    /// Walks all steps once: applies what is fitted, and asks what is ready.
    fn advance(&mut self, walk: &mut Walk) -> Result<()>;

    /// Takes the answers of a level; without answers, what was asked counts as known.
    fn resolve(&mut self, answers: Option<&Answers>) -> Result<()>;
}

/// Climbs level by level until nothing waits, and gives the levels and the last walk.
///
/// Without rows it only plans: what `explain()` says comes from the same walk that fits.
pub(crate) fn climb(
    steps: &mut impl Climb,
    schema: &Schema,
    rows: Option<&RowSet>,
    purpose: Purpose,
    log: &mut ScanLog,
) -> Result<(Vec<Level>, Walk)> {
    let mut levels = Vec::new();
    loop {
        let mut walk = Walk::new(schema.clone(), rows.map(|rows| rows.frame.clone()));
        steps.advance(&mut walk)?;
        if !walk.is_waiting() {
            return Ok((levels, walk));
        }
        let (sheet, query, _) = walk.finish();
        if sheet.is_empty() {
            return Err(stuck());
        }
        // What a part teaches first is the same for every fold, and is combined in their order.
        let parts = rows.filter(|_| levels.is_empty());
        let parts = parts.and_then(|rows| rows.parts);
        levels.push(sheet.level());
        let answers = match query {
            Some(query) => Some(run_level(query, parts, &sheet, purpose, log)?),
            None => None,
        };
        steps.resolve(answers.as_ref())?;
    }
}

pub(crate) fn stuck() -> Error {
    Error::new(
        ErrorKind::Config,
        "no step of the chain can become ready (a bug in floe)",
    )
}
