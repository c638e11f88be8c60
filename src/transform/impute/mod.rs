//! Gaps in a table: filled with what the train rows say, or marked in a column of their own.
//!
//! A null, a NaN and an empty text are three things, and every step here takes them alike:
//!
//! | | what it is | a gap |
//! |---|---|---|
//! | null | there is no value; of any dtype | always |
//! | NaN | a float that is no number, such as 0/0 | with [`NanAs::Missing`] only |
//! | `""` | an empty text; of CSV files only the quoted `""`, an empty field is null | with [`EmptyAs::Missing`] only |
//!
//! What is no gap is never touched. Neither of the three teaches a mean or a median; an empty text is
//! counted for the most frequent value unless it is a gap. Texts such as `"NA"` or `" "` are texts:
//! say at the source which of them stand for null.

mod fill_value;
mod groups;
mod imputation;
mod imputer;
mod indicator;
mod learn_fill;
mod policy;

pub use fill_value::FillValue;
pub use imputation::Imputation;
pub use imputer::Imputer;
pub use indicator::MissingIndicator;
pub use policy::{EmptyAs, Integers, NanAs, UnseenGroup};
