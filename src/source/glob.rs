//! Finds the files that match a pattern, in the same order on every machine.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::files::error_in;
use crate::error::{Error, ErrorKind, Result};

/// The files that match, sorted by the bytes of their paths.
///
/// | in a pattern | stands for |
/// |---|---|
/// | `*` | any characters of one name, or none |
/// | `?` | one character of a name |
/// | `[a-z_]`, `[!0-9]` | one character that is listed, or is not |
/// | `**` as a whole part | any number of folders, or none; links to folders are not followed |
///
/// A name that begins with a dot is matched by a dot only. Folders that match are passed over.
pub(super) fn paths(pattern: &str) -> Result<Vec<PathBuf>> {
    let parts: Vec<&str> = pattern.split('/').collect();
    let wild = parts.iter().position(|part| is_wild(part));
    let wild = wild.unwrap_or(parts.len().saturating_sub(1));
    for part in &parts {
        check(part).map_err(|what| {
            let message = format!("the pattern `{pattern}` {what}");
            Error::new(ErrorKind::Config, message)
                .with_help("write `[[]` for the character `[` itself")
        })?;
    }
    let mut base = parts[..wild].join("/");
    if wild > 0 {
        base.push('/');
    }
    let mut found = Vec::new();
    walk(Path::new(&base), &parts[wild..], &mut found)?;
    found.sort_by(|a, b| bytes(a).cmp(bytes(b)));
    found.dedup();
    Ok(found)
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

fn is_wild(part: &str) -> bool {
    part.contains(['*', '?', '['])
}

fn walk(folder: &Path, parts: &[&str], found: &mut Vec<PathBuf>) -> Result<()> {
    let Some((part, rest)) = parts.split_first() else {
        return Ok(());
    };
    if !is_wild(part) {
        let path = folder.join(part);
        if rest.is_empty() {
            if path.is_file() {
                found.push(path);
            }
        } else if path.is_dir() {
            walk(&path, rest, found)?;
        }
        return Ok(());
    }
    if *part == "**" {
        // No folder at all; a last `**` stands for every file below.
        walk(folder, if rest.is_empty() { &["*"] } else { rest }, found)?;
    }
    for name in names(folder)? {
        let path = folder.join(&name);
        let name = name.to_string_lossy();
        if *part == "**" {
            let real = fs::symlink_metadata(&path).is_ok_and(|of| of.is_dir());
            if real && !name.starts_with('.') {
                walk(&path, parts, found)?;
            }
        } else if matches(part, &name) {
            if rest.is_empty() {
                if path.is_file() {
                    found.push(path);
                }
            } else if path.is_dir() {
                walk(&path, rest, found)?;
            }
        }
    }
    Ok(())
}

/// The names in a folder; none in one that is not there.
fn names(folder: &Path) -> Result<Vec<OsString>> {
    let here = Path::new(".");
    let folder = if folder.as_os_str().is_empty() {
        here
    } else {
        folder
    };
    let failed = |error: std::io::Error| error_in(folder, error.to_string()).caused_by(error);
    match fs::read_dir(folder) {
        Ok(entries) => entries
            .map(|entry| entry.map(|entry| entry.file_name()).map_err(failed))
            .collect(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        // A folder that may not be looked into could hold rows.
        Err(error) => Err(failed(error)),
    }
}

fn check(part: &str) -> Result<(), &'static str> {
    if part.contains("**") && part != "**" {
        return Err("has `**` beside other characters, where it means nothing");
    }
    let chars: Vec<char> = part.chars().collect();
    let mut at = 0;
    while at < chars.len() {
        at = match chars[at] {
            '[' => {
                class(&chars[at..], ' ')
                    .ok_or("has a `[` without its `]`")?
                    .1
                    + at
            }
            _ => at + 1,
        };
    }
    Ok(())
}

/// Whether a name matches one part of a pattern.
fn matches(part: &str, name: &str) -> bool {
    if name.starts_with('.') && !part.starts_with('.') {
        return false;
    }
    let part: Vec<char> = part.chars().collect();
    let name: Vec<char> = name.chars().collect();
    // Where to go on from when what follows the last `*` does not match: let it take one more.
    let mut retry: Option<(usize, usize)> = None;
    let (mut p, mut n) = (0, 0);
    while n < name.len() {
        let step = match part.get(p) {
            Some('*') => {
                retry = Some((p + 1, n));
                p += 1;
                continue;
            }
            Some('?') => Some(1),
            Some('[') => class(&part[p..], name[n])
                .filter(|(among, _)| *among)
                .map(|(_, length)| length),
            Some(c) if *c == name[n] => Some(1),
            _ => None,
        };
        match (step, retry) {
            (Some(length), _) => (p, n) = (p + length, n + 1),
            (None, Some((after, taken))) => {
                (p, n) = (after, taken + 1);
                retry = Some((after, taken + 1));
            }
            (None, None) => return false,
        }
    }
    part[p..].iter().all(|c| *c == '*')
}

/// Whether a character is among those in brackets, and how long the brackets are.
fn class(part: &[char], c: char) -> Option<(bool, usize)> {
    let negated = matches!(part.get(1), Some('!' | '^'));
    let start = if negated { 2 } else { 1 };
    // A bracket that comes first is one of those listed.
    let end = (start + 1..part.len()).find(|&at| part[at] == ']')?;
    let listed = &part[start..end];
    let mut among = false;
    let mut at = 0;
    while at < listed.len() {
        if listed.get(at + 1) == Some(&'-') && at + 2 < listed.len() {
            among |= (listed[at]..=listed[at + 2]).contains(&c);
            at += 3;
        } else {
            among |= listed[at] == c;
            at += 1;
        }
    }
    Some((among != negated, end + 1))
}

#[cfg(test)]
mod tests {
    use super::{check, matches};

    #[test]
    fn names_match_as_in_a_shell() {
        for (part, yes, no) in [
            ("*", &["a", "a.csv"][..], &[".a"][..]),
            (
                "*.csv",
                &["a.csv", "b.csv.csv"],
                &["a.csv.gz", ".csv", "csv"],
            ),
            (
                "part-?.csv",
                &["part-1.csv", "part-å.csv"],
                &["part-.csv", "part-10.csv"],
            ),
            ("a*b*c", &["abc", "aXbbYc", "abcbc"], &["ab", "acb"]),
            ("[a-c]x[!0-9]", &["axx", "cx-"], &["dxx", "ax1", "ax"]),
            ("[]a]", &["]", "a"], &["b"]),
            ("[^-]", &["a"], &["-"]),
            ("x[*]", &["x*"], &["xy"]),
            (".*", &[".a"], &["a"]),
        ] {
            for name in yes {
                assert!(matches(part, name), "{part} {name}");
            }
            for name in no {
                assert!(!matches(part, name), "{part} {name}");
            }
        }
        assert!(check("a[b").is_err());
        assert!(check("[]").is_err());
        assert!(check("a**").is_err());
        assert!(check("a[[]b").is_ok());
    }
}
