use super::Classes;
use crate::error::{Error, ErrorKind, Result, listed};
use crate::learn::Category;

/// How much the rows of each class weigh; with weights of rows, both are multiplied.
///
/// # Examples
///
/// ```
/// use floe::estimator::ClassWeight;
///
/// let balanced = ClassWeight::Balanced;
/// let given = ClassWeight::given([("rare", 10.0)]);
/// assert_ne!(balanced, given);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ClassWeight {
    /// The classes weigh the same in all, and a row one on average: the weight of all rows, divided
    /// by the number of classes and the weight of the rows of the class.
    Balanced,
    /// A weight for each row of these classes; rows of other classes weigh one.
    Given(Vec<(Category, f64)>),
}

impl ClassWeight {
    /// A weight for each row of these classes; rows of other classes weigh one.
    pub fn given<C: Into<Category>>(weights: impl IntoIterator<Item = (C, f64)>) -> Self {
        let weights = weights.into_iter();
        Self::Given(
            weights
                .map(|(class, weight)| (class.into(), weight))
                .collect(),
        )
    }

    /// Refuses weights that cannot be.
    pub(super) fn check(&self) -> Result<()> {
        let Self::Given(weights) = self else {
            return Ok(());
        };
        let fail = |message: String| {
            Err(Error::new(ErrorKind::Config, message)
                .with_help("give each class one finite weight above 0"))
        };
        for (at, (class, weight)) in weights.iter().enumerate() {
            if !weight.is_finite() || *weight <= 0.0 {
                return fail(format!("the weight of the class `{class}` is {weight}"));
            }
            if weights[..at].iter().any(|(other, _)| other == class) {
                return fail(format!("the class `{class}` has two weights"));
            }
        }
        Ok(())
    }

    /// The weight of a row of each class, given the weights of all its rows together.
    pub(super) fn of(&self, classes: &Classes, rows: &[f64]) -> Result<Vec<f64>> {
        match self {
            Self::Balanced => {
                let each = rows.iter().sum::<f64>() / rows.len() as f64;
                Ok(rows.iter().map(|rows| each / rows).collect())
            }
            Self::Given(weights) => {
                let mut found = vec![1.0; classes.len()];
                for (class, weight) in weights {
                    let at = classes.labels().binary_search(class).map_err(|_| {
                        let message = format!("there is no class `{class}` in the train rows");
                        let known = listed(classes.labels());
                        Error::new(ErrorKind::Fit, message)
                            .with_help(format!("the classes are {known}"))
                    })?;
                    found[at] = *weight;
                }
                Ok(found)
            }
        }
    }
}
