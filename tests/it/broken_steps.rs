//! The kit of `floe::testing` tells which law a step breaks: steps that each break one.

use floe::learn::{Learned, Line, Mean, Need, Shape, Statistic};
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::testing::{Law, check_estimator, check_inverse, check_step};
use floe::transform::{Artifact, Saved};
use floe::{Field, Nullable, Result, Schema};
use serde::{Deserialize, Serialize};

/// What is wrong with a step that shifts `x` by the mean of `x`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
enum Fault {
    #[default]
    None,
    Fails,
    LearnsUndeclared,
    AppliesUndeclared,
    WritesUndeclared,
    RemovesUndeclared,
    LiesAboutDtype,
    LiesBeforeTheFit,
    NeverNull,
    LiesInTheQuery,
    Collects,
    MeanOfTheFrame,
    Head,
    Sorts,
    CountsPieces,
    SaysItRises,
    OffItsLine,
    FirstRow,
    Forgets,
    NotANumber,
    InverseOfAnother,
    InverseValueOnly,
}

use Fault::{
    AppliesUndeclared, Collects, CountsPieces, Fails, FirstRow, Forgets, Head, InverseOfAnother,
    InverseValueOnly, LearnsUndeclared, LiesAboutDtype, LiesBeforeTheFit, LiesInTheQuery,
    MeanOfTheFrame, NeverNull, NotANumber, OffItsLine, RemovesUndeclared, SaysItRises, Sorts,
    WritesUndeclared,
};

#[derive(Clone, Debug)]
struct Shift(Fault);

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Shifted {
    by: f64,
    /// What a careless author leaves out of the file.
    #[serde(skip)]
    more: f64,
    fault: Fault,
}

impl Artifact for Shifted {
    const KIND: &'static str = "shifted";
}

impl Apply for Shifted {
    fn line(&self, _: &str) -> Option<Line> {
        let wrong = f64::from(u8::from(self.fault == OffItsLine));
        Some(Line {
            centre: Mean {
                origin: 0,
                offset: self.by + wrong,
            },
            scale: 1.0,
            shift: 0.0,
            halved: false,
        })
    }

    fn apply(&self, frame: LazyFrame) -> Result<LazyFrame> {
        let x = || col("x");
        let by = lit(self.by + self.more);
        let shifted = (x() - by).alias("x");
        Ok(match self.fault {
            AppliesUndeclared => frame.with_columns([(x() - col("y")).alias("x")]),
            WritesUndeclared => frame.with_columns([shifted, (col("y") + lit(1.0)).alias("y")]),
            RemovesUndeclared => frame.with_columns([shifted]).select([col("x")]),
            NeverNull => frame.with_columns([when(x().gt(lit(2.0)))
                .then(shifted)
                .otherwise(lit(NULL))
                .alias("x")]),
            LiesInTheQuery => frame.with_columns([x().map(
                |column| column.cast(&DataType::Float32),
                |_, field| Ok(field.clone()),
            )]),
            Collects => {
                let rows = frame.collect()?;
                rows.lazy().with_columns([shifted])
            }
            SaysItRises => frame.with_columns([(lit(self.by) - x()).alias("x")]),
            MeanOfTheFrame => frame.with_columns([x() - x().mean()]),
            Head => frame.with_columns([shifted]).limit(4),
            Sorts => frame
                .with_columns([shifted])
                .sort(["x"], SortMultipleOptions::default()),
            _ => frame.with_columns([shifted]),
        })
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        let mut output = input.clone();
        match self.fault {
            LiesAboutDtype => output.set(Field::new("x", DataType::Int64)),
            RemovesUndeclared => output = Schema::new([Field::new("x", DataType::Float64)])?,
            NeverNull => {
                let x = Field::new("x", DataType::Float64);
                output.set(x.nullable(Nullable::Never));
            }
            _ => {}
        }
        Ok(output)
    }
}

impl Invert for Shifted {
    fn inverse(&self, frame: LazyFrame) -> Result<LazyFrame> {
        let by = if self.fault == InverseOfAnother {
            0.5
        } else {
            self.by
        };
        Ok(frame.with_columns([col("x") + lit(by)]))
    }

