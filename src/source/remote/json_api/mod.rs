//! Any paged JSON API as a source, described by a table: where the rows are, how pages follow one
//! another, which columns there are, and what its errors mean.

mod collect;
mod column;
mod convert;
mod found;
mod item;
mod pager;
mod rule;

use std::fmt;
use std::path::Path;

use polars::prelude::DataType;

pub use column::ApiColumn;
pub use item::ApiItem;
pub use pager::Pager;
pub use rule::Rule;

use super::landing::{Landing, Manifest, Table};
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Client, blocking, spawned};

/// A JSON API, collected item by item and page by page into one table of a [`Landing`].
///
/// | asked | by |
/// |---|---|
/// | where | the base URL, headers and keys of the [`Client`]; a path with `{placeholders}`; [`query`](Self::query) |
/// | what | one [`ApiItem`] for each set of values of the placeholders |
/// | the next page | a [`Pager`] |
/// | the rows | [`items`](Self::items), a JSON pointer |
/// | the columns | [`column`](Self::column) |
/// | errors | [`Rule`]s on status and body; else by the status |
///
/// Each page is committed before the next is fetched. An error, also a service that stays away, leaves
/// the run open: the next call goes on from the last page. A [`Rule`] that stops the run, such as at the
/// end of a quota, ends it as partial; the next run with the same items goes on where it stopped.
///
/// # Examples
///
/// ```
/// use floe::http::Client;
/// use floe::polars::prelude::*;
/// use floe::source::remote::json_api::{ApiColumn, ApiItem, JsonApi, Pager, Rule};
///
/// let client = Client::at("https://api.example.org/3").bearer("the key").build()?;
/// let reviews = JsonApi::new("reviews", client, "/movie/{movie}/reviews")
///     .pager(Pager::page("page").total_pages("/total_pages"))
///     .items("/results")
///     .column(ApiColumn::new("review_id", "/id", DataType::String))
///     .column(ApiColumn::new("rating", "/author_details/rating", DataType::Float64))
///     .column(ApiColumn::of_item("movie", "movie", DataType::UInt32))
///     .key(["review_id"])
///     .rule(Rule::body_is("/status_code", 34).skip());
/// reviews.check()?;
/// # let root = std::env::temp_dir().join(format!("floe-api-doc-{}", std::process::id()));
/// let landing = reviews.landing(&root)?;
/// // reviews.collect_blocking(&landing, [ApiItem::new("Interstellar").set("movie", 157336)])?;
/// assert_eq!(landing.scan("reviews")?.collect()?.shape(), (0, 6));
/// # let _ = ApiItem::new("x"); std::fs::remove_dir_all(root)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use = "an API is asked for nothing until it is collected"]
pub struct JsonApi {
    name: String,
    client: Client,
    path: String,
    query: Vec<(String, String)>,
    pager: Pager,
    items: String,
    items_may_be_missing: bool,
    columns: Vec<ApiColumn>,
    key: Vec<String>,
    version: u32,
    rules: Vec<Rule>,
    max_pages: Option<u64>,
}

