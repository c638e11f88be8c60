//! Harder sets of NIST, made from their definitions: what they reach is pinned with a margin.
//!
//! The data of Longley and Filip are NIST's (public domain); an exact rational fit of the numbers
//! below gives the certified values to every digit that NIST prints.

use floe::polars::prelude::*;
use num_rational::BigRational;
use num_traits::{FromPrimitive, ToPrimitive};

use crate::nist::{Fitted, indicators};
use crate::support::digits;

/// A fit of columns; the digits of the coefficients with the intercept first, and of R².
fn check(name: &str, columns: &[Vec<f64>], y: &[f64], certified: &[f64], r2: f64, least: [f64; 3]) {
    let mut features = Vec::new();
    let mut frame = Vec::new();
    for (at, column) in columns.iter().enumerate() {
        features.push(format!("x{}", at + 1));
        frame.push(Column::new(features[at].as_str().into(), column));
    }
    frame.push(Column::new("y".into(), y));
    let rows = DataFrame::new_infer_height(frame).expect("a frame");
    let fitted = Fitted::of(rows, &features, "y");
    let mut found = vec![fitted.model.intercept()];
    found.extend_from_slice(fitted.model.coefficients());
    let pairs = found.iter().zip(certified);
    let of_coefficients = pairs.map(|(ours, theirs)| digits(*ours, *theirs));
    let of_coefficients = of_coefficients.fold(15.0, f64::min);
    let of_report = digits(fitted.r2_of_report(), r2);
    let of_metrics = digits(fitted.r2, r2);
    println!(
        "{name}: coefficients {of_coefficients:.1} digits, R2 {of_report:.1} (report) {of_metrics:.1} (metrics)"
    );
    let reached = [of_coefficients, of_report, of_metrics];
    for (reached, least) in reached.into_iter().zip(least) {
        assert!(reached >= least, "{name}: {reached} {least} {found:?}");
    }
}

const LONGLEY: [[f64; 7]; 16] = [
    [60323.0, 83.0, 234289.0, 2356.0, 1590.0, 107608.0, 1947.0],
    [61122.0, 88.5, 259426.0, 2325.0, 1456.0, 108632.0, 1948.0],
    [60171.0, 88.2, 258054.0, 3682.0, 1616.0, 109773.0, 1949.0],
    [61187.0, 89.5, 284599.0, 3351.0, 1650.0, 110929.0, 1950.0],
    [63221.0, 96.2, 328975.0, 2099.0, 3099.0, 112075.0, 1951.0],
    [63639.0, 98.1, 346999.0, 1932.0, 3594.0, 113270.0, 1952.0],
    [64989.0, 99.0, 365385.0, 1870.0, 3547.0, 115094.0, 1953.0],
    [63761.0, 100.0, 363112.0, 3578.0, 3350.0, 116219.0, 1954.0],
    [66019.0, 101.2, 397469.0, 2904.0, 3048.0, 117388.0, 1955.0],
    [67857.0, 104.6, 419180.0, 2822.0, 2857.0, 118734.0, 1956.0],
    [68169.0, 108.4, 442769.0, 2936.0, 2798.0, 120445.0, 1957.0],
    [66513.0, 110.8, 444546.0, 4681.0, 2637.0, 121950.0, 1958.0],
    [68655.0, 112.6, 482704.0, 3813.0, 2552.0, 123366.0, 1959.0],
    [69564.0, 114.2, 502601.0, 3931.0, 2514.0, 125368.0, 1960.0],
    [69331.0, 115.7, 518173.0, 4806.0, 2572.0, 127852.0, 1961.0],
    [70551.0, 116.9, 554894.0, 4007.0, 2827.0, 130081.0, 1962.0],
];

#[test]
fn longley_is_right_to_eleven_digits() {
    let column = |at: usize| -> Vec<f64> { LONGLEY.iter().map(|row| row[at]).collect() };
    let columns: Vec<_> = (1..7).map(column).collect();
    let certified = [
        -3_482_258.634_595_82,
        15.061_872_271_373_3,
        -0.035_819_179_292_591_0,
        -2.020_229_803_816_83,
        -1.033_226_867_173_59,
        -0.051_104_105_653_580_7,
        1_829.151_464_613_55,
    ];
    check(
        "Longley",
        &columns,
        &column(0),
        &certified,
        0.995_479_004_577_296,
        [11.0, 13.0, 13.0],
    );
}

