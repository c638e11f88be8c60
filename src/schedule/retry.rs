use std::hash::Hasher;
use std::time::Duration;

use siphasher::sip::SipHasher24;

/// How often a failed stage is tried again, and after what time.
///
/// Before the `n`-th retry it waits between `delay · multiplierⁿ⁻¹` and twice as long, by chance,
/// so that what failed together is not tried together again, and never longer than the longest
/// delay. The chance is drawn from the run, the stage and the try: asked twice, it says the same.
/// The moment is written down, so that a kill does not lose it.
///
/// What is tried again: an [`Error`](crate::Error) that
/// [is transient](crate::Error::is_transient), a command that ends with an unknown exit code, by a
/// signal or with [`TRANSIENT`](super::exit_code::TRANSIENT), and what ran out of time. What is
/// not: any other error, a panic, and [`PERMANENT`](super::exit_code::PERMANENT).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use floe::schedule::Retry;
///
/// let retry = Retry::times(3).delay(Duration::from_secs(30)).without_jitter();
/// assert_eq!(retry.wait(1, 0), Duration::from_secs(30));
/// assert_eq!(retry.wait(3, 0), Duration::from_secs(120));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Retry {
    pub(crate) times: u32,
    pub(crate) delay: Duration,
    pub(crate) multiplier: f64,
    pub(crate) max_delay: Duration,
    jitter: bool,
}

impl Default for Retry {
    fn default() -> Self {
        Self::times(0)
    }
}

impl Retry {
    /// So many tries more than the first; 10 seconds before the first of them, then twice as long
    /// each time, up to an hour.
    pub fn times(times: u32) -> Self {
        Self {
            times,
            delay: Duration::from_secs(10),
            multiplier: 2.0,
            max_delay: Duration::from_hours(1),
            jitter: true,
        }
    }

    /// The time before the first retry.
    pub fn delay(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// How much longer each wait is than the one before; 1 or more.
    pub fn multiplier(self, multiplier: f64) -> Self {
        Self { multiplier, ..self }
    }

    /// The longest wait.
    pub fn max_delay(self, max_delay: Duration) -> Self {
        Self { max_delay, ..self }
    }

    /// Waits exactly as long as the formula says.
    pub fn without_jitter(self) -> Self {
        Self {
            jitter: false,
            ..self
        }
    }

    /// How long to wait before a retry, counted from 1; `chance` is any number that is the same
    /// whenever the same retry is asked for.
    pub fn wait(&self, retry: u32, chance: u64) -> Duration {
        // Nothing stays nothing, however large the power is.
        if self.delay.is_zero() {
            return Duration::ZERO;
        }
        let exponent = i32::try_from(retry.saturating_sub(1)).unwrap_or(i32::MAX);
        let base = self.delay.as_secs_f64() * self.multiplier.powi(exponent);
        // 53 bits make a number in [0, 1).
        let part = if self.jitter {
            (chance >> 11) as f64 / (1_u64 << 53) as f64
        } else {
            0.0
        };
        let wait = Duration::try_from_secs_f64(base * (1.0 + part));
        wait.map_or(self.max_delay, |wait| wait.min(self.max_delay))
    }

    pub(crate) fn problem(&self) -> Option<&'static str> {
        if self.multiplier.is_finite() && self.multiplier >= 1.0 {
            None
        } else {
            Some("the multiplier of a retry is 1 or more")
        }
    }
}

/// The chance of one retry of one stage of one run.
pub(crate) fn chance(run: &str, stage: &str, retry: u32) -> u64 {
    let mut hasher = SipHasher24::new();
    hasher.write(run.as_bytes());
    hasher.write(&[0]);
    hasher.write(stage.as_bytes());
    hasher.write_u32(retry);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_wait_stays_none_however_often_it_is_tried() {
        let retry = Retry::times(5000).delay(Duration::ZERO);
        for n in [1, 2, 1024, 1026, u32::MAX] {
            assert_eq!(retry.wait(n, u64::MAX), Duration::ZERO, "{n}");
        }
        let retry = Retry::times(5000).delay(Duration::from_nanos(1));
        assert_eq!(retry.wait(1026, 0), Duration::from_hours(1));
    }
}
