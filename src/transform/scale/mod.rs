//! The normalisation core: scalers that are right for every numeric dtype.
//!
//! Integers subtract in a type that cannot wrap, floats halve both operands where a range
//! overflows, the quotient is a true division, no absolute epsilon decides anything, and every
//! policy is an enum with a safe default. `docs/normalization.md` has the table of cases.

mod cells;
mod centred;
mod column;
mod judge;
mod max_abs_scaler;
mod min_max;
mod min_max_scaler;
mod norm;
mod normalizer;
mod number;
mod placement;
mod policy;
mod product;
mod report;
mod robust_scaler;
mod room;
mod settings;
mod standard;
mod standard_scaler;

#[cfg(test)]
mod min_max_tests;
#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod standard_tests;

pub(super) use cells::by_kind;
pub use max_abs_scaler::{MaxAbsScaler, MaxAbsScaling};
pub use min_max_scaler::{MinMaxScaler, MinMaxScaling};
pub use norm::Norm;
pub use normalizer::Normalizer;
pub(super) use number::Physical;
pub use policy::{Constant, Infinities, Nans, Nulls, OutputRange, Outside};
pub use robust_scaler::{RobustScaler, RobustScaling};
pub use standard_scaler::{StandardScaler, StandardScaling};
