//! Exact quantiles of a streamed column, by keeping its values.

use super::{Validity, count_of};

/// A type with a total order; NaN has no place in it, and -0.0 comes before +0.0.
pub(crate) trait Ranked: Copy {
    /// False for NaN and the infinities, which are counted elsewhere and never learned from.
    fn is_finite(self) -> bool;
    fn compare(&self, other: &Self) -> std::cmp::Ordering;
}

macro_rules! ranked {
    (integers $($integer:ty)*; floats $($float:ty)*) => {
        $(impl Ranked for $integer {
            fn is_finite(self) -> bool {
                true
            }

            fn compare(&self, other: &Self) -> std::cmp::Ordering {
                self.cmp(other)
            }
        })*
        $(impl Ranked for $float {
            fn is_finite(self) -> bool {
                self.is_finite()
            }

            fn compare(&self, other: &Self) -> std::cmp::Ordering {
                self.total_cmp(other)
            }
        })*
    };
}

ranked!(integers u8 u16 u32 u64 i8 i16 i32 i64 i128; floats f32 f64);

/// A quantile as the two order statistics around it: `lower + fraction * (upper - lower)`.
///
/// It is kept apart because a monotone map of the column maps both neighbours, and only then interpolates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Quantile<V> {
    pub(crate) lower: V,
    pub(crate) upper: V,
    pub(crate) fraction: f64,
}

impl<V> Quantile<V> {
    /// The quantile of the mapped neighbours. Each end is reached exactly, as in `NumPy`, and no difference overflows.
    #[cfg(test)]
    pub(crate) fn interpolate(&self, map: impl Fn(&V) -> f64) -> f64 {
        let (lower, upper) = (map(&self.lower), map(&self.upper));
        let gap = upper - lower;
        if gap == 0.0 || self.fraction == 0.0 {
            lower
        } else if gap.is_infinite() {
            lower * (1.0 - self.fraction) + upper * self.fraction
        } else if self.fraction < 0.5 {
            lower + gap * self.fraction
        } else {
            upper - gap * (1.0 - self.fraction)
        }
    }
}

/// Keeps every value of a column that is neither null nor NaN nor infinite.
#[derive(Clone, Debug)]
pub(crate) struct OrderBuffer<V> {
    values: Vec<V>,
    nulls: u64,
    left_out: u64,
}

impl<V: Ranked> OrderBuffer<V> {
    pub(crate) const fn new() -> Self {
        Self {
            values: Vec::new(),
            nulls: 0,
            left_out: 0,
        }
    }

    /// Adds the next rows of the column.
    pub(crate) fn push(&mut self, values: &[V], validity: Option<&dyn Validity>) {
        let before = self.values.len();
        let mut nulls = 0;
        match validity.filter(|validity| validity.null_count() > 0) {
            None => self
                .values
                .extend(values.iter().copied().filter(|value| value.is_finite())),
            Some(validity) => {
                let mut valid = vec![false; values.len()];
                validity.read(0, &mut valid);
                nulls = valid.iter().filter(|valid| !**valid).count();
                let kept = values
                    .iter()
                    .zip(valid)
                    .filter(|(value, valid)| *valid && value.is_finite());
                self.values.extend(kept.map(|(value, _)| *value));
            }
        }
        self.nulls += count_of(nulls);
        self.left_out += count_of(values.len() - nulls - (self.values.len() - before));
    }

    /// Adds the rows of another buffer of the column.
    pub(crate) fn append(&mut self, other: &Self) {
        self.values.extend_from_slice(&other.values);
        self.nulls += other.nulls;
        self.left_out += other.left_out;
    }

    #[cfg(test)]
    pub(crate) const fn nulls(&self) -> u64 {
        self.nulls
    }

    #[cfg(test)]
    pub(crate) const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The values kept.
    pub(crate) fn count(&self) -> u64 {
        count_of(self.values.len())
    }

