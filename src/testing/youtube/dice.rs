//! Numbers that look random and depend on nothing but the seed and what they are for.

/// A stateless source of numbers: the same seed and the same way to it give the same number, in
/// any order and without holding what came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(mix(seed))
    }

    /// The numbers for one thing among those that these are for.
    pub(super) fn of(self, thing: u64) -> Self {
        Self(mix(self.0 ^ mix(thing)))
    }

    /// A word of 64 bits.
    pub(super) fn word(self) -> u64 {
        self.0
    }

    /// A number below the bound; 0 for a bound of 0.
    pub(super) fn below(self, bound: u64) -> u64 {
        let wide = u128::from(self.0) * u128::from(bound);
        // Below the bound, so it fits.
        #[allow(clippy::cast_possible_truncation, reason = "below a u64")]
        let number = (wide >> 64) as u64;
        number
    }

    /// True once in so many times.
    pub(super) fn one_in(self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// A share in 0..1.
    pub(super) fn share(self) -> f64 {
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A whole number with a heavy tail: at least `x` with a chance of 1 in `x + 1`.
    pub(super) fn heavy(self, most: u64) -> u64 {
        // A reciprocal is the one power that every machine rounds alike.
        let number = 1.0 / (1.0 - self.share()).max(1e-12) - 1.0;
        // Capped and not negative.
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and the cap"
        )]
        let number = number.min(most as f64) as u64;
        number
    }

    /// One of several.
    pub(super) fn one_of<T: Copy>(self, choices: &[T]) -> T {
        let at = usize::try_from(self.below(choices.len() as u64)).unwrap_or(0);
        choices[at]
    }
}

/// The finaliser of SplitMix64.
pub(super) fn mix(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}
