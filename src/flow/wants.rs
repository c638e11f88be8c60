use polars::prelude::PlSmallStr;

use crate::error::{Error, ErrorKind, Result};
use crate::estimator::Estimator;
use crate::learn::Need;
use crate::schema::Schema;

/// What the estimator wants at the end of the chain; absent when only steps are fitted.
pub(super) trait Wants {
    fn target(&self) -> Option<&str>;
    fn reads(&self, schema: &Schema) -> Result<Vec<PlSmallStr>>;
    fn learns_from(&self, schema: &Schema) -> Result<Vec<PlSmallStr>>;
    fn needs(&self, schema: &Schema) -> Result<Vec<Need>>;
}

pub(super) struct Nothing;

impl Wants for Nothing {
    fn target(&self) -> Option<&str> {
        None
    }

    fn reads(&self, _: &Schema) -> Result<Vec<PlSmallStr>> {
        Ok(Vec::new())
    }

    fn learns_from(&self, _: &Schema) -> Result<Vec<PlSmallStr>> {
        Ok(Vec::new())
    }

    fn needs(&self, _: &Schema) -> Result<Vec<Need>> {
        Ok(Vec::new())
    }
}

impl<E: Estimator> Wants for &E {
    fn target(&self) -> Option<&str> {
        Some(Estimator::target(*self))
    }

    fn reads(&self, schema: &Schema) -> Result<Vec<PlSmallStr>> {
        let mut reads = self.features(schema).map_err(|e| e.at(*self))?;
        let target = Estimator::target(*self);
        if reads.iter().any(|name| name == target) {
            return Err(
                Error::new(ErrorKind::Config, "the target is among the features")
                    .on_column(target)
                    .with_help("leave it out of the features")
                    .at(*self),
            );
        }
        schema.field(target).map_err(|e| e.at(*self))?;
        reads.push(target.into());
        Ok(reads)
    }

    fn learns_from(&self, schema: &Schema) -> Result<Vec<PlSmallStr>> {
        Estimator::learns_from(*self, schema).map_err(|e| e.at(*self))
    }

    fn needs(&self, schema: &Schema) -> Result<Vec<Need>> {
        Estimator::needs(*self, schema).map_err(|e| e.at(*self))
    }
}
