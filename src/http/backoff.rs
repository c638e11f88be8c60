use std::time::Duration;

/// How often and for how long a call is tried.
///
/// | setting | default | |
/// |---|---|---|
/// | `tries` | 5 | attempts in all; 1 tries once |
/// | `first_pause` | 500 ms | the bound of the first pause, which doubles with every attempt |
/// | `longest_pause` | 60 s | the bound that it grows to; a `Retry-After` may be longer |
/// | `deadline` | 5 min | of the whole call, pauses and attempts; a pause that would pass it ends the call |
///
/// A pause is drawn evenly from zero to its bound ("full jitter"), so that clients that failed
/// together do not come back together. What a service asks for by `Retry-After` is waited exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retries {
    pub(super) tries: u32,
    pub(super) first_pause: Duration,
    pub(super) longest_pause: Duration,
    pub(super) deadline: Duration,
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            tries: 5,
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_mins(1),
            deadline: Duration::from_mins(5),
        }
    }
}

impl Retries {
    /// One attempt and no more.
    pub fn none() -> Self {
        Self::default().tries(1)
    }

    /// This many attempts in all; none is taken for one.
    pub fn tries(mut self, tries: u32) -> Self {
        self.tries = tries.max(1);
        self
    }

    /// The bound of the first pause.
    pub fn first_pause(mut self, pause: Duration) -> Self {
        self.first_pause = pause;
        self
    }

    /// The bound that pauses grow to.
    pub fn longest_pause(mut self, pause: Duration) -> Self {
        self.longest_pause = pause;
        self
    }

    /// The time that a whole call may take.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// The bound of the pause after an attempt, which are counted from 1.
    fn bound(&self, attempt: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(attempt.saturating_sub(1));
        self.first_pause
            .saturating_mul(doubled)
            .min(self.longest_pause)
    }

    /// The pause after an attempt.
    pub(super) fn pause(&self, attempt: u32) -> Duration {
        self.bound(attempt).mul_f64(rand::random::<f64>())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Retries;

    #[test]
    fn pauses_grow_to_a_cap_and_differ() {
        let retries = Retries::default();
        let bounds =
            [1, 2, 3, 7, 8, 40, u32::MAX].map(|attempt| retries.bound(attempt).as_millis());
        assert_eq!(bounds, [500, 1000, 2000, 32_000, 60_000, 60_000, 60_000]);
        let pauses: Vec<Duration> = (0..100).map(|_| retries.pause(8)).collect();
        assert!(pauses.iter().all(|pause| *pause <= Duration::from_mins(1)));
        assert!(pauses.iter().any(|pause| *pause < Duration::from_secs(30)));
        assert!(pauses.iter().any(|pause| *pause > Duration::from_secs(30)));
    }
}
