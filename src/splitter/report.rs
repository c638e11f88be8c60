use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt;

use polars::prelude::{ChunkApply, Column, DataFrame, DataType, IntoColumn, PlSmallStr};

use crate::error::{Error, ErrorKind, Result};
use crate::frame::PartSet;

/// A column of more values than this has no balance to speak of.
const VALUES: usize = 10_000;

/// So many values of a column are printed for a side; [`SplitReport::frame`] has all.
const PRINTED: usize = 12;

/// What a split makes of the rows: how many each side has, whether a row is on two sides, and how
/// the values of chosen columns are shared.
///
/// [`Flow::split_report`](crate::Flow::split_report) makes one. `Display` prints it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SplitReport {
    /// All rows that are split.
    pub rows: u64,
    /// Rows that a model both learns from and is scored on: 0, unless a splitter has a bug. None
    /// where the sides come from two sources, whose rows cannot be told to be the same.
    pub overlap: Option<u64>,
    /// Rows that no fold tests, such as the first ones of a split in order of time; 0 of a single
    /// split.
    pub untested: u64,
    /// The sides: train and test of each fold, or of the one split.
    pub sides: Vec<SplitSide>,
}

/// One side of a split or of a fold.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SplitSide {
    /// The fold, where there are several.
    pub fold: Option<usize>,
    /// `train`, `test` or `validation`.
    pub side: &'static str,
    /// How many rows it has.
    pub rows: u64,
    /// How often it has each value of the columns that were asked for, in the order of the columns
    /// and then the most frequent of all sides first, of equal ones by their text. A value of other
    /// sides alone is there with 0 rows.
    pub values: Vec<SideValue>,
}

/// How often a side has a value of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SideValue {
    /// The column.
    pub column: String,
    /// The value as text; none for a null.
    pub value: Option<String>,
    /// In how many rows of the side.
    pub rows: u64,
}

impl SplitReport {
    /// The report as a table: `fold`, `side`, `column`, `value`, `rows`, and `share`, which is of
    /// the rows of the side. A row without a column is of the whole side.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Query`] when the table cannot be made.
    pub fn frame(&self) -> Result<DataFrame> {
        let (mut folds, mut sides, mut columns) = (Vec::new(), Vec::new(), Vec::new());
        let (mut values, mut rows, mut shares) = (Vec::new(), Vec::new(), Vec::new());
        for side in &self.sides {
            let whole = [(None, None, side.rows)].into_iter();
            let each = side.values.iter();
            let each = each.map(|of| (Some(&*of.column), of.value.as_deref(), of.rows));
            for (column, value, count) in whole.chain(each) {
                folds.push(side.fold.map(|fold| fold as u64));
                sides.push(side.side);
                columns.push(column);
                values.push(value);
                rows.push(count);
                shares.push(share(count, side.rows));
            }
        }
        let table = vec![
            Column::new("fold".into(), folds),
            Column::new("side".into(), sides),
            Column::new("column".into(), columns),
            Column::new("value".into(), values),
            Column::new("rows".into(), rows),
            Column::new("share".into(), shares),
        ];
        Ok(DataFrame::new_infer_height(table)?)
    }
}

/// None of a side without rows.
fn share(rows: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| rows as f64 / all as f64)
}

impl fmt::Display for SplitReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows", self.rows)?;
        match self.overlap {
            Some(rows) => writeln!(f, ", {rows} on both sides, {} never tested", self.untested)?,
            None => writeln!(f, " in two sources")?,
        }
        for side in &self.sides {
            if let Some(fold) = side.fold {
                write!(f, "fold {fold}, ")?;
            }
            writeln!(f, "{}: {} rows", side.side, side.rows)?;
            for of_column in side.values.chunk_by(|a, b| a.column == b.column) {
                write!(f, "  {}:", of_column[0].column)?;
                for (at, of) in of_column.iter().take(PRINTED).enumerate() {
                    let comma = if at == 0 { "" } else { "," };
                    let value = of.value.as_deref().unwrap_or("null");
                    let percent = share(of.rows, side.rows).unwrap_or(0.0) * 100.0;
                    write!(f, "{comma} {value} {} ({percent:.1} %)", of.rows)?;
                }
                match of_column.len().saturating_sub(PRINTED) {
                    0 => writeln!(f)?,
                    more => writeln!(f, ", and {more} more values")?,
                }
            }
        }
        Ok(())
    }
}

