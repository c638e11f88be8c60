//! How fits happen: declared needs, levels of scans, accumulators. This room knows no step.
//!
//! A step declares what it needs to know ([`Need`]); the planner walks the chain, collects the
//! needs of every step that is ready, and answers them all in one scan of the train rows; what
//! was answered lets later steps become ready, and so on. A fit costs as many scans as the chain
//! has dependency levels, usually one.

pub(crate) mod accumulate;
mod algebra;
mod answers;
mod batch;
mod beyond;
mod category;
mod climb;
mod climb_folds;
mod column_ask;
mod deal;
mod elastic_net;
mod filling;
mod grouped;
pub(crate) mod halves;
mod hold;
mod learned;
mod least_squares;
mod level;
mod need;
mod physical;
mod plan;
mod scan;
mod share;
mod sheet;
mod spread;
mod step;
mod tally;
mod value;
mod walk;

pub(crate) use accumulate::Double;
pub use algebra::{Line, Shape};
pub use answers::Answers;
pub(crate) use beyond::{fence, is_less, whole_ends};
pub use category::{Categories, Category, Frequent, MostFrequent};
pub(crate) use climb::{Climb, climb, stuck};
pub(crate) use climb_folds::{Climber, batch_of, climb_folds};
pub use elastic_net::Descent;
pub(crate) use elastic_net::refuse_settings;
pub(crate) use grouped::part_of_row;
pub use grouped::{Group, GroupStatistic, Grouped, PartSum};
pub(crate) use hold::hold;
pub use learned::Learned;
pub(crate) use least_squares::refuse_penalty;
pub use least_squares::{LeastSquares, LeastSquaresSolution, RankPolicy};
pub(crate) use need::refuse_error;
pub use need::{Need, Statistic};
pub(crate) use physical::values_of;
pub(crate) use plan::fit_plan;
pub use plan::{FitOn, Plan};
pub(crate) use scan::Purpose;
pub use scan::{CancelToken, Scan, ScanLog};
pub(crate) use sheet::Asked;
pub use sheet::Level;
pub(crate) use spread::{middle, spread};
pub(crate) use step::{Declare, Progress, advance, refuse_undeclared, resolve};
pub(crate) use tally::Tally;
pub(crate) use value::as_text;
pub use value::{Mean, Quantile, Value};
pub use walk::Walk;
