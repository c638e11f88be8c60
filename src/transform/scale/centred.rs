//! The scalers that subtract a centre and divide by a scale, on any kind of column.

use super::cells::Kernel;
use super::number::Physical;
use super::policy::Policies;
use super::report::Report;
use super::standard::StandardKernel;
use crate::error::{Error, ErrorKind, Result};
use crate::learn::{Line, Mean};

/// `(x − centre) / scale`; a scale of 0 says that there is nothing to scale by.
pub(crate) struct Centred {
    pub(crate) centre: Mean,
    pub(crate) scale: f64,
    pub(crate) policies: Policies,
}

impl Centred {
    /// The line along which values are moved; one that holds nothing to scale by keeps its distances.
    pub(crate) fn line(&self) -> Line {
        let scale = if self.scale == 0.0 { 1.0 } else { self.scale };
        Line {
            centre: self.centre,
            scale,
            shift: 0.0,
            halved: false,
        }
    }

    fn typed<T: Physical>(&self) -> Result<StandardKernel<T>> {
        let Mean { origin, offset } = self.centre;
        StandardKernel::new(origin, offset, self.scale, self.policies).ok_or_else(|| {
            Error::new(
                ErrorKind::Model,
                "the learned values do not fit the dtype of their column",
            )
            .with_help("save the model again")
        })
    }
}

impl Kernel for Centred {
    fn forward<T: Physical>(
        &self,
        values: &[T],
        valid: &dyn Fn(usize) -> bool,
        out: &mut Vec<T::Scaled>,
    ) -> Result<Report> {
        Ok(self.typed::<T>()?.forward(values, valid, out))
    }

    fn inverse<T: Physical>(
        &self,
        values: &[f64],
        valid: &dyn Fn(usize) -> bool,
        out: &mut Vec<T>,
    ) -> Result<Report> {
        Ok(self.typed::<T>()?.inverse(values, valid, out))
    }

    fn inverse_values<T: Physical>(&self, values: &[f64], out: &mut Vec<f64>) -> Result<()> {
        let kernel = self.typed::<T>()?;
        out.extend(values.iter().map(|value| kernel.inverse_value(*value)));
        Ok(())
    }
}
