use serde::{Deserialize, Serialize};

/// Rows that a run read: where they come from, and a digest that tells them from others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Dataset {
    /// What they are called, such as the name of a file.
    pub name: String,
    /// 32 hexadecimal digits; the same rows on the same side of the same split have the same.
    pub digest: String,
    /// What the rows were for: `training`, `validation` or `testing`.
    pub role: String,
    /// The source, as its `Debug` text.
    pub source: String,
    /// The files, where the source reads some.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// The columns in order.
    pub columns: Vec<DatasetColumn>,
    /// How many rows there are, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
}

/// A column of a [`Dataset`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DatasetColumn {
    /// Its name.
    pub name: String,
    /// Its dtype, as in a model file: `int64`, `string`, `datetime[us]`.
    pub dtype: String,
    /// Whether it may hold nulls.
    pub nullable: bool,
}

impl Dataset {
    /// Rows of a name, told apart from others by a digest, for a role: `training`, `validation` or
    /// `testing`.
    pub fn new(
        name: impl Into<String>,
        digest: impl Into<String>,
        role: impl Into<String>,
    ) -> Self {
        Self {
            name: name.into(),
            digest: digest.into(),
            role: role.into(),
            ..Self::default()
        }
    }

    /// Adds a column.
    pub fn column(
        mut self,
        name: impl Into<String>,
        dtype: impl Into<String>,
        nullable: bool,
    ) -> Self {
        self.columns.push(DatasetColumn {
            name: name.into(),
            dtype: dtype.into(),
            nullable,
        });
        self
    }

    /// How many rows there are.
    pub fn rows(mut self, rows: u64) -> Self {
        self.rows = Some(rows);
        self
    }

    /// A file that the rows come from.
    pub fn file(mut self, path: impl Into<String>) -> Self {
        self.files.push(path.into());
        self
    }
}
