//! What the paged JSON source does where a service, or who describes it, is wrong.

use std::time::Duration;

use floe::ErrorKind;
use floe::http::{Client, Retries};
use floe::polars::prelude::*;
use floe::source::remote::json_api::{ApiColumn, ApiItem, Pager, Rule};
use floe::source::remote::{JsonApi, Outcome};
use serde_json::json;

use crate::json_api::{KEY, all, client, list, numbers};
use crate::landing::files;
use crate::raw_server::{RawServer, json as reply};

fn one() -> [ApiItem; 1] {
    [ApiItem::new("all")]
}

#[test]
fn collects_of_one_landing_wait_for_one_another() {
    let server = RawServer::start(|number, _| {
        if number == 0 {
            // So long that the others are waiting for the lock.
            std::thread::sleep(Duration::from_millis(300));
        }
        reply(200, json!({"rows": [{"id": number}]}).to_string())
    });
    let folder = tempfile::tempdir().unwrap();
    let api = list(&server, Pager::once());
    let landing = api.landing(folder.path()).unwrap();
    let landing = landing.wait_for_writer(Duration::from_secs(20));
    std::thread::scope(|scope| {
        // As many as the runtime has threads wait while one collects.
        for name in ["a", "b", "c"] {
            let (api, landing) = (&api, &landing);
            scope.spawn(move || api.collect_blocking(landing, [ApiItem::new(name)]).unwrap());
        }
    });
    let runs = landing.runs().unwrap();
    assert!(runs.len() == 3 && runs.iter().all(|run| run.outcome == Outcome::Complete));
    assert_eq!(numbers(&all(&landing, "list"), "id").len(), 3);
}

