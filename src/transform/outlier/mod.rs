//! Values that lie far from the others: where they begin, what clips them, what keeps their rows
//! from teaching, and a logarithm that draws them in.

mod ends;
mod fence;
mod fenced;
mod log1p;
mod outlier_filter;
mod policy;
mod winsorizer;

pub use fence::Fence;
pub use log1p::Log1p;
pub use outlier_filter::{OutlierFilter, OutlierFiltering};
pub use policy::OutOfDomain;
pub use winsorizer::{Winsorization, Winsorizer};
