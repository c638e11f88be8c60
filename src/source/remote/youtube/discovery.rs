use super::Search;
use crate::error::{Error, ErrorKind, Result};

/// Where the videos of a collection come from.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Discovery {
    Search(Box<Search>),
    /// Newest first, 50 for a unit of the common pool, and no end at 500.
    Playlist {
        id: String,
        /// As skipped items name it.
        name: String,
    },
    Videos(Vec<String>),
}

impl Discovery {
    /// The uploads of a channel: their playlist has the channel's id, but for its second letter.
    pub(super) fn uploads(channel: String) -> Self {
        let id = match channel.strip_prefix("UC") {
            Some(rest) => format!("UU{rest}"),
            None => String::new(),
        };
        Self::Playlist {
            id,
            name: format!("channel {channel}"),
        }
    }

    pub(super) fn playlist(id: String) -> Self {
        let name = format!("playlist {id}");
        Self::Playlist { id, name }
    }

    /// What makes it the same in a later run.
    pub(super) fn label(&self) -> String {
        match self {
            Self::Search(search) => search.label(),
            Self::Playlist { id, .. } => format!("playlist {id}"),
            Self::Videos(_) => "videos".to_owned(),
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        let wrong = |what: String, help: &'static str| {
            Err(Error::new(ErrorKind::Config, what).with_help(help))
        };
        match self {
            Self::Search(search) => search.check(),
            Self::Playlist { id, name } if !is_id(id) => wrong(
                format!("the {name} cannot be asked for"),
                "the id of a channel begins with `UC`; it is no handle and no URL",
            ),
            Self::Videos(ids) => match ids.iter().find(|id| !is_id(id)) {
                Some(id) => wrong(
                    format!("`{id}` is no id of a video"),
                    "give the part after `watch?v=`",
                ),
                None => Ok(()),
            },
            Self::Playlist { .. } => Ok(()),
        }
    }
}

/// Ids are opaque, but a comma or a space in one would make several of it.
fn is_id(id: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !id.is_empty() && id.len() <= 100 && id.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_uploads_of_a_channel_are_a_playlist() {
        let uploads = Discovery::uploads("UC_x5XG1OV2P6uZZ5FSM9Ttw".to_owned());
        assert!(
            matches!(&uploads, Discovery::Playlist { id, .. } if id == "UU_x5XG1OV2P6uZZ5FSM9Ttw")
        );
        assert!(uploads.check().is_ok());
        for bad in [
            Discovery::uploads("@handle".to_owned()),
            Discovery::playlist("PL 1".to_owned()),
            Discovery::Videos(vec!["dQw4w9WgXcQ".to_owned(), "a,b".to_owned()]),
            Discovery::Videos(vec![String::new()]),
        ] {
            assert_eq!(
                bad.check().unwrap_err().kind(),
                ErrorKind::Config,
                "{bad:?}"
            );
        }
    }
}
