//! The paged JSON source against recorded and emulated services of several manners.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use floe::clock::{Clock, ManualClock};
use floe::http::{Client, Retries};
use floe::polars::prelude::*;
use floe::source::remote::json_api::{ApiColumn, ApiItem, Pager, Rule};
use floe::source::remote::landing::Manifest;
use floe::source::remote::{JsonApi, Landing, Outcome};
use floe::{Error, ErrorKind};
use serde_json::{Value, json};

use crate::landing::files;
use crate::raw_server::{Answer, Asked, RawServer, answer, json as reply};
use crate::support::{collect, text};

pub(crate) const KEY: &str = "a-key-that-nobody-may-see";

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at("2026-11-25T10:00:00Z".parse().unwrap()))
}

pub(crate) fn client(server: &RawServer) -> Client {
    let retries = Retries::default()
        .first_pause(Duration::from_millis(1))
        .tries(3);
    let client = Client::at(server.url()).clock(clock()).retries(retries);
    client.secret_query("api_key", KEY).build().unwrap()
}

pub(crate) fn all(landing: &Landing, table: &str) -> DataFrame {
    collect(landing.scan(table).unwrap()).unwrap()
}

fn texts(frame: &DataFrame, column: &str) -> Vec<Option<String>> {
    let texts = frame.column(column).unwrap().str().unwrap().clone();
    texts.iter().map(|text| text.map(str::to_owned)).collect()
}

pub(crate) fn numbers(frame: &DataFrame, column: &str) -> Vec<Option<u64>> {
    let numbers = frame
        .column(column)
        .unwrap()
        .cast(&DataType::UInt64)
        .unwrap();
    numbers.u64().unwrap().iter().collect()
}

fn pageviews(client: Client) -> JsonApi {
    let path =
        "/metrics/pageviews/per-article/{project}/all-access/user/{article}/monthly/{start}/{end}";
    JsonApi::new("pageviews", client, path)
        .items("/items")
        .column(ApiColumn::new("project", "/project", DataType::String))
        .column(ApiColumn::new("article", "/article", DataType::String))
        .column(ApiColumn::new("month", "/timestamp", DataType::Date).format("%Y%m%d%H"))
        .column(ApiColumn::new("views", "/views", DataType::UInt64))
        .key(["project", "article", "month"])
        .rule(Rule::status(404).empty())
        .rule(Rule::status(400))
}

fn article(title: &str) -> ApiItem {
    let item = ApiItem::new(title)
        .set("project", "en.wikipedia")
        .set("article", title);
    item.set("start", "2020010100").set("end", "2020093000")
}

#[test]
fn recorded_pageviews_become_rows() {
    let (Some(views), Some(none)) = (
        text("wikipedia/pageviews_monthly_Dan_Castellaneta.json"),
        text("wikipedia/pageviews_error_404_no_data.json"),
    ) else {
        return;
    };
    let server = RawServer::start(move |_, asked| match asked.path() {
        path if path.contains("/Dan_Castellaneta/") => reply(200, &views),
        // An article with a slash in its title is one segment.
        path if path.contains("/AC%2FDC/") => {
            answer(404, "Content-Type: application/problem+json\r\n", &none)
        }
        path => reply(400, format!("{{\"title\": \"{path}\"}}")),
    });
    let folder = tempfile::tempdir().unwrap();
    let api = pageviews(client(&server));
    let landing = api.landing(folder.path()).unwrap();
    let items = [article("Dan_Castellaneta"), article("AC/DC")];
    let manifest = api.collect_blocking(&landing, items).unwrap();
    assert_eq!(
        (&manifest.outcome, manifest.rows("pageviews")),
        (&Outcome::Complete, 9)
    );
    assert!(manifest.skipped.is_empty());
    let frame = all(&landing, "pageviews");
    assert_eq!(frame.column("month").unwrap().dtype(), &DataType::Date);
    assert_eq!(
        frame.column("month").unwrap().get(0).unwrap().to_string(),
        "2020-01-01"
    );
    assert_eq!(frame.column("views").unwrap().dtype(), &DataType::UInt64);
    assert_eq!(
        numbers(&frame, "views").into_iter().flatten().sum::<u64>(),
        468_291
    );
    assert_eq!(texts(&frame, "project")[8].as_deref(), Some("en.wikipedia"));
    // What is not known to be harmless aborts, and the run says so.
    let error = api
        .collect_blocking(&landing, [article("Missing")])
        .unwrap_err();
    assert!(
        error.kind() == ErrorKind::Remote && !error.is_transient(),
        "{error}"
    );
    let last = landing.runs().unwrap().pop().unwrap();
    assert!(matches!(last.outcome, Outcome::Aborted { .. }));
}

