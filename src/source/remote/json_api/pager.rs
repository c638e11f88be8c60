use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::http::Reply;

/// How the pages of an API follow one another.
///
/// | API says | pager |
/// |---|---|
/// | nothing: one page | [`once`](Self::once) |
/// | a token or cursor in the reply, sent back in the query | [`token`](Self::token) |
/// | a whole URL in the reply, or in the header `Link` | [`link`](Self::link), [`link_header`](Self::link_header) |
/// | pages are numbered | [`page`](Self::page), with [`total_pages`](Self::total_pages) or [`total_header`](Self::total_header) |
/// | rows are numbered | [`offset`](Self::offset) |
/// | an object to copy into the query, as MediaWiki does | [`continued`](Self::continued) |
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pager {
    kind: Kind,
    total: Total,
    first: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
enum Kind {
    Once,
    Token { param: String, pointer: String },
    Link { pointer: String },
    LinkHeader,
    Page { param: String },
    Offset { param: String },
    Continue { pointer: String },
}

/// What tells the last numbered page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
enum Total {
    /// A page without rows.
    Unknown,
    Pointer(String),
    Header(String),
}

/// Where a page is; it stands in the cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Place {
    /// What the query has beside what is always there.
    pub(super) query: Vec<(String, String)>,
    /// The URL in place of the path and all of the query.
    pub(super) link: Option<String>,
    /// The number of the page, or of its first row.
    pub(super) number: u64,
}

impl Pager {
    fn of(kind: Kind) -> Self {
        Self {
            kind,
            total: Total::Unknown,
            first: 1,
        }
    }

    /// One page.
    pub fn once() -> Self {
        Self::of(Kind::Once)
    }

    /// The reply has a token at a pointer, which goes into this parameter of the next query. The
    /// last page has none, or one that is empty.
    pub fn token(param: impl Into<String>, pointer: impl Into<String>) -> Self {
        Self::of(Kind::Token {
            param: param.into(),
            pointer: pointer.into(),
        })
    }

    /// The reply has the URL of the next page at a pointer. It must be of the same host.
    pub fn link(pointer: impl Into<String>) -> Self {
        Self::of(Kind::Link {
            pointer: pointer.into(),
        })
    }

    /// The header `Link` has the URL of the next page, as `<…>; rel="next"`. It must be of the same host.
    pub fn link_header() -> Self {
        Self::of(Kind::LinkHeader)
    }

    /// Pages are numbered from 1 in this parameter, until one has no rows.
    pub fn page(param: impl Into<String>) -> Self {
        Self::of(Kind::Page {
            param: param.into(),
        })
    }

    /// Rows are numbered from 0 in this parameter, until a page has none.
    pub fn offset(param: impl Into<String>) -> Self {
        let mut pager = Self::of(Kind::Offset {
            param: param.into(),
        });
        pager.first = 0;
        pager
    }

    /// The reply has an object at a pointer, each member of which goes into the next query. The last
    /// page has none.
    pub fn continued(pointer: impl Into<String>) -> Self {
        Self::of(Kind::Continue {
            pointer: pointer.into(),
        })
    }

    /// The number of the first page, or row.
    pub fn first(mut self, number: u64) -> Self {
        self.first = number;
        self
    }

    /// Where the reply says how many pages, or rows, there are: one empty request less.
    pub fn total_pages(mut self, pointer: impl Into<String>) -> Self {
        self.total = Total::Pointer(pointer.into());
        self
    }

    /// The header that says how many pages, or rows, there are.
    pub fn total_header(mut self, name: impl Into<String>) -> Self {
        self.total = Total::Header(name.into());
        self
    }

    pub(super) fn pointers(&self) -> Vec<&str> {
        let of_kind = match &self.kind {
            Kind::Token { pointer, .. } | Kind::Link { pointer } | Kind::Continue { pointer } => {
                Some(pointer.as_str())
            }
            _ => None,
        };
        let of_total = match &self.total {
            Total::Pointer(pointer) => Some(pointer.as_str()),
            _ => None,
        };
        of_kind.into_iter().chain(of_total).collect()
    }

    /// The first page.
    pub(super) fn begin(&self) -> Place {
        self.numbered(self.first)
    }

