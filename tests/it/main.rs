//! One binary for all integration tests: each test binary links Polars again.

mod auto_traits;
mod csv;
mod leakage;
mod smoke;
mod ui;
