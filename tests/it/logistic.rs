//! Logistic regression through whole flows: its minimum against a naive gradient, weights, hard
//! tables, bits, and its model file. What scikit-learn says is in `expected_classifiers.rs`.

use floe::estimator::{ClassWeight, LogisticModel};
use floe::learn::Category;
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::testing::Laws;
use floe::{Error, ErrorKind, Registry};
use proptest::prelude::{ProptestConfig, prop_assert, proptest};

use crate::support::collect;

fn learn(rows: DataFrame, estimator: LogisticRegression) -> Result<LogisticModel, Error> {
    let model = floe::from_train(InMemory::new(rows))
        .learn(estimator)
        .fit()?;
    Ok(model.predictor().clone())
}

fn drawn(state: &mut u64) -> f64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 11) as f64 / (1_u64 << 53) as f64
}

const NAMES: [&str; 3] = ["ash", "birch", "cedar"];

/// Rows of two features and up to three classes.
fn rows(count: usize, classes: usize, seed: u64) -> DataFrame {
    let mut state = 0x9e37_79b9_7f4a_7c15 ^ (seed << 20);
    let (mut a, mut b, mut y, mut w) = (vec![], vec![], vec![], vec![]);
    for row in 0..count {
        let (one, two) = (3.0 * drawn(&mut state), 50.0 * drawn(&mut state) - 10.0);
        let class = one / 3.0 + two / 200.0 + drawn(&mut state);
        let class = (class / 2.2 * classes as f64) as usize;
        a.push(one);
        b.push(two);
        y.push(
            NAMES[if row < classes {
                row
            } else {
                class.min(classes - 1)
            }],
        );
        w.push((row % 4) as i64);
    }
    df!["a" => a, "b" => b, "y" => y, "w" => w].unwrap()
}

fn floats(rows: &DataFrame, name: &str) -> Vec<f64> {
    let column = rows.column(name).unwrap().cast(&DataType::Float64).unwrap();
    column
        .f64()
        .unwrap()
        .iter()
        .map(|value| value.unwrap())
        .collect()
}

fn texts(rows: &DataFrame, name: &str) -> Vec<String> {
    let column = rows.column(name).unwrap().cast(&DataType::String).unwrap();
    column
        .str()
        .unwrap()
        .iter()
        .map(|value| value.unwrap().to_owned())
        .collect()
}

/// The largest entry of the gradient of the objective by its definition, in the features' own units.
fn naive_gradient(rows: &DataFrame, model: &LogisticModel, c: f64, weights: &[f64]) -> f64 {
    let features: Vec<_> = model
        .features()
        .iter()
        .map(|name| floats(rows, name))
        .collect();
    let labels = model.classes().unwrap().labels();
    let truth = texts(rows, "y");
    let (scores, each) = (model.coefficients().len(), features.len() + 1);
    let mut gradient = vec![0.0; scores * each];
    for (row, (truth, weight)) in truth.iter().zip(weights).enumerate() {
        let of = model.coefficients().iter().zip(model.intercepts());
        let mut score: Vec<f64> = of
            .map(|(coefficients, intercept)| {
                let terms = coefficients.iter().zip(&features);
                terms.map(|(w, x)| w * x[row]).sum::<f64>() + intercept
            })
            .collect();
        if scores == 1 {
            score.insert(0, 0.0);
        }
        let top = score.iter().copied().fold(f64::MIN, f64::max);
        let total: f64 = score.iter().map(|score| (score - top).exp()).sum();
        for at in 0..scores {
            let class = at + usize::from(scores == 1);
            let hit = f64::from(labels[class].to_string() == *truth);
            let residual = weight * ((score[class] - top).exp() / total - hit);
            for (feature, values) in features.iter().enumerate() {
                gradient[at * each + feature] += residual * values[row];
            }
            gradient[at * each + features.len()] += residual;
        }
    }
    for (at, coefficients) in model.coefficients().iter().enumerate() {
        for (feature, value) in coefficients.iter().enumerate() {
            gradient[at * each + feature] += value / c;
        }
    }
    gradient
        .iter()
        .fold(0.0, |most, entry| entry.abs().max(most))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_gradient_is_zero_where_the_search_ends(
        n in 12_usize..200, classes in 2_usize..4, seed in 0_u64..10_000, power in -3_i32..4,
    ) {
        let rows = rows(n, classes, seed);
        let c = 10_f64.powi(power);
        let model = learn(rows.clone(), LogisticRegression::new(["a", "b"], "y").c(c)).unwrap();
        let left = naive_gradient(&rows, &model, c, &vec![1.0; n]);
        prop_assert!(left < 1e-9 * n as f64, "{left}");
        let predicted = model.predict(rows.lazy()).and_then(collect).unwrap();
        let names = model.classes().unwrap().probability_names();
        let columns: Vec<_> = names.iter().map(|name| floats(&predicted, name)).collect();
        for row in 0..n {
            let sum: f64 = columns.iter().map(|column| column[row]).sum();
            prop_assert!((sum - 1.0).abs() < 1e-14);
        }
    }
}

