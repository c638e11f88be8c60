//! Which keys and paths MLflow takes.

use std::sync::LazyLock;

use regex::Regex;

use crate::error::{Error, ErrorKind, Result};

/// The most characters of a key.
const LONGEST: usize = 250;
/// The most bytes of a name in a folder, on the file systems in use.
const LONGEST_NAME: usize = 255;

/// The letters and numbers of Python's `\w`. Rust's own are more: marks of vowels are among them.
static WORD: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^[\p{L}\p{N}]$").ok());

/// Whether MLflow takes this key of a parameter, a metric or a tag.
///
/// # Errors
///
/// [`ErrorKind::Track`] saying what is wrong with it.
pub(super) fn check_key(key: &str) -> Result<()> {
    let refuse = |(what, help)| Err(Error::new(ErrorKind::Track, what).with_help(help));
    what_is_wrong(key).map_or(Ok(()), refuse)
}

/// What MLflow has against a key, and what to do about it.
pub(super) fn what_is_wrong(key: &str) -> Option<(String, &'static str)> {
    let wrong = |what: String, help| Some((what, help));
    let shown = || key.chars().take(80).collect::<String>();
    if key.is_empty() {
        return wrong(
            "a key is empty".to_owned(),
            "give the parameter, metric or tag a name",
        );
    }
    let length = key.chars().count();
    if length > LONGEST {
        return wrong(
            format!(
                "the key `{}…` has {length} characters; at most {LONGEST} are kept",
                shown()
            ),
            "give it a shorter name",
        );
    }
    if let Some(refused) = key.chars().find(|c| !is_allowed(*c)) {
        return wrong(
            format!("the key `{}` holds {refused:?}", shown()),
            "keys are letters, digits, spaces and _ - . : /",
        );
    }
    if !is_plain_path(key) {
        return wrong(
            format!("the key `{}` reads as a path that leads elsewhere", shown()),
            "leave out leading, trailing and double slashes, dots in front, and `.` and `..` between \
             slashes",
        );
    }
    None
}

/// A key that MLflow takes, as near to this one as can be: for names that come from data.
pub(crate) fn safe_key(key: &str) -> String {
    let clean = |part: &str| match part {
        "" | "." | ".." => "_".repeat(part.len().max(1)),
        part => part
            .chars()
            .map(|c| if is_allowed(c) { c } else { '_' })
            .collect(),
    };
    let parts: Vec<String> = key.split('/').map(clean).collect();
    let joined = parts.join("/");
    let mut short: String = joined.chars().take(LONGEST).collect();
    if short.starts_with("..") {
        short.replace_range(..1, "_");
    }
    if short.ends_with('/') {
        short.pop();
    }
    short
}

/// Whether an artifact may stand at this path. A folder may stand at the root, which is empty.
///
/// # Errors
///
/// [`ErrorKind::Track`] when it may not.
pub(super) fn check_artifact_path(path: &str, may_be_root: bool) -> Result<()> {
    let refused = |c: char| c.is_control() || c == '\\' || c == '#' || c == '?';
    let is_root = path.is_empty() && may_be_root;
    if let Some(long) = path.split('/').find(|name| name.len() > LONGEST_NAME) {
        let shown: String = long.chars().take(80).collect();
        let message = format!("`{shown}…` is too long for the name of a file");
        return Err(
            Error::new(ErrorKind::Track, message).with_help("it has 255 bytes at most: shorten it")
        );
    }
    if is_root || (is_plain_path(path) && !path.contains(refused)) {
        return Ok(());
    }
    let message = format!("`{path}` is no path for an artifact");
    Err(Error::new(ErrorKind::Track, message).with_help(
        "name it like `plots/fit.svg`: relative, without `.`, `..`, backslashes, # and ?",
    ))
}

fn is_allowed(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ' | ':' | '/');
    }
    let is_word = |word: &Regex| word.is_match(c.encode_utf8(&mut [0; 4]));
    c.is_alphanumeric() && WORD.as_ref().is_some_and(is_word)
}

/// Relative, and the same after its dots and slashes are resolved. The server takes two dots in front
/// for a way up, whatever follows them.
fn is_plain_path(path: &str) -> bool {
    let is_name = |part: &str| !matches!(part, "" | "." | "..");
    path.split('/').all(is_name) && !path.starts_with("..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_the_server_refuses_are_refused_here() {
        for key in [
            "lr", "a/b", "a.b", "å b:c", "x-1_2", "a..b", "a/..b", "漢字", "½²",
        ] {
            check_key(key).unwrap_or_else(|error| panic!("{key}: {error}"));
        }
        for key in [
            "",
            "../x",
            "/abs",
            "a//b",
            "a/./b",
            "a/",
            "a!",
            "a@b",
            "50%",
            "a(b)",
            "a,b",
            "..a",
            // Letters with the mark of a vowel, and a letter in a circle: no word for Python.
            "आयु",
            "e\u{301}",
            "Ⓐ",
        ] {
            let error = check_key(key).expect_err(key);
            assert_eq!(error.kind(), ErrorKind::Track, "{key}");
        }
        assert!(check_key(&"k".repeat(250)).is_ok());
        assert!(check_key(&"é".repeat(250)).is_ok());
        assert!(check_key(&"k".repeat(251)).is_err());
    }

    #[test]
    fn safe_keys_are_taken_and_keep_good_ones() {
        for key in [
            "",
            "../x",
            "/abs",
            "a//b",
            "a/./b",
            "a/",
            "50% off!",
            "a\nb",
            ".",
            "..a",
            "...",
            "आयु",
        ] {
            let safe = safe_key(key);
            assert!(check_key(&safe).is_ok(), "{key} -> {safe}");
        }
        assert!(check_key(&safe_key(&format!("{}/b", "k".repeat(249)))).is_ok());
        assert_eq!(
            safe_key("learned.step_0.likes å.mean"),
            "learned.step_0.likes å.mean"
        );
    }

    #[test]
    fn artifacts_stay_in_their_run() {
        for path in ["a.txt", "plots/fit å.svg", "a/b/c"] {
            assert!(check_artifact_path(path, false).is_ok(), "{path}");
        }
        for path in [
            "",
            "/etc/passwd",
            "../up",
            "a/../b",
            "a//b",
            "a\\b",
            "a\0",
            "a/",
            "a#b",
        ] {
            assert!(check_artifact_path(path, false).is_err(), "{path}");
        }
        assert!(check_artifact_path("", true).is_ok());
        let name = |length: usize| format!("plots/{}", "é".repeat(length));
        assert!(check_artifact_path(&name(127), false).is_ok());
        assert!(check_artifact_path(&name(128), false).is_err());
    }
}