const FILIP: [[f64; 2]; 82] = [
    [0.8116, -6.860120914],
    [0.9072, -4.324130045],
    [0.9052, -4.358625055],
    [0.9039, -4.358426747],
    [0.8053, -6.955852379],
    [0.8377, -6.661145254],
    [0.8667, -6.355462942],
    [0.8809, -6.118102026],
    [0.7975, -7.115148017],
    [0.8162, -6.815308569],
    [0.8515, -6.519993057],
    [0.8766, -6.204119983],
    [0.8885, -5.853871964],
    [0.8859, -6.109523091],
    [0.8959, -5.79832982],
    [0.8913, -5.482672118],
    [0.8959, -5.171791386],
    [0.8971, -4.851705903],
    [0.9021, -4.517126416],
    [0.909, -4.143573228],
    [0.9139, -3.709075441],
    [0.9199, -3.499489089],
    [0.8692, -6.300769497],
    [0.8872, -5.953504836],
    [0.89, -5.642065153],
    [0.891, -5.031376979],
    [0.8977, -4.680685696],
    [0.9035, -4.329846955],
    [0.9078, -3.928486195],
    [0.7675, -8.56735134],
    [0.7705, -8.363211311],
    [0.7713, -8.107682739],
    [0.7736, -7.823908741],
    [0.7775, -7.522878745],
    [0.7841, -7.218819279],
    [0.7971, -6.920818754],
    [0.8329, -6.628932138],
    [0.8641, -6.323946875],
    [0.8804, -5.991399828],
    [0.7668, -8.781464495],
    [0.7633, -8.663140179],
    [0.7678, -8.473531488],
    [0.7697, -8.247337057],
    [0.77, -7.971428747],
    [0.7749, -7.676129393],
    [0.7796, -7.352812702],
    [0.7897, -7.072065318],
    [0.8131, -6.774174009],
    [0.8498, -6.478861916],
    [0.8741, -6.159517513],
    [0.8061, -6.835647144],
    [0.846, -6.53165267],
    [0.8751, -6.224098421],
    [0.8856, -5.910094889],
    [0.8919, -5.598599459],
    [0.8934, -5.290645224],
    [0.894, -4.974284616],
    [0.8957, -4.64454848],
    [0.9047, -4.290560426],
    [0.9129, -3.885055584],
    [0.9209, -3.408378962],
    [0.9219, -3.13200249],
    [0.7739, -8.726767166],
    [0.7681, -8.66695597],
    [0.7665, -8.511026475],
    [0.7703, -8.165388579],
    [0.7702, -7.886056648],
    [0.7761, -7.588043762],
    [0.7809, -7.283412422],
    [0.7961, -6.995678626],
    [0.8253, -6.691862621],
    [0.8602, -6.392544977],
    [0.8809, -6.067374056],
    [0.8301, -6.684029655],
    [0.8664, -6.378719832],
    [0.8834, -6.065855188],
    [0.8898, -5.752272167],
    [0.8964, -5.132414673],
    [0.8963, -4.811352704],
    [0.9074, -4.098269308],
    [0.9119, -3.66174277],
    [0.9228, -3.2644011],
];

fn powers(x: &[f64], degree: i32) -> Vec<Vec<f64>> {
    (1..=degree)
        .map(|power| x.iter().map(|x| x.powi(power)).collect())
        .collect()
}

/// The polynomial of degree 10 on which most software fails: ten powers as plain columns.
#[test]
fn filip_is_solved() {
    let y: Vec<f64> = FILIP.iter().map(|row| row[0]).collect();
    let x: Vec<f64> = FILIP.iter().map(|row| row[1]).collect();
    let certified = [
        -1_467.489_614_229_80,
        -2_772.179_591_933_42,
        -2_316.371_081_608_93,
        -1_127.973_940_983_72,
        -354.478_233_703_349,
        -75.124_201_739_375_7,
        -10.875_318_035_534_3,
        -1.062_214_985_889_47,
        -0.067_019_115_459_340_8,
        -0.002_467_810_782_754_79,
        -0.000_040_296_252_508_040_4,
    ];
    check(
        "Filip",
        &powers(&x, 10),
        &y,
        &certified,
        0.996_727_416_185_620,
        [6.0, 9.0, 6.0],
    );
}