fn agree(one: &LogisticModel, other: &LogisticModel, within: f64) {
    let numbers = |model: &LogisticModel| {
        let coefficients = model.coefficients().concat();
        [coefficients.as_slice(), model.intercepts()].concat()
    };
    for (a, b) in numbers(one).iter().zip(numbers(other)) {
        assert!((a - b).abs() <= within * b.abs().max(1e-3), "{a} {b}");
    }
}

#[test]
fn a_row_of_weight_two_is_two_rows() {
    for classes in [2, 3] {
        let weighed = rows(200, classes, 5);
        let times = floats(&weighed, "w");
        let repeated = times.iter().enumerate();
        let repeated = repeated.flat_map(|(row, times)| vec![row as u32; *times as usize]);
        let repeated = weighed
            .take(&IdxCa::from_vec("".into(), repeated.collect()))
            .unwrap();
        for weight in [None, Some(ClassWeight::Balanced)] {
            let estimator = || {
                let plain = LogisticRegression::new(["a", "b"], "y").c(0.5);
                match &weight {
                    None => plain,
                    Some(weight) => plain.class_weight(weight.clone()),
                }
            };
            let ours = learn(weighed.clone(), estimator().weights("w")).unwrap();
            agree(&ours, &learn(repeated.clone(), estimator()).unwrap(), 1e-9);
            assert_eq!(ours.fit_report().rows, 200);
            assert!((ours.fit_report().weight - times.iter().sum::<f64>()).abs() < 1e-9);
        }
    }
}

#[test]
fn the_role_of_a_weight_is_enough_and_new_rows_need_none() {
    let flow = floe::from_train(InMemory::new(rows(100, 2, 1)))
        .role("w", Role::Weight)
        .learn(LogisticRegression::new(["a", "b"], "y"));
    let model = flow.fit().unwrap();
    let named = LogisticRegression::new(["a", "b"], "y").weights("w");
    assert_eq!(model.predictor(), &learn(rows(100, 2, 1), named).unwrap());
    let new = df!["a" => [1.0], "b" => [2.0]].unwrap();
    assert!(model.predict(new.lazy()).and_then(collect).is_ok());
}

#[test]
fn weights_of_classes_are_weights_of_their_rows() {
    let plain = rows(150, 3, 2);
    let of = |class: &str| if class == "birch" { 2.5 } else { 1.0 };
    let weights: Vec<f64> = texts(&plain, "y").iter().map(|class| of(class)).collect();
    let weighed = plain
        .clone()
        .lazy()
        .with_columns([lit(Series::new("v".into(), weights)).alias("v")]);
    let by_row = LogisticRegression::new(["a", "b"], "y").weights("v");
    let by_class =
        LogisticRegression::new(["a", "b"], "y").class_weight(ClassWeight::given([("birch", 2.5)]));
    let one = learn(weighed.collect().unwrap(), by_row).unwrap();
    agree(&learn(plain, by_class).unwrap(), &one, 1e-10);
}

#[test]
fn classes_in_another_order_get_the_same_coefficients() {
    let plain = rows(150, 3, 9);
    let renamed: Vec<&str> = texts(&plain, "y")
        .iter()
        .map(|class| match class.as_str() {
            "ash" => "zebra",
            "birch" => "ant",
            _ => "mole",
        })
        .collect();
    let renamed =
        df!["a" => floats(&plain, "a"), "b" => floats(&plain, "b"), "y" => renamed].unwrap();
    let estimator = LogisticRegression::new(["a", "b"], "y");
    let one = learn(plain, estimator.clone()).unwrap();
    let other = learn(renamed, estimator).unwrap();
    for (a, b) in [("ash", "zebra"), ("birch", "ant"), ("cedar", "mole")] {
        for feature in ["a", "b"] {
            let [a, b] = [(&one, a), (&other, b)]
                .map(|(model, class)| model.coefficient(&Category::from(class), feature).unwrap());
            assert!((a - b).abs() < 1e-10, "{a} {b}");
        }
    }
}

