//! A chain that is known at run time only does what the typed chain of the same steps does: the
//! same plans, the same learned values, the same predictions, to the bit.

use std::cell::Cell;

use floe::Result;
use floe::learn::{FitOn, Plan};
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::transform::BoxTransform;
use proptest::prelude::{ProptestConfig, Strategy};
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use crate::support::{canonical, collect};

const COLUMNS: [&str; 3] = ["a", "b", "c"];

fn rows() -> DataFrame {
    df![
        "a" => (0..30).map(|i| f64::from(i * 37 % 41) / 7.0 - 2.0).collect::<Vec<_>>(),
        "b" => (0..30).map(|i| (1_i64 << 55) + i * i % 19).collect::<Vec<_>>(),
        "c" => (0..30_u16).map(|i| f32::from(i * i % 17) / 3.0).collect::<Vec<_>>(),
        "y" => (0..30).map(|i| f64::from(3 * i + i % 4)).collect::<Vec<_>>(),
    ]
    .expect("a frame")
}

/// What a step of a random chain is told beyond its kind.
#[derive(Clone, Copy, Debug)]
struct Told {
    /// A mask of the columns; never 0.
    columns: u8,
    setting: u8,
}

impl Told {
    fn columns(self) -> Vec<&'static str> {
        let chosen = (0..COLUMNS.len()).filter(|at| self.columns & (1 << at) != 0);
        chosen.map(|at| COLUMNS[at]).collect()
    }
}

const KINDS: usize = 6;

fn min_max(told: Told) -> MinMaxScaler {
    let step = MinMaxScaler::new(told.columns());
    match told.setting {
        0 => step.range(-1.0, 3.0),
        1 => step.outside(Outside::Clip),
        _ => step,
    }
}

fn standard(told: Told) -> StandardScaler {
    let step = StandardScaler::new(told.columns());
    match told.setting {
        0 => step.constant(Constant::Null),
        _ => step,
    }
}

fn max_abs(told: Told) -> MaxAbsScaler {
    MaxAbsScaler::new(told.columns())
}

fn robust(told: Told) -> RobustScaler {
    let step = RobustScaler::new(told.columns());
    match told.setting {
        0 => step.quantile_range(0.1, 0.8),
        _ => step,
    }
}

fn normalizer(told: Told) -> Normalizer {
    let norm = [Norm::L1, Norm::L2, Norm::Max][usize::from(told.setting) % 3];
    Normalizer::new(told.columns()).norm(norm)
}

fn with_columns(told: Told) -> WithColumns {
    let by = f64::from(told.setting) + 1.5;
    let names = told.columns().into_iter();
    WithColumns::new(names.map(|name| (col(name).cast(DataType::Float64) * lit(by)).alias(name)))
}

/// Calls `$then` with the typed maker of a kind of step.
macro_rules! typed {
    ($kind:expr, |$make:ident| $then:expr) => {
        match $kind {
            0 => {
                let $make = min_max;
                $then
            }
            1 => {
                let $make = standard;
                $then
            }
            2 => {
                let $make = max_abs;
                $then
            }
            3 => {
                let $make = robust;
                $then
            }
            4 => {
                let $make = normalizer;
                $then
            }
            _ => {
                let $make = with_columns;
                $then
            }
        }
    };
}

/// A column as bits, every NaN alike.
fn bits(frame: &DataFrame, name: &str) -> Vec<Option<u64>> {
    let column = frame
        .column(name)
        .expect("a column")
        .cast(&DataType::Float64);
    let column = column.expect("floats");
    let values = column.f64().expect("floats").iter();
    values.map(|value| value.map(canonical)).collect()
}

/// What can be seen of a fitted flow, or why there is none.
#[derive(Debug, PartialEq)]
struct Seen {
    plans: [String; 2],
    applied: [Vec<Option<u64>>; 3],
    predicted: Vec<Option<u64>>,
    /// The whole model file: what was learned, in the shortest form that reads back to the same bits.
    file: String,
}

fn seen<P: Plan>(steps: P) -> Result<Seen> {
    let flow = floe::from(InMemory::new(rows()))
        .split(TrainTestSplit::new(0.3).seed(5))
        .then(steps)
        .learn(LinearRegression::new(["a", "b"], "y").rank(RankPolicy::MinimumNorm));
    let model = flow.fit()?;
    let applied = model.pipeline().apply(rows().lazy())?;
    let predicted = model.predict(rows().lazy())?;
    let plan = |frame: &LazyFrame| frame.describe_optimized_plan().expect("a plan");
    let plans = [plan(&applied), plan(&predicted)];
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model.json");
    model.save(&path)?;
    let applied = collect(applied)?;
    Ok(Seen {
        plans,
        applied: COLUMNS.map(|name| bits(&applied, name)),
        predicted: bits(&collect(predicted)?, "prediction"),
        file: std::fs::read_to_string(path).expect("text"),
    })
}

/// The typed chain `first -> second -> first`: two kinds make 36 types for the compiler, three
/// kinds would make 216.
fn typed([first, second]: [usize; 2], told: [Told; 3]) -> Result<Seen> {
    typed!(first, |make| typed!(second, |next| seen(
        make(told[0]).then(next(told[1])).then(make(told[2]))
    )))
}

fn erased([first, second]: [usize; 2], told: [Told; 3]) -> Result<Seen> {
    let kinds = [first, second, first];
    let steps = kinds.into_iter().zip(told);
    seen(
        steps
            .map(|(kind, told)| typed!(kind, |make| BoxTransform::new(make(told))))
            .collect::<Vec<_>>(),
    )
}

fn any_told() -> impl Strategy<Value = Told> {
    (1_u8..8, 0_u8..4).prop_map(|(columns, setting)| Told { columns, setting })
}

#[test]
fn random_chains_are_the_same_typed_and_erased() {
    let told = [any_told(), any_told(), any_told()];
    let kinds = [0..KINDS, 0..KINDS];
    let mut config = ProptestConfig::with_cases(96);
    config.failure_persistence = None;
    let seed = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let fitted = Cell::new(0);
    TestRunner::new_with_rng(config, seed)
        .run(&(kinds, told), |(kinds, told)| {
            match (typed(kinds, told), erased(kinds, told)) {
                (Ok(typed), Ok(erased)) => {
                    assert_eq!(typed, erased);
                    fitted.set(fitted.get() + 1);
                }
                // A chain that cannot be fitted says the same.
                (typed, erased) => assert_eq!(
                    typed.expect_err("as erased").to_string(),
                    erased.expect_err("as typed").to_string()
                ),
            }
            Ok(())
        })
        .expect("typed and erased chains agree");
    assert!(fitted.get() >= 60, "{} chains were fitted", fitted.get());
}
