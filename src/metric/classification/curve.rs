//! The areas under the curves of one class against the rest.

use crate::learn::Double;

/// The areas of one class; absent where the curve has no second end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Areas {
    /// Absent where all rows, or none, are of the class.
    pub(super) roc: Option<f64>,
    /// Absent where no row is of the class.
    pub(super) average_precision: Option<f64>,
}

/// Walks down the probabilities, rows of equal ones at once. What is summed is summed in the order
/// of the rows, so that the bits do not depend on how the sort moved them.
pub(super) fn areas(
    scores: &[f64],
    is_positive: impl Fn(usize) -> bool,
    weight: impl Fn(usize) -> f64,
) -> Areas {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    // A stable sort: rows of equal scores stay in their order. There is no NaN among them.
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    let one = |value: f64| Double::sum(value, 0.0);
    let (mut positive, mut negative) = (Double::ZERO, Double::ZERO);
    let (mut area, mut steps) = (Double::ZERO, Double::ZERO);
    for tied in order.chunk_by(|a, b| scores[*a] == scores[*b]) {
        let (mut hits, mut misses) = (Double::ZERO, Double::ZERO);
        for row in tied {
            let side = if is_positive(*row) {
                &mut hits
            } else {
                &mut misses
            };
            *side = *side + one(weight(*row));
        }
        // Of each pair within a tie, half counts as ordered rightly.
        area = area + (positive + hits.scaled(0.5)) * misses.value();
        positive = positive + hits;
        negative = negative + misses;
        let found = (positive + negative).value();
        if found > 0.0 {
            steps = steps + positive * hits.value() / found;
        }
    }
    let (positive, negative) = (positive.value(), negative.value());
    Areas {
        roc: (positive > 0.0 && negative > 0.0).then(|| (area / positive / negative).value()),
        average_precision: (positive > 0.0).then(|| (steps / positive).value()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::areas;

    /// The definition: of all pairs of a positive and a negative row, the share in which the
    /// positive one has the higher score, ties half.
    fn pairs(rows: &[(f64, bool, f64)]) -> Option<f64> {
        let (mut ordered, mut all) = (0.0, 0.0);
        for (score, _, weight) in rows.iter().filter(|row| row.1) {
            for (other, _, other_weight) in rows.iter().filter(|row| !row.1) {
                let share = if score > other {
                    1.0
                } else if score == other {
                    0.5
                } else {
                    0.0
                };
                ordered += share * weight * other_weight;
                all += weight * other_weight;
            }
        }
        (all > 0.0).then(|| ordered / all)
    }

    /// The definition: the precision at each distinct score, by how much the recall grows there.
    fn precision(rows: &[(f64, bool, f64)]) -> Option<f64> {
        let mut scores: Vec<f64> = rows.iter().map(|row| row.0).collect();
        scores.sort_by(|a, b| b.total_cmp(a));
        scores.dedup();
        let sum = |of: &dyn Fn(&(f64, bool, f64)) -> bool| -> f64 {
            rows.iter().filter(|row| of(row)).map(|row| row.2).sum()
        };
        let positive = sum(&|row| row.1);
        let (mut total, mut recall) = (0.0, 0.0);
        for score in scores {
            let above = sum(&|row| row.0 >= score);
            let hits = sum(&|row| row.0 >= score && row.1);
            if above > 0.0 {
                total += (hits / positive - recall) * hits / above;
            }
            recall = hits / positive;
        }
        (positive > 0.0).then_some(total)
    }

    fn close(found: Option<f64>, expected: Option<f64>) -> bool {
        match (found, expected) {
            (Some(found), Some(expected)) => (found - expected).abs() < 1e-12,
            (found, expected) => found.is_none() && expected.is_none(),
        }
    }

    proptest! {
        #[test]
        fn areas_are_what_the_definitions_say(
            rows in proptest::collection::vec((0_u8..12, any::<bool>(), 0_u8..4), 0..60),
        ) {
            let rows: Vec<_> = rows
                .into_iter()
                .map(|(score, positive, weight)| {
                    (f64::from(score) / 12.0, positive, f64::from(weight) / 3.0)
                })
                .collect();
            let scores: Vec<f64> = rows.iter().map(|row| row.0).collect();
            let found = areas(&scores, |at| rows[at].1, |at| rows[at].2);
            prop_assert!(close(found.roc, pairs(&rows)), "{:?} {:?}", found, pairs(&rows));
            let expected = precision(&rows);
            prop_assert!(close(found.average_precision, expected), "{found:?} {expected:?}");
        }
    }
}
