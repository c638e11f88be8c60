//! Texts, Booleans and integers that name a kind, made into numbers that a model learns from.
//!
//! | encoder | a column becomes | choose it |
//! |---|---|---|
//! | [`OneHotEncoder`] | a column a category, 1 where the row holds it | by default: few categories (up to some tens) without an order, for linear models and neighbours |
//! | [`OrdinalEncoder`] | the place of the category | where the categories have an order (small, medium, large), and for trees, which cut anywhere |
//! | [`TargetEncoder`] | the mean of the target of the rows with the category | many categories (towns, names): one column however many there are; the train rows are cross-fitted, so that no row sees its own target |
//!
//! All three take columns of String, Boolean and the eight integer dtypes. A float is no category:
//! equal floats are an accident. An empty text is a category like any other, a null is none unless a
//! policy says so. What is learned is held in memory once a category; each encoder has a limit,
//! `most`, beyond which the fit is an error that names the column.

mod coder;
mod names;
mod one_hot_encoder;
mod one_hot_encoding;
mod ordinal_encoder;
mod ordinal_encoding;
mod policy;
mod target_encoder;
mod target_encoding;
mod target_means;

pub use one_hot_encoder::OneHotEncoder;
pub use one_hot_encoding::OneHotEncoding;
pub use ordinal_encoder::OrdinalEncoder;
pub use ordinal_encoding::OrdinalEncoding;
pub use policy::{NullCategory, NullCode, NullMean, Unknown, UnknownCode, UnknownMean};
pub use target_encoder::TargetEncoder;
pub use target_encoding::TargetEncoding;