    /// How many of the values these two tell to be too low, and too high.
    pub(crate) fn beyond(
        &self,
        is_below: impl Fn(V) -> bool,
        is_above: impl Fn(V) -> bool,
    ) -> (u64, u64) {
        let count = |is: &dyn Fn(V) -> bool| {
            count_of(self.values.iter().filter(|value| is(**value)).count())
        };
        (count(&is_below), count(&is_above))
    }

    /// The quantile at `q`, by `NumPy`'s default definition; none without values or for a `q` outside 0 to 1.
    ///
    /// The values are partly reordered, which is why the buffer is borrowed mutably.
    #[expect(
        clippy::cast_precision_loss,
        reason = "NumPy computes the place in a float too."
    )]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "The place lies within the buffer."
    )]
    pub(crate) fn quantile(&mut self, q: f64) -> Option<Quantile<V>> {
        let last = self.values.len().checked_sub(1)?;
        if !(0.0..=1.0).contains(&q) {
            return None;
        }
        let place = last as f64 * q;
        let index = (place.floor() as usize).min(last);
        let (_, lower, above) = self.values.select_nth_unstable_by(index, V::compare);
        let lower = *lower;
        let upper = above.iter().copied().min_by(V::compare).unwrap_or(lower);
        let fraction = if index == last {
            0.0
        } else {
            place - place.floor()
        };
        Some(Quantile {
            lower,
            upper,
            fraction,
        })
    }
}

#[cfg(test)]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "The place is computed as the buffer does."
)]
mod tests {
    use proptest::prelude::*;

    use super::{OrderBuffer, Quantile};

    #[test]
    fn a_quantile_is_its_two_neighbours_and_a_fraction() {
        let mut buffer = OrderBuffer::new();
        buffer.push(&[4_i64, 1, 3], None);
        buffer.push(&[9, 2], Some(&[false, true].as_slice()));
        assert_eq!(
            buffer.quantile(0.25),
            Some(Quantile {
                lower: 1,
                upper: 2,
                fraction: 0.75
            })
        );
        assert_eq!(
            buffer.quantile(1.0),
            Some(Quantile {
                lower: 4,
                upper: 4,
                fraction: 0.0
            })
        );
        assert_eq!(
            (buffer.nulls(), buffer.left_out(), buffer.count()),
            (1, 0, 4)
        );
        assert_eq!(buffer.quantile(1.5), None);
        assert_eq!(OrderBuffer::<f64>::new().quantile(0.5), None);
    }

    #[test]
    fn negative_zero_comes_first_and_what_is_not_finite_is_left_out() {
        let mut buffer = OrderBuffer::new();
        buffer.push(&[0.0, f64::NAN, -0.0], None);
        buffer.push(&[f64::INFINITY, f64::NEG_INFINITY, f64::INFINITY], None);
        let median = buffer.quantile(0.5).expect("two values");
        assert_eq!(
            (median.lower.to_bits(), median.upper.to_bits()),
            ((-0.0_f64).to_bits(), 0)
        );
        assert_eq!(buffer.left_out(), 4);
    }

    #[test]
    fn interpolation_does_not_overflow() {
        let quantile = Quantile {
            lower: -1.7e308,
            upper: 1.7e308,
            fraction: 0.5,
        };
        assert!(quantile.interpolate(|value| *value).abs() < 1.0);
    }

    proptest! {
        #[test]
        fn every_quantile_is_that_of_the_sorted_values(mut values in prop::collection::vec(-50_i32..50, 1..60), q in 0.0..=1.0_f64) {
            let mut buffer = OrderBuffer::new();
            for chunk in values.chunks(7) {
                buffer.push(chunk, None);
            }
            let found = buffer.quantile(q).expect("values");
            values.sort_unstable();
            let index = ((values.len() - 1) as f64 * q).floor() as usize;
            prop_assert_eq!(found.lower, values[index]);
            prop_assert_eq!(found.upper, values[(index + 1).min(values.len() - 1)]);
        }
    }
}
