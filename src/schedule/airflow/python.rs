//! Texts as Python, the shell and Jinja read them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

/// A string of Python.
pub(super) fn string(text: &str) -> String {
    // JSON's escapes are among Python's, and what is not ASCII stands as it is.
    serde_json::Value::from(text).to_string()
}

/// A thousand years: as good as for ever, and Python's dates can still be reckoned with it.
const LONGEST: Duration = Duration::from_hours(1000 * 365 * 24);

/// A `timedelta`, of a thousand years at most.
pub(super) fn delta(time: Duration) -> String {
    let time = time.min(LONGEST);
    let seconds = time.as_secs();
    match time.subsec_micros() {
        0 => format!("timedelta(seconds={seconds})"),
        micros => format!("timedelta(seconds={seconds}, microseconds={micros})"),
    }
}

/// The names of the variables for stages, each another.
pub(super) fn variables<'a>(stages: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, String> {
    let mut taken = BTreeSet::new();
    let mut variables = BTreeMap::new();
    for stage in stages {
        // A prefix keeps it from being a keyword, a digit first, or a name of the file's own.
        let name = format!("stage_{}", stage.replace('-', "_"));
        let mut variable = name.clone();
        let mut number = 2;
        while !taken.insert(variable.clone()) {
            variable = format!("{name}_{number}");
            number += 1;
        }
        variables.insert(stage, variable);
    }
    variables
}

/// A word of a shell, as it stands.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A word of a shell command, with the places in it read from the environment.
pub(super) fn word(argument: &str) -> String {
    let mut word = String::new();
    let mut rest = argument;
    let push_literal = |word: &mut String, text: &str| {
        if !text.is_empty() {
            word.push_str(&quoted(text));
        }
    };
    while let Some((before, variable, after)) = next_place(rest) {
        push_literal(&mut word, before);
        // Writing to a `String` does not fail.
        let _ = write!(word, "\"${{{variable}}}\"");
        rest = after;
    }
    push_literal(&mut word, rest);
    if word.is_empty() {
        word.push_str("''");
    }
    rendered(&word)
}

/// The first place of an argument, with what is before and after it.
fn next_place(argument: &str) -> Option<(&str, String, &str)> {
    let mut from = 0;
    while let Some(open) = argument[from..].find('{').map(|at| at + from) {
        let close = argument[open..].find('}').map(|at| at + open)?;
        if let Some(variable) = environment_of(&argument[open + 1..close]) {
            return Some((&argument[..open], variable, &argument[close + 1..]));
        }
        from = open + 1;
    }
    None
}

fn environment_of(place: &str) -> Option<String> {
    Some(match place {
        "interval_start" => "FLOE_INTERVAL_START".to_owned(),
        "interval_end" => "FLOE_INTERVAL_END".to_owned(),
        "stage" => "FLOE_STAGE".to_owned(),
        "attempt" => "FLOE_ATTEMPT".to_owned(),
        "run_started" => "FLOE_RUN_STARTED".to_owned(),
        _ => of_parameter(place.strip_prefix("parameter.")?),
    })
}

/// The variable of the environment for a parameter.
pub(super) fn of_parameter(name: &str) -> String {
    format!("FLOE_PARAMETER_{}", name.to_ascii_uppercase())
}

/// Keeps Jinja from reading anything into a text.
pub(super) fn raw(text: &str) -> String {
    let mut escaped = String::new();
    let mut rest = text;
    while let Some(open) = ["{{", "{%", "{#"]
        .iter()
        .filter_map(|tag| rest.find(tag))
        .min()
    {
        escaped.push_str(&rest[..open]);
        // An expression whose value is the brace itself, so that nothing opens behind it.
        escaped.push_str("{{ '{' }}");
        rest = &rest[open + 1..];
    }
    escaped + rest
}

/// A text for a field that Jinja renders, which has it again as it was. A text that ends as a
/// script's name does would be read as a file's, and a line end at the end would be dropped.
pub(super) fn rendered(text: &str) -> String {
    let mut escaped = raw(text).replace('\r', "{{ '\\r' }}");
    if [".sh", ".bash", "\n"].iter().any(|end| text.ends_with(end)) {
        escaped.push_str("{{ '' }}");
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_stages_share_a_variable() {
        let stages = ["get-data", "a-b", "a_b", "a_b_2", "a-b-2"];
        let variables = variables(stages.into_iter());
        let names: BTreeSet<_> = variables.values().collect();
        assert_eq!(names.len(), stages.len(), "{variables:?}");
        assert_eq!(variables["get-data"], "stage_get_data");
        assert_eq!(variables["a_b"], "stage_a_b_2");
    }

    #[test]
    fn what_is_rendered_is_no_file_and_keeps_its_line_ends() {
        let cases = [
            ("heat", "heat"),
            ("install.sh", "install.sh{{ '' }}"),
            ("run.bash", "run.bash{{ '' }}"),
            ("heat\n", "heat\n{{ '' }}"),
            ("a\r\nb", "a{{ '\\r' }}\nb"),
            ("{{ ds }}", "{{ '{' }}{ ds }}"),
        ];
        for (text, expected) in cases {
            assert_eq!(rendered(text), expected);
        }
    }

    #[test]
    fn times_are_within_what_python_reckons_with() {
        let cases = [
            (
                Duration::from_millis(1500),
                "timedelta(seconds=1, microseconds=500000)",
            ),
            (Duration::from_hours(1), "timedelta(seconds=3600)"),
            (
                LONGEST + Duration::from_nanos(1),
                "timedelta(seconds=31536000000)",
            ),
            (Duration::MAX, "timedelta(seconds=31536000000)"),
        ];
        for (time, expected) in cases {
            assert_eq!(delta(time), expected);
        }
    }

    #[test]
    fn words_are_literal_but_for_their_places() {
        let cases = [
            ("plain", "'plain'"),
            ("", "''"),
            ("it's $HOME `x`", r"'it'\''s $HOME `x`'"),
            ("{interval_start}", "\"${FLOE_INTERVAL_START}\""),
            (
                "--q={parameter.query}!",
                "'--q='\"${FLOE_PARAMETER_QUERY}\"'!'",
            ),
            ("{a}{stage}", "'{a}'\"${FLOE_STAGE}\""),
            ("{{x}}", "'{{ '{' }}{x}}'"),
        ];
        for (argument, expected) in cases {
            assert_eq!(word(argument), expected);
        }
    }
}
