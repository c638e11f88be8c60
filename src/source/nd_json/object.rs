//! One line of JSON: the members of an object, each with its value as it is written.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde_json::Deserializer;

/// Why a line is not one JSON object.
#[derive(Debug, PartialEq)]
pub(in crate::source) enum Broken {
    /// It begins with something else.
    NotObject,
    /// It stops in the middle.
    Cut,
    /// What is wrong, in the words of the parser, and at which byte of the line, from one.
    Invalid(String, usize),
}

/// The members of the object on a line, in their order.
///
/// Values are checked to be JSON and handed over as text, so that no digit is lost on the way.
pub(in crate::source) struct Members<'a> {
    text: &'a str,
    at: usize,
    /// Whether a member was read, so that a comma must follow.
    inside: bool,
    done: bool,
}

pub(in crate::source) fn members(line: &str) -> Result<Members<'_>, Broken> {
    let mut members = Members {
        text: line,
        at: 0,
        inside: false,
        done: false,
    };
    match members.peek() {
        Some(b'{') => members.at += 1,
        _ => return Err(Broken::NotObject),
    }
    Ok(members)
}

impl<'a> Members<'a> {
    /// The next key and the text of its value, or `None` after the last.
    pub(in crate::source) fn advance(&mut self) -> Result<Option<(Cow<'a, str>, &'a str)>, Broken> {
        if self.done {
            return Ok(None);
        }
        if self.take(b'}') {
            self.done = true;
            return match self.peek() {
                None => Ok(None),
                Some(_) => Err(self.invalid("text follows the object")),
            };
        }
        if self.inside && !self.take(b',') {
            return Err(self.expected("expected `,` or `}`"));
        }
        if self.peek() != Some(b'"') {
            return Err(self.expected("expected a key in double quotes"));
        }
        let start = self.at;
        let key = self.value()?;
        let Some(key) = decoded(key) else {
            self.at = start;
            return Err(self.invalid("half of a surrogate pair is no character"));
        };
        if !self.take(b':') {
            return Err(self.expected("expected `:` after the key"));
        }
        self.inside = true;
        Ok(Some((key, self.value()?)))
    }

    fn value(&mut self) -> Result<&'a str, Broken> {
        if self.peek().is_none() {
            return Err(Broken::Cut);
        }
        let rest = &self.text[self.at..];
        let mut values = Deserializer::from_str(rest).into_iter::<IgnoredAny>();
        match values.next() {
            Some(Ok(_)) => {
                let length = values.byte_offset();
                self.at += length;
                Ok(&rest[..length])
            }
            Some(Err(error)) if !error.is_eof() => {
                let what = error.to_string();
                let what = what.split(" at line ").next().unwrap_or_default();
                let at = self.at + error.column().max(1);
                Err(Broken::Invalid(what.to_owned(), at))
            }
            _ => Err(Broken::Cut),
        }
    }

    fn peek(&mut self) -> Option<u8> {
        let rest = &self.text.as_bytes()[self.at..];
        let blank = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        self.at += rest.iter().take_while(blank).count();
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expected(&mut self, what: &str) -> Broken {
        match self.peek() {
            None => Broken::Cut,
            Some(_) => self.invalid(what),
        }
    }

    fn invalid(&self, what: &str) -> Broken {
        Broken::Invalid(what.to_owned(), self.at + 1)
    }
}

/// The text inside a JSON string; nothing when an escape stands for half a character.
pub(super) fn decoded(quoted: &str) -> Option<Cow<'_, str>> {
    let inside = quoted.strip_prefix('"')?.strip_suffix('"')?;
    if inside.contains('\\') {
        serde_json::from_str(quoted).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inside))
    }
}

#[cfg(test)]
mod tests {
    use super::{Broken, members};

    fn all(line: &str) -> Result<Vec<(String, String)>, Broken> {
        let mut members = members(line)?;
        let mut found = Vec::new();
        while let Some((key, value)) = members.advance()? {
            found.push((key.into_owned(), value.to_owned()));
        }
        Ok(found)
    }

    /// Whatever `serde_json` takes for an object is one here, and nothing else.
    #[test]
    fn accepts_what_serde_json_accepts() {
        const PIECES: [&str; 14] = [
            "{",
            "}",
            ",",
            ":",
            "\"a\"",
            "\"b\\u0041\"",
            "1",
            "-0.5e3",
            "[1,{}]",
            " ",
            "null",
            "\"",
            "\\ud800",
            "01",
        ];
        let mut state = 7_u64;
        let mut accepted = 0;
        for round in 0..60_000 {
            let mut line = String::from("{");
            for slot in 0..9 {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                let any = usize::try_from((state >> 33) % 14).expect("small");
                // Every other line is nearly sound, so that many are accepted.
                let sound = [4, 3, 6, 2, 5, 3, 8, 1, 9][slot];
                let piece = if round % 2 == 0 || state >> 60 == 0 {
                    any
                } else {
                    sound
                };
                line.push_str(PIECES[piece]);
            }
            let theirs = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&line);
            let ours = all(&line);
            // A value that is not decoded may hold half a surrogate pair, which is found later.
            if !line.contains("\\ud800") {
                assert_eq!(ours.is_ok(), theirs.is_ok(), "{line} {ours:?} {theirs:?}");
            }
            accepted += usize::from(ours.is_ok());
        }
        assert!(accepted > 1000, "{accepted}");
    }

    #[test]
    fn values_are_as_written() {
        let found = all(" {\"a\" : 1.50 , \"\\u0062\":[1, {\"x\": 2}],\"\": \"\\n\" }\r")
            .expect("an object");
        let found: Vec<_> = found
            .iter()
            .map(|(key, value)| (&**key, &**value))
            .collect();
        assert_eq!(
            found,
            [("a", "1.50"), ("b", "[1, {\"x\": 2}]"), ("", "\"\\n\"")]
        );
        assert_eq!(all("[1]"), Err(Broken::NotObject));
        assert_eq!(all("{\"a\":1,"), Err(Broken::Cut));
        assert_eq!(all("{\"a\":\"x"), Err(Broken::Cut));
        assert!(matches!(all("{\"a\":1} {}"), Err(Broken::Invalid(_, 9))));
        assert!(matches!(all("{a:1}"), Err(Broken::Invalid(_, 2))));
    }
}
