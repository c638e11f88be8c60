//! One binary for all integration tests: each test binary links Polars again.

mod csv;
mod metrics;
mod showcase;
mod smoke;
mod stages;
