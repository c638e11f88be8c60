//! A made sample in the shape of the recorded runs.

use std::io::Write;
use std::path::PathBuf;

use floe::output::write_whole;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::{Outcome, print};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where the like sums go, one a line
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// How many hours
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    rows: u32,
    /// Which sample of all the possible ones
    #[arg(long, default_value_t = 4)]
    seed: u64,
}

pub(crate) fn run(args: &Args, out: &mut impl Write) -> Outcome {
    let likes = likes(args.rows, args.seed);
    write_whole(&args.output, |file| {
        likes.iter().try_for_each(|likes| writeln!(file, "{likes}"))
    })?;
    let facts = [
        ("rows", likes.len().to_string()),
        ("written", args.output.display().to_string()),
    ];
    print::facts(out, &facts)?;
    Ok(())
}

/// Like sums that mostly repeat, now and then jump because the query found other videos, grow a
/// little, and once go viral.
fn likes(rows: u32, seed: u64) -> Vec<u64> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut below = |bound: u64| random.next_u64() % bound;
    let mut level = 1000 + below(500);
    let viral = below(u64::from(rows));
    let hour = |hour: u64| {
        let sum = match below(100) {
            0..82 => level,
            82..92 => level / 4 * (1 + below(3)),
            92..98 => {
                level += 1 + below(5);
                level
            }
            _ => {
                level += 20 + below(130);
                level
            }
        };
        if hour == viral {
            sum * (8 + below(8))
        } else {
            sum
        }
    };
    (0..u64::from(rows)).map(hour).collect()
}
