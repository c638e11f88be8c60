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
                *sum = *sum + Double::product(*weight, far);
                *squares = *squares + Double::product(far, far) * *weight;
            }
        }
        Ok(())
    })?;
    for (moments, sums) in features.iter_mut().zip(sums) {
        for ((moments, [sum, squares]), total) in moments.iter_mut().zip(sums).zip(&totals) {
            moments.mean += (sum / total.value()).value();
            moments.variance = variance(sum, squares, *total);
        }
    }
    Ok(())
}

/// The mean of the squares without the square of the mean, `Σwx² · Σw − (Σwx)²` over `(Σw)²`.
///
/// The weighed rows may lie far from the mean of all: then the two are large, and nearly alike, and
/// no step before their difference may round. The sums are brought to the size of the weights first,
/// by a power of two, so that their products do not overflow.
fn variance(sum: Double, squares: Double, total: Double) -> f64 {
    let size = f64::from_bits(total.hi.to_bits() & f64::INFINITY.to_bits());
    let size = if size > 0.0 { size } else { 1.0 };
    let [sum, squares, total] = [sum, squares, total].map(|of| of.scaled(1.0 / size));
    let apart = squares * total.hi + squares * total.lo - sum.square();
    let variance = (apart / total.hi / total.hi).value();
    // A NaN, of squares beyond the largest number, stays one.
    if variance < 0.0 { 0.0 } else { variance }
}

fn single(value: f64) -> Double {
    Double { hi: value, lo: 0.0 }
}
