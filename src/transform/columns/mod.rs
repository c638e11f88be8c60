//! Which columns there are, what they are called and of which dtype: steps that learn nothing.

mod cast;
mod drop_columns;
mod extract;
mod rename;
mod select;

pub use cast::Cast;
pub use drop_columns::DropColumns;
pub use extract::Extract;
pub use rename::Rename;
pub use select::Select;