/// Counts the rows of each part, and the values of columns among them.
pub(crate) struct SplitCount {
    rows: Vec<u64>,
    columns: Vec<Values>,
}

/// The values of one column in the order in which they come.
struct Values {
    name: PlSmallStr,
    at: HashMap<String, usize>,
    null: Option<usize>,
    values: Vec<Option<String>>,
    /// How often each value is in each part.
    rows: Vec<Vec<u64>>,
}

impl SplitCount {
    pub(crate) fn new(parts: usize, columns: &[PlSmallStr]) -> Self {
        let values = |name: &PlSmallStr| Values {
            name: name.clone(),
            at: HashMap::new(),
            null: None,
            values: Vec::new(),
            rows: Vec::new(),
        };
        Self {
            rows: vec![0; parts],
            columns: columns.iter().map(values).collect(),
        }
    }

    /// Adds rows: the part of each, and the columns in their order.
    pub(crate) fn add(&mut self, parts: &[usize], columns: &[Column]) -> Result<()> {
        let count = self.rows.len();
        for part in parts {
            *self.rows.get_mut(*part).ok_or_else(no_part)? += 1;
        }
        for (values, column) in self.columns.iter_mut().zip(columns) {
            let text = joined_zeros(column)?.cast(&DataType::String)?;
            for (part, value) in parts.iter().zip(text.str()?.iter()) {
                let at = values.place(value, count)?;
                values.rows[at][*part] += 1;
            }
        }
        Ok(())
    }

    /// Puts the values of each column in their order, once all rows came.
    pub(crate) fn rank(&mut self) {
        for column in &mut self.columns {
            let values = std::mem::take(&mut column.values).into_iter();
            let mut each: Vec<_> = values.zip(std::mem::take(&mut column.rows)).collect();
            each.sort_by_cached_key(|(value, rows)| {
                let all: u64 = rows.iter().sum();
                (Reverse(all), value.is_none(), value.clone())
            });
            (column.values, column.rows) = each.into_iter().unzip();
        }
    }

    /// How many rows there are in some parts.
    pub(crate) fn rows(&self, parts: &PartSet) -> u64 {
        let rows = self.rows.iter().enumerate();
        rows.filter(|(part, _)| parts.contains(*part))
            .map(|(_, rows)| rows)
            .sum()
    }

    /// The side that has the rows of these parts.
    pub(crate) fn side(
        &self,
        fold: Option<usize>,
        side: &'static str,
        parts: &PartSet,
    ) -> SplitSide {
        let of = |rows: &[u64]| -> u64 {
            let rows = rows.iter().enumerate();
            rows.filter(|(part, _)| parts.contains(*part))
                .map(|(_, rows)| rows)
                .sum()
        };
        let values = self.columns.iter().flat_map(|column| {
            let each = column.values.iter().zip(&column.rows);
            each.map(|(value, rows)| SideValue {
                column: column.name.to_string(),
                value: value.clone(),
                rows: of(rows),
            })
        });
        SplitSide {
            fold,
            side,
            rows: self.rows(parts),
            values: values.collect(),
        }
    }
}

impl Values {
    fn place(&mut self, value: Option<&str>, parts: usize) -> Result<usize> {
        let known = match value {
            Some(value) => self.at.get(value).copied(),
            None => self.null,
        };
        if let Some(at) = known {
            return Ok(at);
        }
        let at = self.values.len();
        if at == VALUES {
            let message = format!("the column has more than {VALUES} values");
            return Err(Error::new(ErrorKind::Split, message)
                .on_column(self.name.as_str())
                .with_help("a balance is of a column of few values: ask for another one"));
        }
        match value {
            Some(value) => drop(self.at.insert(value.to_owned(), at)),
            None => self.null = Some(at),
        }
        self.values.push(value.map(str::to_owned));
        self.rows.push(vec![0; parts]);
        Ok(at)
    }
}

/// A negative zero is the value zero, and its text would be another one.
fn joined_zeros(column: &Column) -> Result<Column> {
    Ok(match column.dtype() {
        DataType::Float64 => column
            .f64()?
            .apply_values(|value| value + 0.0)
            .into_column(),
        DataType::Float32 => column
            .f32()?
            .apply_values(|value| value + 0.0)
            .into_column(),
        _ => column.clone(),
    })
}

fn no_part() -> Error {
    Error::new(
        ErrorKind::Split,
        "a row belongs to no fold (a bug in the splitter)",
    )
}
