//! How things grow with time: fast at first, then ever slower, as under a real video.
//!
//! Only operations that IEEE 754 rounds alike everywhere are used, so that a world is the same on
//! every machine.

use super::dice::Dice;

/// Things that come one after another: `many` of them within the first `within` seconds, and more
/// after that, as the square root of the time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrivals {
    pub(super) many: u64,
    pub(super) within: i64,
    /// No more than these ever.
    pub(super) most: u64,
    pub(super) dice: Dice,
}

impl Arrivals {
    /// After how many seconds the thing of this number comes; the numbers rise with the time.
    pub(super) fn when(&self, number: u64) -> i64 {
        let place = number as f64 + self.dice.of(number).share();
        let root = place / self.many.max(1) as f64;
        let seconds = self.within as f64 * root * root;
        // Numbers stay far below 2^31 and ages below some years.
        #[allow(clippy::cast_possible_truncation, reason = "small")]
        let seconds = seconds.min(1e15) as i64;
        seconds
    }

    /// How many have come after so many seconds.
    pub(super) fn by(&self, age: i64) -> u64 {
        if age < 0 || self.many == 0 {
            return 0;
        }
        let guess = self.many as f64 * (age as f64 / self.within.max(1) as f64).sqrt();
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not negative, and capped next"
        )]
        let mut count = (guess as u64).min(self.most);
        // The guess leaves out the share by which each is late.
        while count > 0 && self.when(count - 1) > age {
            count -= 1;
        }
        while count < self.most && self.when(count) <= age {
            count += 1;
        }
        count
    }
}

/// A count that rises towards its end: half of it is there at the age of `half` seconds.
pub(super) fn saturating(end: u64, age: i64, half: i64) -> u64 {
    if age <= 0 {
        return 0;
    }
    let age = i128::from(age);
    let grown = i128::from(end) * age / (age + i128::from(half.max(1)));
    u64::try_from(grown).unwrap_or(0)
}

/// A count that is `there` at an age of `within` seconds, and grows as the square root of the age.
pub(super) fn spreading(there: u64, age: i64, within: i64) -> u64 {
    if age <= 0 {
        return 0;
    }
    let grown = there as f64 * (age as f64 / within.max(1) as f64).sqrt();
    // Not negative; counts stay far below 2^53.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative"
    )]
    let grown = grown as u64;
    grown
}

#[cfg(test)]
mod tests {
    use super::{Arrivals, saturating};
    use crate::testing::youtube::dice::Dice;

    #[test]
    fn what_has_come_is_what_came_by_then() {
        for many in [1, 7, 300] {
            let arrivals = Arrivals {
                many,
                within: 86_400,
                most: u64::MAX,
                dice: Dice::new(many),
            };
            assert_eq!(arrivals.by(86_400), many);
            for number in 0..2 * many {
                let when = arrivals.when(number);
                assert!(when <= arrivals.when(number + 1));
                assert!(arrivals.by(when) > number);
                assert!(arrivals.by(when - 1) <= number);
            }
        }
    }

    #[test]
    fn likes_rise_and_stay_below_their_end() {
        let mut before = 0;
        for age in 0..1000 {
            let now = saturating(500, age * 60, 3600);
            assert!(before <= now && now < 500);
            before = now;
        }
        assert_eq!(saturating(500, 3600, 3600), 250);
    }
}
