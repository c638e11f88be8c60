//! Passes over rows in memory, shared by threads: which of them did what never shows in a bit.

use std::sync::mpsc::sync_channel;
use std::thread;

use super::chunk::Chunk;
use super::kernel::sums_of;
use super::sums::{Point, Shape, Sums};

/// How a pass over chunks is made.
#[derive(Clone, Debug)]
pub(super) struct Workers {
    pub(super) shape: Shape,
    /// One weight a class.
    pub(super) class_weights: Vec<f64>,
    /// At least one.
    pub(super) threads: usize,
}

impl Workers {
    /// The sums of one chunk.
    pub(super) fn one(&self, chunk: &Chunk, at: &Point, curvature: bool) -> Sums {
        sums_of(chunk, self.shape, at, &self.class_weights, curvature)
    }

    /// Adds the sums of some chunks, in their order; none when a thread was lost.
    pub(super) fn add(
        &self,
        total: &mut Sums,
        chunks: &[Chunk],
        at: &Point,
        curvature: bool,
    ) -> Option<()> {
        let threads = self.threads.min(chunks.len());
        if threads < 2 {
            for chunk in chunks {
                total.add(&self.one(chunk, at, curvature));
            }
            return Some(());
        }
        thread::scope(|scope| {
            let workers = (0..threads).map(|first| {
                let (send, receive) = sync_channel(1);
                // One that cannot be had is found lost, as it drops its end of the channel.
                let _ = thread::Builder::new().spawn_scoped(scope, move || {
                    for chunk in chunks.iter().skip(first).step_by(threads) {
                        if send.send(self.one(chunk, at, curvature)).is_err() {
                            return;
                        }
                    }
                });
                receive
            });
            let workers: Vec<_> = workers.collect();
            for (_, worker) in chunks.iter().zip(workers.iter().cycle()) {
                total.add(&worker.recv().ok()?);
            }
            Some(())
        })
    }
}
