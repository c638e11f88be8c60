//! One binary for all integration tests: each test binary links Polars again.

mod bits;
mod csv;
mod metrics;
mod planner;
mod smoke;
mod splits;
