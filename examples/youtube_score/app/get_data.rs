//! The first stage: collects a snapshot and appends its like sum to a file.

use std::io::Write;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::asked::{Asked, Asks};
use super::collect::{Collection, Want, collect};
use super::progress::Progress;
use super::{Outcome, print};
use floe::source::remote;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    asked: Asked,
    /// File to which the like sum is appended, one a line [default: data.csv in the folder of the query]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, progress: &Progress, out: &mut impl Write) -> Outcome {
    let collection = collect(&args.asked, Want::One, args.out.clone(), progress)?;
    if args.json {
        print::json(out, &as_json(&collection, &args.asked)?)?;
    } else {
        table(&collection, &args.asked, out)?;
    }
    Ok(())
}

/// What was collected, as lines.
pub(crate) fn table(collection: &Collection, asked: &Asked, out: &mut impl Write) -> Outcome {
    if matches!(collection.asks, Asks::Emulator) {
        writeln!(out, "{}\n", asked.service.why_emulated())?;
    }
    let Collection {
        new_hours,
        hours,
        read,
        new_comments,
        videos,
        ..
    } = collection;
    let mut facts = vec![(
        "collected",
        format!(
            "{} of `{}`, {hours} in all",
            count(*new_hours, "more hourly snapshot"),
            asked.query
        ),
    )];
    if let Some(due) = collection.due {
        facts.push((
            "next",
            format!("due at {due}; the last one is less than an hour old"),
        ));
    }
    if let Some(last) = &collection.last {
        facts.push((
            "comments",
            format!("{read} read of up to {videos} videos, {new_comments} of them new"),
        ));
        facts.push(("outcome", outcome(&last.outcome)));
        facts.push((
            "quota",
            format!("{} spent; {} left today", collection.spent, last.left),
        ));
    }
    facts.push(("landed in", collection.landing.path().display().to_string()));
    facts.push(("like sums", collection.series.display().to_string()));
    print::facts(out, &facts)?;
    for skip in collection.skipped() {
        writeln!(out, "skipped {}: {}", skip.item, skip.reason)?;
    }
    Ok(())
}

/// What was collected, for programs.
pub(crate) fn as_json(collection: &Collection, asked: &Asked) -> floe::Result<Value> {
    let skipped = collection.skipped().iter();
    let skipped: Vec<_> = skipped
        .map(|skip| json!({ "item": skip.item, "reason": skip.reason }))
        .collect();
    let last = collection.last.as_ref();
    Ok(json!({
        "from": collection.asks.name(),
        "query": asked.query,
        "hours": { "new": collection.new_hours, "all": collection.hours },
        "comments": {
            "read": collection.read,
            "new": collection.new_comments,
            "rows": collection.rows()?,
        },
        "outcome": collection.outcome(),
        "skipped": skipped,
        "quota": { "spent": collection.spent, "left": last.map(|last| last.left) },
        "due": collection.due.map(|due| due.to_string()),
        "landing": collection.landing.path(),
        "like_sums": collection.series,
    }))
}

fn outcome(outcome: &remote::Outcome) -> String {
    match outcome {
        remote::Outcome::Complete => "complete".to_owned(),
        remote::Outcome::Partial { why, .. } => format!("in part: {why}"),
        remote::Outcome::Aborted { why } => format!("aborted: {why}"),
        _ => "unknown".to_owned(),
    }
}

/// A number of things, of which there may be one.
fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}
