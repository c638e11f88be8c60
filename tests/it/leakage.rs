//! What `check()` stops at run time before a row is read, and that nothing of the test rows
//! reaches what is learned.

use std::error::Error as StdError;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use floe::polars::prelude::*;
use floe::prelude::*;
use floe::tracker::What;
use floe::{Error, ErrorKind};
use proptest::prelude::*;
use serde_json::Value;

type Outcome = Result<(), Box<dyn StdError>>;

/// Rows that are counted as they are read.
#[derive(Clone, Debug)]
struct Counted {
    rows: DataFrame,
    read: Arc<AtomicUsize>,
}

impl Counted {
    fn new() -> Self {
        let ids = 0..20i64;
        let rows = df![
            "id" => ids.clone().collect::<Vec<_>>(),
            "views" => ids.clone().map(|id| Some(id * 7 % 5).filter(|views| *views > 0)).collect::<Vec<_>>(),
            "share" => ids.clone().map(|id| (id * id % 7) as f64 / 3.0).collect::<Vec<_>>(),
            "likes" => ids.map(|id| 700 + 3 * id).collect::<Vec<_>>(),
        ];
        Self {
            rows: rows.expect("columns of one length"),
            read: Arc::default(),
        }
    }

    fn read(&self) -> usize {
        self.read.load(Ordering::Relaxed)
    }
}

impl Source for Counted {
    fn scan(&self) -> floe::Result<LazyFrame> {
        let read = Arc::clone(&self.read);
        let counting = col("id").map(
            move |column| {
                read.fetch_add(column.len(), Ordering::Relaxed);
                Ok(column)
            },
            |_, field| Ok(field.clone()),
        );
        Ok(self.rows.clone().lazy().with_columns([counting]))
    }
}

fn split() -> TrainTestSplit {
    TrainTestSplit::new(0.3).seed(42)
}

fn line() -> LinearRegression {
    LinearRegression::new(["id"], "likes")
}

/// Judges an expression as a step before the split, as a step after it, and as a filter.
fn judged(expr: &Expr) -> [Result<(), Error>; 3] {
    let source = Counted::new();
    let step = || WithColumns::new([expr.clone().alias("made")]);
    let before = floe::from(source.clone()).then(step()).split(split());
    let after = floe::from(source.clone()).split(split()).then(step());
    let kept = floe::from(source.clone())
        .keep(expr.clone().is_not_null())
        .split(split());
    let judged = [
        before.learn(line()).check(),
        after.learn(line()).check(),
        kept.learn(line()).check(),
    ];
    assert_eq!(source.read(), 0, "`check()` read rows for {expr}");
    judged
}

#[test]
fn what_looks_beyond_its_own_row_is_refused() {
    let views = || col("views");
    let refused = [
        views().mean(),
        views().sum(),
        views().min(),
        views().max(),
        views().std(0),
        views().median(),
        views().n_unique(),
        views().first(),
        views().last(),
        views().count(),
        len(),
        views().shift(lit(1)),
        views().reverse(),
        views().sort(SortOptions::default()),
        views().unique(),
        views().filter(col("id").gt(lit(3))),
        views().head(Some(3)),
        views().mean().over([col("id")]).expect("one key"),
        views() - views().mean(),
        (views() - views().min()) / (views().max() - views().min()),
        when(views().gt(views().mean()))
            .then(lit(1))
            .otherwise(lit(0)),
        views().fill_null(views().mean()),
        views().apply(Ok, |_, field| Ok(field.clone())),
        lit(Series::new("made".into(), (0..20i64).collect::<Vec<_>>())),
    ];
    for expr in refused {
        for (judged, place) in judged(&expr).into_iter().zip(["before", "after", "keep"]) {
            let error = match judged {
                Err(error) => error,
                Ok(()) => panic!("{expr} passes ({place})"),
            };
            assert_eq!(error.kind(), ErrorKind::Config, "{place}: {error}");
            assert!(
                error.to_string().contains("looks beyond its own row"),
                "{error}"
            );
            assert!(
                error
                    .help()
                    .is_some_and(|help| help.contains("element-wise")),
                "{error}"
            );
            assert!(error.stage().is_some(), "{place}: {error}");
        }
    }
}

#[test]
fn what_stays_in_its_own_row_passes() {
    let views = || col("views");
    let passing = [
        views() + lit(1),
        views() * col("share") - col("id"),
        views().fill_null(lit(0)),
        views().fill_null(col("id")),
        views().cast(DataType::Float64),
        views().is_null(),
        views().gt(lit(2)).and(col("share").lt(lit(0.5))),
        when(views().is_null()).then(lit(0)).otherwise(views()),
        views().map(Ok, |_, field| Ok(field.clone())),
        lit(1),
    ];
    for expr in passing {
        for judged in judged(&expr) {
            judged.unwrap_or_else(|error| panic!("{expr}: {error}"));
        }
    }
}