    fn inverse_value(&self, column: &str, value: Expr) -> Result<Expr> {
        let known = column == "x" || self.fault == InverseValueOnly;
        Ok(if known { value + lit(self.by) } else { value })
    }
}

impl Transform for Shift {
    type Fitted = Shifted;

    fn reads(&self, _: &Schema) -> Result<Vec<PlSmallStr>> {
        Ok(vec!["x".into()])
    }

    fn writes(&self, _: &Schema) -> Result<Vec<PlSmallStr>> {
        Ok(vec!["x".into()])
    }

    fn needs(&self, _: &Schema) -> Result<Vec<Need>> {
        Ok(vec![match self.0 {
            LearnsUndeclared => Need::column("y", Statistic::Mean),
            CountsPieces => Need::query("by", ["x"], |frame| {
                let pieces = frame.collect()?.first_col_n_chunks() as u32;
                Ok(df!["by" => [f64::from(pieces)]]?)
            }),
            FirstRow => Need::query("by", ["x"], |frame| {
                let first = frame.limit(1).collect()?;
                Ok(df!["by" => [first.column("x")?.f64()?.get(0)]]?)
            }),
            _ => Need::column("x", Statistic::Mean),
        }])
    }

    fn shape(&self, _: &Schema, _: &str) -> Shape {
        match self.0 {
            SaysItRises => Shape::Rising,
            Fault::None | OffItsLine => Shape::Line,
            _ => Shape::Any,
        }
    }

    fn fit(&self, _: &Schema, learned: &Learned) -> Result<Shifted> {
        if self.0 == Fails {
            return Err(floe::Error::new(floe::ErrorKind::Fit, "it never fits"));
        }
        let by = match self.0 {
            CountsPieces | FirstRow => {
                let by = learned.query("by")?.column("by")?.f64()?.get(0);
                by.unwrap_or_default()
            }
            LearnsUndeclared => 0.0,
            NotANumber => f64::NAN,
            _ => learned.mean("x")?.map_or(0.0, |mean| mean.to_f64()),
        };
        Ok(Shifted {
            by,
            more: f64::from(u8::from(self.0 == Forgets)),
            fault: self.0,
        })
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        let mut output = input.clone();
        match self.0 {
            LiesBeforeTheFit => output.set(Field::new("made", DataType::Float64)),
            LiesAboutDtype => output.set(Field::new("x", DataType::Int64)),
            RemovesUndeclared => output = Schema::new([Field::new("x", DataType::Float64)])?,
            NeverNull => {
                let x = Field::new("x", DataType::Float64);
                output.set(x.nullable(Nullable::Maybe));
            }
            _ => {}
        }
        Ok(output)
    }
}

fn sample() -> DataFrame {
    df![
        "x" => (0..12).map(|i| f64::from(i * 7 % 12) + 0.25).collect::<Vec<_>>(),
        "y" => (0..12).map(|i| f64::from(i % 5)).collect::<Vec<_>>(),
    ]
    .expect("a frame")
}

