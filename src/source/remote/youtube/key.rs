use std::fmt;
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};

use crate::error::{Error, ErrorKind, Result};

/// A key of the YouTube Data API. It prints redacted, is sent in a header only, and is written to
/// no file.
///
/// A key is made in the Google Cloud console, under "APIs & Services", "Credentials"; its project
/// must have the "YouTube Data API v3" enabled.
///
/// # Examples
///
/// ```
/// use floe::source::remote::youtube::ApiKey;
///
/// let key = ApiKey::new("some-key");
/// assert_eq!(format!("{key:?}"), "ApiKey([REDACTED])");
/// ```
#[derive(Clone)]
pub struct ApiKey(SecretString);

impl ApiKey {
    /// A key that is at hand. Space around it, such as the end of a line, is cut.
    pub fn new(key: impl AsRef<str>) -> Self {
        Self(SecretString::from(key.as_ref().trim()))
    }

    /// The key in a variable of the environment.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when the variable is not set, is empty, or is not text.
    pub fn from_env(name: &str) -> Result<Self> {
        // The text of the error would hold the value where that is not Unicode.
        let value = std::env::var(name).map_err(|_| {
            Error::new(
                ErrorKind::Config,
                format!("the variable `{name}` holds no key"),
            )
            .with_help(format!("set `{name}` to a key of the YouTube Data API"))
        })?;
        let key = Self::new(value);
        key.check()?;
        Ok(key)
    }

    /// The key in a file that holds nothing else.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when the file cannot be read or holds no key.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|error| {
            Error::new(
                ErrorKind::Config,
                format!("the file of the key, `{}`: {error}", path.display()),
            )
            .with_help("name a file that holds a key of the YouTube Data API and nothing else")
        })?;
        let key = Self::new(text);
        key.check()?;
        Ok(key)
    }

    /// Refuses what no key can be, without telling what it is.
    pub(super) fn check(&self) -> Result<()> {
        let key = self.expose();
        let what = if key.is_empty() {
            "the API key is empty"
        } else if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            "the API key holds a space or a character that no key has"
        } else {
            return Ok(());
        };
        Err(Error::new(ErrorKind::Config, what)
            .with_help("copy the key anew from the Google Cloud console"))
    }

    pub(super) fn secret(&self) -> &SecretString {
        &self.0
    }

    fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey([REDACTED])")
    }
}

impl From<&str> for ApiKey {
    fn from(key: &str) -> Self {
        Self::new(key)
    }
}

impl From<String> for ApiKey {
    fn from(key: String) -> Self {
        Self::new(key)
    }
}

impl From<SecretString> for ApiKey {
    fn from(key: SecretString) -> Self {
        Self::new(key.expose_secret())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_cut_to_its_characters_and_checked_without_being_told() {
        assert_eq!(ApiKey::new(" test-key\r\n").expose(), "test-key");
        assert!(ApiKey::new("test-key").check().is_ok());
        for bad in ["", "  \n", "two words", "naïve", "line\nbreak"] {
            let error = ApiKey::new(bad).check().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            let told = format!("{error} {error:?}");
            assert!(bad.trim().is_empty() || !told.contains(bad), "{told}");
        }
    }
}