/// A service of numbered pages, as TMDB is: three reviews a page.
fn reviews(server: &RawServer) -> JsonApi {
    JsonApi::new("reviews", client(server), "/3/movie/{movie}/reviews")
        .query("language", "en-US")
        .pager(Pager::page("page").total_pages("/total_pages"))
        .items("/results")
        .column(ApiColumn::new("review_id", "/id", DataType::String))
        .column(ApiColumn::new("rating", "/author_details/rating", DataType::Float64).null("0"))
        .column(ApiColumn::new("day", "/day", DataType::Date).null(""))
        .column(ApiColumn::of_item("movie", "movie", DataType::UInt32))
        .key(["review_id"])
        .rule(Rule::body_is("/status_code", 25).retry())
        .rule(Rule::body_is("/status_code", 34).skip())
        .rule(Rule::body_is("/status_code", 7).abort())
}

fn review(asked: &Asked, total: u64) -> Answer {
    let page: u64 = asked.param("page").unwrap().parse().unwrap();
    assert_eq!(asked.param("language").as_deref(), Some("en-US"));
    assert_eq!(asked.param("api_key").as_deref(), Some(KEY));
    let movie = asked.path().split('/').nth(3).unwrap().to_owned();
    let row = |at: u64| {
        json!({"id": format!("{movie}-{page}-{at}"), "day": if at == 0 { "" } else { "2026-01-31" },
            "author_details": {"rating": at * 5}})
    };
    let rows: Vec<Value> = (0..3).map(row).collect();
    reply(
        200,
        json!({"page": page, "total_pages": total, "results": rows}).to_string(),
    )
}

#[test]
fn numbered_pages_are_fetched_to_the_last() {
    let failures = AtomicUsize::new(0);
    let server = RawServer::start(move |_, asked| {
        // Too fast, once a page; and a movie that there is not.
        if asked.path().contains("/404/") {
            let body =
                r#"{"success": false, "status_code": 34, "status_message": "No such movie."}"#;
            return reply(404, body);
        }
        if failures.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) {
            return reply(429, r#"{"success": false, "status_code": 25}"#);
        }
        review(asked, 4)
    });
    let folder = tempfile::tempdir().unwrap();
    let api = reviews(&server);
    let landing = api.landing(folder.path()).unwrap();
    let items = [7, 404, 8].map(|movie| ApiItem::new(format!("movie {movie}")).set("movie", movie));
    let manifest = api.collect_blocking(&landing, items).unwrap();
    assert_eq!(
        (&manifest.outcome, manifest.rows("reviews")),
        (&Outcome::Complete, 24)
    );
    assert_eq!(manifest.skipped.len(), 1);
    assert_eq!(manifest.skipped[0].item, "movie 404");
    assert!(
        manifest.skipped[0].reason.starts_with("404: ")
            && manifest.skipped[0].reason.contains("No such movie")
    );
    assert_eq!(server.asked().len(), 17);
    let frame = all(&landing, "reviews");
    assert_eq!(texts(&frame, "review_id")[23].as_deref(), Some("8-4-2"));
    assert_eq!(frame.column("rating").unwrap().null_count(), 8);
    assert_eq!(frame.column("day").unwrap().null_count(), 8);
    assert_eq!(numbers(&frame, "movie")[0], Some(7));
    for path in files(folder.path()) {
        let bytes = std::fs::read(&path).unwrap();
        let found = bytes
            .windows(KEY.len())
            .any(|bytes| bytes == KEY.as_bytes());
        assert!(!found, "{}", path.display());
    }
}

