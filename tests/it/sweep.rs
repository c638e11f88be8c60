//! Sweeps: what candidates share is learned once, and each is judged as if it were alone.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use floe::ErrorKind;
use floe::estimator::{BoxEstimator, RankPolicy};
use floe::flow::Candidates;
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::tracker::{Status, What};
use floe::transform::BoxTransform;

fn rows(n: i64) -> DataFrame {
    let scattered = |at: i64| (at * 7_919 + at * at % 1_013) % 997;
    let at = 0..n;
    df![
        "a" => at.clone().map(|at| scattered(at) as f64 * 0.25).collect::<Vec<_>>(),
        "b" => at.clone().map(|at| (at % 5 != 2).then(|| scattered(at * 3) as f64)).collect::<Vec<_>>(),
        "twice" => at.clone().map(|at| scattered(at) as f64 * 0.5).collect::<Vec<_>>(),
        "y" => at.map(|at| 3.0 * scattered(at) as f64 + (scattered(at * 5) % 101) as f64).collect::<Vec<_>>(),
    ]
    .unwrap()
}

/// Chains that share nothing, some and all of what they learn.
fn steps(kind: usize) -> Vec<BoxTransform> {
    match kind {
        0 => vec![
            BoxTransform::new(Imputer::mean(["b"])),
            BoxTransform::new(StandardScaler::new(["a", "b"])),
        ],
        1 => vec![
            BoxTransform::new(Imputer::median(["b"])),
            BoxTransform::new(MinMaxScaler::new(["a", "b"])),
        ],
        2 => vec![
            BoxTransform::new(WithColumns::new([(col("a") * lit(2.0)).alias("a")])),
            BoxTransform::new(Imputer::constant(["b"], 0.0)),
            BoxTransform::new(RobustScaler::new(["a"])),
        ],
        _ => vec![
            BoxTransform::new(StandardScaler::new(["a"])),
            BoxTransform::new(Imputer::constant(["b"], 1.0)),
        ],
    }
}

macro_rules! sweep {
    ($flow:expr) => {
        $flow.split(TrainTestSplit::new(0.25).seed(9)).sweep(
            KFold::new(4).in_order(),
            Candidates::axis("steps", [0_usize, 1, 2, 3]).cross("alpha", [0.5, 50.0]),
            |flow, (kind, alpha)| {
                flow.then(steps(*kind))
                    .learn(Ridge::new(["a", "b"], "y").alpha(*alpha))
            },
        )
    };
}

#[test]
fn each_candidate_is_judged_as_if_it_were_alone() {
    let study = sweep!(floe::from(InMemory::new(rows(1_009))))
        .run()
        .unwrap();
    let flow = floe::from(InMemory::new(rows(1_009))).split(TrainTestSplit::new(0.25).seed(9));
    let (train, _) = flow.frames().unwrap();
    let train = train.collect().unwrap();
    for tried in study.tried() {
        let (kind, alpha) = *tried.params();
        let alone = floe::from(InMemory::new(train.clone()))
            .split(KFold::new(4).in_order())
            .then(steps(kind))
            .learn(Ridge::new(["a", "b"], "y").alpha(alpha))
            .run()
            .unwrap();
        assert_eq!(tried.metrics(), alone.metrics(), "{kind} {alpha}");
    }
    let means: Vec<f64> = study
        .tried()
        .iter()
        .map(|tried| tried.metric("r2").unwrap().mean)
        .collect();
    assert!(means.windows(2).all(|pair| pair[0] >= pair[1]), "{means:?}");
    // The best one is what the flow alone would give.
    let (kind, alpha) = *study.best().unwrap().params();
    let alone = floe::from(InMemory::new(rows(1_009)))
        .split(TrainTestSplit::new(0.25).seed(9))
        .then(steps(kind))
        .learn(Ridge::new(["a", "b"], "y").alpha(alpha))
        .run()
        .unwrap();
    let best = study.best_run().unwrap();
    assert_eq!(best.metrics(), alone.metrics());
    assert_eq!(
        best.model().predictor().coefficients(),
        alone.model().predictor().coefficients()
    );
}

