//! What a plan costs before a row is read: `explain()` of chains, told by the step.

use floe::prelude::*;
use floe::transform::BoxTransform;

use super::side::{Case, Outcome, Side};
use super::tables::{names, numbers};
use floe::polars::prelude::DataType;

pub(crate) fn cases(scale: usize) -> Outcome<Vec<Case>> {
    let cases = [10, 100].map(|steps| {
        let frame = numbers(scale.min(1000), steps, &DataType::Float64)?;
        let source = InMemory::new(frame);
        let columns = names(steps);
        let erased: Vec<BoxTransform> = columns
            .iter()
            .enumerate()
            .map(|(at, name)| match at % 4 {
                0 => BoxTransform::new(MinMaxScaler::new([name.clone()])),
                1 => BoxTransform::new(StandardScaler::new([name.clone()])),
                2 => BoxTransform::new(Imputer::mean([name.clone()])),
                _ => BoxTransform::new(
                    Winsorizer::new([name.clone()]).fence(Fence::quantiles(0.01, 0.99)),
                ),
            })
            .collect();
        let plain = floe::from(source.clone()).split(TrainTestSplit::new(0.3).seed(1));
        let chain = plain.clone().then(erased);
        Ok(Case::new(
            format!("plan of {steps} steps"),
            steps,
            vec![
                Side::new("floe, explain() of the chain", move || Ok(chain.explain()?)),
                Side::new("floe, explain() without a step", move || {
                    Ok(plain.explain()?)
                }),
            ],
        ))
    });
    cases.into_iter().collect()
}