#[test]
fn a_service_that_goes_away_leaves_the_run_open() {
    let server = RawServer::start(|number, asked| match number {
        2..=4 => answer(503, "", ""),
        _ => review(asked, 4),
    });
    let folder = tempfile::tempdir().unwrap();
    let api = reviews(&server);
    let landing = api.landing(folder.path()).unwrap();
    let item = || [ApiItem::new("movie").set("movie", 7)];
    let error = api.collect_blocking(&landing, item()).unwrap_err();
    assert!(
        error.is_transient() && !format!("{error} {error:?}").contains(KEY),
        "{error}"
    );
    assert_eq!(all(&landing, "reviews").height(), 0);
    let manifest = api.collect_blocking(&landing, item()).unwrap();
    assert_eq!((manifest.resumed, manifest.rows("reviews")), (1, 12));
    let pages: Vec<_> = server
        .asked()
        .iter()
        .map(|asked| asked.param("page").unwrap())
        .collect();
    assert_eq!(pages, ["1", "2", "3", "3", "3", "3", "4"]);
}

fn wiki(server: &RawServer) -> JsonApi {
    JsonApi::new("revisions", client(server), "/w/api.php")
        .query("action", "query")
        .query("titles", "{title}")
        .query("rvcontinue", "of the first page")
        .pager(Pager::continued("/continue"))
        .items("/query/pages/*/revisions")
        .column(ApiColumn::new("rev_id", "/revid", DataType::Int64))
        .column(ApiColumn::above("title", "/title", DataType::String))
        .column(ApiColumn::new("user", "/user", DataType::String))
        .column(ApiColumn::new(
            "at",
            "/timestamp",
            DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)),
        ))
        .key(["rev_id"])
        .rule(Rule::body_is("/error/code", "maxlag").retry())
        .rule(Rule::body_at("/error"))
}

