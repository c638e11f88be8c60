use polars::prelude::{Column, DataFrame, PlSmallStr};
use polars_arrow::array::PrimitiveArray;

use super::chunk::{CHUNK, Chunk};
use super::sums::{Point, Sums};
use super::workers::Workers;
use crate::error::{Error, ErrorKind, Result};
use crate::estimator::feature::distances;
use crate::estimator::{Classes, Training};

/// The chunks that the search starts on, before it looks at all rows.
pub(super) const FIRST: usize = 4;

/// A feature as the search sees it: counted from its mean, in its deviations.
#[derive(Clone, Debug)]
pub(super) struct Scaled {
    pub(super) name: PlSmallStr,
    pub(super) origin: i128,
    pub(super) offset: f64,
    /// One over the deviation; 0 of a feature that does not vary.
    pub(super) factor: f64,
}

/// The train rows, in memory where they are few enough, else read anew for each pass.
pub(super) struct Rows<'a, 'b> {
    pub(super) training: &'a Training<'b>,
    pub(super) features: &'a [Scaled],
    pub(super) target: &'a PlSmallStr,
    pub(super) weights: Option<&'a PlSmallStr>,
    pub(super) classes: &'a Classes,
    pub(super) workers: &'a Workers,
    /// Bytes that may be held.
    pub(super) limit: usize,
    held: Vec<Chunk>,
    streams: bool,
}

impl<'a, 'b> Rows<'a, 'b> {
    pub(super) fn new(
        training: &'a Training<'b>,
        features: &'a [Scaled],
        target: &'a PlSmallStr,
        weights: Option<&'a PlSmallStr>,
        classes: &'a Classes,
        workers: &'a Workers,
        limit: usize,
    ) -> Self {
        Self {
            training,
            features,
            target,
            weights,
            classes,
            workers,
            limit,
            held: Vec::new(),
            streams: false,
        }
    }

    /// The first pass: `start` says where to look, given the first rows of more.
    pub(super) fn first(
        &mut self,
        mut start: impl FnMut(&[Chunk]) -> Result<Vec<f64>>,
    ) -> Result<(Vec<f64>, Sums)> {
        let mut sums = Sums::new(self.workers.shape, true);
        let mut at = Vec::new();
        let (mut held, mut bytes) = (Vec::new(), 0);
        let mut streams = false;
        self.scan(|chunk| {
            if streams {
                let point = Point::new(self.workers.shape, &at);
                sums.add(&self.workers.one(&chunk, &point, true));
                return Ok(());
            }
            bytes += chunk.bytes();
            held.push(chunk);
            if bytes > self.limit && held.len() > FIRST {
                at = start(&held[..FIRST])?;
                self.add(&mut sums, &held, &at, true)?;
                held = Vec::new();
                streams = true;
            }
            Ok(())
        })?;
        if !streams {
            let first = if held.len() > FIRST { FIRST } else { 0 };
            at = start(&held[..first])?;
            self.add(&mut sums, &held, &at, true)?;
        }
        (self.held, self.streams) = (held, streams);
        Ok((at, sums))
    }

    /// One pass over all rows.
    pub(super) fn pass(&self, at: &[f64], curvature: bool) -> Result<Sums> {
        let mut sums = Sums::new(self.workers.shape, curvature);
        if self.streams {
            let point = Point::new(self.workers.shape, at);
            self.scan(|chunk| {
                sums.add(&self.workers.one(&chunk, &point, curvature));
                Ok(())
            })?;
        } else {
            self.training.refuse_cancelled()?;
            self.add(&mut sums, &self.held, at, curvature)?;
        }
        Ok(sums)
    }

    fn add(&self, sums: &mut Sums, chunks: &[Chunk], at: &[f64], curvature: bool) -> Result<()> {
        let point = Point::new(self.workers.shape, at);
        let added = self.workers.add(sums, chunks, &point, curvature);
        added.ok_or_else(lost)
    }

    /// Reads the rows, chunk by chunk.
    fn scan(&self, mut each: impl FnMut(Chunk) -> Result<()>) -> Result<()> {
        let names = self.features.iter().map(|feature| &feature.name);
        let names = names.chain([self.target]).chain(self.weights);
        let names: Vec<PlSmallStr> = names.cloned().collect();
        let mut chunk = Chunk::new(self.features.len());
        self.training.scan(&names, |batch| {
            let batch = self.batch(batch)?;
            let mut start = 0;
            while start < batch.codes.len() {
                let end = batch.codes.len().min(start + CHUNK - chunk.rows());
                batch.copy(self.features, start..end, &mut chunk);
                start = end;
                if chunk.rows() == CHUNK {
                    let full = std::mem::replace(&mut chunk, Chunk::new(self.features.len()));
                    each(full)?;
                }
            }
            Ok(())
        })?;
        if chunk.rows() > 0 {
            each(chunk)?;
        }
        Ok(())
    }

    fn batch(&self, batch: &DataFrame) -> Result<Batch> {
        let values = self.features.iter().map(|feature| {
            let column = batch.column(&feature.name)?;
            floats(column, feature.origin)
        });
        let codes = self.classes.codes(batch.column(self.target)?)?;
        let classes = u32::try_from(self.classes.len()).unwrap_or(u32::MAX);
        let codes = codes.into_iter().map(|code| {
            let known = code.filter(|code| *code < classes);
            known.ok_or_else(|| changed(self.target))
        });
        let weights = self.weights.map(|name| floats(batch.column(name)?, 0));
        Ok(Batch {
            values: values.collect::<Result<_>>()?,
            codes: codes.collect::<Result<_>>()?,
            weights: weights.transpose()?,
        })
    }
}

/// A batch as plain numbers.
struct Batch {
    values: Vec<PrimitiveArray<f64>>,
    codes: Vec<u32>,
    weights: Option<PrimitiveArray<f64>>,
}

impl Batch {
    fn copy(&self, features: &[Scaled], rows: std::ops::Range<usize>, to: &mut Chunk) {
        for (at, (feature, values)) in features.iter().zip(&self.values).enumerate() {
            let Scaled { offset, factor, .. } = *feature;
            let values = values.values()[rows.clone()].iter();
            to.extend(at, values.map(|value| scaled(*value, offset, factor)));
        }
        to.codes.extend_from_slice(&self.codes[rows.clone()]);
        if let Some(weights) = &self.weights {
            to.weights.extend_from_slice(&weights.values()[rows]);
        }
    }
}

/// A feature that does not vary is zero, whatever its values are.
fn scaled(value: f64, offset: f64, factor: f64) -> f64 {
    if factor == 0.0 {
        return 0.0;
    }
    (value - offset) * factor
}

/// The values of a column that was found to hold no gaps, in one piece; not copied where they are so.
fn floats(column: &Column, origin: i128) -> Result<PrimitiveArray<f64>> {
    let floats = distances(column, origin)?;
    if floats.null_count() > 0 {
        return Err(changed(column.name()));
    }
    Ok(floats.rechunk().downcast_as_array().clone())
}

fn changed(column: &str) -> Error {
    Error::new(
        ErrorKind::Fit,
        "the rows changed while they were learned from",
    )
    .on_column(column)
    .with_help("let nothing write to the source during a fit")
}

fn lost() -> Error {
    Error::new(ErrorKind::Fit, "a thread ended early (a bug in floe)")
}
