use polars::prelude::{
    BooleanChunked, Column, DataType, Int64Chunked, IntoColumn, IntoSeries, PlSmallStr,
    StringChunked, UInt32Chunked,
};
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result, listed};
use crate::learn::{Categories, Category, Need, Statistic};
use crate::schema::Dtype;

/// The classes of a target in ascending order, in the target's own dtype.
///
/// A model knows a class by its place in them, its code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Classes {
    dtype: Dtype,
    labels: Vec<Category>,
}

impl Classes {
    /// The most classes that a target may have.
    pub const MOST: usize = 1000;

    /// What a classifier must know of its target.
    pub(super) fn need(target: &PlSmallStr) -> Need {
        let most = Self::MOST;
        Need::column(target.clone(), Statistic::Categories { most })
    }

    /// The classes of the train rows of a target, for an estimator that tells them apart.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Fit`] for a target with nulls, or with fewer than two classes.
    pub fn learned(target: &str, dtype: &DataType, found: &Categories) -> Result<Self> {
        let fail = |message: String, help: &'static str| {
            Err(Error::new(ErrorKind::Fit, message)
                .on_column(target)
                .with_dtype(dtype)
                .with_help(help))
        };
        if found.nulls > 0 {
            return fail(
                format!("{} of the train rows have no class", found.nulls),
                "drop them before the split: `.keep(..)`",
            );
        }
        let labels: Vec<_> = found
            .counts
            .iter()
            .map(|(label, _)| label.clone())
            .collect();
        if labels.len() < 2 {
            let found = listed(&labels);
            return fail(
                format!("there are no two classes to tell apart in the train rows, but {found}"),
                "bring rows of another class, or choose another target",
            );
        }
        let classes = Self {
            dtype: Dtype(dtype.clone()),
            labels,
        };
        classes.column(PlSmallStr::EMPTY, &[])?;
        Ok(classes)
    }

    /// How many classes there are: two or more.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none; a model has at least two.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The classes in ascending order.
    pub fn labels(&self) -> &[Category] {
        &self.labels
    }

    /// The dtype of the target.
    pub fn dtype(&self) -> &DataType {
        &self.dtype.0
    }

    /// The names of the columns of probabilities, in the order of the classes: `probability_` and
    /// the class as text. Classes differ, and so do their names.
    pub fn probability_names(&self) -> Vec<PlSmallStr> {
        let labels = self.labels.iter();
        labels
            .map(|label| format!("probability_{label}").into())
            .collect()
    }

    /// The code of each row of a target; none for a null, [`Classes::len`] for a class that the
    /// model does not know.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Schema`] for a column of another dtype.
    pub fn codes(&self, target: &Column) -> Result<Vec<Option<u32>>> {
        if *target.dtype() != self.dtype.0 {
            let message = format!("the model was fitted on classes of {}", self.dtype.0);
            return Err(Error::new(ErrorKind::Schema, message)
                .on_column(target.name().as_str())
                .with_dtype(target.dtype())
                .with_help("cast the column first"));
        }
        let series = target.as_materialized_series();
        let unknown = u32::try_from(self.labels.len()).unwrap_or(u32::MAX);
        let code = |at: std::result::Result<usize, usize>| {
            at.map_or(unknown, |at| u32::try_from(at).unwrap_or(unknown))
        };
        Ok(match series.dtype() {
            DataType::String => series
                .str()?
                .iter()
                .map(|text| {
                    let find = |label: &Category| match label {
                        Category::Text(label) => label.as_str().cmp(text.unwrap_or_default()),
                        _ => std::cmp::Ordering::Less,
                    };
                    text.map(|_| code(self.labels.binary_search_by(find)))
                })
                .collect(),
            DataType::Boolean => series
                .bool()?
                .iter()
                .map(|value| {
                    value.map(|value| code(self.labels.binary_search(&Category::Bool(value))))
                })
                .collect(),
            _ => {
                let number = |value: Option<i128>| {
                    value.map(|value| code(self.labels.binary_search(&Category::Int(value))))
                };
                match series.dtype() {
                    DataType::UInt64 => {
                        let values = series.u64()?.iter();
                        values.map(|value| number(value.map(i128::from))).collect()
                    }
                    DataType::Decimal(..) => {
                        let values = series.decimal()?.physical().iter();
                        values.map(number).collect()
                    }
                    _ => {
                        let physical = series.to_physical_repr().cast(&DataType::Int64)?;
                        let values = physical.i64()?.iter();
                        values.map(|value| number(value.map(i128::from))).collect()
                    }
                }
            }
        })
    }

    /// A column of the target's own dtype out of codes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Model`] when a class is no value of the dtype, as a changed file may say.
    pub fn column(&self, name: PlSmallStr, codes: &[Option<u32>]) -> Result<Column> {
        let labels = self.labels_column()?;
        let codes: UInt32Chunked = codes.iter().copied().collect();
        Ok(labels.take(&codes)?.with_name(name).into_column())
    }

    /// One row a class.
    fn labels_column(&self) -> Result<polars::prelude::Series> {
        let foreign = || {
            Error::new(
                ErrorKind::Model,
                "a class is no value of the target's dtype",
            )
            .with_dtype(&self.dtype.0)
        };
        let texts = self.labels.iter().map(|label| match label {
            Category::Text(text) => Some(text.as_str()),
            _ => None,
        });
        let bools = self.labels.iter().map(|label| match label {
            Category::Bool(value) => Some(*value),
            _ => None,
        });
        let integers = self.labels.iter().map(|label| match label {
            Category::Int(value) => Some(*value),
            _ => None,
        });
        let series = match &self.dtype.0 {
            DataType::String => texts.collect::<StringChunked>().into_series(),
            DataType::Boolean => bools.collect::<BooleanChunked>().into_series(),
            DataType::Decimal(precision, scale) => {
                let values: polars::prelude::Int128Chunked = integers.collect();
                values.into_decimal(*precision, *scale)?.into_series()
            }
            DataType::UInt64 => {
                let narrow = |value: Option<i128>| u64::try_from(value?).ok();
                let values: polars::prelude::UInt64Chunked = integers.map(narrow).collect();
                values.into_series()
            }
            dtype if dtype.is_integer() || dtype.is_temporal() => {
                let narrow = |value: Option<i128>| i64::try_from(value?).ok();
                let values: Int64Chunked = integers.map(narrow).collect();
                let physical = values.into_series().strict_cast(&dtype.to_physical())?;
                physical.cast(dtype)?
            }
            _ => return Err(foreign()),
        };
        if series.null_count() > 0 {
            return Err(foreign());
        }
        Ok(series)
    }

    /// Refuses classes that are out of order, as a changed file may hold: codes are found by halving.
    pub(crate) fn refuse_disorder(&self) -> Result<()> {
        let in_order = self.labels.windows(2).all(|pair| pair[0] < pair[1]);
        if !in_order || self.labels.len() < 2 {
            let message = "its classes are not two or more in ascending order";
            return Err(Error::new(ErrorKind::Model, message));
        }
        self.labels_column().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;

    fn classes(dtype: DataType, labels: Vec<Category>) -> Classes {
        let classes = Classes {
            dtype: Dtype(dtype),
            labels,
        };
        classes.refuse_disorder().expect("in order");
        classes
    }

    #[test]
    fn classes_come_back_in_their_own_dtype() {
        let texts = ["", "Q", "é"].map(|text| Category::Text(text.to_owned()));
        let of_texts = classes(DataType::String, texts.to_vec());
        let of_dates = classes(DataType::Date, [-1, 20_000].map(Category::Int).to_vec());
        let of_bools = classes(
            DataType::Boolean,
            [false, true].map(Category::Bool).to_vec(),
        );
        let of_wide = classes(
            DataType::UInt64,
            [3, i128::from(u64::MAX)].map(Category::Int).to_vec(),
        );
        for classes in [of_texts, of_dates, of_bools, of_wide] {
            let codes = [Some(1), None, Some(0)];
            let column = classes.column("y".into(), &codes).expect("a column");
            assert_eq!(column.dtype(), classes.dtype());
            assert_eq!(classes.codes(&column).expect("codes"), codes);
        }
    }

    #[test]
    fn a_class_that_is_not_known_has_the_code_behind_the_last() {
        let classes = classes(DataType::Int32, [-1, 1].map(Category::Int).to_vec());
        let truth = Column::new("y".into(), [Some(1_i32), Some(0), None]);
        assert_eq!(
            classes.codes(&truth).expect("codes"),
            [Some(1), Some(2), None]
        );
        let error = classes.codes(&Column::new("y".into(), ["1"]));
        assert_eq!(error.expect_err("another dtype").kind(), ErrorKind::Schema);
    }

    #[test]
    fn what_is_no_value_of_the_dtype_is_refused() {
        let wrong = |dtype, labels: [i128; 2]| {
            let classes = Classes {
                dtype: Dtype(dtype),
                labels: labels.map(Category::Int).to_vec(),
            };
            classes.refuse_disorder().is_err()
        };
        assert!(wrong(DataType::Int8, [1, 300]));
        assert!(wrong(DataType::UInt64, [-1, 3]));
        assert!(wrong(DataType::String, [1, 2]));
        assert!(wrong(DataType::Int8, [2, 1]));
    }
}