#[test]
fn the_rows_are_read_once_a_level_whatever_the_candidates() {
    let read = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&read);
    let counting = col("a").map(
        move |column| {
            counter.fetch_add(column.len() as u64, Ordering::Relaxed);
            Ok(column)
        },
        |_, field| Ok(field.clone()),
    );
    let n = 4_000;
    let sweep =
        sweep!(floe::from(InMemory::new(rows(n))).then(WithColumns::new([counting.alias("a")])));
    let explain = sweep.explain().unwrap();
    assert_eq!(
        (explain.candidates, explain.folds, explain.fits),
        (8, 4, 33)
    );
    let study = sweep.run().unwrap();
    // Which candidate is fitted again is not known before.
    let last = study.scans().len() - (explain.scans() - explain.final_scans);
    assert!(
        (2..=explain.final_scans).contains(&last),
        "{last} {explain}"
    );
    let levels = study.scans().iter().filter(|scan| scan.purpose == "level");
    assert_eq!(levels.count(), explain.levels.len() + last - 1);
    let text = explain.to_string();
    assert!(text.contains("8 candidates, 4 folds, 33 fits"), "{text}");
    assert!(read.load(Ordering::Relaxed) <= explain.scans() as u64 * n as u64);
}

#[test]
fn the_count_of_workers_changes_nothing() {
    let table = |workers| {
        let study = sweep!(floe::from(InMemory::new(rows(1_500))))
            .workers(workers)
            .run();
        let table = study.unwrap().table().unwrap();
        table.drop_many(["seconds", "run"])
    };
    let one = table(1);
    assert_eq!(one.height(), 8);
    for workers in [2, 5, 20] {
        assert!(one.equals_missing(&table(workers)));
    }
    let names: Vec<_> = one.get_column_names().into_iter().take(4).collect();
    assert_eq!(names, ["rank", "steps", "alpha", "r2_mean"]);
    assert_eq!(one.column("steps").unwrap().dtype(), &DataType::Int64);
    assert_eq!(one.column("alpha").unwrap().dtype(), &DataType::Float64);
}

#[test]
fn a_candidate_that_cannot_be_fitted_is_listed_and_the_others_go_on() {
    let flow = || {
        floe::from(InMemory::new(rows(300)))
            .split(TrainTestSplit::new(0.2).seed(1))
            .sweep(
                KFold::new(3).seed(2),
                Candidates::list(["error", "minimum", "mean"]),
                |flow, which| {
                    let line = LinearRegression::new(["a", "twice"], "y");
                    flow.learn(match *which {
                        "error" => BoxEstimator::new(line),
                        "minimum" => BoxEstimator::new(line.rank(RankPolicy::MinimumNorm)),
                        _ => BoxEstimator::new(MeanRegressor::new("y")),
                    })
                },
            )
    };
    let study = flow().run().unwrap();
    let order: Vec<_> = study.tried().iter().map(|tried| *tried.params()).collect();
    assert_eq!(order, ["minimum", "mean", "error"]);
    let failed = &study.tried()[2];
    assert_eq!(failed.error().unwrap().kind(), ErrorKind::Fit);
    assert!(failed.metrics().is_empty());
    let table = study.table().unwrap();
    assert_eq!(table.column("rank").unwrap().null_count(), 1);
    assert_eq!(
        table.column("candidate").unwrap().dtype(),
        &DataType::String
    );
    assert!(study.to_string().contains("failed: "), "{study}");
    let model = study.best_run().unwrap().model();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("best.json");
    model.save(&path).unwrap();
    let again = floe::Registry::new().load(&path).unwrap();
    let rows = rows(50);
    let here = model
        .predict(rows.clone().lazy())
        .unwrap()
        .collect()
        .unwrap();
    let there = again.predict(rows.lazy()).unwrap().collect().unwrap();
    assert!(here.equals_missing(&there));

    let all = flow().rank_by("rmse").run().unwrap();
    assert_eq!(*all.best().unwrap().params(), "minimum");
    let error = flow().rank_by("auc").run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("`rmse`"), "{error}");
}

