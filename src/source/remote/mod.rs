//! Sources behind a network: they are collected into a [`Landing`], and scanned from there.
//!
//! [`Source::scan`](crate::source::Source::scan) does no network. A collector fetches pages and
//! lands their rows in files that survive a crash; a flow reads what has landed, as often as it
//! likes, and gets the same rows every time.

pub mod json_api;
pub mod landing;
pub mod youtube;

pub use json_api::JsonApi;
pub use landing::{Landing, Outcome, Table};
pub use youtube::YouTube;
