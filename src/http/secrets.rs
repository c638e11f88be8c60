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
        assert_eq!(format!("{secrets:?}"), "Secrets(2)");
    }
}