/// The error of a flow that must not pass `check()`, and of which `run()` must read no row.
macro_rules! refused {
    ($flow:expr) => {{
        let source = Counted::new();
        let build: fn(Counted) -> _ = $flow;
        let flow = build(source.clone());
        let error = flow.check().expect_err("it must not pass");
        let explained = flow.explain().expect_err("it must not pass");
        let run = flow.run().expect_err("it must not run");
        assert_eq!(error.to_string(), explained.to_string());
        assert_eq!(error.to_string(), run.to_string());
        assert_eq!(source.read(), 0, "rows were read: {error}");
        error
    }};
}

#[test]
fn a_step_on_the_target_is_sent_to_its_own_verb() {
    let error = refused!(|rows| floe::from(rows)
        .split(split())
        .then(MinMaxScaler::new(["likes"]))
        .learn(line()));
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Schema, Some("likes"))
    );
    assert!(
        error.to_string().contains("the column is the target"),
        "{error}"
    );
    assert!(
        error
            .help()
            .is_some_and(|help| help.contains("`.on_target(..)`")),
        "{error}"
    );

    // What reads the target to make a feature is stopped too.
    let error = refused!(|rows| floe::from(rows)
        .split(split())
        .then(WithColumns::new([(col("likes") * lit(2)).alias("double")]))
        .learn(LinearRegression::new(["double"], "likes")));
    assert_eq!(error.column(), Some("likes"));
}

#[test]
fn a_step_on_an_id_or_a_weight_is_refused() {
    for (role, said) in [(Role::Id, "an id"), (Role::Weight, "the weight")] {
        let source = Counted::new();
        let flow = floe::from(source.clone())
            .role("views", role)
            .split(split())
            .then(StandardScaler::new(["views"]))
            .learn(line());
        let error = flow.check().expect_err("it must not pass");
        assert_eq!(
            (error.kind(), error.column()),
            (ErrorKind::Schema, Some("views"))
        );
        assert!(error.to_string().contains(said), "{error}");
        assert_eq!(source.read(), 0);
    }
}

#[test]
fn a_selector_leaves_target_id_and_weight_alone() -> Outcome {
    let run = floe::from(Counted::new())
        .role("views", Role::Id)
        .role("share", Role::Weight)
        .split(split())
        .then(MinMaxScaler::new(all()))
        .learn(line())
        .run()?;
    let scaling = run.model().pipeline().steps().next();
    assert!(scaling.range("id").is_some());
    for column in ["views", "share", "likes"] {
        assert!(scaling.range(column).is_none(), "{column}");
    }
    Ok(())
}

#[test]
fn the_target_is_no_feature() {
    let error = refused!(|rows| floe::from(rows)
        .split(split())
        .learn(LinearRegression::new(["id", "likes"], "likes")));
    assert_eq!(error.column(), Some("likes"));
    assert!(error.to_string().contains("target"), "{error}");
}

#[test]
fn a_selector_of_features_leaves_the_target_out() -> Outcome {
    let flow = floe::from(Counted::new())
        .role("views", Role::Id)
        .split(split())
        .learn(LinearRegression::new(all(), "likes"));
    assert_eq!(flow.run()?.model().predictor().features(), ["id", "share"]);
    Ok(())
}

#[test]
fn a_step_of_the_target_works_on_the_target_only() {
    let error = refused!(|rows| floe::from(rows)
        .split(split())
        .on_target(MinMaxScaler::new(["id"]))
        .learn(line()));
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Schema, Some("id"))
    );
    assert!(error.to_string().contains("not the target"), "{error}");
}

#[test]
fn columns_that_do_not_exist_are_named() {
    let made = || WithColumns::new([(col("vews") + lit(1)).alias("made")]);
    let errors = [
        refused!(|rows| floe::from(rows)
            .keep(col("vews").gt(lit(1)))
            .split(split())
            .learn(line())),
        refused!(|rows| floe::from(rows)
            .split(split())
            .then(StandardScaler::new(["vews"]))
            .learn(line())),
        refused!(|rows| floe::from(rows)
            .split(split())
            .learn(LinearRegression::new(["vews"], "likes"))),
        refused!(|rows| floe::from(rows)
            .split(split())
            .learn(LinearRegression::new(["id"], "vews"))),
        floe::from(Counted::new())
            .then(made())
            .split(split())
            .learn(line())
            .check()
            .expect_err("it must not pass"),
        floe::from(Counted::new())
            .split(split())
            .then(made())
            .learn(line())
            .check()
            .expect_err("it must not pass"),
    ];
    for error in errors {
        assert_eq!(
            (error.kind(), error.column()),
            (ErrorKind::Schema, Some("vews")),
            "{error}"
        );
        assert!(
            error.help().is_some_and(|help| help.contains("`views`")),
            "{error}"
        );
    }
}

