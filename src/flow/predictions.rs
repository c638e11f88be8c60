use std::collections::BTreeMap;

use polars::prelude::{
    Column, DataFrame, DataType, Field, Float64Chunked, IdxCa, IntoColumn, NamedFrom, PlSmallStr,
    PolarsResult, SortMultipleOptions, polars_bail,
};

use crate::error::Result;
use crate::estimator::{PREDICTION, Predict};
use crate::schema::ROW;

/// What was predicted for each row by the model that is scored on it, by the number of the row in
/// the source.
pub(super) struct Predictions {
    /// The columns that some model adds, in their order.
    fields: Vec<Field>,
    /// The row numbers in rising order, then a column a field.
    found: DataFrame,
}

impl Predictions {
    /// Of these models, which all predict numbers, or all predict classes of one dtype. A fold may
    /// lack a class that another one has.
    pub(super) fn new<'a>(models: impl IntoIterator<Item = &'a (impl Predict + 'a)>) -> Self {
        let mut prediction = DataType::Float64;
        let mut probabilities = BTreeMap::new();
        for classes in models.into_iter().filter_map(|model| model.classes()) {
            prediction = classes.dtype().clone();
            let labels = classes.labels().iter().cloned();
            probabilities.extend(labels.zip(classes.probability_names()));
        }
        let mut fields = vec![Field::new(PREDICTION.into(), prediction)];
        let probabilities = probabilities.into_values();
        fields.extend(probabilities.map(|name| Field::new(name, DataType::Float64)));
        Self {
            found: DataFrame::empty(),
            fields,
        }
    }

    pub(super) fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// What a model predicted for rows of a batch: their numbers, and the columns of these names.
    /// A class that the model did not learn has probability 0.
    pub(super) fn of_model(
        &self,
        rows: &Column,
        names: &[PlSmallStr],
        columns: &[Column],
    ) -> Result<DataFrame> {
        let mut found = vec![rows.clone().with_name(ROW.into())];
        for field in &self.fields {
            let at = names.iter().position(|name| name == field.name());
            let column = match (at.and_then(|at| columns.get(at)), columns.first()) {
                (Some(column), _) => column.cast(field.dtype())?,
                (None, Some(prediction)) => {
                    let there = prediction.is_not_null();
                    let zeros = there
                        .iter()
                        .map(|there| (there == Some(true)).then_some(0.0));
                    zeros.collect::<Float64Chunked>().into_column()
                }
                (None, None) => Column::full_null(PlSmallStr::EMPTY, rows.len(), field.dtype()),
            };
            found.push(column.with_name(field.name().clone()));
        }
        Ok(DataFrame::new_infer_height(found)?)
    }

    /// Adds the rows of a batch, whose folds came one after the other; batches come in row order.
    pub(super) fn add(&mut self, folds: Vec<DataFrame>) -> Result<()> {
        let mut folds = folds.into_iter();
        let Some(mut batch) = folds.next() else {
            return Ok(());
        };
        for fold in folds {
            batch.vstack_mut_owned(fold)?;
        }
        let batch = batch.sort([ROW], SortMultipleOptions::default())?;
        if self.found.width() == 0 {
            self.found = batch;
        } else {
            self.found.vstack_mut_owned(batch)?;
        }
        Ok(())
    }

    /// Lays every column out in one piece, once all batches came.
    pub(super) fn close(&mut self) {
        self.found.rechunk_mut();
    }

    /// One of the columns for these rows.
    pub(super) fn of_rows(&self, field: &str, rows: &Column) -> PolarsResult<Column> {
        let numbers = self.found.column(ROW)?.idx()?.cont_slice()?;
        let mut places = Vec::with_capacity(rows.len());
        for row in rows.idx()?.into_no_null_iter() {
            let Ok(at) = numbers.binary_search(&row) else {
                polars_bail!(ComputeError: "row {row} was not there when the folds were scored");
            };
            places.push(u32::try_from(at).unwrap_or(u32::MAX));
        }
        let places = IdxCa::new(PlSmallStr::EMPTY, places);
        self.found.column(field)?.take(&places)
    }
}
