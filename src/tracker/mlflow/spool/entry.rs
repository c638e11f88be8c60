//! An event in a line: JSON, or the short form of a number.
//!
//! ```text
//! N <run> <time> <step> <value> <name>
//! ```
//!
//! Numbers are most of what is told, one by one, and what a call costs grows with what it writes.

use std::io::Write;

use crate::tracker::{Event, What};

/// What the short form begins with; JSON never does.
const NUMBER: &[u8] = b"N ";

/// Appends an event to `out`.
pub(super) fn write(event: &Event, out: &mut Vec<u8>) -> serde_json::Result<()> {
    let Some((name, value, step)) = short(event) else {
        return event.write_json(out);
    };
    out.extend_from_slice(NUMBER);
    out.extend_from_slice(event.run.as_bytes());
    out.push(b' ');
    // Faster than the formatting of the standard library.
    serde_json::to_writer(&mut *out, &event.time)?;
    out.push(b' ');
    serde_json::to_writer(&mut *out, &step)?;
    out.push(b' ');
    if value.is_finite() {
        serde_json::to_writer(&mut *out, &value)?;
    } else {
        write!(out, "{value}").map_err(serde_json::Error::io)?;
    }
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
    Ok(())
}

/// The name, value and step of a number that has a short form.
fn short(event: &Event) -> Option<(&str, f64, i64)> {
    let What::Metric {
        name,
        value: Some(value),
        reason: None,
        step,
    } = &event.what
    else {
        return None;
    };
    // The name is the rest of the line, and the run ends at a space.
    let run = event.run.as_bytes();
    let is_plain = !name.contains('\n') && !run.contains(&b' ') && !run.contains(&b'\n');
    is_plain.then_some((name, *value, *step))
}

/// The event of a line; nothing when it is none.
pub(super) fn read(line: &[u8]) -> Option<Event> {
    let Some(number) = line.strip_prefix(NUMBER) else {
        return serde_json::from_slice(line).ok();
    };
    let mut parts = std::str::from_utf8(number).ok()?.splitn(5, ' ');
    let (run, time) = (parts.next()?, parts.next()?.parse().ok()?);
    let (step, value) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let metric = What::Metric {
        name: parts.next()?.to_owned(),
        value: Some(value),
        reason: None,
        step,
    };
    Some(Event::at(run, time, metric))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn metric(name: &str, value: Option<f64>, reason: Option<&str>, step: i64) -> What {
        What::Metric {
            name: name.to_owned(),
            value,
            reason: reason.map(ToOwned::to_owned),
            step,
        }
    }

    fn written(event: &Event) -> Vec<u8> {
        let mut line = Vec::new();
        write(event, &mut line).unwrap();
        assert!(!line.contains(&b'\n'), "{event:?}");
        line
    }

    #[test]
    fn every_number_is_read_back_to_the_bit() {
        let values = [
            0.1,
            -0.0,
            1.0,
            5e-324,
            f64::MAX,
            1.0 / 3.0,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
        ];
        let names = ["loss", "", " a  b ", "å/β", "a\tb\r", "a\nb", "\"", "N "];
        let ends = [(0, 0), (i64::MIN, i64::MAX), (i64::MAX, i64::MIN)];
        for run in ["0123456789abcdef0123456789abcdef", "", "not one", "a\nb"] {
            for (name, value) in names.iter().flat_map(|of| values.map(|value| (of, value))) {
                for (time, step) in ends {
                    let event = Event::at(run, time, metric(name, Some(value), None, step));
                    let back = read(&written(&event)).unwrap();
                    let What::Metric {
                        value: Some(found), ..
                    } = back.what
                    else {
                        panic!("{back:?}");
                    };
                    // NaN is not equal to itself.
                    let bits = |value: f64| (!value.is_nan()).then_some(value.to_bits());
                    assert_eq!(bits(found), bits(value));
                    let plain = |event: &Event| {
                        let mut event = event.clone();
                        if let What::Metric { value, .. } = &mut event.what {
                            *value = None;
                        }
                        event
                    };
                    assert_eq!(plain(&back), plain(&event));
                }
            }
        }
    }

    #[test]
    fn what_is_no_plain_number_is_json() {
        let tags = What::Tags {
            tags: BTreeMap::from([("N 1".to_owned(), "å".to_owned())]),
        };
        for what in [
            metric("r2", None, Some("one row"), 0),
            metric("r2", None, None, 0),
            metric("r2", Some(1.0), Some("so\nit is"), 0),
            tags,
        ] {
            let event = Event::at("0f", 7, what);
            let line = written(&event);
            assert_eq!(line, serde_json::to_vec(&event).unwrap());
            assert_eq!(read(&line), Some(event));
        }
    }

    #[test]
    fn numbers_of_the_first_version_are_read() {
        let line = br#"{"run":"0f","time":7,"event":"metric","name":"r2","value":0.5,"step":-1}"#;
        let event = Event::at("0f", 7, metric("r2", Some(0.5), None, -1));
        assert_eq!(read(line), Some(event));
    }

    #[test]
    fn half_a_number_is_none() {
        let event = Event::at("0f", 7, metric("r2", Some(0.5), None, -1));
        let line = written(&event);
        assert_eq!(line, b"N 0f 7 -1 0.5 r2");
        for end in 0..line.len() - 2 {
            assert_eq!(read(&line[..end]), None, "{end}");
        }
        for other in ["N 0f 7 -1 0,5 r2", "N 0f  -1 0.5 r2", "N 0f 7 1.5 0.5 r2"] {
            assert_eq!(read(other.as_bytes()), None);
        }
    }
}
