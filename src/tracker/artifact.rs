use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A file, a folder or a text that belongs to a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Artifact {
    /// Where it stands among the artifacts of the run, with `/` between folders, such as
    /// `plots/fit.svg`. For a folder: the folder that takes its files.
    pub path: String,
    /// What it holds.
    #[serde(flatten)]
    pub content: Content,
}

/// What an [`Artifact`] holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "holds", content = "content", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Content {
    /// A text.
    Text(String),
    /// Bytes, such as a figure.
    Bytes(Vec<u8>),
    /// A file, or a folder with all below it, of this machine. It is copied while the event is
    /// recorded.
    Path(PathBuf),
}

impl Artifact {
    /// A text, such as a report or a figure as SVG.
    pub fn text(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            content: Content::Text(text.into()),
        }
    }

    /// Bytes, such as a figure as PNG.
    pub fn bytes(path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            path: path.into(),
            content: Content::Bytes(bytes.into()),
        }
    }

    /// A file, or a folder with all below it.
    pub fn copy(path: impl Into<String>, from: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            content: Content::Path(from.into()),
        }
    }
}
