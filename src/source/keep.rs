use std::fmt;

use polars::prelude::{DataType, Expr, LazyFrame};

use super::{Fingerprint, Outline, Source};
use crate::error::{Error, ErrorKind, Result};
use crate::learn::ScanLog;
use crate::schema::Schema;
use crate::transform::row_wise::check_expr;

/// A source of which only some rows are kept: those for which a row-wise condition holds.
///
/// Rows were numbered before, so what is dropped does not change how the others are split.
#[derive(Clone, PartialEq)]
#[must_use = "a source does nothing until it is scanned"]
pub struct Keep<S> {
    source: S,
    condition: Expr,
}

impl<S> Keep<S> {
    pub(crate) fn new(source: S, condition: Expr) -> Self {
        Self { source, condition }
    }
}

impl<S: fmt::Debug> fmt::Debug for Keep<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} -> keep({})", self.source, self.condition)
    }
}

impl<S: Source> Source for Keep<S> {
    fn scan(&self) -> Result<LazyFrame> {
        Ok(self.source.scan()?.filter(self.condition.clone()))
    }

    fn schema(&self) -> Result<Schema> {
        let schema = self.source.schema()?;
        check_expr(&self.condition, &schema).map_err(|e| e.at(self))?;
        let found = self.condition.to_field(&schema.to_polars());
        let found = found.map_err(|error| Error::from_polars(ErrorKind::Schema, error))?;
        if found.dtype != DataType::Boolean {
            let message = format!("`{}` is no condition", self.condition);
            return Err(Error::new(ErrorKind::Config, message)
                .with_dtype(found.dtype)
                .with_help("keep rows by a Boolean expression, such as `col(\"likes\").gt(lit(0))`")
                .at(self));
        }
        Ok(schema)
    }

    fn outline(&self) -> Result<Outline> {
        Ok(Outline {
            filtered: true,
            ..self.source.outline()?
        })
    }

    fn fingerprint(&self) -> Result<Fingerprint> {
        self.source.fingerprint()
    }

    fn numbered(&self, log: &mut ScanLog) -> Result<LazyFrame> {
        Ok(self.source.numbered(log)?.filter(self.condition.clone()))
    }
}
