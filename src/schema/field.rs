use std::fmt;

use polars::prelude::{DataType, PlSmallStr};

/// Whether a column can hold nulls, as far as the chain knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Nullable {
    /// Nulls may occur.
    Maybe,
    /// No null can occur here.
    Never,
}

/// What a column is for. Only features are touched by the steps of `.then(..)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// A column that steps may transform and a model may learn from.
    Feature,
    /// What the estimator predicts.
    Target,
    /// Names a row; never learned from.
    Id,
    /// The weight of a row: how much it counts in the metrics. A number from 0 on.
    Weight,
    /// Rows of one group stay together in a split.
    Group,
    /// Orders the rows in time.
    Time,
    /// Every column but the target, as a step on the target sees it.
    #[doc(hidden)]
    OffTarget,
}

/// One column of a [`Schema`](super::Schema), or one open group of columns whose names are known after the fit.
#[derive(Clone, PartialEq)]
pub struct Field {
    pub(super) name: PlSmallStr,
    /// Names that differ mostly differ here, which is faster to see than in a text.
    pub(super) tag: u64,
    pub(super) dtype: DataType,
    pub(super) nullable: Nullable,
    pub(super) role: Role,
    pub(super) open: bool,
    pub(super) group: Option<PlSmallStr>,
}

impl Field {
    /// A feature column that may hold nulls.
    pub fn new(name: impl Into<PlSmallStr>, dtype: DataType) -> Self {
        let name = name.into();
        Self {
            tag: tag_of(&name),
            name,
            dtype,
            nullable: Nullable::Maybe,
            role: Role::Feature,
            open: false,
            group: None,
        }
    }

    /// A group of columns of one dtype whose names are known after the fit.
    ///
    /// It is selected by its name as a whole, before the fit as after it, and is one column to the
    /// planner. The columns that it turns out to be are best named by the group and `_` before what
    /// tells them apart: by that a flow knows them again in a model file.
    pub fn open_group(name: impl Into<PlSmallStr>, dtype: DataType) -> Self {
        Self {
            open: true,
            ..Self::new(name, dtype)
        }
    }

    /// Says whether nulls can occur.
    pub fn nullable(mut self, nullable: Nullable) -> Self {
        self.nullable = nullable;
        self
    }

    /// Gives the column a role.
    pub fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// The name of the column or of the group.
    pub fn name(&self) -> &PlSmallStr {
        &self.name
    }

    /// The dtype of the column, or of each column of the group.
    pub fn dtype(&self) -> &DataType {
        &self.dtype
    }

    /// Whether nulls can occur.
    pub fn is_nullable(&self) -> Nullable {
        self.nullable
    }

    /// What the column is for.
    pub fn has_role(&self) -> Role {
        self.role
    }

    /// Whether the names behind this field are known only after the fit.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// The group that the column came out of, if it did.
    pub fn group(&self) -> Option<&PlSmallStr> {
        self.group.as_ref()
    }

    /// Makes it what the old field of the same name was, beside its dtype and nullability: a step
    /// that rewrites a group rewrites each of its columns.
    pub(super) fn in_place_of(mut self, old: &Self) -> Self {
        self.keep(old);
        self
    }

    pub(super) fn keep(&mut self, old: &Self) {
        self.role = old.role;
        self.open |= old.open;
        self.group.clone_from(&old.group);
    }
}

/// FNV-1a of a name.
pub(super) fn tag_of(name: &str) -> u64 {
    let bytes = name.bytes();
    bytes.fold(0xcbf2_9ce4_8422_2325, |tag, byte| {
        (tag ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

// Without the tag, which says nothing that the name does not.
impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Field")
            .field("name", &self.name)
            .field("dtype", &self.dtype)
            .field("nullable", &self.nullable)
            .field("role", &self.role)
            .field("open", &self.open)
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}
