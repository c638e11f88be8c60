//! One series over time as a line.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::text::{Clock, escape, number};

const WIDTH: f64 = 620.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 18.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 30.0;

/// Writes the plot of a series.
pub(super) fn write(out: &mut String, name: &str, points: &[(Timestamp, f64)], clock: &Clock) {
    let name = escape(name);
    let finite: Vec<_> = points
        .iter()
        .filter(|(_, value)| value.is_finite())
        .collect();
    let Some((last_at, last)) = finite.last() else {
        let _ = writeln!(
            out,
            "<div class=\"card\"><h2>{name}</h2><p class=\"empty\">There is no number yet.</p></div>"
        );
        return;
    };
    let _ = writeln!(
        out,
        "<div class=\"card\"><h2>{name}<span class=\"last\">{} <small>{}</small></span></h2>",
        number(*last),
        clock.time(*last_at)
    );
    let times = points.iter().map(|(at, _)| at.as_millisecond() as f64);
    let (from, to) = ends(times);
    let (low, high) = ends(finite.iter().map(|(_, value)| *value));
    let ticks = ticks(low, high);
    let (low, high) = (
        low.min(ticks.first().copied().unwrap_or(low)),
        high.max(ticks.last().copied().unwrap_or(high)),
    );
    let x = |at: Timestamp| {
        let part = part(at.as_millisecond() as f64, from, to);
        LEFT + part * (WIDTH - LEFT - RIGHT)
    };
    let y = |value: f64| HEIGHT - BOTTOM - part(value, low, high) * (HEIGHT - TOP - BOTTOM);
    let _ = writeln!(
        out,
        "<svg class=\"plot\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{name} over time\">"
    );
    for tick in &ticks {
        let at = y(*tick);
        let _ = writeln!(
            out,
            "<line class=\"rule\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text class=\"tick\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 8.0,
            at + 4.0,
            number(*tick)
        );
    }
    let (first_at, last_at) = (points[0].0, points[points.len() - 1].0);
    time_ticks(out, first_at, last_at, clock, &x);
    lines(out, points, &x, &y, HEIGHT - BOTTOM);
    out.push_str("</svg></div>\n");
}

fn time_ticks(
    out: &mut String,
    from: Timestamp,
    to: Timestamp,
    clock: &Clock,
    x: &impl Fn(Timestamp) -> f64,
) {
    const TICKS: i32 = 4;
    let mut day = clock.day(from);
    let span = to.duration_since(from);
    let count = if span.is_zero() { 0 } else { TICKS };
    for tick in 0..=count {
        let at = if count == 0 {
            from
        } else {
            from + span * tick / count
        };
        let today = clock.day(at);
        let text = if today == day {
            clock.time(at)
        } else {
            format!("{today} {}", clock.time(at))
        };
        day = today;
        let anchor = match tick {
            0 => "start",
            tick if tick == count => "end",
            _ => "middle",
        };
        let _ = writeln!(
            out,
            "<text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{text}</text>",
            x(at),
            HEIGHT - 8.0
        );
    }
}

/// The line, the area under it, and its points where they are few enough to be told apart.
fn lines(
    out: &mut String,
    points: &[(Timestamp, f64)],
    x: &impl Fn(Timestamp) -> f64,
    y: &impl Fn(f64) -> f64,
    floor: f64,
) {
    let pieces = points.split(|(_, value)| !value.is_finite());
    for piece in pieces.filter(|piece| !piece.is_empty()) {
        let mut path = String::new();
        for (at, value) in piece {
            let verb = if path.is_empty() { 'M' } else { 'L' };
            let _ = write!(path, "{verb}{:.1} {:.1}", x(*at), y(*value));
        }
        let (first, last) = (x(piece[0].0), x(piece[piece.len() - 1].0));
        let _ = writeln!(
            out,
            "<path class=\"area\" d=\"{path}L{last:.1} {floor}L{first:.1} {floor}Z\"/>\
             <path class=\"line\" d=\"{path}\"/>"
        );
        if points.len() <= 80 {
            for (at, value) in piece {
                let _ = writeln!(
                    out,
                    "<circle class=\"dot\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\"><title>{}: {}</title></circle>",
                    x(*at),
                    y(*value),
                    at,
                    number(*value)
                );
            }
        }
    }
}

fn ends(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    })
}

/// Where a value lies between two ends; in the middle where they are one.
fn part(value: f64, low: f64, high: f64) -> f64 {
    if high > low {
        (value - low) / (high - low)
    } else {
        0.5
    }
}

/// Round numbers around a range: 1, 2 or 5 times a power of ten apart, some four steps.
fn ticks(low: f64, high: f64) -> Vec<f64> {
    let range = high - low;
    if range <= 0.0 || !range.is_finite() {
        return vec![low];
    }
    let rough = range / 4.0;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
    let step = step
        .into_iter()
        .find(|step| *step >= rough)
        .unwrap_or(rough);
    let first = (low / step).floor();
    let count = ((high / step).ceil() - first).min(12.0);
    let mut ticks = Vec::new();
    let mut at = 0.0;
    while at <= count {
        ticks.push((first + at) * step);
        at += 1.0;
    }
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_cover_the_range() {
        assert_eq!(ticks(0.0, 1.0), [0.0, 0.5, 1.0]);
        assert_eq!(
            ticks(1498.0, 1689.0),
            [1450.0, 1500.0, 1550.0, 1600.0, 1650.0, 1700.0]
        );
        assert_eq!(ticks(3.0, 3.0), [3.0]);
        for (low, high) in [(-0.013, 0.72), (1e9, 3.3e9), (5e-7, 9e-7)] {
            let ticks = ticks(low, high);
            assert!(
                ticks[0] <= low && ticks[ticks.len() - 1] >= high,
                "{ticks:?}"
            );
            assert!((3..=9).contains(&ticks.len()), "{ticks:?}");
        }
    }
}
