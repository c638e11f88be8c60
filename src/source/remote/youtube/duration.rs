/// The seconds of a duration as YouTube writes it: ISO 8601 (`PT1H2M3S`, `P1DT2H`, `P0D` of a live
/// stream) or the form of Google's newer methods (`213s`). `None` for what is neither, and for
/// months and years, which have no fixed length.
pub(super) fn seconds(text: &str) -> Option<i64> {
    if let Some(number) = text.strip_suffix('s') {
        return whole_seconds(number);
    }
    let rest = text.strip_prefix('P')?;
    let (date, time) = match rest.split_once('T') {
        Some((_, "")) => return None,
        Some((date, time)) => (date, time),
        None => (rest, ""),
    };
    if date.is_empty() && time.is_empty() {
        return None;
    }
    let days = fields(date, &[('W', 7 * 86_400), ('D', 86_400)])?;
    days.checked_add(fields(time, &[('H', 3600), ('M', 60), ('S', 1)])?)
}

/// Numbers with units, each unit at most once and in this order.
fn fields(mut text: &str, units: &[(char, i64)]) -> Option<i64> {
    let mut sum = 0i64;
    let mut left = units.iter();
    while !text.is_empty() {
        let end = text.find(|c: char| c.is_ascii_alphabetic())?;
        let unit = text[end..].chars().next()?;
        let (_, factor) = left.find(|(name, _)| *name == unit)?;
        let number = whole_seconds(&text[..end])?;
        sum = sum.checked_add(number.checked_mul(*factor)?)?;
        text = &text[end + 1..];
    }
    Some(sum)
}

/// A number of which the fraction is cut, as players do.
fn whole_seconds(number: &str) -> Option<i64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    whole.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn all_forms_that_the_api_writes_are_read() {
        for (text, wanted) in [
            ("PT1H2M3S", 3723),
            ("PT15M33S", 933),
            ("PT2M", 120),
            ("P1DT1S", 86_401),
            ("P0D", 0),
            ("P2W", 1_209_600),
            ("PT0S", 0),
            ("PT1.9S", 1),
            ("213s", 213),
            ("213.5s", 213),
        ] {
            assert_eq!(seconds(text), Some(wanted), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_none() {
        for text in [
            "",
            "P",
            "PT",
            "P1DT",
            "PT1S2H",
            "P1Y",
            "P1M",
            "PTS",
            "PT-1S",
            "1:02",
            "s",
            "-3s",
            "PT99999999999999999999S",
            "PT1H1H",
            "PTé",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
