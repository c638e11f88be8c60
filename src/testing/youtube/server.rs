//! HTTP on the loopback, on a thread of its own.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::BodyExt as _;
use hyper::body::Incoming as Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::body::{CutOff, Pieces};
use super::desk::{Answer, Desk, Incoming, Transport};

/// A server that runs until it is dropped.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(super) fn start(desk: Arc<Desk>) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("youtube-emulator")
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let run = move || {
            runtime.block_on(async {
                tokio::select! {
                    () = accept(listener, desk) => {}
                    // Also when the sender is gone.
                    _ = stopped => {}
                }
            });
            // Open connections are not waited for.
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new()
            .name("youtube-emulator".to_owned())
            .spawn(run)?;
        Ok(Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // It may have ended by itself.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept(listener: std::net::TcpListener, desk: Arc<Desk>) {
    let Ok(listener) = TcpListener::from_std(listener) else {
        return;
    };
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of handles for a while.
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            continue;
        };
        // Small replies are not held back for more.
        let _ = stream.set_nodelay(true);
        let desk = Arc::clone(&desk);
        tokio::spawn(async move {
            let service = service_fn(|request| handle(request, Arc::clone(&desk)));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service);
            // A client that goes away, or a fault that closes the connection, ends it here.
            let _ = connection.await;
        });
    }
}

async fn handle(request: Request<Body>, desk: Arc<Desk>) -> Result<Response<Pieces>, CutOff> {
    let (parts, body) = request.into_parts();
    // What is sent with a GET has no meaning, and must not be taken for the next call.
    drop(body.collect().await);
    let gzip = parts.headers.get(header::ACCEPT_ENCODING);
    let gzip = gzip
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("gzip"));
    let text = |value: &header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = parts.headers.iter();
    let incoming = Incoming {
        // The API knows other verbs, which change things; here there are none.
        path: if parts.method == hyper::Method::GET {
            parts.uri.path().to_owned()
        } else {
            format!("{} {}", parts.method, parts.uri.path())
        },
        params: params(parts.uri.query().unwrap_or_default()),
        headers: headers
            .map(|(name, value)| (name.as_str().to_owned(), text(value)))
            .collect(),
    };
    {
        let mut state = desk.state();
        state.answering += 1;
        let at_once = state.answering;
        state.ledger.max_concurrency = state.ledger.max_concurrency.max(at_once);
    }
    let answering = Answering(Arc::clone(&desk));
    let answer = tokio::task::spawn_blocking(move || desk.serve(incoming)).await;
    drop(answering);
    let answer = answer.map_err(|_| CutOff)?;
    if answer.transport == Transport::Nothing {
        return Err(CutOff);
    }
    Ok(respond(answer, gzip))
}

/// Counts a call as being answered until it is dropped.
struct Answering(Arc<Desk>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.state().answering -= 1;
    }
}

fn params(query: &str) -> Vec<(String, String)> {
    // The base is of no account.
    let url = reqwest::Url::parse(&format!("http://localhost/?{query}"));
    let pairs = |url: reqwest::Url| url.query_pairs().into_owned().collect();
    url.map(pairs).unwrap_or_default()
}

fn respond(answer: Answer, gzip: bool) -> Response<Pieces> {
    let mut builder = Response::builder()
        .status(answer.status)
        .header(header::CONTENT_TYPE, answer.content_type)
        .header(header::VARY, "Origin, X-Origin, Referer")
        .header(header::SERVER, "ESF");
    for (name, value) in &answer.headers {
        builder = builder.header(*name, value);
    }
    let broken = answer.transport == Transport::BrokenGzip;
    let mut bytes = answer.body;
    if gzip && !bytes.is_empty() {
        builder = builder.header(header::CONTENT_ENCODING, "gzip");
        bytes = packed(&bytes);
    }
    if broken {
        bytes.truncate(bytes.len() * 2 / 3);
    }
    let body = match answer.transport {
        Transport::Cut => Pieces::cut(bytes),
        Transport::Slow(time) => Pieces::slow(bytes, time),
        _ => Pieces::whole(bytes),
    };
    let response = builder.body(body);
    // All names and values are fixed or made here.
    response.unwrap_or_else(|_| Response::new(Pieces::whole(vec![])))
}

/// Gzip; large replies are only framed, for unoptimised compression would take most of the time.
fn packed(bytes: &[u8]) -> Vec<u8> {
    let level = if bytes.len() > 16 * 1024 {
        Compression::none()
    } else {
        Compression::fast()
    };
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() + 64), level);
    // Into memory, so it does not fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}
