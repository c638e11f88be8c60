//! What the scalers share before the fit: columns, policies, and how they turn into a step.

use std::fmt;

use polars::prelude::PlSmallStr;

use super::column::{self, Scaled};
use super::policy::{self, Constant, Infinities, Nans, Nulls, OutputRange, Policies};
use crate::error::{Error, ErrorKind, Result};
use crate::learn::{Learned, Need, Shape, Statistic};
use crate::schema::{Columns, Dtype, Kind, Schema};

/// The settings of every scaler.
#[derive(Clone, PartialEq)]
pub(crate) struct Settings {
    pub(crate) columns: Columns,
    pub(crate) nulls: Nulls,
    pub(crate) policies: Policies,
}

/// A scaler that is not fitted, as the shared code sees it.
pub(crate) trait Scaler {
    type Learned;
    /// The name in the label of the stage.
    const NAME: &'static str;
    /// What is wrong with a column that there is nothing to scale by.
    const CONSTANT: &'static str = "every train row holds the same value";

    fn settings(&self) -> &Settings;

    /// What is learned of each column.
    fn statistics(&self) -> Vec<Statistic>;

    /// What was learned of a column; none where no train row held a value.
    fn learn(&self, learned: &Learned, column: &str) -> Result<Option<Self::Learned>>;

    /// True when there is nothing to scale by.
    fn is_constant(learned: &Self::Learned) -> bool;

    /// Whether what is scaled is rounded by its own size, and so lies on the line of the scaler.
    const CENTRES: bool = true;

    /// Refuses settings that cannot work.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// The settings of its own that are not the default.
    fn label(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let _ = f;
        Ok(())
    }
}

impl Settings {
    pub(crate) fn new(columns: Columns) -> Self {
        Self {
            columns,
            nulls: Nulls::default(),
            policies: Policies::default(),
        }
    }

    /// The numeric columns that a scaler works on.
    pub(crate) fn resolve(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        let names = self.columns.resolve(input)?;
        for name in &names {
            Kind::of(name, input.field(name)?.dtype())?;
        }
        Ok(names)
    }

    /// Refuses at the fit what a policy calls an error.
    fn refuse(&self, learned: &Learned, column: &str) -> Result<()> {
        if self.policies.infinities == Infinities::Error {
            learned.refuse_infinities(column)?;
        }
        let found = [
            (
                learned.nulls(column)?,
                self.nulls == Nulls::Error,
                "null",
                "fill them first, or choose `.nulls(Nulls::Keep)`",
            ),
            (
                learned.nans(column)?,
                self.policies.nans == Nans::Error,
                "NaN",
                "clean them first, or choose `.nans(Nans::Keep)`",
            ),
        ];
        for (count, refused, what, help) in found {
            if refused && count > 0 {
                let message = format!("{count} of the train rows are {what}");
                return Err(Error::new(ErrorKind::Fit, message)
                    .on_column(column)
                    .with_help(help));
            }
        }
        Ok(())
    }
}

/// A scaler as a short text.
pub(crate) fn label<S: Scaler>(scaler: &S, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Settings {
        columns,
        nulls,
        policies,
    } = scaler.settings();
    write!(f, "{}({columns:?}", S::NAME)?;
    policy::label(f, *nulls, policies.nans, policies.infinities)?;
    if policies.constant != Constant::default() {
        write!(f, ", constant: {:?}", policies.constant)?;
    }
    scaler.label(f)?;
    f.write_str(")")
}

/// What a scaler asks of its columns.
pub(crate) fn needs<S: Scaler>(scaler: &S, input: &Schema) -> Result<Vec<Need>> {
    let settings = scaler.settings();
    let counts = match settings.policies.infinities {
        Infinities::Error => Statistic::Infinities,
        _ => Statistic::Count,
    };
    let mut needs = Vec::new();
    for name in settings.resolve(input)? {
        let statistics = std::iter::once(counts).chain(scaler.statistics());
        needs.extend(statistics.map(|statistic| Need::column(name.clone(), statistic)));
    }
    Ok(needs)
}

/// What a scaler does to the order of its values: unless a policy makes nulls of some, or refuses
/// them, it moves all of them along a line.
pub(crate) fn shape<S: Scaler>(scaler: &S, input: &Schema) -> Shape {
    let settings = scaler.settings();
    let policies = settings.policies;
    // To move single values of one column, a step is applied to nulls in its others.
    let alone = || settings.resolve(input).is_ok_and(|names| names.len() == 1);
    let keeps = (settings.nulls == Nulls::Keep || alone())
        && policies.nans != Nans::Null
        && policies.infinities == Infinities::Error
        && policies.constant != Constant::Null;
    // Ends so far apart that their distance overflows are placed by another arithmetic. What stays
    // far from zero, in a narrow range or without a centre, is rounded off the line.
    let OutputRange { low, high } = policies.output;
    let far = low.abs().max(high.abs());
    match keeps {
        true if S::CENTRES && far < 1e150 && far <= 1e4 * (high - low) => Shape::Line,
        true => Shape::Rising,
        false => Shape::Any,
    }
}