#[test]
fn when_every_candidate_fails_the_sweep_does() {
    let sweep = floe::from(InMemory::new(rows(300)))
        .split(TrainTestSplit::new(0.2).seed(1))
        .sweep(
            KFold::new(3).seed(2),
            Candidates::axis("x", [1, 2]),
            |flow, _| flow.learn(LinearRegression::new(["a", "twice"], "y")),
        );
    let error = sweep.run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Fit);
}

#[test]
fn what_cannot_work_is_said_before_a_row_is_read() {
    let base = || floe::from(InMemory::new(rows(30))).split(TrainTestSplit::new(0.2));
    let check = |sweep: floe::Result<()>| sweep.unwrap_err();
    let none = base().sweep(
        KFold::new(3),
        Candidates::axis("alpha", Vec::<f64>::new()),
        |flow, alpha| flow.learn(Ridge::new(["a"], "y").alpha(*alpha)),
    );
    assert_eq!(check(none.check()).kind(), ErrorKind::Config);
    let negative = base().sweep(
        KFold::new(3),
        Candidates::axis("alpha", [1.0, -1.0]),
        |flow, alpha| flow.learn(Ridge::new(["a"], "y").alpha(*alpha)),
    );
    let error = check(negative.check());
    assert!(error.to_string().contains("alpha=-1"), "{error}");
    let targets = base().sweep(
        KFold::new(3),
        Candidates::axis("target", ["y", "a"]),
        |flow, target| flow.learn(MeanRegressor::new(*target)),
    );
    assert!(check(targets.check()).to_string().contains("target=a"));
    let twice = base().sweep(
        KFold::new(3),
        Candidates::axis("x", [1]).cross("x", [2]),
        |flow, _| flow.learn(MeanRegressor::new("y")),
    );
    assert!(check(twice.check()).to_string().contains("`x`"));
    let folds = base().sweep(KFold::new(1), Candidates::axis("x", [1]), |flow, _| {
        flow.learn(MeanRegressor::new("y"))
    });
    assert_eq!(check(folds.check()).kind(), ErrorKind::Split);
}

#[test]
fn candidates_are_runs_nested_in_that_of_the_sweep() {
    let tracker = MemoryTracker::new();
    let study = sweep!(floe::from(InMemory::new(rows(400))))
        .track(tracker.clone())
        .workers(3)
        .run()
        .unwrap();
    let events = tracker.events();
    let nested = events.iter().filter(|event| match &event.what {
        What::Started(started) => {
            if let Some(parent) = &started.parent {
                assert_eq!(parent, study.id());
                assert_eq!(started.parameters.len(), 2);
            }
            started.parent.is_some()
        }
        _ => false,
    });
    let mut runs: Vec<_> = nested.map(|event| event.run.clone()).collect();
    runs.sort();
    let mut told: Vec<_> = study
        .tried()
        .iter()
        .map(|tried| tried.run().to_owned())
        .collect();
    told.sort();
    assert_eq!(runs, told);
    let last = events.last().unwrap();
    assert_eq!(last.run, study.id());
    assert!(matches!(
        last.what,
        What::Finished {
            status: Status::Finished,
            ..
        }
    ));
}

#[test]
fn a_stopped_sweep_keeps_what_was_judged() {
    let token = CancelToken::new();
    let told = Arc::new(Mutex::new(Vec::new()));
    let (stop, seen) = (token.clone(), Arc::clone(&told));
    let study = floe::from(InMemory::new(rows(400)))
        .split(TrainTestSplit::new(0.25).seed(9))
        .cancel_with(token)
        .sweep(
            KFold::new(4).seed(1),
            Candidates::axis("alpha", [0.1, 1.0, 10.0, 100.0]),
            |flow, alpha| flow.learn(Ridge::new(["a"], "y").alpha(*alpha)),
        )
        .on_progress(move |progress| {
            seen.lock().unwrap().push(progress.clone());
            if progress.done == 2 {
                stop.cancel();
            }
        })
        .run()
        .unwrap();
    assert!(study.is_cancelled());
    assert_eq!(study.tried().len(), 2);
    assert_eq!(study.best_run().unwrap_err().kind(), ErrorKind::Cancelled);
    let told = told.lock().unwrap();
    assert_eq!(
        told.iter().map(|p| (p.done, p.of)).collect::<Vec<_>>(),
        [(1, 4), (2, 4)]
    );
    assert_eq!(told[0].candidate, "alpha=0.1");
    assert!(told[1].remaining <= told[1].elapsed * 2);
}

