use std::sync::Arc;

use polars::prelude::PlSmallStr;
use serde::{Deserialize, Serialize};

use super::accumulate::{self, Factor, Solution, Unsolved};
use super::answers::FactorAnswer;
use super::elastic_net::{Descent, unconverged};
use crate::error::{Error, ErrorKind, Result, listed};

/// What to do when some features are linear combinations of others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RankPolicy {
    /// End the fit with an error that names the dependent features.
    #[default]
    Error,
    /// Give the coefficients of the smallest norm, as scikit-learn does.
    MinimumNorm,
}

/// The triangular factor of a least squares problem, learned in one scan.
#[derive(Clone, Debug)]
pub struct LeastSquares {
    answer: Arc<FactorAnswer>,
    features: Vec<PlSmallStr>,
}

/// The solution of a least squares problem.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LeastSquaresSolution {
    /// One a feature, in the order in which they were asked for.
    pub coefficients: Vec<f64>,
    /// What is predicted where every feature is zero; zero when no intercept was asked for.
    pub intercept: f64,
    /// One a feature: an integer to subtract, in integers, before the feature becomes a float.
    /// Only columns of 64-bit integers have one that is not zero.
    pub origins: Vec<i128>,
    /// What is predicted where every feature is at its origin. The same line as the intercept
    /// says, without the digits that far origins cost it.
    pub base: f64,
    /// Rank of the centred features.
    pub rank: usize,
    /// Rows that were learned from.
    pub rows: u64,
    /// Sum of squared residuals.
    pub residual_sum_of_squares: f64,
    /// Sum of squared deviations of the target from its mean.
    pub total_sum_of_squares: f64,
    /// How the coordinate descent ended; none where there is a closed form.
    pub descent: Option<Descent>,
}

impl LeastSquares {
    /// Refuses rows with gaps: the target is the last of the excluded columns.
    pub(crate) fn new(answer: Arc<FactorAnswer>, names: &[PlSmallStr]) -> Result<Self> {
        let (features, target) = names.split_at(names.len().saturating_sub(1));
        for (name, gaps) in names.iter().zip(answer.factor.excluded()) {
            let found = [
                (gaps.nulls, "null"),
                (gaps.nans, "NaN"),
                (gaps.infinities, "infinite"),
            ];
            if let Some((count, what)) = found.into_iter().find(|(count, _)| *count > 0) {
                let help = if target.contains(name) {
                    "drop those rows with `.keep(..)` before the split"
                } else {
                    "fill them with an `Imputer`, or with `WithColumns` and `fill_null`, or drop those rows with `.keep(..)` before the split"
                };
                let message = format!("{count} of the train rows are {what}");
                return Err(Error::new(ErrorKind::Fit, message)
                    .on_column(name.as_str())
                    .with_help(help));
            }
        }
        Ok(Self {
            answer,
            features: features.to_vec(),
        })
    }

    /// The coefficients.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Fit`] when the rows do not determine them and the policy refuses that, and
    /// when they do not fit into floats.
    pub fn solve(&self, policy: RankPolicy) -> Result<LeastSquaresSolution> {
        let policy = match policy {
            RankPolicy::Error => accumulate::RankPolicy::Error,
            RankPolicy::MinimumNorm => accumulate::RankPolicy::MinimumNorm,
        };
        let help = "leave such features out, or choose `.rank(RankPolicy::MinimumNorm)`";
        self.placed(|factor| factor.solve(policy), help)
    }

    /// The coefficients for which the sum of squared residuals plus `alpha` times the sum of squared
    /// coefficients is smallest; the intercept is not penalised.
    ///
    /// The rank and the sums of squares are those of the rows alone, without the penalty.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when `alpha` is negative or not finite. [`ErrorKind::Fit`] when the rows
    /// do not determine the coefficients and `alpha` is zero, or so small that rounding hides it, and
    /// when they do not fit into floats.
    pub fn solve_ridge(&self, alpha: f64) -> Result<LeastSquaresSolution> {
        refuse_penalty(alpha)?;
        let help = "leave such features out, or choose a larger `.alpha(..)`";
        self.placed(|factor| factor.solve_ridge(alpha), help)
    }

    /// Solves, and moves the line back from where the columns were shifted to.
    pub(super) fn placed(
        &self,
        solve: impl FnOnce(&Factor) -> Result<Solution, Unsolved>,
        help: &'static str,
    ) -> Result<LeastSquaresSolution> {
        if self.answer.factor.rows() == 0 {
            return Err(Error::new(
                ErrorKind::Fit,
                "there is no train row to learn from",
            ));
        }
        let solved = solve(&self.answer.factor);
        let solution = solved.map_err(|unsolved| self.unsolved(&unsolved, help))?;
        // Wide integers were shifted exactly before they were factored; the line moves back.
        let origins = &self.answer.origins;
        let (of_features, of_target) =
            origins.split_at(solution.coefficients.len().min(origins.len()));
        let mut base = solution.intercept;
        for origin in of_target {
            base += *origin as f64;
        }
        let mut intercept = base;
        for (coefficient, origin) in solution.coefficients.iter().zip(of_features) {
            intercept -= coefficient * *origin as f64;
        }
        let finite = solution.coefficients.iter().all(|value| value.is_finite());
        if !finite || !intercept.is_finite() {
            return Err(self.unsolved(&Unsolved::Overflow, help));
        }
        Ok(LeastSquaresSolution {
            coefficients: solution.coefficients,
            intercept,
            origins: of_features.to_vec(),
            base,
            rank: solution.rank,
            rows: solution.rows,
            residual_sum_of_squares: solution.residual_sum_of_squares,
            total_sum_of_squares: solution.total_sum_of_squares,
            descent: solution.descended.map(|ended| Descent {
                iterations: ended.iterations,
                dual_gap: ended.dual_gap,
            }),
        })
    }

    fn unsolved(&self, unsolved: &Unsolved, help: &'static str) -> Error {
        let (dependent, rows) = match unsolved {
            Unsolved::Deficient {
                dependent, rows, ..
            } => (dependent, rows),
            Unsolved::Overflow => {
                return Error::new(ErrorKind::Fit, "the coefficients do not fit into floats")
                    .with_help("scale the features first");
            }
            Unsolved::Unconverged { iterations, gap } => return unconverged(*iterations, *gap),
        };
        let dependent: Vec<_> = dependent
            .iter()
            .filter_map(|at| self.features.get(*at))
            .collect();
        let message = format!(
            "{rows} train rows do not determine every coefficient: {} is constant or follows from other features, or there are too few rows",
            listed(&dependent)
        );
        let error = Error::new(ErrorKind::Fit, message).with_help(help);
        match dependent.as_slice() {
            [only] => error.on_column(only.as_str()),
            _ => error,
        }
    }
}

/// Refuses a penalty that is none.
pub(crate) fn refuse_penalty(alpha: f64) -> Result<()> {
    if alpha.is_finite() && alpha >= 0.0 {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Config, format!("alpha is {alpha}"))
        .with_help("give a finite number that is at least 0, such as 1.0"))
}
