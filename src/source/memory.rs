use std::fmt;

use polars::prelude::{DataFrame, IntoLazy, LazyFrame};

use super::{Fingerprint, Outline, Source};
use crate::error::Result;
use crate::schema::{Field, Nullable, Schema};

/// A data frame that is at hand.
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let source = InMemory::new(df!["likes" => [3i64, 1, 2]]?);
/// assert_eq!(source.outline()?.rows, Some(3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use = "a source does nothing until it is scanned"]
pub struct InMemory(DataFrame);

impl InMemory {
    /// A source of these rows.
    pub fn new(frame: DataFrame) -> Self {
        Self(frame)
    }
}

// The rows themselves are no help in a message.
impl fmt::Debug for InMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "InMemory({} rows x {} columns)",
            self.0.height(),
            self.0.width()
        )
    }
}

impl PartialEq for InMemory {
    fn eq(&self, other: &Self) -> bool {
        self.0.equals_missing(&other.0)
    }
}

impl Source for InMemory {
    fn scan(&self) -> Result<LazyFrame> {
        Ok(self.0.clone().lazy())
    }

    fn schema(&self) -> Result<Schema> {
        let mut schema = Schema::of_source(self.0.schema())?;
        // The rows are at hand, so it is known which columns have no null.
        let without_nulls = self
            .0
            .columns()
            .iter()
            .filter(|column| column.null_count() == 0);
        for column in without_nulls {
            let field = Field::new(column.name().clone(), column.dtype().clone());
            schema.set(field.nullable(Nullable::Never));
        }
        Ok(schema)
    }

    fn outline(&self) -> Result<Outline> {
        Ok(Outline::of_rows(self.0.height() as u64))
    }

    fn fingerprint(&self) -> Result<Fingerprint> {
        Ok(Fingerprint::of_frame(&self.0))
    }
}
