//! Steps are fitted, applied and undone without an estimator; generic code over the traits works.

use floe::polars::prelude::LazyFrame;
use floe::prelude::*;

pub fn scaled<S: Source, T: Transform + 'static>(
    source: S,
    step: T,
    rows: LazyFrame,
) -> floe::Result<LazyFrame>
where
    T::Fitted: Invert,
{
    let flow = floe::from(source).split(TrainTestSplit::new(0.3).seed(42)).then(step);
    let fitted = flow.fit()?;
    fitted.inverse(fitted.apply(rows)?)
}

pub fn shifted(step: &WithColumns, rows: LazyFrame) -> floe::Result<LazyFrame> {
    let once = step.apply(rows)?;
    step.apply(once)
}
