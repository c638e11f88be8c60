//! An emulator of the YouTube Data API v3 on the loopback, for tests and demonstrations.
//!
//! It serves a [`World`] that follows from a seed and grows with a clock, in the wire forms of
//! recorded replies: search, videos, statistics, comment threads, replies, playlists of uploads,
//! channels. It keeps the quota of a project by bucket and by day of Los Angeles, refuses what YouTube
//! refuses in YouTube's words, and goes wrong by a script of [`Fault`]s. [`Truth`] tells what there
//! really is, [`Ledger`] what was asked.
//!
//! What is not emulated: a login, anything that writes, captions, playlists other than those of
//! uploads, comments on channels themselves; comments that are deleted. Filters of search other than
//! those of type, text, time, channel, duration and live state are accepted and have no effect.
//!
//! Calls are charged when their key is right and their bucket has some left, failed ones too. A
//! parameter that the method does not know is refused, so that a typing error shows.

mod ask;
mod body;
mod desk;
mod dice;
mod emulator;
mod fault;
mod fields;
mod growth;
mod ids;
mod ledger;
mod quirks;
mod refusal;
mod routes;
mod scene;
mod server;
mod text;
mod truth;
mod wire;
mod world;

pub use emulator::{Builder, Emulator};
pub use fault::{Fault, Trouble};
pub use ledger::{Bucket, Call, Endpoint, Ledger};
pub use quirks::Quirks;
pub use scene::{Comment, Video};
pub use truth::Truth;
pub use world::{Oddity, World};
