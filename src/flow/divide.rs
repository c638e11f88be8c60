use std::fmt;

use polars::prelude::{DataType, LazyFrame, UnionArgs, concat};
use serde_json::{Value, json};

pub(super) use super::opened::{Folds, Opened, Sides};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::RowSet;
use crate::learn::ScanLog;
use crate::schema::{FOLD, Schema, column};
use crate::source::{Fingerprint, Outline, Source};
use crate::splitter::{Assigned, Decided, FoldAssignment, OneTrainSide, Rows, Splitter};

/// Rows in two sides: a source with a splitter, or two sources.
pub trait Division: fmt::Debug + Send + Sync + sealed::Sealed {
    #[doc(hidden)]
    fn schema(&self) -> Result<Schema>;
    #[doc(hidden)]
    fn outline(&self) -> Result<Outline>;
    #[doc(hidden)]
    fn check(&self, schema: &Schema, outline: &Outline) -> Result<()>;
    #[doc(hidden)]
    fn count_scans(&self, outline: &Outline) -> usize;
    /// What the splitter holds in memory meanwhile.
    #[doc(hidden)]
    fn count_held(&self, outline: &Outline) -> Option<&'static str> {
        let _ = outline;
        None
    }
    #[doc(hidden)]
    fn open(&self, outline: &Outline, log: &mut ScanLog) -> Result<Opened>;
    #[doc(hidden)]
    fn open_all(&self, log: &mut ScanLog) -> Result<LazyFrame>;
    #[doc(hidden)]
    fn describe(&self) -> Value;
    /// What tells the rows of a side from others, for a tracker.
    #[doc(hidden)]
    fn fingerprint(&self, role: &str) -> Result<Fingerprint>;
    /// Whether the sides come from one source, so that a row can be told to be on both.
    #[doc(hidden)]
    fn is_one_source(&self) -> bool {
        true
    }
    /// How many scans a score takes.
    #[doc(hidden)]
    fn score_scans(&self) -> usize {
        1
    }
    /// How many models are fitted in the same scans, and whether of folds.
    #[doc(hidden)]
    fn models(&self) -> usize {
        1
    }
    /// How many times the rows are dealt, each with scans of its own.
    #[doc(hidden)]
    fn repeats(&self) -> usize {
        1
    }
}

/// Rows with a test side, so that a run can be scored.
#[diagnostic::on_unimplemented(
    message = "this flow has train rows only, so there is nothing to score a run on",
    label = "no test rows",
    note = "call `.fit()` for the model alone, or bring test rows: `floe::from_parts(train, test)`"
)]
pub trait HasTest: Division {
    /// `One` or `Many`, after how many models a run gives.
    #[doc(hidden)]
    type Pick<One, Many>;
    #[doc(hidden)]
    fn pick<One, Many>(
        one: impl FnOnce() -> Result<One>,
        many: impl FnOnce() -> Result<Many>,
    ) -> Result<Self::Pick<One, Many>>;
}

impl<S: Source, D: Splitter> HasTest for Holdout<S, D> {
    type Pick<One, Many> = <D::Assignment as Assigned>::Pick<One, Many>;

    fn pick<One, Many>(
        one: impl FnOnce() -> Result<One>,
        many: impl FnOnce() -> Result<Many>,
    ) -> Result<Self::Pick<One, Many>> {
        D::Assignment::pick(one, many)
    }
}

impl<A: Source, B: Source> HasTest for Parts<A, B> {
    type Pick<One, Many> = One;

    fn pick<One, Many>(
        one: impl FnOnce() -> Result<One>,
        _: impl FnOnce() -> Result<Many>,
    ) -> Result<One> {
        one()
    }
}

/// Rows with one train side, so that there is one thing to fit.
pub trait HasTrain: Division {}

impl<S: Source, D: Splitter> HasTrain for Holdout<S, D> where D::Assignment: OneTrainSide {}

impl<A: Source, B: Source> HasTrain for Parts<A, B> {}

impl<S: Source> HasTrain for TrainOnly<S> {}

mod sealed {
    pub trait Sealed {}
    impl<S, D> Sealed for super::Holdout<S, D> {}
    impl<A, B> Sealed for super::Parts<A, B> {}
    impl<S> Sealed for super::TrainOnly<S> {}
}

