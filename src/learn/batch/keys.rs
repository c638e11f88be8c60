//! The distinct values of a column, numbered as they come.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use polars::prelude::{DataType, Series};

use crate::error::Result;
use crate::learn::category::Distinct;
use crate::schema::Kind;

/// No value: null, or a float that is none.
pub(super) const NONE: u32 = u32::MAX;

/// Numbers the distinct values of a column from 0 in the order in which they come.
#[derive(Clone)]
pub(super) struct Keys {
    kind: Option<Kind>,
    found: Found,
}

#[derive(Clone)]
enum Found {
    Numbers(HashMap<i128, u32, FixedState>),
    Texts(HashMap<Box<str>, u32, FixedState>),
}

impl Keys {
    /// A column without a physical kind is one of texts.
    pub(super) fn new(kind: Option<Kind>) -> Self {
        let found = match kind {
            Some(_) => Found::Numbers(HashMap::default()),
            None => Found::Texts(HashMap::default()),
        };
        Self { kind, found }
    }

    pub(super) fn len(&self) -> usize {
        match &self.found {
            Found::Numbers(found) => found.len(),
            Found::Texts(found) => found.len(),
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(self.kind);
    }

    /// The number of each row's value, [`NONE`] for a row without one.
    pub(super) fn number(&mut self, physical: &Series, out: &mut Vec<u32>) -> Result<()> {
        out.clear();
        out.reserve(physical.len());
        match &mut self.found {
            Found::Texts(found) => {
                for text in physical.str()?.iter() {
                    let Some(text) = text else {
                        out.push(NONE);
                        continue;
                    };
                    out.push(match found.get(text) {
                        Some(number) => *number,
                        None => added(found, text.into()),
                    });
                }
            }
            Found::Numbers(found) => {
                // Rows in a run of one value are looked up once.
                let mut last = None;
                each_number(physical, self.kind, |value| {
                    let Some(value) = value else {
                        out.push(NONE);
                        return;
                    };
                    let number = match last {
                        Some((same, number)) if same == value => number,
                        _ => match found.get(&value) {
                            Some(number) => *number,
                            None => added(found, value),
                        },
                    };
                    last = Some((value, number));
                    out.push(number);
                })?;
            }
        }
        Ok(())
    }

    /// The numbers of the values of another column part, in this one's count.
    pub(super) fn join(&mut self, other: &Self) -> Vec<u32> {
        let mut numbers = vec![0; other.len()];
        let mut join = |at: u32, number: u32| numbers[at as usize] = number;
        // Joined in the order in which they came, so that the numbers do not depend on the hashes.
        match (&mut self.found, &other.found) {
            (Found::Numbers(found), Found::Numbers(more)) => {
                for (value, at) in in_order(more) {
                    let number = found.get(value).copied();
                    join(at, number.unwrap_or_else(|| added(found, *value)));
                }
            }
            (Found::Texts(found), Found::Texts(more)) => {
                for (value, at) in in_order(more) {
                    let number = found.get(value).copied();
                    join(at, number.unwrap_or_else(|| added(found, value.clone())));
                }
            }
            _ => {}
        }
        numbers
    }

    /// The values by their numbers.
    pub(super) fn values(&self) -> Vec<Distinct> {
        match &self.found {
            Found::Texts(found) => {
                let values = in_order(found).into_iter();
                values
                    .map(|(text, _)| Distinct::Text(text.to_string()))
                    .collect()
            }
            Found::Numbers(found) => {
                let values = in_order(found).into_iter();
                values.map(|(value, _)| self.decoded(*value)).collect()
            }
        }
    }

    fn decoded(&self, value: i128) -> Distinct {
        match self.kind {
            Some(Kind::Bool) => Distinct::Bool(value != 0),
            Some(Kind::F32 | Kind::F64) => {
                Distinct::Float(f64::from_bits(u64::try_from(value).unwrap_or_default()))
            }
            _ => Distinct::Int(value),
        }
    }
}

fn added<K: std::hash::Hash + Eq>(found: &mut HashMap<K, u32, FixedState>, value: K) -> u32 {
    // There are fewer rows than a `u32` counts.
    let number = u32::try_from(found.len()).unwrap_or(NONE - 1);
    found.insert(value, number);
    number
}

fn in_order<K>(found: &HashMap<K, u32, FixedState>) -> Vec<(&K, u32)> {
    let mut values: Vec<_> = found.iter().map(|(value, at)| (value, *at)).collect();
    values.sort_unstable_by_key(|(_, at)| *at);
    values
}

/// Calls `each` with the key of every row: an integer itself, a finite float by its bits.
fn each_number(
    physical: &Series,
    kind: Option<Kind>,
    mut each: impl FnMut(Option<i128>),
) -> Result<()> {
    match kind {
        Some(Kind::F32 | Kind::F64) => {
            let floats = physical.cast(&DataType::Float64)?;
            for value in floats.f64()?.iter() {
                let value = value.filter(|value| value.is_finite());
                // The two zeros are one value.
                each(value.map(|value| i128::from((value + 0.0).to_bits())));
            }
        }
        Some(Kind::U64) => physical
            .u64()?
            .iter()
            .for_each(|value| each(value.map(i128::from))),
        Some(Kind::I128) => physical.decimal()?.physical().iter().for_each(each),
        _ => {
            let integers = physical.cast(&DataType::Int64)?;
            let integers = integers.i64()?;
            integers
                .iter()
                .for_each(|value| each(value.map(i128::from)));
        }
    }
    Ok(())
}
