//! The lazy frame of a checked file: Polars splits it into text, our kernels read the values.

use std::ops::Range;
use std::sync::Arc;

use polars::prelude::*;

use super::layout::{Head, Part, Shape, next_record};
use super::records::Records;
use super::values::{Refused, read};
use super::{Csv, Header};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::column;
use crate::source::files::{error_in, stack};
use crate::source::text::{Target, article, shortened};

/// The column that numbers what Polars takes for rows, so that blank lines can be left out.
const LINE: &str = "__floe_line";

impl Csv {
    /// The rows of files whose lines are known to be sound.
    pub(super) fn rows(&self, head: &Head) -> Result<LazyFrame> {
        let mut frames = Vec::new();
        for part in &head.parts {
            let shape = self.shape(part)?;
            if shape.rows > 0 {
                let frame = self.rows_of(head, part, &shape);
                frames.push(frame.map_err(failed)?);
            }
        }
        if frames.is_empty() {
            frames.push(no_rows(head).map_err(failed)?);
        }
        stack(frames, self.row_index.as_deref(), self.limit).map_err(failed)
    }

    fn rows_of(&self, head: &Head, part: &Part, shape: &Shape) -> PolarsResult<LazyFrame> {
        let mut text = self.text(part, shape)?;
        if !shape.blanks.is_empty() {
            text = text
                .with_row_index(LINE, None)
                .filter(is_row(column(LINE), shape.blanks.clone()));
        }
        Ok(text.select(self.columns_of(head, part)))
    }

    /// Every column as text. An unquoted empty field is null, a quoted one the empty string.
    fn text(&self, part: &Part, shape: &Shape) -> PolarsResult<LazyFrame> {
        let names = part
            .names
            .iter()
            .map(|name| (name.as_str().into(), DataType::String));
        let schema: Schema = names.collect();
        let skip = usize::try_from(shape.skip).unwrap_or(usize::MAX);
        let format = &self.format;
        LazyCsvReader::new(PlRefPath::try_from_path(&part.path)?)
            .with_glob(false)
            // Everything before the first row is skipped as plain lines, so that Polars cannot take
            // a line of spaces for the header.
            .with_has_header(false)
            .with_skip_lines(skip)
            .with_schema(Some(Arc::new(schema)))
            // The rows were checked. Without this Polars cuts the schema down to its own guess.
            .with_truncate_ragged_lines(true)
            .with_missing_is_null(true)
            .with_separator(format.separator)
            .with_quote_char(format.quote)
            .with_comment_prefix(format.comment.as_deref().map(Into::into))
            .with_rechunk(false)
            .finish()
    }

    fn columns_of(&self, head: &Head, part: &Part) -> Vec<Expr> {
        let texts = self.texts();
        let columns = head.names.iter().zip(&head.targets);
        let columns = columns.map(|(name, target)| {
            let column = column(name.as_str());
            if target.dtype == DataType::String && texts.nulls.is_empty() {
                return column;
            }
            let (source, texts, dtype) = (self.clone(), texts.clone(), target.dtype.clone());
            let (target, part, name) = (target.clone(), part.clone(), name.clone());
            let kernel = move |column: Column| {
                let text = column.as_materialized_series();
                match read(text.str()?, &target, &texts) {
                    Ok(values) => Ok(values.into_column()),
                    Err(refused) => Err(source
                        .refused(&part, &name, &target, &refused)
                        .into_polars()),
                }
            };
            let dtype = move |_: &Schema, field: &Field| {
                Ok(Field::new(field.name().clone(), dtype.clone()))
            };
            column.map(kernel, dtype)
        });
        columns.collect()
    }

    /// The error about a value; the file is read again to find the first such line.
    fn refused(&self, part: &Part, name: &str, target: &Target, refused: &Refused) -> Error {
        let help = if target.declared {
            "declare another dtype with `.dtype(..)`, or what stands for null with `.null_values(..)`"
        } else {
            "declare the dtype with `.dtype(..)` or look at more rows with `.infer_rows(None)`"
        };
        let message = match self.first_refused(part, name, target) {
            Some((line, value)) => format!("line {line} has `{}`", shortened(&value)),
            None => format!("there is a value `{}`", shortened(&refused.0)),
        };
        let message = format!("{message}, which is not {}", article(&target.dtype));
        error_in(&part.path, message)
            .on_column(name)
            .with_dtype(&target.dtype)
            .with_help(help)
    }

    fn first_refused(&self, part: &Part, name: &str, target: &Target) -> Option<(u64, String)> {
        let at = part.names.iter().position(|of| of == name)?;
        let mut records = Records::open(&part.path, &self.format, true).ok()?;
        if self.header == Header::First {
            next_record(&part.path, &mut records).ok()?;
        }
        let texts = self.texts();
        while let Some((_, line)) = next_record(&part.path, &mut records).ok()? {
            let field = records.fields().into_iter().nth(at);
            let field = StringChunked::from_iter_options("".into(), std::iter::once(field));
            if let Err(Refused(value)) = read(&field, target, &texts) {
                return Some((line, value));
            }
        }
        None
    }
}

fn failed(error: PolarsError) -> Error {
    Error::from_polars(ErrorKind::Source, error)
}

/// Files of a header alone.
fn no_rows(head: &Head) -> PolarsResult<LazyFrame> {
    let columns = head.names.iter().zip(&head.targets);
    let columns =
        columns.map(|(name, target)| Column::new_empty(name.as_str().into(), &target.dtype));
    Ok(DataFrame::new(0, columns.collect())?.lazy())
}

/// Whether a line, by its number, is not one of the blank ones.
fn is_row(line: Expr, blanks: Vec<Range<u32>>) -> Expr {
    let keep = move |lines: Column| {
        let lines = lines.as_materialized_series().u32()?.clone();
        let keep = lines.iter().map(|line| {
            let line = line.unwrap_or(u32::MAX);
            let before = blanks.partition_point(|run| run.end <= line);
            Some(!blanks.get(before).is_some_and(|run| run.contains(&line)))
        });
        let mut keep: BooleanChunked = keep.collect();
        keep.rename(lines.name().clone());
        Ok(keep.into_column())
    };
    line.map(keep, |_, field| {
        Ok(Field::new(field.name().clone(), DataType::Boolean))
    })
}