/// Numbers the part of each row in the hidden column.
pub(super) fn dealt(frame: LazyFrame, folds: Option<&FoldAssignment>) -> RowSet {
    match folds {
        None => RowSet::from(frame),
        Some(folds) => RowSet {
            frame: frame.with_columns([folds.fold().cast(DataType::UInt32).alias(FOLD)]),
            parts: Some(folds.parts()),
        },
    }
}

/// A source whose rows a splitter divides.
#[derive(Clone)]
pub struct Holdout<S, D> {
    source: S,
    splitter: D,
}

impl<S, D> Holdout<S, D> {
    pub(crate) fn new(source: S, splitter: D) -> Self {
        Self { source, splitter }
    }
}

impl<S, D: Splitter> Holdout<S, D> {
    /// The rows of each repeat, which has folds.
    fn in_folds(&self, frame: &LazyFrame, repeats: &[FoldAssignment]) -> Result<Opened> {
        if repeats.iter().all(|folds| folds.count() == 0) {
            let error = Error::new(ErrorKind::Split, "the rows are dealt into no folds");
            return Err(error.at(&self.splitter));
        }
        let opened = repeats.iter().map(|folds| Folds {
            rows: dealt(frame.clone(), Some(folds)),
            each: folds.each().to_vec(),
            refit: folds.is_refit(),
        });
        Ok(Opened::Folds(opened.collect()))
    }
}

impl<S: fmt::Debug, D: fmt::Debug> fmt::Debug for Holdout<S, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} -> {:?}", self.source, self.splitter)
    }
}

impl<S: Source, D: Splitter> Division for Holdout<S, D> {
    fn schema(&self) -> Result<Schema> {
        self.source.schema().map_err(|e| e.at(&self.source))
    }

    fn outline(&self) -> Result<Outline> {
        self.source.outline().map_err(|e| e.at(&self.source))
    }

    fn check(&self, schema: &Schema, outline: &Outline) -> Result<()> {
        let checked = self.splitter.check(schema, outline);
        checked.map_err(|e| e.at(&self.splitter))
    }

    fn count_scans(&self, outline: &Outline) -> usize {
        self.splitter.scans(outline)
    }

    fn count_held(&self, outline: &Outline) -> Option<&'static str> {
        self.splitter.held(outline)
    }

    fn open(&self, outline: &Outline, log: &mut ScanLog) -> Result<Opened> {
        let frame = self.open_all(log)?;
        let mut rows = Rows::new(frame.clone(), outline, log);
        let assigned = self.splitter.assign(&mut rows);
        let assigned = assigned.map_err(|e| e.at(&self.splitter))?;
        Ok(match assigned.decided() {
            Decided::Sides(sides) => {
                let RowSet { frame, parts } = dealt(frame, sides.folds());
                let of = |rows| frame.clone().filter(rows);
                Opened::Sides(Box::new(Sides {
                    train: RowSet {
                        frame: of(sides.train()),
                        parts,
                    },
                    test: of(sides.test()),
                    validation: sides.validation().map(of),
                }))
            }
            Decided::Folds(folds) => self.in_folds(&frame, &[folds])?,
            Decided::Repeats(repeats) => self.in_folds(&frame, &repeats)?,
        })
    }

    fn open_all(&self, log: &mut ScanLog) -> Result<LazyFrame> {
        self.source.numbered(log).map_err(|e| e.at(&self.source))
    }

    fn describe(&self) -> Value {
        self.splitter.describe()
    }

    fn fingerprint(&self, _: &str) -> Result<Fingerprint> {
        self.source.fingerprint()
    }

    fn score_scans(&self) -> usize {
        self.splitter.scores()
    }

    fn models(&self) -> usize {
        self.splitter.models()
    }

    fn repeats(&self) -> usize {
        self.splitter.repeats()
    }
}

/// Train rows and test rows that were split elsewhere.
#[derive(Clone)]
pub struct Parts<A, B> {
    train: A,
    test: B,
}

impl<A, B> Parts<A, B> {
    pub(crate) fn new(train: A, test: B) -> Self {
        Self { train, test }
    }
}