/// What a scaler learned of its columns.
pub(crate) fn fit<S: Scaler>(
    scaler: &S,
    input: &Schema,
    learned: &Learned,
) -> Result<Vec<Scaled<S::Learned>>> {
    let settings = scaler.settings();
    let mut columns = Vec::new();
    for name in settings.resolve(input)? {
        settings.refuse(learned, &name)?;
        let dtype = input.field(&name)?.dtype().clone();
        let found = scaler.learn(learned, &name)?;
        if settings.policies.constant == Constant::Error
            && found.as_ref().is_some_and(S::is_constant)
        {
            return Err(Error::new(ErrorKind::Fit, S::CONSTANT)
                .on_column(name.as_str())
                .with_dtype(dtype)
                .with_help("leave the column out, or choose `.constant(Constant::Zero)`"));
        }
        columns.push(Scaled {
            column: name.to_string(),
            dtype: Dtype(dtype),
            learned: found,
        });
    }
    Ok(columns)
}

/// The schema after a scaler.
pub(crate) fn output<S: Scaler>(scaler: &S, input: &Schema) -> Result<Schema> {
    scaler.check()?;
    let columns = scaler.settings().resolve(input)?;
    let names = columns.iter().map(PlSmallStr::as_str);
    column::output(input, names, &scaler.settings().policies)
}

/// The setters that every scaler has. They never fail.
macro_rules! setters {
    () => {
        /// A scaler of these columns.
        pub fn new(columns: impl Into<$crate::schema::Columns>) -> Self {
            Self::with(super::settings::Settings::new(columns.into()))
        }

        /// What to do with a column that there is nothing to scale by.
        pub fn constant(mut self, constant: super::policy::Constant) -> Self {
            self.settings.policies.constant = constant;
            self
        }

        /// What to do with nulls.
        pub fn nulls(mut self, nulls: super::policy::Nulls) -> Self {
            self.settings.nulls = nulls;
            self
        }

        /// What to do with NaN.
        pub fn nans(mut self, nans: super::policy::Nans) -> Self {
            self.settings.policies.nans = nans;
            self
        }

        /// What to do with infinities.
        pub fn infinities(mut self, infinities: super::policy::Infinities) -> Self {
            self.settings.policies.infinities = infinities;
            self
        }
    };
}

/// What follows for a [`Scaler`] and its fitted type, which has the fields `columns`, `nulls` and
/// `policies`, a method `kernel_of` for what was learned of a column, and the name `$kind` in a
/// model file: that it is a step, and that it can be undone.
macro_rules! scaler {
    ($scaler:ident => $scaling:ident, $kernel:ty, $kind:literal) => {
        // The label of the stage in messages: the columns, and what is not the default.
        impl std::fmt::Debug for $scaler {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $crate::transform::scale::settings::label(self, f)
            }
        }

        impl $crate::transform::Transform for $scaler {
            type Fitted = $scaling;

            fn reads(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
                self.settings.resolve(input)
            }

            fn writes(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
                self.settings.resolve(input)
            }

            fn needs(&self, input: &Schema) -> Result<Vec<$crate::learn::Need>> {
                $crate::transform::scale::settings::needs(self, input)
            }

            fn fit(&self, input: &Schema, learned: &Learned) -> Result<$scaling> {
                Ok($scaling {
                    columns: $crate::transform::scale::settings::fit(self, input, learned)?,
                    nulls: self.settings.nulls,
                    policies: self.settings.policies,
                })
            }

            fn output(&self, input: &Schema) -> Result<Schema> {
                $crate::transform::scale::settings::output(self, input)
            }

            fn shape(&self, input: &Schema, _: &str) -> $crate::learn::Shape {
                $crate::transform::scale::settings::shape(self, input)
            }

            fn restore(&self, saved: &$crate::transform::Saved) -> Result<$scaling> {
                let fitted: $scaling = saved.read()?;
                let names = fitted.columns.iter().map(|scaled| scaled.column.as_str());
                let same = self.settings.columns.may_be(names)
                    && fitted.nulls == self.settings.nulls
                    && fitted.policies == self.settings.policies;
                if !same {
                    return Err(column::another_step(self, &fitted));
                }
                Ok(fitted)
            }
        }

        impl column::Scaling for $scaling {
            type Learned = <$scaler as Scaler>::Learned;
            type Kernel = $kernel;

            fn columns(&self) -> &[Scaled<Self::Learned>] {
                &self.columns
            }

            fn nulls(&self) -> Nulls {
                self.nulls
            }

            fn kernel(&self, learned: &Self::Learned) -> $kernel {
                self.kernel_of(*learned)
            }
        }

        impl $crate::transform::Artifact for $scaling {
            const KIND: &'static str = $kind;
        }

        impl $crate::transform::Apply for $scaling {
            fn apply(&self, frame: LazyFrame) -> Result<LazyFrame> {
                Ok(column::apply(self, frame))
            }

            fn output(&self, input: &Schema) -> Result<Schema> {
                let columns = self.columns.iter().map(|scaled| scaled.column.as_str());
                column::output(input, columns, &self.policies)
            }

            fn line(&self, column: &str) -> Option<$crate::learn::Line> {
                column::learned(&self.columns, column).map(|learned| self.line_of(learned))
            }

            fn warnings(&self, warnings: &mut Vec<String>) {
                column::warn(self, warnings);
            }

            fn report(&self) -> serde_json::Value {
                column::report(&self.columns, Self::told)
            }
        }

        impl $crate::transform::RowWise for $scaling {}

        impl $crate::transform::Invert for $scaling {
            fn inverse(&self, frame: LazyFrame) -> Result<LazyFrame> {
                Ok(column::undo(self, frame))
            }

            fn inverse_value(&self, column: &str, value: Expr) -> Result<Expr> {
                Ok(column::undo_value(self, column, value))
            }
        }
    };
}

pub(crate) use {scaler, setters};