/// The same model whatever is held, by whatever threads, from whatever batches.
#[test]
fn memory_threads_and_chunks_do_not_show_in_a_bit() {
    // More than the rows that the search starts on.
    let whole = rows(20_001, 2, 3);
    let estimator = LogisticRegression::new(["a", "b"], "y").weights("w");
    let one = learn(whole.clone(), estimator.clone().threads(1)).unwrap();
    assert!(one.fit_report().iterations < 9, "{:?}", one.fit_report());
    assert_eq!(
        learn(whole.clone(), estimator.clone().threads(3)).unwrap(),
        one
    );
    let mut pieces = whole.slice(0, 1);
    for (start, length) in [(1, 4095), (4096, 5), (4101, 13_000), (17_101, 2_900)] {
        pieces.vstack_mut(&whole.slice(start, length)).unwrap();
    }
    let streamed = estimator.memory_limit(0);
    assert_eq!(learn(pieces.clone(), streamed.clone()).unwrap(), one);
    let flow = floe::from_parts(InMemory::new(pieces), InMemory::new(whole)).learn(streamed);
    let run = flow.run().unwrap();
    let made = run
        .scans()
        .iter()
        .filter(|scan| scan.purpose == "estimator");
    assert_eq!(made.count(), one.fit_report().iterations);
    assert!(run.scans().len() <= flow.explain().unwrap().scans());
}

#[test]
fn classes_that_are_told_apart_need_a_penalty() {
    let rows = df![
        "x" => [-3.0, -2.0, -1.0, 1.0, 2.0, 3.0],
        "y" => ["no", "no", "no", "yes", "yes", "yes"],
    ]
    .unwrap();
    for c in [1.0, 1e4, 1e10] {
        let model = learn(rows.clone(), LogisticRegression::new(["x"], "y").c(c)).unwrap();
        let left = naive_gradient(&rows, &model, c, &[1.0; 6]);
        let size = model.coefficients()[0][0] / c;
        assert!(left <= 1e-7 * size, "{c} {left} {size}");
    }
    let free = LogisticRegression::new(["x"], "y").c(f64::INFINITY);
    let error = learn(rows, free).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Fit, "{error}");
    assert!(error.help().unwrap().contains(".c("), "{error}");
}

#[test]
fn collinear_constant_and_many_features_share_the_weight() {
    let base = rows(40, 2, 4);
    let a = floats(&base, "a");
    let twins = df![
        "a" => a.clone(), "twin" => a.clone(), "flat" => vec![0.1; 40], "y" => texts(&base, "y"),
    ]
    .unwrap();
    let model = learn(
        twins.clone(),
        LogisticRegression::new(["a", "twin", "flat"], "y"),
    )
    .unwrap();
    let found = &model.coefficients()[0];
    assert!((found[0] - found[1]).abs() < 1e-12, "{found:?}");
    assert_eq!(found[2].to_bits(), 0);
    let free = LogisticRegression::new(["a", "twin"], "y").c(f64::INFINITY);
    assert_eq!(learn(twins, free).unwrap_err().kind(), ErrorKind::Fit);

    let mut state = 77;
    let mut columns: Vec<Column> = (0..30)
        .map(|at| {
            let values: Vec<f64> = (0..9).map(|_| drawn(&mut state)).collect();
            Column::new(format!("x{at}").into(), values)
        })
        .collect();
    let labels: Vec<&str> = (0..9).map(|at| NAMES[at % 3]).collect();
    columns.push(Column::new("y".into(), labels));
    let wide = DataFrame::new_infer_height(columns).unwrap();
    let names: Vec<String> = (0..30).map(|at| format!("x{at}")).collect();
    let model = learn(wide.clone(), LogisticRegression::new(names, "y")).unwrap();
    assert!(naive_gradient(&wide, &model, 1.0, &[1.0; 9]) < 1e-10);
}

