//! One binary for all integration tests: each test binary links Polars again.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_wrap,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a test may fail loudly, and its numbers are small"
)]

mod auto_traits;
mod bits;
mod csv;
mod dtypes;
mod expected;
mod laws;
mod leakage;
mod metrics;
mod nist;
mod nist_hard;
mod normalization;
mod planner;
mod policies;
mod rank;
mod showcase;
mod smoke;
mod splits;
mod stages;
mod support;
mod tidy;
mod ui;