#[test]
fn a_continue_object_is_copied_into_the_query() {
    let server = RawServer::start(|number, asked| {
        let revision = |id: u64| json!({"revid": id, "timestamp": "2026-01-31T12:00:00Z"});
        let pages = |ids: &[u64]| {
            let revisions: Vec<Value> = ids.iter().map(|id| revision(*id)).collect();
            json!([{"title": "A", "revisions": revisions}, {"title": "B", "missing": true}])
        };
        match (number, asked.param("rvcontinue").as_deref()) {
            (0, Some("of+the+first+page")) => {
                let lag = r#"{"error": {"code": "maxlag", "info": "6 seconds lagged"}}"#;
                answer(200, "Retry-After: 5\r\n", lag)
            }
            (1, _) => {
                let body = json!({"continue": {"rvcontinue": "2|x", "continue": "||"},
                    "query": {"pages": pages(&[1, 2])}});
                reply(200, body.to_string())
            }
            (_, Some("2%7Cx")) if asked.param("continue").as_deref() == Some("%7C%7C") => {
                reply(200, json!({"query": {"pages": pages(&[3])}}).to_string())
            }
            _ => reply(200, r#"{"error": {"code": "badvalue", "info": "what?"}}"#),
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let api = wiki(&server);
    let landing = api.landing(folder.path()).unwrap();
    let item = |title: &str| [ApiItem::new(title).set("title", title)];
    let manifest = api.collect_blocking(&landing, item("A|B")).unwrap();
    assert_eq!(manifest.rows("revisions"), 3);
    assert_eq!(server.asked()[1].param("titles").as_deref(), Some("A%7CB"));
    let frame = all(&landing, "revisions");
    assert!(
        texts(&frame, "title")
            .iter()
            .all(|title| title.as_deref() == Some("A"))
    );
    assert_eq!(frame.column("user").unwrap().null_count(), 3);
    // An error in a reply of status 200 aborts; what it says is told.
    let error = api.collect_blocking(&landing, item("C")).unwrap_err();
    assert!(error.to_string().contains("badvalue"), "{error}");
}

/// Seven rows by three, in one of the other manners of paging.
fn paged(manner: &'static str) -> (RawServer, Pager) {
    let server = RawServer::start(move |_, asked| {
        let param = |name: &str| asked.param(name).and_then(|text| text.parse::<u64>().ok());
        let from = match manner {
            "token" => param("pageToken").unwrap_or(0),
            "offset" => param("skip").unwrap(),
            "header" => (param("page").unwrap() - 1) * 3,
            _ => param("at").unwrap_or(0),
        };
        let rows: Vec<Value> = (from..7.min(from + 3))
            .map(|id| json!({"id": id}))
            .collect();
        let more = from + 3 < 7;
        let mut body = json!({"rows": rows});
        let link = format!(
            "http://{}/list?at={}&api_key={KEY}",
            asked.header("host").unwrap(),
            from + 3
        );
        let mut headers = String::new();
        match manner {
            "token" if more => body["next"] = json!((from + 3).to_string()),
            "token" => body["next"] = json!(""),
            "link" if more => body["next"] = json!(link),
            "link header" if more => headers = format!("Link: <{link}>; rel=\"next\"\r\n"),
            "header" => headers.push_str("X-Pagination-Page-Count: 3\r\n"),
            _ => {}
        }
        answer(200, &headers, body.to_string())
    });
    let pager = match manner {
        "token" => Pager::token("pageToken", "/next"),
        "offset" => Pager::offset("skip"),
        "link" => Pager::link("/next"),
        "link header" => Pager::link_header(),
        _ => Pager::page("page").total_header("x-pagination-page-count"),
    };
    (server, pager)
}

pub(crate) fn list(server: &RawServer, pager: Pager) -> JsonApi {
    JsonApi::new("list", client(server), "/list")
        .pager(pager)
        .items("/rows")
        .column(ApiColumn::new("id", "/id", DataType::UInt64))
        .key(["id"])
}

#[test]
fn every_manner_of_paging_gives_every_row_once() {
    for (manner, requests) in [
        ("token", 3),
        ("offset", 4),
        ("link", 3),
        ("link header", 3),
        ("header", 3),
    ] {
        let (server, pager) = paged(manner);
        let folder = tempfile::tempdir().unwrap();
        let api = list(&server, pager);
        let landing = api.landing(folder.path()).unwrap();
        api.collect_blocking(&landing, [ApiItem::new("all")])
            .unwrap();
        let ids = numbers(&all(&landing, "list"), "id");
        assert_eq!(ids, (0..7).map(Some).collect::<Vec<_>>(), "{manner}");
        let asked = server.asked();
        assert_eq!(asked.len(), requests, "{manner}");
        // A link that brings the key back does not double it.
        assert!(
            asked
                .iter()
                .all(|asked| asked.target.matches(KEY).count() == 1),
            "{manner}"
        );
    }
}

#[test]
fn a_circle_and_too_many_pages_end() {
    let server = RawServer::start(|_, _| reply(200, r#"{"rows": [], "next": "same"}"#));
    let folder = tempfile::tempdir().unwrap();
    let api = list(&server, Pager::token("pageToken", "/next"));
    let landing = api.landing(folder.path()).unwrap();
    let error = api
        .collect_blocking(&landing, [ApiItem::new("all")])
        .unwrap_err();
    assert!(error.to_string().contains("read before"), "{error}");
    assert_eq!(server.asked().len(), 2);

    let (server, pager) = paged("token");
    let folder = tempfile::tempdir().unwrap();
    let api = list(&server, pager).max_pages(2);
    let landing = api.landing(folder.path()).unwrap();
    let manifest = api
        .collect_blocking(&landing, [ApiItem::new("all")])
        .unwrap();
    assert_eq!(manifest.rows("list"), 6);
    assert_eq!(manifest.skipped[0].reason, "there are more than 2 pages");
}

/// A service that tells its errors with status 200, and numbers as strings, as OMDb does.
fn movies(server: &RawServer) -> JsonApi {
    JsonApi::new("movies", client(server), "/")
        .query("i", "{imdb}")
        .column(ApiColumn::new("imdb_id", "/imdbID", DataType::String))
        .column(ApiColumn::new("rating", "/imdbRating", DataType::Float64).null("N/A"))
        .column(
            ApiColumn::new("votes", "/imdbVotes", DataType::UInt32)
                .thousands(',')
                .null("N/A"),
        )
        .column(
            ApiColumn::new("minutes", "/Runtime", DataType::UInt16)
                .pattern(r"^(\d+) min$")
                .null("N/A"),
        )
        .column(
            ApiColumn::new("released", "/Released", DataType::Date)
                .format("%d %b %Y")
                .null("N/A"),
        )
        .key(["imdb_id"])
        .rule(
            Rule::body_has("/Error", "limit reached")
                .and_status(401..=401)
                .stop(),
        )
        .rule(Rule::status(401).abort())
        .rule(Rule::body_is("/Response", "False").skip())
}

fn titles(ids: &[&str]) -> Vec<ApiItem> {
    ids.iter()
        .map(|id| ApiItem::new(*id).set("imdb", id))
        .collect()
}

#[test]
fn a_quota_stops_the_run_and_the_next_goes_on_there() {
    let calls = AtomicUsize::new(0);
    let server = RawServer::start(move |_, asked| {
        let id = asked.param("i").unwrap();
        if calls.fetch_add(1, Ordering::SeqCst) == 3 {
            let body = r#"{"Response": "False", "Error": "Request limit reached!"}"#;
            return answer(401, "Retry-After: 3600\r\n", body);
        }
        if id == "tt2" {
            return reply(200, r#"{"Response": "False", "Error": "Movie not found!"}"#);
        }
        let (rating, votes) = if id == "tt3" {
            ("N/A", "N/A")
        } else {
            ("8.1", "1,234,567")
        };
        reply(
            200,
            json!({"imdbID": id, "imdbRating": rating, "imdbVotes": votes,
            "Runtime": "148 min", "Released": "16 Jul 2010", "Response": "True"})
            .to_string(),
        )
    });
    let folder = tempfile::tempdir().unwrap();
    let api = movies(&server);
    let landing = api.landing(folder.path()).unwrap();
    let ids = ["tt1", "tt2", "tt3", "tt4", "tt5"];
    let manifest = api.collect_blocking(&landing, titles(&ids)).unwrap();
    let Outcome::Partial { why, resume_at } = &manifest.outcome else {
        panic!("{manifest:?}");
    };
    assert!(
        why.contains("tt4") && why.contains("limit reached"),
        "{why}"
    );
    assert_eq!(resume_at.unwrap().to_string(), "2026-11-25T11:00:00Z");
    assert!(manifest.skipped[0].reason.contains("Movie not found!"));
    // The rows are there; the next run asks only for what is left.
    assert_eq!(all(&landing, "movies").height(), 2);
    let manifest = api.collect_blocking(&landing, titles(&ids)).unwrap();
    assert_eq!(
        (&manifest.outcome, manifest.rows("movies")),
        (&Outcome::Complete, 2)
    );
    let asked = server.asked();
    let asked: Vec<_> = asked
        .iter()
        .map(|asked| asked.param("i").unwrap())
        .collect();
    assert_eq!(asked, ["tt1", "tt2", "tt3", "tt4", "tt4", "tt5"]);
    let frame = all(&landing, "movies");
    assert_eq!(
        numbers(&frame, "votes"),
        [Some(1_234_567), None, Some(1_234_567), Some(1_234_567)]
    );
    assert_eq!(frame.column("rating").unwrap().null_count(), 1);
    assert_eq!(numbers(&frame, "minutes")[0], Some(148));
    assert_eq!(
        frame
            .column("released")
            .unwrap()
            .get(0)
            .unwrap()
            .to_string(),
        "2010-07-16"
    );
    // Once it is complete, the next begins from the beginning.
    api.collect_blocking(&landing, titles(&ids[..1])).unwrap();
    assert_eq!(server.asked().len(), 7);
}

#[test]
fn a_bad_key_is_told_after_one_request() {
    let server = RawServer::start(|_, asked| {
        let echo = asked.param("api_key").unwrap();
        reply(
            401,
            json!({"Response": "False", "Error": format!("Invalid API key {echo}!")}).to_string(),
        )
    });
    let folder = tempfile::tempdir().unwrap();
    let api = movies(&server);
    let landing = api.landing(folder.path()).unwrap();
    let error = api
        .collect_blocking(&landing, titles(&["tt1", "tt2"]))
        .unwrap_err();
    assert!(!error.is_transient() && error.kind() == ErrorKind::Remote);
    assert_eq!(server.asked().len(), 1);
    let manifest = landing.runs().unwrap().pop().unwrap();
    assert!(matches!(manifest.outcome, Outcome::Aborted { .. }));
    assert!(
        !format!("{error} {error:?} {manifest:?}").contains(KEY),
        "{error}"
    );
}

#[test]
fn a_value_that_does_not_fit_names_its_column_and_the_run_goes_on_once_it_is_mended() {
    let server = RawServer::start(|_, _| {
        let rows = json!([{"id": 1, "n": 5}, {"id": 2, "n": "-"}]);
        reply(200, json!({"rows": rows}).to_string())
    });
    let folder = tempfile::tempdir().unwrap();
    let api = |column: ApiColumn| list(&server, Pager::once()).column(column);
    let column = ApiColumn::new("n", "/n", DataType::Int8);
    let strict = api(column.clone());
    let landing = strict.landing(folder.path()).unwrap();
    let error = strict
        .collect_blocking(&landing, [ApiItem::new("all")])
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Schema, Some("n"))
    );
    assert!(error.to_string().contains("\"-\""), "{error}");
    assert_eq!(all(&landing, "list").height(), 0);
    let manifest = api(column.null("-"))
        .collect_blocking(&landing, [ApiItem::new("all")])
        .unwrap();
    assert_eq!((manifest.resumed, manifest.rows("list")), (1, 2));
}

#[test]
fn a_page_that_is_no_json_is_fetched_again() {
    let server = RawServer::start(|number, _| match number {
        0 => answer(200, "", "<html>a portal</html>"),
        1 => reply(200, r#"{"rows": [{"id": 1"#),
        _ => reply(200, r#"{"rows": [{"id": 1}]}"#),
    });
    let folder = tempfile::tempdir().unwrap();
    let api = list(&server, Pager::once());
    let landing = api.landing(folder.path()).unwrap();
    assert_eq!(
        api.collect_blocking(&landing, [ApiItem::new("all")])
            .unwrap()
            .rows("list"),
        1
    );
    assert_eq!(server.asked().len(), 3);
}

#[test]
fn settings_that_cannot_work_are_refused_before_anything_is_sent() {
    let server = RawServer::start(|_, _| reply(200, "{}"));
    let folder = tempfile::tempdir().unwrap();
    let good = list(&server, Pager::once());
    let landing = good.landing(folder.path()).unwrap();
    let text = |name: &str| ApiColumn::new(name, "/x", DataType::String);
    for api in [
        good.clone().items("rows"),
        good.clone().key(["missing"]),
        good.clone().column(text("id")),
        good.clone().column(text("x").format("%Y")),
        good.clone().column(text("x").pattern("(")),
        good.clone()
            .column(ApiColumn::new("x", "x", DataType::String)),
        good.clone().rule(Rule::body_at("error")),
        good.clone().pager(Pager::link("next")),
        good.clone().query("q", "{missing}"),
    ] {
        let collected = api.collect_blocking(&landing, [ApiItem::new("all")]);
        assert_eq!(collected.unwrap_err().kind(), ErrorKind::Config);
    }
    assert!(server.asked().is_empty());
}

#[test]
fn it_is_collected_inside_both_kinds_of_runtime() {
    let (server, pager) = paged("token");
    let api = list(&server, pager);
    let collected = |folder: &std::path::Path| -> Result<Manifest, Error> {
        let landing = api.landing(folder)?;
        api.collect_blocking(&landing, [ApiItem::new("all")])
    };
    let current = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let multi = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    for runtime in [&current, &multi] {
        let folder = tempfile::tempdir().unwrap();
        runtime
            .block_on(async { collected(folder.path()) })
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let landing = api.landing(folder.path()).unwrap();
        let manifest = runtime
            .block_on(api.collect(&landing, [ApiItem::new("all")]))
            .unwrap();
        assert_eq!(manifest.rows("list"), 7);
    }
    assert_eq!(clock().now().to_string(), "2026-11-25T10:00:00Z");
}
