//! Times, spans and numbers as a person reads them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Shows moments in one zone, as finely as the schedule needs.
pub(super) struct Clock {
    zone: TimeZone,
    fine: bool,
}

impl Clock {
    pub(super) fn new(zone: TimeZone, fine: bool) -> Self {
        Self { zone, fine }
    }

    pub(super) fn zone_name(&self) -> String {
        self.zone.iana_name().unwrap_or("UTC").to_owned()
    }

    /// The day and the time.
    pub(super) fn full(&self, at: Timestamp) -> String {
        let format = if self.fine {
            "%Y-%m-%d %H:%M:%S"
        } else {
            "%Y-%m-%d %H:%M"
        };
        at.to_zoned(self.zone.clone()).strftime(format).to_string()
    }

    /// The time alone.
    pub(super) fn time(&self, at: Timestamp) -> String {
        let format = if self.fine { "%H:%M:%S" } else { "%H:%M" };
        at.to_zoned(self.zone.clone()).strftime(format).to_string()
    }

    /// The day alone.
    pub(super) fn day(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone())
            .strftime("%b %-d")
            .to_string()
    }
}

/// Text between tags and in attributes.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A length of time in its two largest units.
pub(super) fn span(seconds: f64) -> String {
    if seconds < 0.9995 {
        return format!("{:.0} ms", seconds * 1000.0);
    }
    if seconds < 59.95 {
        let text = format!("{seconds:.1}");
        return format!("{} s", text.trim_end_matches(".0"));
    }
    // Whole and positive here.
    let whole = jiff::SignedDuration::from_secs_f64(seconds.min(1e12).round()).as_secs();
    let parts = [
        (whole / 86_400, "d"),
        (whole / 3600 % 24, "h"),
        (whole / 60 % 60, "min"),
        (whole % 60, "s"),
    ];
    let first = parts.iter().position(|(count, _)| *count > 0).unwrap_or(3);
    let shown = parts[first..]
        .iter()
        .take(2)
        .filter(|(count, _)| *count > 0);
    let shown: Vec<_> = shown
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    shown.join(" ")
}

/// A number with spaces between thousands, and no more digits than say something.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e15).contains(&size) {
        return format!("{value:.2e}");
    }
    let text = match size {
        _ if value.fract() == 0.0 => format!("{value:.0}"),
        1000.0.. => format!("{value:.0}"),
        1.0.. => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    };
    let (sign, digits) = text
        .strip_prefix('-')
        .map_or(("", text.as_str()), |digits| ("−", digits));
    let (whole, rest) = digits
        .split_once('.')
        .map_or((digits, ""), |(whole, rest)| (whole, rest));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 && whole.len() > 4 {
            // A narrow space that does not break.
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    let rest = rest.trim_end_matches('0');
    if rest.is_empty() {
        format!("{sign}{grouped}")
    } else {
        format!("{sign}{grouped}.{rest}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_numbers_are_short() {
        let spans = [
            (0.0123, "12 ms"),
            (2.0, "2 s"),
            (59.94, "59.9 s"),
            (59.96, "1 min"),
            (61.0, "1 min 1 s"),
            (7200.0, "2 h"),
            (90_061.0, "1 d 1 h"),
        ];
        for (seconds, expected) in spans {
            assert_eq!(span(seconds), expected);
        }
        let numbers = [
            (0.0, "0"),
            (-0.25, "−0.25"),
            (1498.0, "1498"),
            (123_456.0, "123\u{202f}456"),
            (4.56789, "4.57"),
        ];
        for (value, expected) in numbers {
            assert_eq!(number(value), expected);
        }
        assert_eq!(
            escape("<a b=\"c\">&'"),
            "&lt;a b=&quot;c&quot;&gt;&amp;&#39;"
        );
    }
}
