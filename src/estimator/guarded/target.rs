/// A target in units in which sums of squares neither overflow nor lose what differs.
///
/// The grower computes with sums of the target itself: of 1e9 + 1 and 1e9 + 2 it would square away
/// what tells them apart. So it gets the distances from the first row, in a unit that is a power of
/// two and thus changes no digit.
pub(super) struct Target {
    pub(super) values: Vec<f64>,
    origin: f64,
    unit: f64,
}

impl Target {
    pub(super) fn new(values: &[f64]) -> Self {
        let first = values.first().copied().unwrap_or(0.0);
        let origin = if values.iter().all(|value| (value - first).is_finite()) {
            first
        } else {
            0.0
        };
        let mut values: Vec<f64> = values.iter().map(|value| value - origin).collect();
        let largest = values
            .iter()
            .fold(0.0, |most: f64, value| most.max(value.abs()));
        // Its exponent alone.
        let unit = f64::from_bits(largest.to_bits() & f64::INFINITY.to_bits());
        let unit = if unit > 0.0 { unit } else { 1.0 };
        for value in &mut values {
            *value /= unit;
        }
        Self {
            values,
            origin,
            unit,
        }
    }

    /// Rows of a class are 1, others 0.
    pub(super) fn indicator(codes: &[u32], class: usize) -> Self {
        let values = codes.iter().map(|code| f64::from(*code as usize == class));
        Self {
            values: values.collect(),
            origin: 0.0,
            unit: 1.0,
        }
    }

    /// A value in the target's own units.
    pub(super) fn restore(&self, value: f64) -> f64 {
        self.origin + value * self.unit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back() {
        for values in [
            vec![3.0, -1.0, 7.0],
            vec![1e9 + 1.0, 1e9 + 2.0],
            vec![0.0, 0.0],
            vec![-1.5e308, 1.5e308],
            vec![5e-324, 0.0],
            vec![1e-200, 3e-200],
        ] {
            let target = Target::new(&values);
            assert!(target.values.iter().all(|value| value.abs() < 2.0));
            for (value, scaled) in values.iter().zip(&target.values) {
                assert_eq!(target.restore(*scaled), *value);
            }
        }
    }
}
