//! What to collect, of whom, and where it goes: the options that `get-data`, `run` and `schedule`
//! share.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;
use floe::clock::ManualClock;
use floe::jiff::civil::Date;
use floe::jiff::{Timestamp, tz::TimeZone};
use floe::prelude::*;
use floe::source::remote::youtube::{ApiKey, LikeScore, Search};
use floe::testing::youtube::Emulator;
use floe::{Error, ErrorKind, Result};

const KEY: &str = "YOUTUBE_API_KEY";

#[derive(Debug, clap::Args)]
pub(crate) struct Asked {
    /// What to search YouTube for
    #[arg(long, value_name = "TEXT", default_value = "Mission Impossible")]
    pub(crate) query: String,
    /// Folder for all that is collected
    #[arg(long, value_name = "FOLDER", default_value = "youtube_data")]
    data: PathBuf,
    #[command(flatten)]
    pub(crate) service: Service,
}

/// How much is collected, and of whom.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Service {
    /// The most videos to follow
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..))]
    videos: u32,
    /// The most pages of 100 comments that are read of each video
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    pages: u32,
    /// Leave out comments from before then: a day such as 2026-11-01, or a time such as 2026-11-01T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Timestamp>,
    /// File with a key of the YouTube Data API [default: the variable YOUTUBE_API_KEY]
    #[arg(long, value_name = "FILE", conflicts_with = "emulator")]
    api_key_file: Option<PathBuf>,
    /// Another root of the API, such as a proxy; the key is sent there
    #[arg(long, value_name = "URL", conflicts_with = "emulator")]
    api_url: Option<String>,
    /// Ask the built-in emulator, also where there is a key
    #[arg(long)]
    emulator: bool,
}

/// How the likes of an hour's comments become its value.
///
/// The variants have no doc comments: `--help` would set each option with a blank line for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Score {
    // All likes together, as in the original
    #[default]
    Sum,
    // The mean over the videos of the likes of each
    PerVideo,
    // How many likes the comment has that a like belongs to, on the average
    LikeWeighted,
    // The mean without the 1 % of comments with the most likes, which no single one moves
    Trimmed,
}

impl Score {
    pub(crate) fn of_likes(self) -> LikeScore {
        match self {
            Self::Sum => LikeScore::Sum,
            Self::PerVideo => LikeScore::PerVideo,
            Self::LikeWeighted => LikeScore::LikeWeighted,
            Self::Trimmed => LikeScore::TrimmedMean,
        }
    }
}

/// Who is asked.
#[derive(Clone, Debug)]
pub(crate) enum Asks {
    YouTube(ApiKey),
    Emulator,
}

impl Asks {
    /// The name of its folder: what the emulator made up never mixes with what people wrote.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::YouTube(_) => "youtube",
            Self::Emulator => "emulator",
        }
    }
}

impl Service {
    /// YouTube where there is a key, and the emulator where there is none.
    pub(crate) fn of_whom(&self) -> Result<Asks> {
        if self.emulator {
            return Ok(Asks::Emulator);
        }
        if let Some(path) = &self.api_key_file {
            return Ok(Asks::YouTube(ApiKey::from_file(path)?));
        }
        match std::env::var_os(KEY) {
            Some(key) if !key.is_empty() => Ok(Asks::YouTube(ApiKey::from_env(KEY)?)),
            _ if self.api_url.is_some() => Err(Error::new(
                ErrorKind::Config,
                "--api-url is given, and no key to send there",
            )
            .with_help("set YOUTUBE_API_KEY, or name a file with --api-key-file")),
            _ => Ok(Asks::Emulator),
        }
    }

    /// Why the emulator was asked.
    pub(crate) fn why_emulated(&self) -> &'static str {
        if self.emulator {
            "The built-in emulator is asked in place of YouTube, as --emulator says."
        } else {
            "No key in YOUTUBE_API_KEY or --api-key-file: the built-in emulator is asked in place of YouTube."
        }
    }

    /// The collection of a query, on the quota of a ledger.
    pub(crate) fn source(&self, query: &str, key: ApiKey, ledger: PathBuf) -> YouTube {
        let search = Search::new(query)
            .max_videos(self.videos)
            .max_pages(self.videos.div_ceil(50));
        let source = YouTube::new(key)
            .search(search)
            .max_videos(self.videos)
            .max_pages(self.pages)
            // A sum is compared from hour to hour, so that each hour has all of its comments.
            .full_sweep(true)
            .ledger(ledger);
        let source = match self.since {
            Some(since) => source.since(since),
            None => source,
        };
        match &self.api_url {
            Some(url) => source.base_url(url),
            None => source,
        }
    }

    /// The collection of a query of the emulator, as of what its clock shows.
    pub(crate) fn emulated(
        &self,
        query: &str,
        emulator: &Emulator,
        clock: &Arc<ManualClock>,
        ledger: PathBuf,
    ) -> YouTube {
        self.source(query, ApiKey::new(emulator.key()), ledger)
            .base_url(emulator.url())
            .clock(Arc::clone(clock))
    }

    /// The same as options of the command line, for a process in any folder.
    pub(crate) fn words(&self) -> Result<Vec<String>> {
        let mut words = vec![
            format!("--videos={}", self.videos),
            format!("--pages={}", self.pages),
        ];
        words.extend(self.since.map(|since| format!("--since={since}")));
        if let Some(path) = &self.api_key_file {
            let path = std::path::absolute(path).ok();
            let path = path.as_ref().and_then(|path| path.to_str());
            let path = path.ok_or_else(|| {
                Error::new(ErrorKind::Config, "the path of --api-key-file is no text")
            })?;
            words.push(format!("--api-key-file={path}"));
        }
        words.extend(self.api_url.as_ref().map(|url| format!("--api-url={url}")));
        words.extend(self.emulator.then(|| "--emulator".to_owned()));
        Ok(words)
    }
}

impl Asked {
    /// The ledger of the quota, which all queries share.
    pub(crate) fn ledger(&self, asks: &Asks) -> PathBuf {
        self.data.join(asks.name()).join("youtube_quota.json")
    }

    /// The folder of this query.
    pub(crate) fn folder(&self, asks: &Asks) -> PathBuf {
        self.data.join(asks.name()).join(slug(&self.query))
    }

    pub(crate) fn data(&self) -> &Path {
        &self.data
    }
}

/// A query as the name of a folder; two queries never share one.
fn slug(query: &str) -> String {
    let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    let words = query.to_ascii_lowercase();
    let words: Vec<_> = words
        .split(|letter| !plain(letter))
        .filter(|word| !word.is_empty())
        .collect();
    let name: String = words.join("-").chars().take(40).collect();
    // Told apart from those that read alike, such as with other signs or letters.
    let fnv = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    let hash = query.bytes().fold(0x811c_9dc5, fnv);
    format!("{name}-{hash:08x}")
}

fn time(text: &str) -> std::result::Result<Timestamp, String> {
    let day = |text: &str| {
        let day: Date = text.parse().ok()?;
        Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp())
    };
    let time = text.parse().ok().or_else(|| day(text));
    time.ok_or_else(|| {
        "it is neither a day (2026-11-01) nor a time (2026-11-01T12:00:00Z)".to_owned()
    })
}