#[test]
fn a_class_of_one_row_and_integers_beyond_floats_are_learned_from() {
    const FAR: i64 = 1 << 60;
    let near: Vec<i64> = (0..30).map(|at| at * 7 % 30).collect();
    let class = |at: usize| {
        NAMES[if at == 17 {
            2
        } else {
            usize::from(near[at] > 12)
        }]
    };
    let labels: Vec<&str> = (0..30).map(class).collect();
    let far: Vec<i64> = near.iter().map(|value| value + FAR).collect();
    let model = |values: Vec<i64>| {
        let rows = df!["x" => values, "y" => labels.clone()].unwrap();
        let model = learn(rows.clone(), LogisticRegression::new(["x"], "y")).unwrap();
        let predicted = model.predict(rows.lazy()).and_then(collect).unwrap();
        (
            model.coefficients().to_vec(),
            floats(&predicted, "probability_cedar"),
        )
    };
    assert_eq!(model(near.clone()), model(far));
}

#[test]
fn without_an_intercept_the_scores_go_through_the_origin() {
    let plain = rows(90, 3, 8);
    let model = learn(
        plain.clone(),
        LogisticRegression::new(["a", "b"], "y").without_intercept(),
    )
    .unwrap();
    assert_eq!(model.intercepts(), [0.0; 3]);
    // The naive gradient has an entry for the intercept, so it is judged by moving a coefficient.
    let loss = -model.fit_report().log_likelihood;
    let penalty: f64 = model
        .coefficients()
        .concat()
        .iter()
        .map(|w| w * w / 2.0)
        .sum();
    assert!((model.fit_report().objective - loss - penalty).abs() < 1e-10 * loss);
    // A constant beside no intercept is an intercept with a penalty.
    let with = plain
        .lazy()
        .with_columns([lit(1.0).alias("one")])
        .collect()
        .unwrap();
    let one = learn(
        with,
        LogisticRegression::new(["a", "b", "one"], "y").without_intercept(),
    )
    .unwrap();
    assert!(one.coefficients()[0][2].abs() > 1e-3);
    assert!(one.fit_report().objective < model.fit_report().objective);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a list of cases")]
fn what_cannot_be_learned_from_is_said() {
    let plain = || LogisticRegression::new(["a", "b"], "y");
    let base = rows(30, 2, 1);
    let with = |name: &str, expr: Expr| {
        base.clone()
            .lazy()
            .with_columns([expr.alias(name)])
            .collect()
            .unwrap()
    };
    let first = |value: Expr, name: &str| {
        when(col("b").eq(col("b").min()))
            .then(value)
            .otherwise(col(name))
    };
    let nan = f64::NAN;
    let cases = [
        (base.clone(), plain().c(0.0), ErrorKind::Config, "c is 0"),
        (base.clone(), plain().c(nan), ErrorKind::Config, "c is NaN"),
        (
            base.clone(),
            plain().tolerance(0.0),
            ErrorKind::Config,
            "tolerance",
        ),
        (
            base.clone(),
            plain().max_iter(0),
            ErrorKind::Config,
            "max_iter",
        ),
        (
            base.clone(),
            plain().threads(0),
            ErrorKind::Config,
            "threads",
        ),
        (
            base.clone(),
            plain().class_weight(ClassWeight::given([("ash", 0.0)])),
            ErrorKind::Config,
            "`ash` is 0",
        ),
        (
            base.clone(),
            plain().class_weight(ClassWeight::given([("oak", 2.0)])),
            ErrorKind::Fit,
            "no class `oak`",
        ),
        (
            base.clone(),
            plain().weights("a"),
            ErrorKind::Config,
            "learned from as well",
        ),
        (
            base.clone(),
            plain().weights("v"),
            ErrorKind::Schema,
            "no such column",
        ),
        (
            base.clone(),
            plain().max_iter(2),
            ErrorKind::Fit,
            "did not converge in 2 passes",
        ),
        (
            base.clone(),
            LogisticRegression::new(["a"], "b"),
            ErrorKind::Schema,
            "floats are no categories",
        ),
        (
            base.clone(),
            LogisticRegression::new(["y"], "w"),
            ErrorKind::Schema,
            "numeric",
        ),
        (
            with("a", first(lit(NULL), "a")),
            plain(),
            ErrorKind::Fit,
            "1 of the train rows are null",
        ),
        (
            with("a", first(lit(nan), "a")),
            plain(),
            ErrorKind::Fit,
            "1 of the train rows are NaN",
        ),
        (
            with("a", first(lit(f64::INFINITY), "a")),
            plain(),
            ErrorKind::Fit,
            "are infinite",
        ),
        (
            with("w", first(lit(NULL), "w")),
            plain().weights("w"),
            ErrorKind::Fit,
            "1 train rows are null",
        ),
        (
            with("w", first(lit(-1_i64), "w")),
            plain().weights("w"),
            ErrorKind::Fit,
            "below 0",
        ),
        (
            with("y", lit("ash")),
            plain(),
            ErrorKind::Fit,
            "two classes",
        ),
    ];
    for (rows, estimator, kind, told) in cases {
        let error = learn(rows, estimator.clone()).expect_err(told);
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(told), "{error}");
    }
    let nothing = with("w", (col("y").eq(lit("ash"))).cast(DataType::Int64));
    let error = learn(nothing, plain().weights("w")).unwrap_err();
    assert!(
        error.to_string().contains("`birch` weigh nothing"),
        "{error}"
    );
}

