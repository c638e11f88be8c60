#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod clock;
pub mod error;
pub mod estimator;
pub mod flow;
mod frame;
#[cfg(feature = "remote")]
pub mod http;
pub mod learn;
#[cfg(any(
    feature = "remote",
    feature = "sqlite",
    all(feature = "schedule", unix)
))]
mod locked;
pub mod metric;
pub mod model;
#[cfg(any(feature = "sqlite", feature = "mlflow"))]
mod open_databases;
pub mod output;
pub mod prelude;
pub mod runs;
#[cfg(all(feature = "schedule", unix))]
pub mod schedule;
mod schema;
mod simd;
pub mod source;
pub mod splitter;
#[cfg(feature = "testing")]
pub mod testing;
mod threads;
pub mod tracker;
pub mod transform;

pub use error::{Error, ErrorKind, Result};
pub use flow::{Explain, Flow, FoldsRun, Run, from, from_parts, from_train, train_on};
pub use frame::{Frame, Learnable, Partition, Test, Train};
pub use model::{BoxModel, BoxPipeline, Model, Pipeline, Registry};
pub use schema::{Columns, Field, Nullable, Role, Schema};
pub use {jiff, polars};

/// The guides, as they stand in `docs/`.
pub mod _documentation {
    #[doc = include_str!("../docs/architecture.md")]
    pub mod architecture {}
    #[doc = include_str!("../docs/choosing.md")]
    pub mod choosing {}
    #[doc = include_str!("../docs/compare.md")]
    pub mod compare {}
    #[doc = include_str!("../docs/design.md")]
    pub mod design {}
    #[doc = include_str!("../docs/estimators.md")]
    pub mod estimators {}
    #[doc = include_str!("../docs/experiments.md")]
    pub mod experiments {}
    #[cfg(feature = "remote")]
    #[doc = include_str!("../docs/landing.md")]
    pub mod landing {}
    #[doc = include_str!("../docs/leakage.md")]
    pub mod leakage {}
    #[doc = include_str!("../docs/model_file.md")]
    pub mod model_file {}
    #[doc = include_str!("../docs/normalization.md")]
    pub mod normalization {}
    #[cfg(all(feature = "schedule", unix))]
    #[doc = include_str!("../docs/schedule.md")]
    pub mod schedule {}
    #[doc = include_str!("../docs/splitting.md")]
    pub mod splitting {}
    #[cfg(feature = "sqlite")]
    #[doc = include_str!("../docs/tracking.md")]
    pub mod tracking {}
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/writing_a_step.md")]
    pub mod writing_a_step {}
    #[cfg(feature = "remote")]
    #[doc = include_str!("../docs/youtube.md")]
    pub mod youtube {}
}
