//! The body of a reply, which may be cut off or slow.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

/// Why a body ends before its end: the connection is closed.
#[derive(Debug)]
pub(super) struct CutOff;

impl fmt::Display for CutOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the emulator closes the connection, as it was told to")
    }
}

impl std::error::Error for CutOff {}

impl From<Infallible> for CutOff {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// Bytes that are sent in pieces, and how it ends.
#[derive(Debug)]
pub(super) struct Pieces {
    /// What is left to send, the last piece first.
    left: Vec<Bytes>,
    /// What is promised and never sent.
    missing: u64,
    /// Between two pieces.
    pause: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Pieces {
    pub(super) fn whole(bytes: Vec<u8>) -> Self {
        Self {
            left: if bytes.is_empty() {
                vec![]
            } else {
                vec![bytes.into()]
            },
            missing: 0,
            pause: Duration::ZERO,
            sleep: None,
        }
    }

    /// The first half; then the connection is closed.
    pub(super) fn cut(mut bytes: Vec<u8>) -> Self {
        let missing = bytes.len() - bytes.len() / 2;
        bytes.truncate(bytes.len() / 2);
        Self {
            missing: missing as u64,
            ..Self::whole(bytes)
        }
    }

    /// Ten pieces that take this long in all.
    pub(super) fn slow(bytes: Vec<u8>, time: Duration) -> Self {
        let size = bytes.len().div_ceil(10).max(1);
        let pieces = bytes.chunks(size).rev().map(Bytes::copy_from_slice);
        Self {
            left: pieces.collect(),
            pause: time / 10,
            ..Self::whole(vec![])
        }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = CutOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutOff>>> {
        let this = self.get_mut();
        if !this.pause.is_zero() && !this.left.is_empty() {
            let pause = this.pause;
            let sleep = this
                .sleep
                .get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + pause)));
            if sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            this.sleep = None;
        }
        match this.left.pop() {
            Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece)))),
            None if this.missing > 0 => Poll::Ready(Some(Err(CutOff))),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty() && self.missing == 0
    }

    fn size_hint(&self) -> SizeHint {
        let left: u64 = self.left.iter().map(|piece| piece.len() as u64).sum();
        SizeHint::with_exact(left + self.missing)
    }
}
