//! Runs by the clock: a job of stages for every interval of time, crash-safe, in one process.
//!
//! A [`Schedule`] divides time into intervals and says what runs for each; a [`State`] is the
//! folder that remembers; a [`Scheduler`] keeps the one in the other. How clocks that change,
//! catch-up, retries and exit codes behave is in [the guide](crate::_documentation::schedule).
//!
//! For Unix: stages are ended by the signals and process groups of such systems.

pub mod airflow;
mod decide;
mod due;
mod engine;
pub mod exit_code;
mod hook;
mod interval;
mod job;
pub mod page;
mod parameters;
mod plan;
mod retry;
mod state;
mod timing;

pub use due::CatchUp;
pub use engine::{Scheduler, Stop, Summary};
pub use hook::{Hook, Notice, Occasion};
pub use interval::Interval;
pub use job::{Context, Job, Outcome, Stage, TriggerRule};
pub use parameters::Parameters;
pub use plan::{Definition, Schedule};
pub use retry::Retry;
pub use state::{
    AnotherInstance, Overview, Queued, Reprocess, RunKind, RunState, RunView, StageState,
    StageView, State, TryState, TryView,
};
pub use timing::{Timetable, Timing};