    fn numbered(&self, number: u64) -> Place {
        let query = match &self.kind {
            Kind::Page { param } | Kind::Offset { param } => {
                vec![(param.clone(), number.to_string())]
            }
            _ => Vec::new(),
        };
        Place {
            query,
            link: None,
            number,
        }
    }

    /// The page after one with so many rows.
    pub(super) fn next(
        &self,
        here: &Place,
        reply: &Reply,
        body: &Value,
        rows: u64,
    ) -> Option<Place> {
        match &self.kind {
            Kind::Once => None,
            Kind::Token { param, pointer } => text(body.pointer(pointer)).map(|token| Place {
                query: vec![(param.clone(), token)],
                ..Place::default()
            }),
            Kind::Link { pointer } => text(body.pointer(pointer)).map(linked),
            Kind::LinkHeader => reply.header("link").and_then(next_of_header).map(linked),
            Kind::Page { .. } => {
                let total = self.total(reply, body);
                // Pages that begin with 0 end one number earlier.
                let last = total.map(|total| total.saturating_add(self.first).saturating_sub(1));
                let more = last.map_or(rows > 0, |last| here.number < last);
                let next = here.number.checked_add(1).filter(|_| more);
                next.map(|number| self.numbered(number))
            }
            Kind::Offset { .. } => {
                let number = here.number.checked_add(rows);
                let total = self.total(reply, body);
                let more = |number: &u64| {
                    total.is_none_or(|total| number.saturating_sub(self.first) < total)
                };
                let number = number.filter(more).filter(|_| rows > 0);
                number.map(|number| self.numbered(number))
            }
            Kind::Continue { pointer } => body
                .pointer(pointer)
                .and_then(Value::as_object)
                .filter(|object| !object.is_empty())
                .map(|object| {
                    let members = object.iter();
                    let members = members.map(|(name, value)| (name.clone(), text(Some(value))));
                    let members = members.map(|(name, value)| (name, value.unwrap_or_default()));
                    Place {
                        query: members.collect(),
                        ..Place::default()
                    }
                }),
        }
    }

    fn total(&self, reply: &Reply, body: &Value) -> Option<u64> {
        let text = match &self.total {
            Total::Unknown => None,
            Total::Pointer(pointer) => text(body.pointer(pointer)),
            Total::Header(name) => reply.header(name).map(str::to_owned),
        };
        text?.trim().parse().ok()
    }
}

fn linked(link: String) -> Place {
    Place {
        link: Some(link),
        ..Place::default()
    }
}

/// A text or a number; an empty text is none.
fn text(value: Option<&Value>) -> Option<String> {
    let text = match value? {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// The target of `rel="next"` in a header `Link`.
fn next_of_header(header: &str) -> Option<String> {
    let links = header.split('<').skip(1);
    let mut links = links.filter_map(|link| link.split_once('>'));
    let next = links.find(|(_, attributes)| {
        let mut attributes = attributes.split([';', ',']).map(str::trim);
        attributes.any(|attribute| matches!(attribute, "rel=\"next\"" | "rel=next"))
    });
    next.map(|(link, _)| link.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Pager, Place, next_of_header};
    use crate::http::Reply;

    #[test]
    fn numbers_at_their_ends_end_the_pages() {
        let reply = Reply::recorded(200, "");
        let body = json!({"total": u64::MAX});
        let at = |number| Place {
            number,
            ..Place::default()
        };
        let pages = Pager::page("p").total_pages("/total");
        assert_eq!(pages.next(&at(2), &reply, &body, 1).unwrap().number, 3);
        assert!(pages.next(&at(u64::MAX), &reply, &body, 1).is_none());
        // A first row that lies behind where a run stands.
        let rows = Pager::offset("o").first(10).total_pages("/total");
        assert_eq!(rows.next(&at(3), &reply, &body, 2).unwrap().number, 5);
        assert!(rows.next(&at(u64::MAX), &reply, &body, 2).is_none());
    }

    #[test]
    fn the_next_link_is_found_among_others() {
        let header = r#"<http://h/?p=1>; rel="prev", <http://h/?p=3,4>; rel="next"; title="x""#;
        assert_eq!(next_of_header(header).as_deref(), Some("http://h/?p=3,4"));
        assert_eq!(next_of_header("<http://h/?p=1>; rel=\"last\""), None);
        assert_eq!(next_of_header("none"), None);
    }
}
