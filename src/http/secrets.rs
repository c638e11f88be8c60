use std::fmt;

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

/// What no text may show.
#[derive(Clone, Default)]
pub(super) struct Secrets(Vec<SecretString>);

impl Secrets {
    pub(super) fn add(&mut self, secret: &SecretString) {
        if secret.expose_secret().is_empty() {
            return;
        }
        self.0.push(secret.clone());
        // The form that it takes inside a URL.
        let encoded = Url::parse_with_params("http://h/", [("k", secret.expose_secret())]);
        if let Some(query) = encoded.ok().as_ref().and_then(Url::query) {
            let value = query.trim_start_matches("k=");
            if value != secret.expose_secret() {
                self.0.push(value.to_owned().into());
            }
        }
        // The form that it takes inside a text of JSON, also where `/` is escaped.
        let quoted = serde_json::to_string(secret.expose_secret()).unwrap_or_default();
        let quoted = quoted.trim_start_matches('"');
        let quoted = quoted.strip_suffix('"').unwrap_or(quoted);
        for form in [quoted.to_owned(), quoted.replace('/', "\\/")] {
            let known = self.0.iter().any(|of| of.expose_secret() == form);
            if !form.is_empty() && !known {
                self.0.push(form.into());
            }
        }
        // The longest first: one may be a part of another.
        let length = |of: &SecretString| std::cmp::Reverse(of.expose_secret().len());
        self.0.sort_by_key(length);
    }

    /// Whether the text has a secret in it; one so short that any text may have it by chance only
    /// counts where it is all of the text.
    pub(super) fn is_in(&self, text: &str) -> bool {
        const TELLING: usize = 8;
        self.0.iter().any(|secret| {
            let secret = secret.expose_secret();
            text == secret || (secret.len() >= TELLING && text.contains(secret))
        })
    }

    /// The text with every secret in it blotted out: a service may echo what was sent.
    pub(super) fn scrub(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.0 {
            if text.contains(secret.expose_secret()) {
                text = text.replace(secret.expose_secret(), "[secret]");
            }
        }
        text
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::Secrets;

    #[test]
    fn a_secret_goes_also_where_it_is_encoded() {
        let mut secrets = Secrets::default();
        secrets.add(&"a b/c&d".into());
        let text = "?key=a+b%2Fc%26d and a b/c&d";
        assert_eq!(secrets.scrub(text), "?key=[secret] and [secret]");
        let json = r#"{"key": "a b\/c&d"}"#;
        assert_eq!(secrets.scrub(json), r#"{"key": "[secret]"}"#);
        assert!(secrets.is_in("a b/c&d") && !secrets.is_in("an a b/c&d"));
        secrets.add(&"a \"longer\" one".into());
        assert!(secrets.is_in(r#"{"echo": "a \"longer\" one"}"#));
        assert_eq!(secrets.scrub(r#"a \"longer\" one"#), "[secret]");
        assert_eq!(format!("{secrets:?}"), "Secrets(6)");
    }
}
