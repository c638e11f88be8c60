//! Laws of the fit: pieces and order of the train rows, and what is saved of it.

use polars::prelude::DataFrame;

use super::fitted::applied;
use super::law::{Verdict, because};
use super::rows::{compare, mixed, pieces, same, take};
use super::subject::Subject;
use crate::transform::Saved;

/// What was learned, as the text of a model file.
fn text<S: Subject>(subject: &S, fitted: &S::Fitted) -> Verdict<String> {
    let saved = subject.save(fitted).map_err(because("saving it"))?;
    serde_json::to_string(&saved).map_err(|error| format!("saving it: {error}"))
}

pub(super) fn chunks<S: Subject>(subject: &S, fitted: &S::Fitted, rows: &DataFrame) -> Verdict {
    let (expected, learned) = (applied(subject, fitted, rows)?, text(subject, fitted)?);
    for (what, rows) in pieces(rows)? {
        let verdict = || {
            let again = subject.fit(&rows).map_err(because("fitting it"))?;
            let found = text(subject, &again)?;
            if found != learned {
                return Err(format!("it learned {found} and not {learned}"));
            }
            same(&expected, &applied(subject, &again, &rows)?)
        };
        verdict().map_err(|seen| format!("on the rows {what}, {seen}"))?;
    }
    Ok(())
}

pub(super) fn order<S: Subject>(
    subject: &S,
    fitted: &S::Fitted,
    rows: &DataFrame,
    tolerance: f64,
) -> Verdict {
    let expected = applied(subject, fitted, rows)?;
    let reversed = (0..rows.height()).rev().collect();
    for (what, order) in [("reversed", reversed), ("mixed", mixed(rows.height()))] {
        let again = subject.fit(&take(rows, &order)?);
        let again = again.map_err(because("fitting the rows in another order"))?;
        let found = applied(subject, &again, rows)?;
        compare(&expected, &found, tolerance)
            .map_err(|seen| format!("fitted on the rows {what}, {seen}"))?;
    }
    Ok(())
}

/// How folds are fitted together: each part of the rows by itself, then merged.
pub(super) fn merge<S: Subject>(
    subject: &S,
    fitted: &S::Fitted,
    rows: &DataFrame,
    tolerance: f64,
) -> Verdict {
    let merged = subject
        .fit_parts(rows)
        .map_err(because("fitting it by parts"))?;
    compare(
        &applied(subject, fitted, rows)?,
        &applied(subject, &merged, rows)?,
        tolerance,
    )
}

pub(super) fn saved<S: Subject>(subject: &S, fitted: &S::Fitted, rows: &DataFrame) -> Verdict {
    let written = text(subject, fitted)?;
    let parsed: Result<Vec<Saved>, _> = serde_json::from_str(&written);
    let parsed = parsed.map_err(|error| format!("reading {written}: {error}"))?;
    let again = subject.restore(parsed);
    // A Debug text tells the causes too, such as a NaN that JSON wrote as null.
    let again = again.map_err(|error| format!("reading {written} back: {error:?}"))?;
    let found = text(subject, &again)?;
    if found != written {
        return Err(format!("what was read from {written} is saved as {found}"));
    }
    same(
        &applied(subject, fitted, rows)?,
        &applied(subject, &again, rows)?,
    )
    .map_err(|seen| format!("what was read from {written} differs: {seen}"))
}
