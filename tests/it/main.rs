//! One binary for all integration tests: each test binary links Polars again.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_wrap,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::unreadable_literal,
    clippy::print_stdout,
    clippy::manual_let_else,
    clippy::iter_skip_next,
    clippy::case_sensitive_file_extension_comparisons,
    reason = "a test may fail loudly and print, and its numbers are small or as published"
)]

mod algebra;
mod approximate;
mod auto_traits;
mod bits;
mod broken_steps;
mod categories;
mod classification;
mod columns;
mod conformance;
mod csv;
mod dropped_rows;
mod dtypes;
mod erased;
mod expected;
mod expected_classes;
mod expected_classifiers;
mod extract;
mod fake_mlflow;
mod filled;
mod fold_splits;
mod folds;
mod forest_classifier;
mod forests;
mod groups;
mod held;
mod http;
mod impute;
mod impute_groups;
mod json_api;
mod json_api_guards;
mod landing;
mod landing_kills;
mod landing_laws;
mod landing_rows;
mod lasso;
mod laws;
mod leakage;
mod log1p;
mod logistic;
mod many_files;
mod metrics;
mod mlflow;
mod mlflow_process;
mod mlflow_server;
mod mlflow_server_guards;
mod mlflow_server_kills;
mod mlflow_spools;
mod model_file;
mod naive_bayes;
mod names;
mod nd_json;
mod neighbors;
mod nist;
mod nist_hard;
mod normalization;
mod normalizer;
mod one_hot;
mod ordinal;
mod outlier;
mod output;
mod parquet;
mod planner;
mod policies;
mod pyfunc;
mod rank;
mod raw_server;
mod registry;
mod repeated;
mod review_models;
mod review_steps;
mod ridge;
mod runs;
mod scaler_laws;
mod scalers;
mod schedule_airflow;
mod schedule_bounds;
mod schedule_kill;
mod schedule_late;
mod schedule_policies;
mod schedule_signals;
mod schedule_stages;
mod schedule_times;
mod selectors;
mod showcase;
mod smoke;
mod split_report;
mod splits;
mod sqlite_tracker;
mod stages;
mod support;
mod sweep;
mod target_encoder;
mod tidy;
mod titanic;
mod tracker_neighbours;
mod trackers;
mod ui;
mod youtube;
mod youtube_emulator;
mod youtube_emulator_faults;
mod youtube_emulator_forms;
mod youtube_faults;
mod youtube_later_runs;
mod youtube_processes;
mod youtube_recorded;
mod youtube_support;