#[test]
fn the_row_number_cannot_be_written() {
    // Rows are split by it: who could write it could choose the test rows.
    let step = || WithColumns::new([lit(0u32).alias("__floe_row")]);
    let rows = || floe::from(Counted::new());
    let checks = [
        rows().then(step()).split(split()).learn(line()).check(),
        rows().split(split()).then(step()).learn(line()).check(),
        rows()
            .fit_before_split(step())
            .split(split())
            .learn(line())
            .check(),
    ];
    for check in checks {
        let error = check.expect_err("it must not pass");
        assert_eq!(
            (error.kind(), error.column()),
            (ErrorKind::Schema, Some("__floe_row"))
        );
        assert!(error.to_string().contains("reserved"), "{error}");
    }
}

#[test]
fn rows_are_kept_by_a_condition() {
    let error = refused!(|rows| floe::from(rows)
        .keep(col("views"))
        .split(split())
        .learn(line()));
    assert_eq!(
        (error.kind(), error.dtype()),
        (ErrorKind::Config, Some("i64"))
    );
    assert!(error.to_string().contains("no condition"), "{error}");
}

#[test]
fn the_page_on_leakage_quotes_what_check_says() {
    let page = include_str!("../../docs/leakage.md");
    let errors = [
        refused!(|rows| floe::from(rows)
            .split(split())
            .then(WithColumns::new([col("views") - col("views").mean()]))
            .learn(line())),
        refused!(|rows| floe::from(rows)
            .split(split())
            .then(MinMaxScaler::new(["likes"]))
            .learn(line())),
        refused!(|rows| floe::from(rows)
            .split(split())
            .learn(LinearRegression::new(["id", "likes"], "likes"))),
        refused!(|rows| floe::from(rows)
            .role("id", Role::Id)
            .split(split())
            .learn(line())),
        refused!(|rows| floe::from(rows)
            .split(split())
            .on_target(MinMaxScaler::new(["id"]))
            .learn(line())),
        refused!(|rows| floe::from(rows)
            .split(split())
            .then(MinMaxScaler::new(["vews"]))
            .learn(line())),
        refused!(|rows| floe::from(rows)
            .split(split())
            .then(WithColumns::new([lit(0).alias("__floe_row")]))
            .learn(line())),
    ];
    for error in errors {
        let text = error.to_string();
        let stage = format!("at `{}`: ", error.stage().unwrap_or_default());
        let (_, said) = text.split_once(&stage).expect("a stage is named");
        let help = format!("; {}", error.help().unwrap_or_default());
        let said = said.strip_suffix(help.as_str()).unwrap_or(said);
        assert!(
            page.contains(&format!("`` {said} ``")),
            "not on the page: {said}"
        );
    }
}

#[test]
fn the_counting_source_counts() -> Outcome {
    let source = Counted::new();
    let flow = floe::from(source.clone()).split(split()).learn(line());
    flow.check()?;
    flow.explain()?;
    assert_eq!(source.read(), 0);
    flow.run()?;
    assert!(source.read() >= 20);
    Ok(())
}

#[test]
fn a_declared_leak_is_tagged_everywhere() -> Outcome {
    let tracker = MemoryTracker::new();
    let flow = floe::from(Counted::new())
        .fit_before_split(MinMaxScaler::new(["likes"]))
        .split(split())
        .learn(line())
        .track(tracker.clone());
    let tagged = |tags: &[String]| {
        let [tag] = tags else { return false };
        tag.starts_with("leakage: fitted before the split: MinMaxScaler") && tag.contains("likes")
    };
    assert!(tagged(&flow.explain()?.tags));
    let run = flow.run()?;
    assert!(tagged(run.tags()));
    assert!(tagged(run.model().tags()));
    let events = tracker.events();
    let started = events.iter().find_map(|event| match &event.what {
        What::Started(started) => Some(&started.tags),
        _ => None,
    });
    assert!(started.is_some_and(|tags| tagged(tags)));
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("model.json");
    run.model().save(&path)?;
    let file: Value = serde_json::from_slice(&std::fs::read(&path)?)?;
    let tags: Vec<String> = serde_json::from_value(file["contents"]["tags"].clone())?;
    assert!(tagged(&tags));
    assert!(tagged(flow.load(&path)?.tags()));

    let honest = floe::from(Counted::new()).split(split()).learn(line());
    assert!(honest.run()?.tags().is_empty());
    Ok(())
}

