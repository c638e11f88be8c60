use std::fmt;
use std::sync::Arc;

use polars::prelude::{Column, DataType, Expr, Float64Chunked, IntoColumn, IntoSeries, LazyFrame};
use serde::{Deserialize, Serialize};

use super::coder::{Coder, Place, Stage, check_input};
use super::policy::{NullMean, UnknownMean};
use super::target_means::Estimates;
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{Frame, Train, visible};
use crate::learn::{Category, as_text, part_of_row};
use crate::schema::{self, Dtype, Field, Nullable, ROW, Schema};
use crate::transform::{Apply, Artifact, RowWise};

/// A fitted [`TargetEncoder`](super::TargetEncoder): what each category says of the target, to new
/// rows and to the train rows.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetEncoding {
    pub(super) columns: Vec<Encoded>,
    pub(super) target: String,
    /// None where the variances say it.
    pub(super) smooth: Option<f64>,
    pub(super) parts: u32,
    #[serde(with = "as_text")]
    pub(super) seed: i128,
    pub(super) unknown: UnknownMean,
    pub(super) nulls: NullMean,
}

/// A column, its dtype at the fit, and what its categories say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Encoded {
    pub(super) column: String,
    pub(super) dtype: Dtype,
    pub(super) prior: Known,
    pub(super) known: Vec<Known>,
}

/// What a category says: by all train rows, and for the rows of each part by the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Known {
    category: Option<Category>,
    mean: f64,
    by_others: Vec<f64>,
}

impl Known {
    pub(super) fn new(category: Option<Category>, estimates: Estimates, unit: f64) -> Self {
        let by_others = estimates.others.into_iter().map(|mean| mean / unit);
        Self {
            category,
            mean: estimates.mean / unit,
            by_others: by_others.collect(),
        }
    }
}

const PRIOR: u32 = u32::MAX;
const NULLS: u32 = u32::MAX - 1;

/// The schema after the step.
pub(super) fn output<'a>(
    input: &Schema,
    columns: impl IntoIterator<Item = &'a str>,
    unknown: UnknownMean,
    nulls: NullMean,
) -> Schema {
    let nullable = if unknown == UnknownMean::Null || nulls == NullMean::Null {
        Nullable::Maybe
    } else {
        Nullable::Never
    };
    let mut output = input.clone();
    for name in columns {
        output.set(Field::new(name, DataType::Float64).nullable(nullable));
    }
    output
}

impl TargetEncoding {
    /// What new rows of a category get; of null where it is a category of its own.
    pub fn mean(&self, column: &str, category: Option<&Category>) -> Option<f64> {
        let mut known = self.encoded(column)?.known.iter();
        let known = known.find(|known| known.category.as_ref() == category)?;
        Some(known.mean)
    }

    /// What new rows of an unknown category of a column get: the mean of the target of all train
    /// rows.
    pub fn prior(&self, column: &str) -> Option<f64> {
        Some(self.encoded(column)?.prior.mean)
    }

    fn encoded(&self, column: &str) -> Option<&Encoded> {
        self.columns.iter().find(|encoded| encoded.column == column)
    }

    /// Adds the encoding to a query of the train rows that it was fitted on: each row gets what the
    /// rows of the other parts teach. In a flow this is what the steps behind it and the estimator
    /// learn from.
    ///
    /// The part of a row is told by its number in the source; of other train rows than those of the
    /// fit it means nothing.
    ///
    /// # Errors
    ///
    /// As [`apply`](Apply::apply).
    pub fn encode_train(&self, train: &Frame<Train>) -> Result<LazyFrame> {
        let encoded = self.apply_to_train(train.rows().frame.clone())?;
        Ok(encoded.select([visible()]))
    }

    fn coder(&self, encoded: &Encoded) -> Coder {
        let unknown = match self.unknown {
            UnknownMean::Prior => Place::At(PRIOR),
            UnknownMean::Null => Place::At(NULLS),
            UnknownMean::Error => Place::Refused,
        };
        let known = || encoded.known.iter().zip(0..);
        let null = match self.nulls {
            NullMean::Prior => Place::At(PRIOR),
            NullMean::Null => Place::At(NULLS),
            NullMean::Error => Place::Refused,
            NullMean::Category => {
                let own = known().find(|(known, _)| known.category.is_none());
                own.map_or(unknown, |(_, at)| Place::At(at))
            }
        };
        let known = known().filter_map(|(known, at)| Some((known.category.as_ref()?, at)));
        Coder::new(&encoded.column, &encoded.dtype.0, known, unknown, null)
    }

