//! What dtype the sampled values of a column allow.

use polars::prelude::{DataType, TimeUnit};

use super::values::{Texts, with_point};
use crate::source::text::parse;

/// The dtypes that every value so far could be; each value strikes out those that it cannot be.
#[derive(Clone, Debug)]
// Each flag is one dtype that is still possible; they fall independently.
#[allow(
    clippy::struct_excessive_bools,
    reason = "a set of dtypes, not a state"
)]
pub(super) struct Guess {
    seen: bool,
    boolean: bool,
    signed: bool,
    unsigned: bool,
    float: bool,
    date: bool,
    datetime: bool,
}

impl Guess {
    pub(super) fn new() -> Self {
        Self {
            seen: false,
            boolean: true,
            signed: true,
            unsigned: true,
            float: true,
            date: true,
            datetime: true,
        }
    }

    /// Looks at one field; nulls say nothing.
    pub(super) fn see(&mut self, field: &str, texts: &Texts) {
        let text = field.trim_matches([' ', '\t']);
        if text.is_empty() || texts.is_null(text) {
            return;
        }
        self.seen = true;
        self.boolean = self.boolean && parse::boolean(text).is_some();
        self.signed = self.signed && parse::whole::<i64>(text).is_some();
        self.unsigned = self.unsigned && parse::whole::<u64>(text).is_some();
        self.float = self.float && is_float(text, texts);
        self.date = self.date && parse::date(text).is_some();
        self.datetime = self.datetime && parse::datetime(text).is_some();
    }

    /// The narrowest dtype that is left; a column without a value is `String`, which promises nothing.
    pub(super) fn dtype(&self) -> DataType {
        if !self.seen {
            DataType::String
        } else if self.boolean {
            DataType::Boolean
        } else if self.signed {
            DataType::Int64
        } else if self.unsigned {
            DataType::UInt64
        } else if self.float {
            DataType::Float64
        } else if self.date {
            DataType::Date
        } else if self.datetime {
            DataType::Datetime(TimeUnit::Microseconds, None)
        } else {
            DataType::String
        }
    }
}

/// A whole number that no integer holds is more likely a key than a measure: a float would lose its digits.
fn is_float(text: &str, texts: &Texts) -> bool {
    let whole = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-'));
    if whole {
        return parse::whole::<i64>(text).is_some();
    }
    let mut scratch = String::new();
    parse::finite(with_point(text, texts.decimal_comma, &mut scratch)).is_some()
}
