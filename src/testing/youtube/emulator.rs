use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::desk::{Desk, State, day};
use super::fault::Fault;
use super::ledger::{Bucket, Ledger};
use super::quirks::Quirks;
use super::scene::Scene;
use super::server::Server;
use super::truth::Truth;
use super::world::World;
use crate::clock::{Clock, ManualClock};
use crate::error::{Error, ErrorKind, Result};

/// The settings of an emulator that is not started yet.
#[derive(Clone, Debug)]
#[must_use = "an emulator serves once it is started"]
pub struct Builder {
    world: World,
    clock: Option<Arc<dyn Clock>>,
    key: String,
    limits: BTreeMap<Bucket, u64>,
    per_minute: Option<(u64, Option<u32>)>,
    quirks: Quirks,
    faults: Vec<Fault>,
}

impl Builder {
    /// The clock by which the world grows and the buckets are filled. Without one, time stands still
    /// at the epoch of the world.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// The key that is accepted.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = key.into();
        self
    }

    /// What a bucket holds a day.
    pub fn quota(mut self, bucket: Bucket, limit: u64) -> Self {
        self.limits.insert(bucket, limit);
        self
    }

    /// Refuses more than so many calls in one minute of the clock, with `Retry-After` seconds where
    /// given.
    pub fn per_minute(mut self, calls: u64, retry_after: Option<u32>) -> Self {
        self.per_minute = Some((calls, retry_after));
        self
    }

    /// How the API differs from what one would wish.
    pub fn quirks(mut self, quirks: Quirks) -> Self {
        self.quirks = quirks;
        self
    }

    /// Adds a line to the script of faults; of several that fit a call, the first one strikes.
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Adds several lines to the script.
    pub fn faults(mut self, faults: impl IntoIterator<Item = Fault>) -> Self {
        self.faults.extend(faults);
        self
    }

    /// Starts to serve on a free port of the loopback.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Remote`] when there is no port, or no thread, to be had.
    pub fn start(self) -> Result<Emulator> {
        let frozen = || Arc::new(ManualClock::at(self.world.epoch)) as Arc<dyn Clock>;
        let desk = Arc::new(Desk {
            clock: self.clock.unwrap_or_else(frozen),
            scene: Arc::new(Scene::new(self.world)),
            key: self.key,
            limits: self.limits,
            per_minute: self.per_minute,
            quirks: self.quirks,
            state: Mutex::new(State {
                faults: self.faults,
                ..State::default()
            }),
        });
        let server = Server::start(Arc::clone(&desk)).map_err(|error| {
            Error::new(
                ErrorKind::Remote,
                "the emulator cannot serve on the loopback",
            )
            .caused_by(error)
        })?;
        Ok(Emulator { desk, server })
    }
}

/// The YouTube Data API on the loopback, with a world of its own; it stops when it is dropped.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use floe::testing::youtube::{Bucket, Emulator, Endpoint, Fault, Trouble, World};
///
/// let emulator = Emulator::of(World::new(7).videos(3).threads(20))
///     .fault(Fault::new(Trouble::Backend(503)).on(Endpoint::CommentThreads))
///     .quota(Bucket::Search, 5)
///     .start()?;
/// // A client gets `emulator.url()`, `emulator.key()` and `emulator.clock()`, and then:
/// assert_eq!(emulator.ledger().charged(Bucket::Search), 0);
/// let now = emulator.truth().comments().count();
/// emulator.clock().pause(Duration::from_secs(24 * 3600));
/// assert!(emulator.truth().comments().count() > now);
/// # Ok::<(), floe::Error>(())
/// ```
#[derive(Debug)]
pub struct Emulator {
    desk: Arc<Desk>,
    server: Server,
}

impl Emulator {
    /// An emulator of a world, to be set up and started.
    pub fn of(world: World) -> Builder {
        Builder {
            world,
            clock: None,
            key: "emulator-key".to_owned(),
            limits: BTreeMap::new(),
            per_minute: None,
            quirks: Quirks::new(),
            faults: vec![],
        }
    }

    /// The root of the API, in place of `https://youtube.googleapis.com/`.
    pub fn url(&self) -> String {
        format!("http://{}/", self.server.address)
    }

    /// The key that is accepted.
    pub fn key(&self) -> &str {
        &self.desk.key
    }

    /// The clock by which all of it goes.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.desk.clock)
    }

    /// Adds a line to the script of faults.
    pub fn inject(&self, fault: Fault) {
        self.desk.state().faults.push(fault);
    }

    /// Ends the script of faults.
    pub fn heal(&self) {
        self.desk.state().faults.clear();
    }

    /// Lets new threads come to a video now; an unknown video has none.
    pub fn surge(&self, video_id: &str, threads: u32) {
        if let Some(video) = self.desk.scene.video(video_id) {
            self.desk.scene.surge(video, self.desk.clock.now(), threads);
        }
    }

    /// What there is now.
    pub fn truth(&self) -> Truth {
        self.truth_at(self.desk.clock.now())
    }

    /// What there was or will be at a time.
    pub fn truth_at(&self, at: jiff::Timestamp) -> Truth {
        Truth {
            scene: Arc::clone(&self.desk.scene),
            at,
        }
    }

    /// What was asked so far. Other processes read it as JSON at `/emulator/ledger`.
    pub fn ledger(&self) -> Ledger {
        self.desk.state().ledger.clone()
    }

    /// What is left in a bucket today.
    pub fn left(&self, bucket: Bucket) -> u64 {
        let today = day(self.desk.clock.now());
        let used = self.desk.state().ledger.charged_on(today, bucket);
        self.desk.limit(bucket).saturating_sub(used)
    }
}
