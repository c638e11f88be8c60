//! What dtype the sampled values of a key allow.

use polars::prelude::DataType;

use super::values::{is_exact, number};
use crate::source::text::parse;

/// What kinds of values were seen under one key; nulls say nothing.
#[derive(Clone, Debug, Default)]
// Each flag is one kind of value; they come independently.
#[allow(clippy::struct_excessive_bools, reason = "a set of kinds, not a state")]
pub(super) struct Guess {
    string: bool,
    boolean: bool,
    nested: bool,
    fraction: bool,
    /// A whole number that is no `i64`, no `u64`, no float.
    no_signed: bool,
    no_unsigned: bool,
    no_float: bool,
    whole: bool,
}

/// Why no dtype fits the values of a key.
#[derive(Debug, PartialEq)]
pub(super) enum Unfit {
    Nested,
    Mixed,
    Digits,
}

impl Guess {
    /// Looks at the text of one value.
    pub(super) fn see(&mut self, value: &str) {
        match value.as_bytes().first() {
            Some(b'"') => self.string = true,
            Some(b't' | b'f') => self.boolean = true,
            Some(b'[' | b'{') => self.nested = true,
            _ => {
                if let Some(text) = number(value) {
                    self.number(text);
                }
            }
        }
    }

    fn number(&mut self, text: &str) {
        if text.contains(['.', 'e', 'E']) {
            self.fraction = true;
            return;
        }
        self.whole = true;
        self.no_signed |= parse::whole::<i64>(text).is_none();
        self.no_unsigned |= parse::whole::<u64>(text).is_none();
        self.no_float |= !is_exact(text);
    }

    /// The dtype that holds every value seen exactly; a key without a value is a `String`.
    pub(super) fn dtype(&self) -> Result<DataType, Unfit> {
        if self.nested {
            return Err(Unfit::Nested);
        }
        let numeric = self.whole || self.fraction;
        match (self.string, self.boolean, numeric) {
            (_, false, false) => Ok(DataType::String),
            (false, true, false) => Ok(DataType::Boolean),
            (false, false, true) if self.fraction && !self.no_float => Ok(DataType::Float64),
            (false, false, true) if self.fraction => Err(Unfit::Digits),
            (false, false, true) if !self.no_signed => Ok(DataType::Int64),
            (false, false, true) if !self.no_unsigned => Ok(DataType::UInt64),
            (false, false, true) => Err(Unfit::Digits),
            _ => Err(Unfit::Mixed),
        }
    }
}
