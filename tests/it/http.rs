//! The client of remote sources: what it sends, how long it insists, and what it never tells.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use floe::clock::{Clock, ManualClock};
use floe::http::{Client, ClientBuilder, Reply, Request, Retries, Verdict, blocking, by_status};
use floe::{Error, ErrorKind};
use tracing_subscriber::fmt::MakeWriter;

use crate::raw_server::{Answer, RawServer, answer, json};
use crate::support::is_alone;

const KEY: &str = "a-key-that-nobody-may-see";

type Make = fn() -> Answer;

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at("2026-11-25T10:00:00Z".parse().unwrap()))
}

fn quick(server: &RawServer) -> ClientBuilder {
    Client::at(server.url())
        .secret_header("X-Goog-Api-Key", KEY)
        .timeout(Duration::from_secs(5))
        .retries(Retries::default().first_pause(Duration::from_millis(1)))
}

fn get(client: ClientBuilder) -> Result<Reply, Error> {
    let client = client.build().unwrap();
    client.send_blocking(Request::get("/v3/videos").query("q", "private words"))
}

/// The error tells of the request, and of no secret.
fn told(error: &Error) -> String {
    assert_eq!(error.kind(), ErrorKind::Remote, "{error}");
    let text = format!("{error} {error:?}");
    assert!(!text.contains(KEY) && !text.contains("private"), "{text}");
    assert!(text.contains("GET http://127.0.0.1:"), "{text}");
    text
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

#[test]
fn a_request_has_the_headers_of_its_client() {
    let server = RawServer::start(|_, _| json(200, r#"{"ok": true}"#));
    let client = quick(&server).header("Accept-Language", "ru");
    let reply = get(client).unwrap();
    assert_eq!(reply.json::<serde_json::Value>().unwrap()["ok"], true);
    assert_eq!((reply.status(), reply.attempt()), (200, 1));
    let asked = &server.asked()[0];
    assert_eq!(asked.target, "/v3/videos?q=private+words");
    assert_eq!(asked.param("q").as_deref(), Some("private+words"));
    assert_eq!(asked.header("x-goog-api-key"), Some(KEY));
    assert_eq!(asked.header("accept-language"), Some("ru"));
    assert_eq!(asked.header("accept-encoding"), Some("gzip"));
    assert!(asked.header("user-agent").unwrap().contains("gzip"));
}

#[test]
fn every_method_sends_its_body() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.json");
    let content = "x".repeat(300_000);
    std::fs::write(&path, &content).unwrap();
    let server = RawServer::start(|_, _| json(200, "{}"));
    let client = quick(&server).basic("ann", "a password").build().unwrap();
    let value = serde_json::json!({"run": 1});
    for request in [
        Request::post("/x").json(&value),
        Request::patch("/x").json(&value),
        Request::put("/x").file("application/octet-stream", &path),
        Request::delete("/x").bytes("text/plain", "gone"),
    ] {
        client.send_blocking(request).unwrap();
    }
    let asked = server.asked();
    let methods: Vec<&str> = asked.iter().map(|asked| asked.method.as_str()).collect();
    assert_eq!(methods, ["POST", "PATCH", "PUT", "DELETE"]);
    assert_eq!(asked[0].body, br#"{"run":1}"#);
    assert_eq!(asked[0].header("content-type"), Some("application/json"));
    assert_eq!(asked[2].body.len(), content.len());
    assert_eq!(asked[2].header("content-length"), Some("300000"));
    assert_eq!(asked[3].body, b"gone");
    assert_eq!(
        asked[0].header("authorization"),
        Some("Basic YW5uOmEgcGFzc3dvcmQ=")
    );
    let gone = Request::put("/x").file("text/plain", folder.path().join("gone"));
    assert_eq!(
        client.send_blocking(gone).unwrap_err().kind(),
        ErrorKind::Source
    );
}

#[test]
fn user_and_password_leave_the_url() {
    let server = RawServer::start(|_, _| answer(500, "", "no"));
    let url = server.url().replace("http://", "http://ann:p%40ss+word@");
    let client = Client::at(url).retries(Retries::none()).build().unwrap();
    let error = client.send_blocking(Request::get("/x")).unwrap_err();
    assert!(
        !format!("{error:?} {client:?}").contains("ss"),
        "{error:?} {client:?}"
    );
    let asked = server.asked();
    assert_eq!(
        asked[0].header("authorization"),
        Some("Basic YW5uOnBAc3Mrd29yZA==")
    );
}

#[test]
fn a_packed_body_is_unpacked() {
    let packed = gzip(br#"{"likes": 1957}"#);
    let server = RawServer::start(move |_, _| answer(200, "Content-Encoding: gzip\r\n", &packed));
    assert_eq!(get(quick(&server)).unwrap().text(), r#"{"likes": 1957}"#);
}

#[test]
fn faults_on_the_way_are_tried_again() {
    let packed = gzip(&vec![b'x'; 100_000]);
    let cut = packed[..packed.len() / 2].to_vec();
    let server = RawServer::start(move |number, _| match number {
        0 => Answer::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"half".to_vec()),
        1 => answer(200, "Content-Encoding: gzip\r\n", &cut),
        2 => Answer::Bytes(Vec::new()),
        3 => answer(
            502,
            "Content-Type: text/html\r\n",
            "<html><h1>Bad gateway</h1></html>",
        ),
        _ => json(200, "{}"),
    });
    let reply = get(quick(&server)).unwrap();
    assert_eq!((reply.attempt(), server.asked().len()), (5, 5));
}

#[test]
fn what_does_not_pass_ends_as_a_transient_error() {
    let cases: [(Make, &str); 4] = [
        (
            || Answer::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{".to_vec()),
            "broke",
        ),
        (
            || Answer::Bytes(b"this is no HTTP\r\n\r\n".to_vec()),
            "broke",
        ),
        (
            || answer(502, "", "<html>Bad gateway</html>"),
            "an HTML page of 24 bytes",
        ),
        (
            || answer(503, "", ""),
            "503 Service Unavailable: an empty body",
        ),
    ];
    for (make, says) in cases {
        let server = RawServer::start(move |_, _| make());
        let retries = Retries::default()
            .tries(3)
            .first_pause(Duration::from_millis(1));
        let error = get(quick(&server).retries(retries)).unwrap_err();
        let text = told(&error);
        assert!(text.contains(says) && text.contains("3 attempts"), "{text}");
        assert!(error.is_transient());
        assert_eq!(server.asked().len(), 3);
    }
}

#[test]
fn a_server_that_hangs_is_left() {
    let server = RawServer::start(|_, _| Answer::Hang);
    let began = Instant::now();
    let client = quick(&server)
        .read_timeout(Duration::from_millis(200))
        .retries(Retries::none());
    let error = get(client).unwrap_err();
    assert!(told(&error).contains("no answer in time") && error.is_transient());
    assert!(began.elapsed() < Duration::from_secs(3));
    // The deadline of the call bounds the attempt as well.
    let retries = Retries::default().deadline(Duration::from_millis(300));
    let began = Instant::now();
    let error = get(quick(&server).retries(retries)).unwrap_err();
    assert!(told(&error).contains("no answer in time"));
    assert!(began.elapsed() < Duration::from_secs(3));
}

#[test]
fn a_refused_request_is_asked_once() {
    for status in [400, 401, 403, 404, 422, 501] {
        let server = RawServer::start(move |_, _| json(status, r#"{"error": "no such video"}"#));
        let error = get(quick(&server)).unwrap_err();
        assert!(told(&error).contains(&format!("answered {status}")));
        assert!(told(&error).contains("no such video") && !error.is_transient());
        assert_eq!(server.asked().len(), 1);
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let thief = RawServer::start(|_, _| json(200, "{}"));
    let to = format!("Location: {}/v3/videos\r\n", thief.url());
    let server = RawServer::start(move |_, _| answer(302, &to, ""));
    let error = get(quick(&server)).unwrap_err();
    assert!(told(&error).contains("redirects are not followed"));
    assert!(thief.asked().is_empty());
    let client = quick(&server).build().unwrap();
    let away = client.send_blocking(Request::get(format!("{}/x", thief.url())));
    assert_eq!(away.unwrap_err().kind(), ErrorKind::Config);
    assert!(thief.asked().is_empty());
}

#[test]
fn retry_after_is_waited_exactly() {
    let date = "Retry-After: Wed, 25 Nov 2026 10:00:47 GMT\r\n";
    for (header, seconds) in [("Retry-After: 17\r\n", 17), (date, 47)] {
        let server = RawServer::start(move |number, _| match number {
            0 => answer(429, header, "slow down"),
            _ => json(200, "{}"),
        });
        let clock = clock();
        let before = clock.now();
        get(quick(&server).clock(Arc::clone(&clock))).unwrap();
        assert_eq!(clock.now().duration_since(before).as_secs(), seconds);
    }
}

#[test]
fn pauses_grow_with_jitter_up_to_the_deadline() {
    let server = RawServer::start(|_, _| answer(503, "", ""));
    let clock = clock();
    let before = clock.now();
    let retries = Retries::default()
        .tries(9)
        .longest_pause(Duration::from_secs(4));
    let error = get(quick(&server).clock(Arc::clone(&clock)).retries(retries)).unwrap_err();
    assert!(told(&error).contains("9 attempts"));
    // 0.5 + 1 + 2 + 4 * 5 seconds at most.
    let waited = clock.now().duration_since(before).as_secs_f64();
    assert!(waited > 0.0 && waited <= 23.5, "{waited}");

    let server = RawServer::start(|_, _| answer(429, "Retry-After: 3600\r\n", ""));
    let error = get(quick(&server).clock(Arc::clone(&clock))).unwrap_err();
    assert!(told(&error).contains("3600.0 s later, past the deadline"));
    assert!(error.is_transient());
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn the_classifier_sees_the_body_and_decides() {
    let server = RawServer::start(|number, _| match number {
        0 => json(200, r#"{"error": {"code": "maxlag"}}"#),
        1 => answer(429, "", "per minute"),
        _ => answer(429, "Retry-After: 5\r\n", "limit 'Search Queries per day'"),
    });
    let clock = clock();
    let before = clock.now();
    let client = quick(&server).clock(Arc::clone(&clock)).build().unwrap();
    let request = Request::get("/w/api.php").endpoint("query");
    let error = client.send_blocking_with(request, |reply| {
        assert_eq!(reply.endpoint(), "query");
        let text = reply.text();
        if text.contains("per day") {
            return Verdict::GiveUp(reply.error("the day is used up"));
        }
        if text.contains("maxlag") {
            let after = Some(Duration::from_secs(9));
            return Verdict::Retry { after };
        }
        by_status(reply)
    });
    assert!(told(&error.unwrap_err()).contains("the day is used up"));
    assert_eq!(server.asked().len(), 3);
    let waited = clock.now().duration_since(before).as_secs_f64();
    assert!((9.0..=10.0).contains(&waited), "{waited}");
}

#[test]
fn a_body_has_a_cap_packed_or_not() {
    let bomb = gzip(&vec![b' '; 50 << 20]);
    assert!(bomb.len() < 100_000);
    let server = RawServer::start(move |_, asked| match asked.path() {
        "/v3/videos" => answer(200, "Content-Encoding: gzip\r\n", &bomb),
        _ => answer(200, "", vec![b' '; 3000]),
    });
    let error = get(quick(&server)).unwrap_err();
    assert!(told(&error).contains("more than 33554432 bytes") && !error.is_transient());
    let client = quick(&server).body_cap(2999).build().unwrap();
    assert!(client.send_blocking(Request::get("/plain")).is_err());
    let client = quick(&server).body_cap(3000).build().unwrap();
    assert!(client.send_blocking(Request::get("/plain")).is_ok());
    assert_eq!(server.asked().len(), 3);
}

#[test]
fn what_may_have_been_carried_out_is_not_sent_twice() {
    let server = RawServer::start(|_, _| Answer::Bytes(Vec::new()));
    let client = quick(&server).build().unwrap();
    let error = client
        .send_blocking(Request::post("/runs").json(&1))
        .unwrap_err();
    assert!(error.is_transient());
    assert!(error.help().unwrap().contains("not known whether"));
    assert_eq!(server.asked().len(), 1);
    let again = Request::post("/runs").json(&1).repeatable(true);
    client.send_blocking(again).unwrap_err();
    assert_eq!(server.asked().len(), 6);
}

#[test]
fn the_hook_sees_every_attempt_and_may_refuse() {
    let server = RawServer::start(|_, _| answer(503, "", ""));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let of_hook = Arc::clone(&seen);
    let client = quick(&server).before_each(move |attempt| {
        of_hook
            .lock()
            .unwrap()
            .push((attempt.endpoint.clone(), attempt.number));
        match attempt.number {
            3 => Err(Error::new(ErrorKind::Remote, "the quota is used up")),
            _ => Ok(()),
        }
    });
    let client = client.build().unwrap();
    let request = Request::get("/v3/search").endpoint("search.list");
    let error = client.send_blocking(request).unwrap_err();
    assert_eq!(error.to_string(), "cannot collect: the quota is used up");
    let label = |number| ("search.list".to_owned(), number);
    assert_eq!(*seen.lock().unwrap(), [label(1), label(2), label(3)]);
    assert_eq!(server.asked().len(), 2);
}

#[test]
fn no_stretch_of_time_has_more_requests_than_the_rate() {
    let server = RawServer::start(|_, _| json(200, "{}"));
    let clock = clock();
    let client = quick(&server)
        .clock(Arc::clone(&clock))
        .rate(3, Duration::from_mins(1));
    let client = client.build().unwrap();
    let before = clock.now();
    let mut at = Vec::new();
    for _ in 0..8 {
        client.send_blocking(Request::get("/x")).unwrap();
        at.push(clock.now().duration_since(before).as_secs());
    }
    assert_eq!(at, [0, 0, 0, 60, 60, 60, 120, 120]);
}

#[test]
fn what_would_be_sent_past_the_deadline_is_not_charged() {
    let server = RawServer::start(|_, _| json(200, "{}"));
    let (clock, charged) = (clock(), Arc::new(AtomicUsize::new(0)));
    let of_hook = Arc::clone(&charged);
    let client = quick(&server)
        .clock(Arc::clone(&clock))
        .retries(Retries::default().deadline(Duration::from_mins(1)))
        .rate(1, Duration::from_hours(1))
        .before_each(move |_| {
            of_hook.fetch_add(1, Ordering::SeqCst);
            Ok(())
        });
    let client = client.build().unwrap();
    client.send_blocking(Request::get("/x")).unwrap();
    clock.pause(Duration::from_mins(30));
    let error = client.send_blocking(Request::get("/x")).unwrap_err();
    assert!(error.is_transient() && told(&error).contains("past the deadline"));
    // It was not waited for, and took nobody's turn.
    assert_eq!(
        (server.asked().len(), charged.load(Ordering::SeqCst)),
        (1, 1)
    );
    clock.pause(Duration::from_mins(29) + Duration::from_secs(30));
    client.send_blocking(Request::get("/x")).unwrap();
    assert_eq!(
        (server.asked().len(), charged.load(Ordering::SeqCst)),
        (2, 2)
    );
}

#[test]
fn a_call_that_is_dropped_while_it_waits_does_not_raise_the_rate() {
    let server = RawServer::start(|_, _| json(200, "{}"));
    let client = quick(&server).rate(1, Duration::from_secs(2));
    let client = client.build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        client.send(Request::get("/x")).await.unwrap();
        let sent = Instant::now();
        let time = Duration::from_millis(100);
        let dropped = tokio::time::timeout(time, client.send(Request::get("/x"))).await;
        assert!(dropped.is_err());
        client.send(Request::get("/x")).await.unwrap();
        assert!(sent.elapsed() > Duration::from_millis(1500));
    });
}

#[test]
fn no_more_are_in_flight_than_allowed() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (of_now, of_most) = (Arc::clone(&now), Arc::clone(&most));
    let server = RawServer::start(move |_, _| {
        of_most.fetch_max(of_now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(20));
        of_now.fetch_sub(1, Ordering::SeqCst);
        json(200, "{}")
    });
    let client = quick(&server).in_flight(2).build().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| client.send_blocking(Request::get("/x")).unwrap());
        }
    });
    assert_eq!((server.asked().len(), most.load(Ordering::SeqCst)), (8, 2));
}

#[test]
fn a_call_that_is_dropped_lets_the_next_one_in() {
    let server = RawServer::start(|number, _| match number {
        0 => Answer::Hang,
        _ => json(200, "{}"),
    });
    let client = quick(&server).in_flight(1).build().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let time = Duration::from_millis(200);
        let hanging = tokio::time::timeout(time, client.send(Request::get("/x"))).await;
        assert!(hanging.is_err());
        client.send(Request::get("/x")).await.unwrap();
    });
    assert_eq!(server.asked().len(), 2);
}

#[test]
fn a_pause_that_is_dropped_does_not_go_on() {
    let server = RawServer::start(|_, _| answer(429, "Retry-After: 30\r\n", ""));
    let client = quick(&server).build().unwrap();
    let began = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let waited = runtime.block_on(async {
        let time = Duration::from_millis(300);
        tokio::time::timeout(time, client.send(Request::get("/x"))).await
    });
    assert!(waited.is_err());
    drop(runtime);
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn it_works_without_a_runtime_and_in_both_kinds() {
    let server = RawServer::start(|_, _| json(200, "{}"));
    let client = quick(&server).build().unwrap();
    let send = || client.send_blocking(Request::get("/x")).unwrap();
    send();
    let current = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let multi = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    for runtime in [&current, &multi] {
        runtime.block_on(async {
            send();
            client.send(Request::get("/x")).await.unwrap();
        });
        runtime.block_on(async { runtime.spawn(async {}).await.unwrap() });
    }
    // Also one call within another.
    let nested = blocking(async { client.send_blocking(Request::get("/x")) });
    nested.unwrap();
    assert_eq!(server.asked().len(), 6);
}

#[test]
fn settings_that_cannot_work_are_refused() {
    for builder in [
        Client::at("not a url"),
        Client::at("ftp://127.0.0.1"),
        Client::at("http://127.0.0.1/?key=a"),
        Client::at("http://127.0.0.1").header("a b", "c"),
        Client::at("http://127.0.0.1").secret_header("x-key", "two\nlines"),
        Client::at("http://127.0.0.1").secret_header("x-key", ""),
        Client::at("http://127.0.0.1").bearer(" "),
        Client::at("http://127.0.0.1").root_certificate("/there/is/none.pem"),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(!error.to_string().contains("lines"), "{error}");
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[test]
fn no_text_ever_has_the_key() {
    // A place that logs for the first time while one of several subscribers begins to listen may stay
    // silent for good: this test is a process of its own, and its subscriber that of the process.
    if !is_alone("http::no_text_ever_has_the_key") {
        return;
    }
    // A service that echoes what it was sent, by a status of every class.
    let server = RawServer::start(|number, asked| {
        let body = format!("you sent {:?} {}", asked.headers, asked.target);
        answer([200, 302, 400, 403, 503][number % 5], "", body)
    });
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let retries = Retries::default()
        .tries(2)
        .first_pause(Duration::from_millis(1));
    let builder = quick(&server)
        .retries(retries)
        .secret_query("apikey", "k/e y");
    let client = builder.clone().build().unwrap();
    let mut texts = vec![format!("{builder:?} {client:?}")];
    let dead = Client::at("http://127.0.0.1:9").secret_query("apikey", "k/e y");
    let dead = dead.retries(Retries::none()).build().unwrap();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    for _ in 0..5 {
        for client in [&client, &dead] {
            match client.send_blocking(Request::get(format!("/bot{KEY}/x"))) {
                Ok(reply) => {
                    assert!(
                        reply.text().contains(KEY),
                        "the service did not get the key"
                    );
                    texts.push(format!("{reply:?} {}", reply.error(reply.text())));
                    texts.push(reply.json::<u8>().unwrap_err().to_string());
                }
                Err(error) => texts.push(format!("{error} {error:?}")),
            }
        }
    }
    texts.push(String::from_utf8(log.0.lock().unwrap().clone()).unwrap());
    let heard = &texts[texts.len() - 1];
    assert!(
        heard.contains("trying again") && heard.contains("answered"),
        "{heard}"
    );
    for text in texts {
        // The dead client does not know the first key as a secret of its own.
        let text = text.replace(&format!("http://127.0.0.1:9/bot{KEY}"), "");
        let text = text.replace(&format!("endpoint=\"/bot{KEY}"), "");
        for secret in [KEY, "k/e y", "k%2Fe+y"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}