#[test]
fn gaps_in_new_rows_are_gaps_in_what_is_predicted() {
    for classes in [2, 3] {
        let model = learn(
            rows(60, classes, 6),
            LogisticRegression::new(["a", "b"], "y"),
        )
        .unwrap();
        let new = df!["a" => [Some(1.0), None, Some(f64::NAN)], "b" => [1.0, 1.0, 1.0]].unwrap();
        let found = model.predict(new.lazy()).and_then(collect).unwrap();
        let ash = found.column("probability_ash").unwrap().f64().unwrap();
        assert!(ash.get(0).is_some_and(f64::is_finite));
        assert_eq!(ash.get(1), None);
        assert!(ash.get(2).is_some_and(f64::is_nan));
        let predicted = found.column("prediction").unwrap();
        assert_eq!(predicted.null_count(), 2);
        assert_eq!(found.width(), 2 + 1 + classes);
    }
}

#[test]
fn it_keeps_the_laws_of_estimators() {
    for classes in [2, 3] {
        let estimator = LogisticRegression::new(["a", "b"], "y").weights("w");
        let laws = Laws::new().tolerance(1e-9);
        laws.estimator(&estimator, &rows(60, classes, 7))
            .expect("a lawful estimator");
    }
}

#[test]
fn a_saved_model_predicts_the_same_bits_and_an_edited_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.json");
    let plain = rows(80, 3, 11);
    let flow = floe::from_train(InMemory::new(plain.clone()))
        .then(StandardScaler::new(["a"]))
        .learn(LogisticRegression::new(["a", "b"], "y"));
    let model = flow.fit().unwrap();
    model.save(&path).unwrap();
    let predicted = model
        .predict(plain.clone().lazy())
        .and_then(collect)
        .unwrap();
    let typed = flow.load(&path).unwrap();
    assert_eq!(typed.predictor(), model.predictor());
    let erased = Registry::new().load(&path).unwrap();
    let again = erased.predict(plain.lazy()).and_then(collect).unwrap();
    assert!(predicted.equals_missing(&again));
    assert_eq!(erased.report(), model.report());
    assert_eq!(model.report()["converged"], true);

    let written = serde_json::to_value(model.predictor()).unwrap();
    for (field, value) in [
        ("coefficients", serde_json::json!([[1.0, 2.0]])),
        ("intercepts", serde_json::json!([1.0])),
        ("origins", serde_json::json!(["0"])),
    ] {
        let mut edited = written.clone();
        edited[field] = value;
        assert!(
            serde_json::from_value::<LogisticModel>(edited).is_err(),
            "{field}"
        );
    }
}

#[test]
fn the_label_says_what_is_not_the_default() {
    let estimator = LogisticRegression::new(["a"], "y");
    assert_eq!(
        format!("{estimator:?}"),
        r#"LogisticRegression(["a"] -> "y", c: 1)"#
    );
    let estimator = estimator
        .c(0.5)
        .without_intercept()
        .class_weight(ClassWeight::Balanced)
        .weights("w");
    assert_eq!(
        format!("{estimator:?}"),
        r#"LogisticRegression(["a"] -> "y", c: 0.5, without intercept, balanced, weights: "w")"#
    );
}