    /// What each row of a column gets, by the place of its category and, of train rows, its part.
    fn values(&self, encoded: &Encoded) -> Expr {
        let prior = encoded.prior.mean;
        let means: Vec<f64> = encoded.known.iter().map(|known| known.mean).collect();
        let values = move |places: Vec<u32>| {
            let values = places.into_iter().map(|at| match at {
                NULLS => None,
                PRIOR => Some(prior),
                at => means.get(at as usize).copied(),
            });
            values.collect::<Float64Chunked>().into_series()
        };
        let coder = self.coder(encoded);
        coder.expr(&Stage::of(self), DataType::Float64, values)
    }

    fn train_values(&self, encoded: &Encoded) -> Result<Expr> {
        let seed = u64::try_from(self.seed);
        let seed = seed.map_err(|_| Error::new(ErrorKind::Model, "the seed is not 64 bits"))?;
        let parts = self.parts;
        let coder = Arc::new(self.coder(encoded));
        let (of_plan, stage) = (Arc::clone(&coder), Stage::of(self));
        let plan_stage = stage.clone();
        let name = schema::column(encoded.column.as_str());
        let encoded = encoded.clone();
        let values = move |column: &Column, rows: &Column| -> Result<Column> {
            let places = coder.places(column)?.into_iter();
            let rows = rows.u32()?.iter();
            let values = places.zip(rows).map(|(at, row)| {
                let known = match at {
                    NULLS => return None,
                    PRIOR => &encoded.prior,
                    at => encoded.known.get(at as usize)?,
                };
                let part = part_of_row(seed, parts, u64::from(row?));
                known.by_others.get(part as usize).copied()
            });
            let values: Float64Chunked = values.collect();
            Ok(values.with_name(column.name().clone()).into_column())
        };
        Ok(name.map_many(
            move |columns| {
                let [column, rows] = columns else {
                    let error = Error::new(ErrorKind::Query, "a column is lost (a bug in floe)");
                    return Err(error.into_polars());
                };
                values(column, rows).map_err(|error| error.at(&stage).into_polars())
            },
            &[schema::column(ROW)],
            move |_, fields| of_plan.field(&fields[0], &plan_stage, &DataType::Float64),
        ))
    }
}

impl fmt::Debug for TargetEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<_> = self.columns.iter().map(|encoded| &encoded.column).collect();
        let known: usize = self.columns.iter().map(|encoded| encoded.known.len()).sum();
        let target = &self.target;
        write!(
            f,
            "TargetEncoding({columns:?} by {target:?}, {known} categories)"
        )
    }
}

impl Apply for TargetEncoding {
    fn apply(&self, frame: LazyFrame) -> Result<LazyFrame> {
        let values = self.columns.iter().map(|encoded| self.values(encoded));
        Ok(frame.with_columns(values.collect::<Vec<_>>()))
    }

    fn apply_to_train(&self, mut train: LazyFrame) -> Result<LazyFrame> {
        if !train.collect_schema()?.contains(ROW) {
            let message = "the train rows do not carry their number in the source";
            return Err(Error::new(ErrorKind::Apply, message)
                .with_help("a step before this one drops columns that it does not know"));
        }
        let values = self
            .columns
            .iter()
            .map(|encoded| self.train_values(encoded));
        Ok(train.with_columns(values.collect::<Result<Vec<_>>>()?))
    }

    fn report(&self) -> serde_json::Value {
        let columns = self.columns.iter();
        columns
            .map(|encoded| {
                let found = serde_json::json!({
                    "categories": encoded.known.len(),
                    "prior": encoded.prior.mean,
                });
                (encoded.column.clone(), found)
            })
            .collect()
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        for encoded in &self.columns {
            check_input(input, &encoded.column, &encoded.dtype.0)?;
        }
        let columns = self.columns.iter().map(|encoded| encoded.column.as_str());
        Ok(output(input, columns, self.unknown, self.nulls))
    }
}

impl RowWise for TargetEncoding {}

impl Artifact for TargetEncoding {
    const KIND: &'static str = "target_encoding";
}