impl JsonApi {
    /// An API under a name, which becomes that of its landing and table. In the path, `{name}` is
    /// the value of an item, escaped.
    pub fn new(name: impl Into<String>, client: Client, path: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            client,
            path: path.into(),
            query: Vec::new(),
            pager: Pager::once(),
            items: String::new(),
            items_may_be_missing: false,
            columns: Vec::new(),
            key: Vec::new(),
            version: 1,
            rules: Vec::new(),
            max_pages: None,
        }
    }

    /// A parameter of every query; `{name}` in its value is the value of an item. It stands in
    /// manifests: what is secret belongs to the client, and is refused here.
    pub fn query(mut self, name: impl Into<String>, value: impl fmt::Display) -> Self {
        self.query.push((name.into(), value.to_string()));
        self
    }

    /// How pages follow one another; one page unless told.
    pub fn pager(mut self, pager: Pager) -> Self {
        self.pager = pager;
        self
    }

    /// Where the rows are in a reply: a JSON pointer to an array, or to an object, which is one row;
    /// the whole reply unless told. A `*` goes through an array or the values of an object, such as in
    /// `/query/pages/*/revisions`.
    ///
    /// An empty array, or null, is a page without rows. Where there is nothing, or a text or a number,
    /// the run ends with an error and is left open: the pointer is wrong, or the reply tells of an
    /// error that no [`rule`](Self::rule) knows. Of the elements of a `*`, one with rows is enough.
    pub fn items(mut self, pointer: impl Into<String>) -> Self {
        self.items = pointer.into();
        self
    }

    /// A reply with nothing where the rows should be is a page without rows: some services leave out
    /// what is empty. A wrong pointer is then not found out.
    pub fn items_may_be_missing(mut self) -> Self {
        self.items_may_be_missing = true;
        self
    }

    /// Adds a column.
    pub fn column(mut self, column: ApiColumn) -> Self {
        self.columns.push(column);
        self
    }

    /// The columns that tell rows apart.
    pub fn key<N: Into<String>>(mut self, columns: impl IntoIterator<Item = N>) -> Self {
        self.key = columns.into_iter().map(Into::into).collect();
        self
    }

    /// The version of the columns; see [`Table::version`].
    pub fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// Adds what a kind of reply means; the first rule that matches counts.
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Fetches at most so many pages an item; that there were more is noted as a skip.
    pub fn max_pages(mut self, pages: u64) -> Self {
        self.max_pages = Some(pages);
        self
    }

    /// The table that rows land in.
    pub fn table(&self) -> Table {
        let columns = self.columns.iter();
        let columns = columns
            .map(|column| -> (String, DataType) { (column.name.clone(), column.dtype.clone()) });
        Table::new(&self.name, &self.key)
            .columns(columns)
            .version(self.version)
    }

    /// The landing of this API in a folder.
    ///
    /// # Errors
    ///
    /// Those of [`Landing::open`].
    pub fn landing(&self, root: impl AsRef<Path>) -> Result<Landing> {
        Landing::open(root, &self.name, [self.table()])
    }

    /// Says what cannot work.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for a table that cannot work (see [`Table::check`]), a pointer that is
    /// none, a format for a dtype that has none, a pattern that is none, and a secret of the client in
    /// the path or the query.
    pub fn check(&self) -> Result<()> {
        self.table().check()?;
        self.columns.iter().try_for_each(ApiColumn::check)?;
        let pointers = self.rules.iter().filter_map(Rule::pointer);
        let pointers = pointers
            .chain(self.pager.pointers())
            .chain([self.items.as_str()]);
        for pointer in pointers {
            check_pointer(pointer)?;
        }
        self.refuse_secrets(&self.path, "the path")?;
        let mut query = self.query.iter();
        query.try_for_each(|(name, value)| {
            self.refuse_secrets(value, &format!("`{name}` of the query"))
        })
    }

    /// Manifests hold the path, the query and the items.
    fn refuse_secrets(&self, text: &str, place: &str) -> Result<()> {
        if !self.client.has_secret(text) {
            return Ok(());
        }
        let message = format!("{place} has a secret of the client, and would stand in files");
        Err(Error::new(ErrorKind::Config, message)
            .with_help("the client sends it: leave it out here, see `.secret_query(..)`"))
    }

    /// Collects the pages of some items.
    ///
    /// The landing has the name and the table of this API; see [`landing`](Self::landing).
    ///
    /// # Errors
    ///
    /// Those of [`check`](Self::check) and of [`Landing::begin`]; [`ErrorKind::Config`] for an item
    /// that lacks a value; [`ErrorKind::Remote`] when the service does not give what was asked;
    /// [`ErrorKind::Schema`] with the column for a value that does not fit.
    pub async fn collect(
        &self,
        landing: &Landing,
        items: impl IntoIterator<Item = ApiItem>,
    ) -> Result<Manifest> {
        self.check()?;
        let (api, landing) = (self.clone(), landing.clone());
        let items: Vec<ApiItem> = items.into_iter().collect();
        spawned(api.collect_all(landing, items)).await
    }

    /// As [`collect`](Self::collect), and blocks the thread.
    ///
    /// # Errors
    ///
    /// Those of [`collect`](Self::collect).
    pub fn collect_blocking(
        &self,
        landing: &Landing,
        items: impl IntoIterator<Item = ApiItem>,
    ) -> Result<Manifest> {
        let items: Vec<ApiItem> = items.into_iter().collect();
        blocking(self.collect(landing, items))
    }
}

impl fmt::Debug for JsonApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JsonApi({} of {:?})", self.name, self.client)
    }
}

fn check_pointer(pointer: &str) -> Result<()> {
    if pointer.is_empty() || pointer.starts_with('/') {
        return Ok(());
    }
    let message = format!("`{pointer}` is no JSON pointer");
    Err(Error::new(ErrorKind::Config, message).with_help("a pointer begins with `/`, as `/items`"))
}
