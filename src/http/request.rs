use std::fmt;
use std::path::PathBuf;

use reqwest::Url;
use serde::Serialize;

use super::secrets::Secrets;
use crate::error::{Error, ErrorKind, Result};

/// What is asked of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// Reads.
    Get,
    /// Reads the headers only.
    Head,
    /// Makes something new, or anything at all.
    Post,
    /// Puts something in a place.
    Put,
    /// Changes a part.
    Patch,
    /// Takes away.
    Delete,
}

impl Method {
    /// Whether to send the same twice is to send it once, by the rules of HTTP.
    pub fn is_idempotent(self) -> bool {
        !matches!(self, Self::Post | Self::Patch)
    }

    pub(super) fn of_reqwest(self) -> reqwest::Method {
        match self {
            Self::Get => reqwest::Method::GET,
            Self::Head => reqwest::Method::HEAD,
            Self::Post => reqwest::Method::POST,
            Self::Put => reqwest::Method::PUT,
            Self::Patch => reqwest::Method::PATCH,
            Self::Delete => reqwest::Method::DELETE,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.of_reqwest().as_str())
    }
}

/// A request, below the base URL of a client.
///
/// # Examples
///
/// ```
/// use floe::http::Request;
///
/// let request = Request::get("/metrics/per-article")
///     .segment("AC/DC")
///     .query("limit", 5)
///     .endpoint("per-article");
/// assert_eq!(format!("{request:?}"), "Request(GET per-article)");
/// ```
#[derive(Clone)]
#[must_use = "a request does nothing until a client sends it"]
pub struct Request {
    pub(super) method: Method,
    pub(super) path: String,
    segments: Vec<String>,
    query: Vec<(String, String)>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Body,
    endpoint: Option<String>,
    repeatable: Option<bool>,
}

#[derive(Clone)]
pub(super) enum Body {
    Empty,
    Bytes {
        content_type: String,
        bytes: Vec<u8>,
    },
    File {
        content_type: String,
        path: PathBuf,
    },
    /// A value that JSON cannot write, kept until there is an error to return.
    Unwritable(String),
}

