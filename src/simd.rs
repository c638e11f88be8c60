//! Inner loops, compiled once more for processors with AVX2.
//!
//! Which of the two a processor runs shows in no bit: a loop fixes the order of its sums itself, and
//! the compiler neither reorders them nor fuses what is not written as [`mul_add`](f64::mul_add).

use pulp::{Arch, Simd, WithSimd};

/// A loop with all that it works on.
///
/// `run` and whatever it calls for each value must be `#[inline(always)]`: a function that stays one
/// is compiled for the plainest processor, and is then no faster.
pub(crate) trait Loop {
    type Output;

    fn run(self) -> Self::Output;
}

/// Runs a loop as it is compiled for every processor.
#[cfg(test)]
pub(crate) fn plainest<L: Loop>(work: L) -> L::Output {
    work.run()
}

/// Runs a loop in the widest registers that this processor has.
pub(crate) fn widest<L: Loop>(work: L) -> L::Output {
    Arch::new().dispatch(Wide(work))
}

struct Wide<L>(L);

impl<L: Loop> WithSimd for Wide<L> {
    type Output = L::Output;

    #[expect(clippy::inline_always, reason = "see `Loop`")]
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> L::Output {
        self.0.run()
    }
}
