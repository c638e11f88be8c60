//! Sides in turn, told as ratios: what slows the machine down for a while slows all of them.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::Command;
use std::time::Duration;

use super::GROUPS;
use super::side::{Case, Outcome};

const ROUNDS: usize = 9;

/// Polars reads it once, when its pool starts.
const THREADS: &str = "POLARS_MAX_THREADS";

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let asked: Vec<_> = arguments
        .iter()
        .filter(|name| !name.starts_with("--"))
        .collect();
    let mut out = std::io::stdout();
    for (name, cases) in GROUPS {
        if !asked.is_empty() && !asked.iter().any(|asked| *asked == name) {
            continue;
        }
        // Its claim is of one thread.
        if name == "split" && std::env::var_os(THREADS).is_none() {
            out.flush()?;
            let mut alone = Command::new(std::env::current_exe()?);
            let ended = alone.args(["--paired", name]).env(THREADS, "1").status()?;
            if !ended.success() {
                return Err(format!("the group `{name}` failed").into());
            }
            continue;
        }
        for case in cases(100_000)? {
            write!(out, "{}", told(case)?)?;
            out.flush()?;
        }
    }
    Ok(())
}

/// The best time of each side, and how many times slower it is than the first one: by the best of all
/// rounds, and by the middle of the ratios within a round.
fn told(mut case: Case) -> Outcome<String> {
    let mut rounds: Vec<Vec<Duration>> = Vec::with_capacity(ROUNDS);
    for side in &mut case.sides {
        side.once()?;
    }
    for _ in 0..ROUNDS {
        rounds.push(
            case.sides
                .iter_mut()
                .map(|side| side.once())
                .collect::<Outcome<_>>()?,
        );
    }
    let best = |side: usize| {
        rounds
            .iter()
            .map(|round| round[side])
            .min()
            .unwrap_or_default()
    };
    let mut text = format!("{}\n", case.name);
    for (at, side) in case.sides.iter().enumerate() {
        let time = best(at).as_secs_f64();
        let rate = case.elements as f64 / time / 1e6;
        let mut ratios: Vec<f64> = rounds
            .iter()
            .map(|round| round[at].as_secs_f64() / round[0].as_secs_f64())
            .collect();
        ratios.sort_by(f64::total_cmp);
        writeln!(
            text,
            "  {:44} {:>10.3} ms {rate:>9.1} M/s {:>7.2} x by the best, {:.2} x in the middle",
            side.name,
            time * 1e3,
            time / best(0).as_secs_f64(),
            ratios[ROUNDS / 2],
        )?;
    }
    Ok(text)
}