#[test]
fn nothing_where_the_rows_should_be_is_an_error() {
    let server = RawServer::start(|_, _| reply(200, r#"{"error": {"info": "a bad value"}}"#));
    let folder = tempfile::tempdir().unwrap();
    let api = list(&server, Pager::once());
    let landing = api.landing(folder.path()).unwrap();
    let error = api.collect_blocking(&landing, one()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Remote);
    let text = error.to_string();
    assert!(!error.is_transient() && text.contains("a bad value") && text.contains("`/rows`"));
    assert!(landing.runs().unwrap().is_empty());
    // With what the error means, the run goes on.
    let told = api.clone().rule(Rule::body_at("/error/info").skip());
    let manifest = told.collect_blocking(&landing, one()).unwrap();
    assert_eq!((manifest.resumed, manifest.skipped.len()), (1, 1));
    assert_eq!(manifest.skipped[0].reason, "200: a bad value");
    // Some services leave out what is empty.
    let lenient = api.items_may_be_missing();
    let manifest = lenient.collect_blocking(&landing, one()).unwrap();
    assert_eq!(
        (&manifest.outcome, manifest.rows("list")),
        (&Outcome::Complete, 0)
    );

    for body in [r#"{"rows": []}"#, r#"{"rows": null}"#] {
        let server = RawServer::start(move |_, _| reply(200, body));
        let api = list(&server, Pager::once());
        let manifest = api.collect_blocking(&landing, one()).unwrap();
        assert_eq!(manifest.outcome, Outcome::Complete, "{body}");
    }
}

#[test]
fn a_circle_of_two_pages_ends() {
    let server = RawServer::start(|number, asked| {
        let next = match asked.param("pageToken").as_deref() {
            Some("a") => "b",
            _ => "a",
        };
        reply(
            200,
            json!({"rows": [{"id": number}], "next": next}).to_string(),
        )
    });
    let folder = tempfile::tempdir().unwrap();
    let api = list(&server, Pager::token("pageToken", "/next")).max_pages(9);
    let landing = api.landing(folder.path()).unwrap();
    let error = api.collect_blocking(&landing, one()).unwrap_err();
    assert!(error.to_string().contains("read before"), "{error}");
    assert_eq!(server.asked().len(), 3);
}

#[test]
fn the_last_page_again_and_again_ends() {
    let server = RawServer::start(|_, asked| {
        let page: u64 = asked.param("page").unwrap().parse().unwrap();
        reply(
            200,
            json!({"page": page, "total": 3, "rows": [{"id": page.min(3)}]}).to_string(),
        )
    });
    let folder = tempfile::tempdir().unwrap();
    let api = list(&server, Pager::page("page")).max_pages(9);
    let landing = api.landing(folder.path()).unwrap();
    let error = api.collect_blocking(&landing, one()).unwrap_err();
    assert!(
        error.to_string().contains("the rows of one before it"),
        "{error}"
    );
    assert_eq!(server.asked().len(), 4);
    // Another pager is another run: the one that was left is closed with the rows that it has.
    let api = list(&server, Pager::page("page").total_pages("/total"));
    let manifest = api.collect_blocking(&landing, one()).unwrap();
    assert_eq!(
        (&manifest.outcome, manifest.resumed),
        (&Outcome::Complete, 0)
    );
    let runs = landing.runs().unwrap();
    let rows: Vec<u64> = runs.iter().map(|run| run.rows("list")).collect();
    assert_eq!(rows, [3, 3]);
}

#[test]
fn no_part_of_a_key_is_told_where_a_text_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let padded = |spaces: usize| format!("{}{KEY}", "x".repeat(spaces));
    for (spaces, status) in [(190, 400), (195, 400), (190, 422), (195, 422), (50, 200)] {
        let text = padded(spaces);
        let body = json!({"why": text, "rows": [{"id": text}]}).to_string();
        let server = RawServer::start(move |_, _| reply(status, &body));
        let api = list(&server, Pager::once()).rule(Rule::body_at("/why").and_status(422..=422));
        let landing = api.landing(folder.path()).unwrap();
        let error = api.collect_blocking(&landing, one()).unwrap_err();
        let told = format!("{error} {error:?} {:?}", landing.runs().unwrap());
        assert!(told.contains("xxx") && !told.contains("a-k"), "{told}");
    }
    // The reason of a skip ends somewhere.
    let server = RawServer::start(|_, _| reply(422, json!({"why": "é".repeat(999)}).to_string()));
    let api = list(&server, Pager::once()).rule(Rule::body_at("/why").skip());
    let landing = api.landing(folder.path()).unwrap();
    let manifest = api.collect_blocking(&landing, one()).unwrap();
    assert_eq!(manifest.skipped[0].reason.chars().count(), 201);
}

#[test]
fn a_secret_of_the_client_is_refused_where_files_would_have_it() {
    let server = RawServer::start(|_, _| reply(200, r#"{"rows": []}"#));
    let folder = tempfile::tempdir().unwrap();
    let good = list(&server, Pager::once());
    let landing = good.landing(folder.path()).unwrap();
    let bearer = format!("Bearer {KEY}");
    let path = JsonApi::new("list", client(&server), format!("/{KEY}/list"));
    let path = path
        .column(ApiColumn::new("id", "/id", DataType::UInt64))
        .key(["id"]);
    for (api, item) in [
        (good.clone().query("key", KEY), ApiItem::new("all")),
        (good.clone().query("auth", bearer), ApiItem::new("all")),
        (path, ApiItem::new("all")),
        (good.clone(), ApiItem::new("all").set("key", KEY)),
        (good.clone(), ApiItem::new(KEY)),
    ] {
        let error = api.collect_blocking(&landing, [item]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(!format!("{error} {error:?}").contains(KEY), "{error}");
    }
    assert!(server.asked().is_empty() && landing.runs().unwrap().is_empty());
}

#[test]
fn a_link_that_brings_the_key_back_is_followed_and_not_kept() {
    let server = RawServer::start(|number, asked| {
        let at = asked.param("at").map_or(0, |at| at.parse::<u64>().unwrap());
        if at > 0 {
            assert_eq!(asked.param("sig").as_deref(), Some(KEY));
        }
        if number == 2 {
            return reply(400, "no");
        }
        let link = format!("/list?at={}&sig={KEY}", at + 1);
        let next = if at < 2 { json!(link) } else { json!(null) };
        reply(200, json!({"rows": [{"id": at}], "next": next}).to_string())
    });
    let folder = tempfile::tempdir().unwrap();
    let api = list(&server, Pager::link("/next"));
    let landing = api.landing(folder.path()).unwrap();
    api.collect_blocking(&landing, one()).unwrap_err();
    let has_key = || {
        let files = files(folder.path());
        assert!(files.len() > 2);
        files.iter().any(|path| {
            let bytes = std::fs::read(path).unwrap();
            bytes.windows(KEY.len()).any(|part| part == KEY.as_bytes())
        })
    };
    assert!(!has_key());
    // The place is not known any more, so the item begins anew.
    let manifest = api.collect_blocking(&landing, one()).unwrap();
    assert_eq!(
        (&manifest.outcome, manifest.resumed),
        (&Outcome::Complete, 1)
    );
    let frame = landing.latest("list").unwrap().collect().unwrap();
    let ids = numbers(&frame, "id");
    assert!(ids.len() == 3 && !has_key(), "{ids:?}");
}

#[test]
fn user_and_password_are_not_told_in_the_form_that_is_sent() {
    let server = RawServer::start(|_, asked| {
        let sent = asked.header("authorization").unwrap();
        assert!(sent.len() > 20);
        reply(400, format!("you sent {sent}"))
    });
    let url = server
        .url()
        .replace("http://", "http://user:word-of-passage@");
    let client = Client::at(url).retries(Retries::none()).build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let api = JsonApi::new("list", client, "/list")
        .column(ApiColumn::new("id", "/id", DataType::UInt64))
        .key(["id"]);
    let landing = api.landing(folder.path()).unwrap();
    let error = api.collect_blocking(&landing, one()).unwrap_err();
    let asked = server.asked();
    let (_, sent) = asked[0]
        .header("authorization")
        .unwrap()
        .split_once(' ')
        .unwrap();
    let told = format!("{error} {error:?}");
    assert!(
        told.contains("you sent Basic [secret]") && !told.contains(sent),
        "{told}"
    );
}
