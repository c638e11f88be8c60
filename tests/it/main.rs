//! One binary for all integration tests: each test binary links Polars again.

mod bits;
mod csv;
mod dtypes;
mod expected;
mod laws;
mod metrics;
mod nist;
mod nist_hard;
mod normalization;
mod planner;
mod policies;
mod rank;
mod smoke;
mod splits;
mod support;
