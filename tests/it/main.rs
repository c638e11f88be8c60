//! One binary for all integration tests: each test binary links Polars again.

mod csv;
mod metrics;
mod smoke;
mod stages;