/// JSON has no word for infinity, and the table and the names of the candidates say it.
#[test]
fn parameters_that_are_no_finite_numbers_are_shown() {
    #[derive(Clone, Debug, serde::Serialize)]
    struct Params {
        alpha: f64,
        end: Option<f32>,
    }
    let each = [(f64::INFINITY, None), (1.0, Some(f32::NEG_INFINITY))];
    let list = each.map(|(alpha, end)| Params { alpha, end });
    let flow = floe::from(InMemory::new(rows(300))).split(TrainTestSplit::new(0.2).seed(1));
    let study = flow
        .sweep(KFold::new(3).seed(2), Candidates::list(list), |flow, _| {
            flow.learn(MeanRegressor::new("y"))
        })
        .run()
        .unwrap();
    let table = study.table().unwrap();
    let alpha: Vec<_> = table.column("alpha").unwrap().f64().unwrap().to_vec();
    assert_eq!(alpha, [Some(f64::INFINITY), Some(1.0)]);
    let end = table.column("end").unwrap().str().unwrap();
    assert_eq!(end.iter().collect::<Vec<_>>(), [None, Some("-Infinity")]);
    let axis = Candidates::axis("c", [f64::INFINITY, f64::NAN, 0.5]);
    assert_eq!(format!("{axis:?}"), r#"["c=Infinity", "c=NaN", "c=0.5"]"#);
}

/// A candidate with classes has metrics that one of numbers has not, and the other way round.
#[test]
fn the_table_has_the_metrics_of_every_candidate() {
    let flag = (col("a").gt(lit(100.0)))
        .cast(DataType::Int64)
        .alias("flag");
    let rows = rows(300).lazy().with_column(flag).collect().unwrap();
    for metric in ["r2", "accuracy"] {
        let flow = floe::from(InMemory::new(rows.clone())).split(TrainTestSplit::new(0.2).seed(1));
        let candidates = Candidates::list(["number", "class"]);
        let sweep = flow.sweep(KFold::new(3).seed(2), candidates, |flow, which| {
            flow.learn(match *which {
                "number" => BoxEstimator::new(MeanRegressor::new("flag")),
                _ => BoxEstimator::new(MostFrequentClassifier::new("flag")),
            })
        });
        let table = sweep.rank_by(metric).run().unwrap().table().unwrap();
        for name in ["r2_mean", "accuracy_mean"] {
            let column = table.column(name).unwrap();
            assert_eq!(column.null_count(), 1, "{name} ranked by {metric}");
        }
    }
}

#[test]
fn a_panic_stops_the_other_workers() {
    for workers in [1, 3] {
        let calls = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&calls);
        let sweep = floe::from(InMemory::new(rows(400)))
            .split(TrainTestSplit::new(0.25).seed(9))
            .sweep(
                KFold::new(3).in_order(),
                Candidates::axis("alpha", (0..200).map(f64::from).collect::<Vec<_>>()),
                |flow, alpha| flow.learn(Ridge::new(["a"], "y").alpha(*alpha + 0.5)),
            )
            .workers(workers)
            .on_progress(move |progress| {
                counted.fetch_add(1, Ordering::SeqCst);
                assert_ne!(progress.done, 3, "somebody panics");
            });
        let run = std::panic::AssertUnwindSafe(|| sweep.run().map(drop));
        assert!(std::panic::catch_unwind(run).is_err());
        let calls = calls.load(Ordering::SeqCst);
        assert!((3..100).contains(&calls), "{workers}: {calls}");
    }
}