/// Some rows with a number that stays with each.
#[derive(Clone, Debug)]
struct Likes {
    id: Vec<f64>,
    views: Vec<Option<i64>>,
    likes: Vec<f64>,
}

impl Likes {
    fn frame(&self) -> PolarsResult<DataFrame> {
        df![
            "row" => (0..self.id.len() as u64).collect::<Vec<_>>(),
            "id" => &self.id,
            "views" => &self.views,
            "likes" => &self.likes,
        ]
    }

    /// The same train rows; every value of every test row is another one.
    fn with_wild(&self, test: &[u64], wild: &[f64]) -> Self {
        let mut changed = self.clone();
        for (row, wild) in test.iter().zip(wild.iter().cycle()) {
            let row = *row as usize;
            changed.id[row] = self.id[row] + wild;
            changed.views[row] = Some(*wild as i64 + 1_000_000);
            changed.likes[row] = self.likes[row] - 3.0 * wild;
        }
        changed
    }
}

fn likes() -> impl Strategy<Value = Likes> {
    (12..60usize).prop_flat_map(|rows| {
        let id = prop::collection::vec(-1e6..1e6f64, rows);
        let views = prop::collection::vec(0..1000i64, rows);
        let likes = prop::collection::vec(-1e4..1e4f64, rows);
        (id, views, likes).prop_map(|(id, views, likes)| Likes {
            id,
            views: views.into_iter().map(Some).collect(),
            likes,
        })
    })
}

/// What a run learned, as its model file has it; and the row numbers of the test rows.
fn learned(rows: &Likes, seed: u64, leak: bool) -> Result<(Value, Vec<u64>), Box<dyn StdError>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("model.json");
    let source = InMemory::new(rows.frame()?);
    let split = TrainTestSplit::new(0.3).seed(seed);
    let features = ["id", "views"];
    let test = if leak {
        let flow = floe::from(source)
            .role("row", Role::Id)
            .fit_before_split(MinMaxScaler::new(["id", "views", "likes"]).range(1.0, 2.0))
            .split(split)
            .learn(LinearRegression::new(features, "likes"));
        let run = flow.run()?;
        run.model().save(&path)?;
        run.test().collect()?
    } else {
        let flow = floe::from(source)
            .role("row", Role::Id)
            .then(WithColumns::new([(col("id") * lit(0.5)).alias("half")]))
            .split(split)
            .then(StandardScaler::new(["id", "half"]))
            .then(MinMaxScaler::new(["views", "half"]))
            .on_target(MinMaxScaler::new(["likes"]))
            .learn(LinearRegression::new(features, "likes"));
        let run = flow.run()?;
        run.model().save(&path)?;
        run.test().collect()?
    };
    let file: Value = serde_json::from_slice(&std::fs::read(&path)?)?;
    let contents = &file["contents"];
    let learned = ["steps", "target_steps", "predictor"].map(|part| contents[part].clone());
    let rows = test.column("row")?.u64()?.into_no_null_iter().collect();
    Ok((Value::from(learned.to_vec()), rows))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn nothing_of_the_test_rows_is_learned(
        rows in likes(),
        seed in any::<u64>(),
        wild in prop::collection::vec(1e7..1e12f64, 1..8),
    ) {
        let (before, test) = learned(&rows, seed, false).expect("it runs");
        prop_assert!(!test.is_empty());
        let changed = rows.with_wild(&test, &wild);
        let (after, same) = learned(&changed, seed, false).expect("it runs");
        prop_assert_eq!(&test, &same);
        prop_assert_eq!(before.to_string(), after.to_string());
    }

    #[test]
    fn a_step_fitted_before_the_split_learns_from_the_test_rows(
        rows in likes(),
        seed in any::<u64>(),
        wild in prop::collection::vec(1e7..1e12f64, 1..8),
    ) {
        let (before, test) = learned(&rows, seed, true).expect("it runs");
        let changed = rows.with_wild(&test, &wild);
        let (after, same) = learned(&changed, seed, true).expect("it runs");
        prop_assert_eq!(&test, &same);
        prop_assert_ne!(before.to_string(), after.to_string());
    }
}