#[test]
fn wampler_polynomials_are_right() {
    let x: Vec<f64> = (0..=20).map(f64::from).collect();
    let sum = |scale: f64| -> Vec<f64> {
        let value = |x: &f64| (0..=5).map(|power| (x * scale).powi(power)).sum();
        x.iter().map(value).collect()
    };
    let columns = powers(&x, 5);
    check(
        "Wampler1",
        &columns,
        &sum(1.0),
        &[1.0; 6],
        1.0,
        [8.0, 14.0, 14.0],
    );
    let tenths = [1.0, 0.1, 0.01, 0.001, 0.0001, 0.00001];
    check(
        "Wampler2",
        &columns,
        &sum(0.1),
        &tenths,
        1.0,
        [11.0, 14.0, 14.0],
    );
    // What is added to Wampler1: times 1, 100 and 10000.
    let added = [
        759.0, -2048.0, 2048.0, -2048.0, 2523.0, -2048.0, 2048.0, -2048.0, 1838.0, -2048.0, 2048.0,
    ];
    let noisy = |factor: f64| -> Vec<f64> {
        let mirrored = |at: usize| added[at.min(20 - at)];
        let rows = sum(1.0).into_iter().enumerate();
        rows.map(|(at, y)| y + factor * mirrored(at)).collect()
    };
    for (name, factor, r2, least) in [
        ("Wampler3", 1.0, 0.999_995_559_025_820, [8.0, 14.0, 14.0]),
        ("Wampler4", 100.0, 0.957_478_440_825_662, [8.0, 13.0, 13.0]),
        (
            "Wampler5",
            10_000.0,
            0.002_246_689_215_749_40,
            [6.0, 11.0, 11.0],
        ),
    ] {
        check(name, &columns, &noisy(factor), &[1.0; 6], r2, least);
    }
}

/// Nine groups around 1e12 whose values differ by tenths, with 21, 201 and 2001 rows a group. The
/// doubles hold them to 1e-4 only, so the judge is exact arithmetic on the doubles themselves.
#[test]
fn smls_7_to_9_are_right_for_the_doubles_as_they_are_stored() {
    for (name, pairs) in [("SmLs07", 10), ("SmLs08", 100), ("SmLs09", 1000)] {
        let mut group = Vec::new();
        let mut y = Vec::new();
        for at in 1..=9 {
            let tenths = match at {
                1 => 4,
                of if of % 2 == 0 => 3,
                _ => 5,
            };
            let mut add = |tenths: i32| {
                group.push(f64::from(at));
                // Parsed, so that it is the double next to the decimal number.
                y.push(
                    format!("1000000000000.{tenths}")
                        .parse::<f64>()
                        .expect("a float"),
                );
            };
            add(tenths);
            for _ in 0..pairs {
                add(tenths - 1);
                add(tenths + 1);
            }
        }
        let exact: Vec<_> = y
            .iter()
            .map(|y| BigRational::from_f64(*y).expect("finite"))
            .collect();
        let mean = |rows: &[BigRational]| {
            let count = BigRational::from_usize(rows.len()).expect("a number");
            rows.iter().sum::<BigRational>() / count
        };
        let around = |rows: &[BigRational]| {
            let mean = mean(rows);
            rows.iter()
                .map(|row| (row - &mean).pow(2))
                .sum::<BigRational>()
        };
        let within: BigRational = exact.chunks(2 * pairs + 1).map(around).sum();
        let left = BigRational::from_usize(y.len() - 9).expect("a number");
        let r2 = BigRational::from_i8(1).expect("one") - &within / around(&exact);
        let r2 = r2.to_f64().expect("a float");
        let deviation = (within / left).to_f64().expect("a float").sqrt();
        let (rows, features) = indicators(&group, &y);
        let fitted = Fitted::of(rows, &features, "y");
        let [report, metrics] = fitted.residual_deviation();
        for (what, found, expected, least) in [
            ("R2 of the report", fitted.r2_of_report(), r2, 12.0),
            ("deviation of the report", report, deviation, 12.0),
            // A prediction near 1e12 is a double there: 1e-4 of a deviation of 0.1.
            ("R2 of the metrics", fitted.r2, r2, 5.0),
            ("deviation of the metrics", metrics, deviation, 5.0),
        ] {
            let digits = digits(found, expected);
            println!("{name}, {what}: {digits:.1} digits");
            assert!(digits >= least, "{name}, {what}: {found} {expected}");
        }
    }
}