impl<A: fmt::Debug, B: fmt::Debug> fmt::Debug for Parts<A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parts(train: {:?}, test: {:?})", self.train, self.test)
    }
}

impl<A: Source, B: Source> Division for Parts<A, B> {
    fn schema(&self) -> Result<Schema> {
        let train = self.train.schema().map_err(|e| e.at(&self.train))?;
        let test = self.test.schema().map_err(|e| e.at(&self.test))?;
        for field in train.fields() {
            let found = test.field(field.name()).map_err(|e| e.at(&self.test))?;
            if found.dtype() != field.dtype() {
                let message = format!("it is {} in the train rows", field.dtype());
                return Err(Error::new(ErrorKind::Schema, message)
                    .on_column(field.name().as_str())
                    .with_dtype(found.dtype())
                    .with_help("cast one side, or declare the dtype at the source")
                    .at(&self.test));
            }
        }
        Ok(train)
    }

    fn outline(&self) -> Result<Outline> {
        let mut outline = self.train.outline()?;
        let test = self.test.outline()?;
        outline.scans_before_split += test.scans_before_split;
        outline.tags.extend(test.tags);
        Ok(outline)
    }

    fn check(&self, _: &Schema, _: &Outline) -> Result<()> {
        Ok(())
    }

    fn count_scans(&self, _: &Outline) -> usize {
        0
    }

    fn open(&self, _: &Outline, log: &mut ScanLog) -> Result<Opened> {
        Ok(Opened::Sides(Box::new(Sides {
            train: RowSet::from(self.train.numbered(log).map_err(|e| e.at(&self.train))?),
            test: self.test.numbered(log).map_err(|e| e.at(&self.test))?,
            validation: None,
        })))
    }

    fn open_all(&self, log: &mut ScanLog) -> Result<LazyFrame> {
        let Sides { train, test, .. } = self.open(&Outline::default(), log)?.sides()?;
        let mut train = train.frame;
        // The test rows may bring columns of their own, or theirs in another order.
        let schema = train
            .collect_schema()
            .map_err(|error| Error::from_polars(ErrorKind::Source, error))?;
        let columns: Vec<_> = schema.iter_names_cloned().map(column).collect();
        Ok(concat([train, test.select(columns)], UnionArgs::default())?)
    }

    fn describe(&self) -> Value {
        json!({ "splitter": "parts" })
    }

    fn fingerprint(&self, role: &str) -> Result<Fingerprint> {
        if role == "training" {
            return self.train.fingerprint();
        }
        self.test.fingerprint()
    }

    fn is_one_source(&self) -> bool {
        false
    }
}

/// Train rows whose test rows are elsewhere.
#[derive(Clone)]
pub struct TrainOnly<S> {
    source: S,
}

impl<S> TrainOnly<S> {
    pub(crate) fn new(source: S) -> Self {
        Self { source }
    }
}

impl<S: fmt::Debug> fmt::Debug for TrainOnly<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrainOnly({:?})", self.source)
    }
}

impl<S: Source> Division for TrainOnly<S> {
    fn schema(&self) -> Result<Schema> {
        self.source.schema().map_err(|e| e.at(&self.source))
    }

    fn outline(&self) -> Result<Outline> {
        self.source.outline().map_err(|e| e.at(&self.source))
    }

    fn check(&self, _: &Schema, _: &Outline) -> Result<()> {
        Ok(())
    }

    fn count_scans(&self, _: &Outline) -> usize {
        0
    }

    fn open(&self, _: &Outline, log: &mut ScanLog) -> Result<Opened> {
        let train = self.open_all(log)?;
        Ok(Opened::Sides(Box::new(Sides {
            test: train.clone().limit(0),
            train: RowSet::from(train),
            validation: None,
        })))
    }

    fn open_all(&self, log: &mut ScanLog) -> Result<LazyFrame> {
        self.source.numbered(log).map_err(|e| e.at(&self.source))
    }

    fn describe(&self) -> Value {
        json!({ "splitter": "train_only" })
    }

    fn fingerprint(&self, _: &str) -> Result<Fingerprint> {
        self.source.fingerprint()
    }

    fn score_scans(&self) -> usize {
        0
    }
}
