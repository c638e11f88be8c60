use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

/// No service means to be waited for longer than this; a larger number is a mistake.
const YEAR: f64 = 366.0 * 86_400.0;

/// How long a `Retry-After` header asks to wait: seconds, or until a date of HTTP.
pub(super) fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return (0.0..=YEAR)
            .contains(&seconds)
            .then(|| Duration::from_secs_f64(seconds));
    }
    let date = DateTimeParser::new().parse_timestamp(text).ok()?;
    // A date that has passed asks for no wait at all.
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::retry_after;

    #[test]
    fn seconds_and_dates() {
        let now = "2026-11-25T10:00:00Z".parse().unwrap();
        for (text, seconds) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Wed, 25 Nov 2026 10:00:30 GMT", Some(30)),
            ("Wed, 25 Nov 2026 09:00:00 GMT", Some(0)),
            ("-3", None),
            ("NaN", None),
            ("1e300", None),
            ("soon", None),
        ] {
            let wait = seconds.map(Duration::from_secs);
            assert_eq!(retry_after(text, now), wait, "{text}");
        }
    }
}