impl Request {
    /// A request by a method; the path is appended to the base URL. What is given as a path is
    /// escaped only where a URL cannot hold it: put names into [`segment`](Self::segment).
    ///
    /// A whole URL is taken too, such as a link to the next page, when it leads to the host of the
    /// client.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            segments: Vec::new(),
            query: Vec::new(),
            headers: Vec::new(),
            body: Body::Empty,
            endpoint: None,
            repeatable: None,
        }
    }

    /// A `GET` request.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::Get, path)
    }

    /// A `POST` request.
    pub fn post(path: impl Into<String>) -> Self {
        Self::new(Method::Post, path)
    }

    /// A `PUT` request.
    pub fn put(path: impl Into<String>) -> Self {
        Self::new(Method::Put, path)
    }

    /// A `PATCH` request.
    pub fn patch(path: impl Into<String>) -> Self {
        Self::new(Method::Patch, path)
    }

    /// A `DELETE` request.
    pub fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::Delete, path)
    }

    /// Appends one segment to the path, with everything escaped that has a meaning there.
    pub fn segment(mut self, segment: impl fmt::Display) -> Self {
        self.segments.push(segment.to_string());
        self
    }

    /// Appends a parameter to the query.
    pub fn query(mut self, name: impl Into<String>, value: impl fmt::Display) -> Self {
        self.query.push((name.into(), value.to_string()));
        self
    }

    /// Appends a parameter to the query when there is a value.
    pub fn query_if(self, name: impl Into<String>, value: Option<impl fmt::Display>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// Adds a header. What is secret belongs to the client.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sends a value as JSON.
    pub fn json(mut self, value: &(impl Serialize + ?Sized)) -> Self {
        self.body = match serde_json::to_vec(value) {
            Ok(bytes) => Body::Bytes {
                content_type: "application/json".to_owned(),
                bytes,
            },
            Err(error) => Body::Unwritable(error.to_string()),
        };
        self
    }

    /// Sends bytes.
    pub fn bytes(mut self, content_type: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        self.body = Body::Bytes {
            content_type: content_type.into(),
            bytes: bytes.into(),
        };
        self
    }

    /// Sends a file, piece by piece, so that it need not fit into memory.
    pub fn file(mut self, content_type: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        self.body = Body::File {
            content_type: content_type.into(),
            path: path.into(),
        };
        self
    }

    /// A label for classifiers, hooks and events, such as `videos.list`; the path unless told.
    pub fn endpoint(mut self, label: impl Into<String>) -> Self {
        self.endpoint = Some(label.into());
        self
    }

    /// Whether the request may be sent anew when it is not known if it was carried out, such as when
    /// the connection broke before the reply: `GET`, `HEAD`, `PUT` and `DELETE` unless told, `POST`
    /// and `PATCH` not. What never reached the service, and what a classifier says, is tried again
    /// for every method.
    pub fn repeatable(mut self, repeatable: bool) -> Self {
        self.repeatable = Some(repeatable);
        self
    }

    pub(super) fn is_repeatable(&self) -> bool {
        let by_method = self.method.is_idempotent();
        self.repeatable.unwrap_or(by_method)
    }

    pub(super) fn label(&self) -> &str {
        let path = self.path.split('?').next().unwrap_or_default();
        self.endpoint.as_deref().unwrap_or(path)
    }

    /// The URL to send to.
    pub(super) fn url(&self, base: &Url, secrets: &Secrets) -> Result<Url> {
        let wrong = |what: &str| {
            let path = self.path.split('?').next().unwrap_or_default();
            let message = format!("the path `{path}` {what}");
            Error::new(ErrorKind::Config, secrets.scrub(&message))
        };
        let whole = self.path.starts_with("http://") || self.path.starts_with("https://");
        let text = match self.path.strip_prefix('/').unwrap_or(&self.path) {
            "" => base.as_str().to_owned(),
            _ if whole => self.path.clone(),
            path => format!("{}/{path}", base.as_str().trim_end_matches('/')),
        };
        let mut url = Url::parse(&text).map_err(|_| wrong("makes no URL"))?;
        if url.origin() != base.origin() || !url.username().is_empty() {
            return Err(wrong("leads to another host than the client's")
                .with_help("secrets are sent to the host of the client only"));
        }
        if !self.segments.is_empty() {
            let dots = |segment: &str| matches!(segment, "" | "." | "..");
            if self.segments.iter().any(|segment| dots(segment)) {
                return Err(
                    wrong("is followed by a segment of nothing or of dots alone")
                        .with_help("a URL cannot hold such a name"),
                );
            }
            let mut path = url
                .path_segments_mut()
                .map_err(|()| wrong("has no segments"))?;
            path.pop_if_empty().extend(&self.segments);
        }
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        Ok(url)
    }
}

// Values of the query and bodies may be private.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({} {})", self.method, self.label())
    }
}

#[cfg(test)]
mod tests {
    use super::{Request, Secrets, Url};

    #[test]
    fn urls_stay_at_the_host() {
        let base = Url::parse("http://127.0.0.1:80/api/").unwrap();
        let url = |request: Request| {
            let url = request.url(&base, &Secrets::default());
            url.map(|url| url.to_string())
                .map_err(|error| error.to_string())
        };
        let plain = Request::get("/v3/videos")
            .query("id", "a,b")
            .query("q", "ü &");
        assert_eq!(
            url(plain).unwrap(),
            "http://127.0.0.1/api/v3/videos?id=a%2Cb&q=%C3%BC+%26"
        );
        let segments = Request::get("x/").segment("AC/DC").segment("100%");
        assert_eq!(
            url(segments).unwrap(),
            "http://127.0.0.1/api/x/AC%2FDC/100%25"
        );
        assert_eq!(url(Request::get("")).unwrap(), "http://127.0.0.1/api/");
        let next = Request::get("http://127.0.0.1:80/api/next?page=2");
        assert_eq!(url(next).unwrap(), "http://127.0.0.1/api/next?page=2");
        for away in [
            "http://127.0.0.1:81/x",
            "https://127.0.0.1/x",
            "http://u@127.0.0.1/x",
        ] {
            assert!(
                url(Request::get(away))
                    .unwrap_err()
                    .contains("another host"),
                "{away}"
            );
        }
        for dots in ["", ".", ".."] {
            assert!(url(Request::get("x").segment(dots)).is_err());
        }
    }
}
