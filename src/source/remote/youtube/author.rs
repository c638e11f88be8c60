use std::fmt;
use std::hash::Hasher as _;

use secrecy::{ExposeSecret, SecretString};
use siphasher::sip128::{Hasher128, SipHasher24};

use crate::error::{Error, ErrorKind, Result};

/// What is kept of who wrote a comment.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Authors {
    /// Nothing; the fields are not even asked for.
    #[default]
    Omit,
    /// A pseudonym: the author's channel id under SipHash-2-4 with a secret salt, as 32 hex digits.
    ///
    /// The same author has the same pseudonym wherever the salt is the same, so that comments can be
    /// counted by author. Who knows the salt can find out whose a pseudonym is: keep it as you keep
    /// a key, and throw it away when it is no longer needed.
    Pseudonym(SecretString),
    /// Name and channel id as YouTube tells them: personal data, which laws may bind you to guard.
    Keep,
}

impl Authors {
    /// Pseudonyms under this salt, which is written to no file.
    pub fn pseudonym(salt: impl Into<String>) -> Self {
        Self::Pseudonym(SecretString::from(salt.into()))
    }

    /// A short salt could be guessed.
    pub(super) fn check(&self) -> Result<()> {
        match self {
            Self::Pseudonym(salt) if salt.expose_secret().len() < 16 => Err(Error::new(
                ErrorKind::Config,
                "the salt of the authors' pseudonyms is shorter than 16 bytes",
            )
            .with_help("make one of random characters, such as by `openssl rand -hex 16`")),
            _ => Ok(()),
        }
    }

    /// How the setting is called in a manifest, without the salt.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Omit => "omit",
            Self::Pseudonym(_) => "pseudonym",
            Self::Keep => "keep",
        }
    }

    pub(super) fn are_asked_for(&self) -> bool {
        !matches!(self, Self::Omit)
    }

    /// The pseudonym of a channel, where pseudonyms are wanted.
    pub(super) fn pseudonym_of(&self, channel_id: &str) -> Option<String> {
        let Self::Pseudonym(salt) = self else {
            return None;
        };
        let salt = salt.expose_secret().as_bytes();
        // The key of the hash is all of the salt, not its first sixteen bytes.
        let key = hash(&[0; 16], salt);
        let named = hash(&key.to_le_bytes(), channel_id.as_bytes());
        Some(format!("{named:032x}"))
    }
}

fn hash(key: &[u8; 16], text: &[u8]) -> u128 {
    let mut hasher = SipHasher24::new_with_key(key);
    hasher.write(text);
    hasher.finish128().as_u128()
}

impl fmt::Debug for Authors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Omit => "Omit",
            Self::Pseudonym(_) => "Pseudonym([REDACTED])",
            Self::Keep => "Keep",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_depends_on_the_author_and_on_the_whole_salt() {
        let salted = |salt: &str| Authors::pseudonym(salt).pseudonym_of("UC1").unwrap();
        let first = salted("sixteen bytes at least");
        assert_eq!(first.len(), 32);
        assert_eq!(first, salted("sixteen bytes at least"));
        assert_ne!(first, salted("sixteen bytes at leasT"));
        let other = Authors::pseudonym("sixteen bytes at least").pseudonym_of("UC2");
        assert_ne!(Some(first), other);
        assert_eq!(Authors::Omit.pseudonym_of("UC1"), None);
        assert_eq!(Authors::Keep.pseudonym_of("UC1"), None);
    }

    #[test]
    fn a_salt_is_long_and_is_not_printed() {
        assert!(Authors::pseudonym("short").check().is_err());
        let long = Authors::pseudonym("sixteen bytes at least");
        assert!(long.check().is_ok());
        assert_eq!(format!("{long:?}"), "Pseudonym([REDACTED])");
    }
}
