//! A function that asks for train rows cannot be handed test rows.

use floe::{Frame, Test, Train};

fn mean_likes(_: &Frame<Train>) -> f64 {
    747.0
}

pub fn leak(test: &Frame<Test>) -> f64 {
    mean_likes(test)
}
