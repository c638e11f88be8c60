//! Gaps in a table: filled with what the train rows say, or marked in a column of their own.
//!
//! A null, a NaN and an empty text are three things. A null is a gap. A NaN is a value, unless
//! [`NanAs::Missing`] says that it stands for a gap. An empty text is a text like any other.

mod fill_value;
mod imputation;
mod imputer;
mod indicator;
mod policy;

pub use fill_value::FillValue;
pub use imputation::Imputation;
pub use imputer::Imputer;
pub use indicator::MissingIndicator;
pub use policy::{Integers, NanAs};