#[test]
fn each_fault_is_told_by_its_law() {
    let rows = sample();
    check_step(&Shift(Fault::None), &rows).expect("nothing is wrong with it");
    for (fault, law, says) in [
        (Fails, Law::Fits, "it never fits"),
        (
            LearnsUndeclared,
            Law::Declares,
            "it learns from `y` and does not read it",
        ),
        (AppliesUndeclared, Law::Declares, "on what it reads alone"),
        (
            WritesUndeclared,
            Law::Declares,
            "column `y`, row 0: 1.0 and not 0.0",
        ),
        (RemovesUndeclared, Law::Declares, "it removes `y`"),
        (
            LiesAboutDtype,
            Law::Schema,
            "promises (x: i64, y: f64), and gives (x: f64, y: f64)",
        ),
        (LiesBeforeTheFit, Law::Schema, "planned are the columns"),
        (NeverNull, Law::Schema, "`x` can never be null"),
        (LiesInTheQuery, Law::Schema, "gives (x: f32, y: f64)"),
        (Collects, Law::Lazy, "applying read 24 values"),
        (MeanOfTheFrame, Law::RowWise, "column `x`, row 0"),
        (Head, Law::RowWise, "on the rows in another order"),
        (Sorts, Law::RowWise, "on the rows in another order"),
        (
            CountsPieces,
            Law::Chunks,
            "on the rows row by row, it learned",
        ),
        (SaysItRises, Law::Shape, "column `x` falls"),
        (OffItsLine, Law::Shape, "and by its line"),
        (FirstRow, Law::Order, "fitted on the rows reversed"),
        (Forgets, Law::Saved, "differs: column `x`"),
        (NotANumber, Law::Saved, "invalid type: null, expected f64"),
    ] {
        let broken = check_step(&Shift(fault), &rows).expect_err("it is broken");
        assert_eq!(broken.law(), law, "{fault:?}: {broken}");
        assert!(broken.seen().contains(says), "{fault:?}: {broken}");
        assert_eq!(broken.subject(), format!("Shift({fault:?})"));
        let told = broken.to_string();
        assert!(
            told.contains(&format!("breaks the law {law:?} (")),
            "{told}"
        );
    }
}

#[test]
fn an_inverse_of_another_step_is_told() {
    let rows = sample();
    check_inverse(&Shift(Fault::None), &rows, 1e-12).expect("it can be undone");
    for (fault, says) in [
        (InverseOfAnother, "column `x`, row 0"),
        (InverseValueOnly, "a column that it does not know"),
    ] {
        let broken = check_inverse(&Shift(fault), &rows, 1e-12).expect_err("it is broken");
        assert_eq!(broken.law(), Law::Inverse);
        assert!(broken.seen().contains(says), "{broken}");
    }
    let broken = check_inverse(&Shift(Fails), &rows, 0.0).expect_err("it is broken");
    assert_eq!(broken.law(), Law::Fits);
}

/// A model that predicts by what it is not told, or forgets what it learned.
#[derive(Clone, Debug)]
struct Guess(&'static str);

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Guessed {
    by: String,
}

impl Artifact for Guessed {
    const KIND: &'static str = "guessed";
}

impl Predict for Guessed {
    fn predict(&self, frame: LazyFrame) -> Result<LazyFrame> {
        let guess = match self.by.as_str() {
            "target" => col("y") + col("x"),
            "mean" => col("x").mean(),
            "text" => col("x").cast(DataType::String),
            _ => col("x"),
        };
        Ok(frame.with_columns([guess.alias("prediction")]))
    }

    fn report(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
}

impl Estimator for Guess {
    type Model = Guessed;

    fn target(&self) -> &'static str {
        "y"
    }

    fn features(&self, _: &Schema) -> Result<Vec<PlSmallStr>> {
        Ok(vec!["x".into()])
    }

    fn needs(&self, _: &Schema) -> Result<Vec<Need>> {
        Ok(Vec::new())
    }

    fn restore(&self, saved: &Saved) -> Result<Guessed> {
        let mut model: Guessed = saved.read()?;
        if self.0 == "forgets" {
            model.by.clear();
        }
        Ok(model)
    }

    fn fit(&self, _: &floe::estimator::Training<'_>) -> Result<Guessed> {
        Ok(Guessed {
            by: self.0.to_owned(),
        })
    }
}

#[test]
fn the_fault_of_an_estimator_is_told_by_its_law() {
    let rows = sample();
    check_estimator(&Guess("x"), &rows).expect("nothing is wrong with it");
    for (by, law, says) in [
        ("target", Law::Declares, "on its features alone"),
        ("mean", Law::RowWise, "column `prediction`"),
        ("text", Law::Schema, "is str and not Float64"),
        ("forgets", Law::Saved, "is saved as"),
    ] {
        let broken = check_estimator(&Guess(by), &rows).expect_err("it is broken");
        assert_eq!(broken.law(), law, "{by}: {broken}");
        assert!(broken.seen().contains(says), "{by}: {broken}");
    }
}
