//! The laws that steps and estimators keep, as checks for the tests of those who write their own.
//!
//! Behind the feature `testing`. A check fits the subject on a sample and tries one [`Law`] after
//! another; the first that does not hold comes back as [`Broken`], with what was seen.
//!
//! | check | of | laws |
//! |---|---|---|
//! | [`check_step`] | one [`Transform`] | all but `Inverse` |
//! | [`check_plan`] | a chain, erased steps, any [`Plan`] | the same, without `Declares`, `Shape` and the schema before the fit |
//! | [`check_inverse`] | a plan whose fitted form is [`Invert`] | `Inverse` |
//! | [`check_estimator`] | an [`Estimator`] | all but `Inverse` |
//!
//! A check shows that a law holds on the sample, not on every frame: give samples of all dtypes
//! that the subject takes, with nulls and NaN where it takes them, of ten rows or more, and with a
//! column that the subject has nothing to do with.
//!
//! With the feature `remote`, [`youtube`] is an emulator of the YouTube Data API.
//!
//! # Examples
//!
//! ```
//! use floe::polars::prelude::*;
//! use floe::prelude::*;
//! use floe::testing::{check_inverse, check_step};
//!
//! let sample = df!["likes" => [Some(3i64), None, Some(11), Some(5)], "id" => [1u32, 2, 3, 4]]?;
//! let step = MinMaxScaler::new(["likes"]);
//! check_step(&step, &sample)?;
//! check_inverse(&step, &sample, 0.0)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod declared;
mod fits;
mod fitted;
mod inverse;
mod law;
mod rows;
mod shapes;
mod subject;
#[cfg(feature = "remote")]
pub mod youtube;

use polars::prelude::DataFrame;

pub use law::{Broken, Law};

use self::law::{because, judge};
use self::subject::{Learner, Steps, Subject};
use crate::estimator::Estimator;
use crate::learn::Plan;
use crate::transform::{Invert, Transform};

/// Checks a step on a sample.
///
/// # Errors
///
/// The first law that does not hold.
pub fn check_step<T: Transform>(step: &T, sample: &DataFrame) -> Result<(), Broken> {
    Laws::new().step(step, sample)
}

/// Checks a chain or any other plan on a sample.
///
/// # Errors
///
/// The first law that does not hold.
pub fn check_plan<P: Plan>(plan: &P, sample: &DataFrame) -> Result<(), Broken> {
    Laws::new().plan(plan, sample)
}

/// Checks that a step, or a chain, can be undone on a sample, dtypes included: `inverse` on frames
/// and `inverse_value` on floats.
///
/// Values may differ by `tolerance` times the largest magnitude of their column (those of
/// `inverse_value` by 2^-52 times it at least); 0 asks for the same bits.
///
/// # Errors
///
/// The law [`Law::Inverse`], or [`Law::Fits`].
pub fn check_inverse<P>(plan: &P, sample: &DataFrame, tolerance: f64) -> Result<(), Broken>
where
    P: Plan,
    P::Fitted: Invert,
{
    let fitted = fitted_of(&Steps(plan), sample)?;
    judge(
        Law::Inverse,
        plan,
        inverse::inverse(&fitted, sample, tolerance),
    )
}

/// Checks an estimator on a sample that holds its target.
///
/// # Errors
///
/// The first law that does not hold.
pub fn check_estimator<E: Estimator + Clone>(
    estimator: &E,
    sample: &DataFrame,
) -> Result<(), Broken> {
    Laws::new().estimator(estimator, sample)
}

/// The checks with a tolerance of one's own.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `tolerance` | 1e-12 | how far the order of the train rows, and merging what their parts taught, may move an output, as a share of the largest magnitude of its column |
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "laws are checked by `.step(..)`, `.plan(..)` or `.estimator(..)`"]
pub struct Laws {
    tolerance: f64,
}

impl Laws {
    /// The checks as they are by default.
    pub fn new() -> Self {
        Self { tolerance: 1e-12 }
    }

    /// How far the order of the train rows may move an output; 0 for what learns order statistics.
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// As [`check_step`].
    ///
    /// # Errors
    ///
    /// The first law that does not hold.
    pub fn step<T: Transform>(&self, step: &T, sample: &DataFrame) -> Result<(), Broken> {
        let subject = Steps(step);
        // Looked at before the fit, which refuses some of it as a whole.
        let asked = declared::asked(step, sample);
        judge(Law::Declares, step, asked)?;
        let fitted = fitted_of(&subject, sample)?;
        let declares = declared::declares(step, &fitted, sample);
        judge(Law::Declares, step, declares)?;
        judge(Law::Schema, step, declared::schema(step, &fitted, sample))?;
        judge(Law::Shape, step, shapes::shape(step, &fitted, sample))?;
        self.common(&subject, &fitted, sample)
    }

    /// As [`check_plan`].
    ///
    /// # Errors
    ///
    /// The first law that does not hold.
    pub fn plan<P: Plan>(&self, plan: &P, sample: &DataFrame) -> Result<(), Broken> {
        let subject = Steps(plan);
        let fitted = fitted_of(&subject, sample)?;
        let promised = declared::promised(&fitted, sample).map(drop);
        judge(Law::Schema, plan, promised)?;
        self.common(&subject, &fitted, sample)
    }

    /// As [`check_estimator`].
    ///
    /// # Errors
    ///
    /// The first law that does not hold.
    pub fn estimator<E>(&self, estimator: &E, sample: &DataFrame) -> Result<(), Broken>
    where
        E: Estimator + Clone,
    {
        let subject = Learner(estimator);
        let fitted = fitted_of(&subject, sample)?;
        let prediction = declared::prediction(&subject, &fitted, sample);
        judge(Law::Schema, estimator, prediction)?;
        let predicts = declared::predicts(&subject, estimator, &fitted, sample);
        judge(Law::Declares, estimator, predicts)?;
        self.common(&subject, &fitted, sample)
    }

    /// The laws that steps and models share.
    fn common<S: Subject>(
        self,
        subject: &S,
        fitted: &S::Fitted,
        sample: &DataFrame,
    ) -> Result<(), Broken> {
        let verdicts = [
            (Law::Lazy, fitted::lazy(subject, fitted, sample)),
            (Law::Engines, fitted::engines(subject, fitted, sample)),
            (Law::RowWise, fitted::row_wise(subject, fitted, sample)),
            (Law::Chunks, fits::chunks(subject, fitted, sample)),
            (
                Law::Order,
                fits::order(subject, fitted, sample, self.tolerance),
            ),
            (
                Law::Merge,
                fits::merge(subject, fitted, sample, self.tolerance),
            ),
            (Law::Saved, fits::saved(subject, fitted, sample)),
        ];
        let mut verdicts = verdicts.into_iter();
        verdicts.try_for_each(|(law, verdict)| judge(law, subject.label(), verdict))
    }
}

impl Default for Laws {
    fn default() -> Self {
        Self::new()
    }
}

fn fitted_of<S: Subject>(subject: &S, sample: &DataFrame) -> Result<S::Fitted, Broken> {
    let fitted = subject.fit(sample).map_err(because("fitting it"));
    let verdict = fitted.and_then(|fitted| {
        fitted::applied(subject, &fitted, sample)?;
        Ok(fitted)
    });
    judge(Law::Fits, subject.label(), verdict)
}
