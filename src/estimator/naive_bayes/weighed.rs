use polars::prelude::PlSmallStr;

use super::Moments;
use crate::error::{Error, ErrorKind, Result};
use crate::estimator::feature::{Spread, distances};
use crate::estimator::{Classes, Training};
use crate::learn::accumulate::Double;

/// Replaces the moments of the rows by those of the weighed rows, in one scan.
///
/// Distances are taken from the means of the rows, which lie near, and added up in the order of the
/// rows, to about 106 bits.
pub(super) fn weighed(
    training: &Training<'_>,
    (names, spreads): (&[PlSmallStr], &[Spread]),
    (target, classes): (&PlSmallStr, &Classes),
    weights: &PlSmallStr,
    features: &mut [Vec<Moments>],
) -> Result<()> {
    let changed = || {
        Error::new(
            ErrorKind::Fit,
            "the rows changed while they were learned from",
        )
        .with_help("let nothing write to the source during a fit")
    };
    let columns: Vec<_> = names.iter().chain([target, weights]).cloned().collect();
    let mut totals = vec![Double::ZERO; classes.len()];
    let mut sums = vec![vec![[Double::ZERO; 2]; classes.len()]; names.len()];
    training.scan(&columns, |batch| {
        let codes = classes.codes(batch.column(target)?)?;
        let weights = distances(batch.column(weights)?, 0)?;
        let weighed = codes.iter().zip(weights.iter()).map(|(code, weight)| {
            let code = code.map(|code| code as usize);
            Some((code.filter(|code| *code < classes.len())?, weight?))
        });
        let weighed: Option<Vec<(usize, f64)>> = weighed.collect();
        let weighed = weighed.ok_or_else(changed)?;
        for (code, weight) in &weighed {
            totals[*code] = totals[*code] + single(*weight);
        }
        let of_features = names
            .iter()
            .zip(spreads)
            .zip(features.iter())
            .zip(&mut sums);
        for (((name, spread), moments), sums) in of_features {
            let values = distances(batch.column(name)?, spread.origin)?;
            for (value, (code, weight)) in values.iter().zip(&weighed) {
                let far = value.ok_or_else(changed)? - moments[*code].mean;
                let [sum, squares] = &mut sums[*code];
                *sum = *sum + single(weight * far);
                *squares = *squares + single(weight * far * far);
            }
        }
        Ok(())
    })?;
    for (moments, sums) in features.iter_mut().zip(sums) {
        for ((moments, [sum, squares]), total) in moments.iter_mut().zip(sums).zip(&totals) {
            let shift = sum.value() / total.value();
            moments.mean += shift;
            moments.variance = (squares.value() / total.value() - shift * shift).max(0.0);
        }
    }
    Ok(())
}

fn single(value: f64) -> Double {
    Double { hi: value, lo: 0.0 }
}
