//! Gathers values into requests that a server takes whole.

use std::collections::HashSet;

use super::wire::{Batch, KeyValue, MetricValue};

/// The most metrics, and the most values altogether, of one request.
const METRICS: usize = 1000;
/// The most parameters, and the most tags, of one request.
const TEXTS: usize = 100;
/// Some servers refuse a request of 1 MB; what JSON adds to the texts is counted as they are added.
const BYTES: usize = 900_000;

/// Values of one run that were not sent yet.
#[derive(Debug, Default)]
pub(super) struct Pending {
    metrics: Vec<MetricValue>,
    params: Vec<KeyValue>,
    tags: Vec<KeyValue>,
}

impl Pending {
    pub(super) fn metric(&mut self, metric: MetricValue) {
        self.metrics.push(metric);
    }

    pub(super) fn param(&mut self, param: KeyValue) {
        self.params.push(param);
    }

    pub(super) fn tag(&mut self, tag: KeyValue) {
        self.tags.push(tag);
    }

    /// Takes all that is pending, as requests within the limits.
    pub(super) fn take(&mut self, run_id: &str) -> Vec<Batch> {
        let mut cutter = Cutter {
            run_id,
            batches: Vec::new(),
            current: Batch::default(),
            bytes: 0,
            keys: HashSet::new(),
        };
        for param in self.params.drain(..) {
            cutter.param(param);
        }
        for metric in self.metrics.drain(..) {
            cutter.metric(metric);
        }
        for tag in self.tags.drain(..) {
            cutter.tag(tag);
        }
        cutter.close();
        cutter.batches
    }
}

struct Cutter<'a> {
    run_id: &'a str,
    batches: Vec<Batch>,
    current: Batch,
    bytes: usize,
    /// The parameters and tags of the current request: a server refuses one that holds a
    /// parameter twice, and of two tags of a name the later one must come last.
    keys: HashSet<(bool, String)>,
}

impl Cutter<'_> {
    fn metric(&mut self, metric: MetricValue) {
        self.room(
            cost(&metric.key) + 96,
            self.current.metrics.len() >= METRICS,
        );
        self.current.metrics.push(metric);
    }

    fn param(&mut self, param: KeyValue) {
        let twice = self.keys.contains(&(false, param.key.clone()));
        let full = twice || self.current.params.len() >= TEXTS;
        self.room(cost(&param.key) + cost(&param.value) + 24, full);
        self.keys.insert((false, param.key.clone()));
        self.current.params.push(param);
    }

    fn tag(&mut self, tag: KeyValue) {
        let twice = self.keys.contains(&(true, tag.key.clone()));
        let full = twice || self.current.tags.len() >= TEXTS;
        self.room(cost(&tag.key) + cost(&tag.value) + 24, full);
        self.keys.insert((true, tag.key.clone()));
        self.current.tags.push(tag);
    }

    fn room(&mut self, bytes: usize, full: bool) {
        let values =
            self.current.metrics.len() + self.current.params.len() + self.current.tags.len();
        if full || values >= METRICS || self.bytes + bytes > BYTES {
            self.close();
        }
        self.bytes += bytes;
    }

    fn close(&mut self) {
        let batch = std::mem::take(&mut self.current);
        if !(batch.metrics.is_empty() && batch.params.is_empty() && batch.tags.is_empty()) {
            self.batches.push(Batch {
                run_id: self.run_id.to_owned(),
                ..batch
            });
        }
        self.bytes = 0;
        self.keys.clear();
    }
}

/// The bytes of a text in JSON: one that must be escaped becomes six.
fn cost(text: &str) -> usize {
    let escaped = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    text.len() + 5 * text.as_bytes().iter().filter(|byte| escaped(byte)).count()
}

impl Batch {
    /// A name to tell the request by.
    pub(super) fn first_key(&self) -> String {
        let metrics = self.metrics.iter().map(|metric| &metric.key);
        let texts = self.params.iter().chain(&self.tags).map(|pair| &pair.key);
        metrics.chain(texts).next().cloned().unwrap_or_default()
    }

    /// Two halves of a request that was refused, to find the value that is at fault.
    pub(super) fn halves(self) -> Option<[Batch; 2]> {
        let Batch {
            run_id,
            mut metrics,
            mut params,
            mut tags,
        } = self;
        let (m, p, t) = (metrics.len(), params.len(), tags.len());
        if m + p + t < 2 {
            return None;
        }
        // Kinds are parted first: a metric is seldom at fault for what a parameter is.
        let (m, p, t) = match (m, p, t) {
            (m, 0, 0) => (m / 2, 0, 0),
            (0, p, 0) => (0, p / 2, 0),
            (0, 0, t) => (0, 0, t / 2),
            (m, 0, _) => (m, 0, 0),
            (_, p, _) => (0, p, 0),
        };
        let second = Batch {
            run_id: run_id.clone(),
            metrics: metrics.split_off(m),
            params: params.split_off(p),
            tags: tags.split_off(t),
        };
        let first = Batch {
            run_id,
            metrics,
            params,
            tags,
        };
        Some([first, second])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(metrics: usize, params: usize, tags: usize) -> Pending {
        let mut pending = Pending::default();
        for step in 0..metrics {
            pending.metric(MetricValue {
                key: "loss".to_owned(),
                value: 0.1,
                timestamp: 1_795_421_000_100,
                step: i64::try_from(step).unwrap(),
            });
        }
        for at in 0..params {
            pending.param(KeyValue::new(format!("p{at}"), "1"));
        }
        for at in 0..tags {
            pending.tag(KeyValue::new(format!("t{at}"), "1"));
        }
        pending
    }

    #[test]
    fn requests_stay_within_every_limit_and_lose_nothing() {
        for (metrics, params, tags) in [(2500, 250, 250), (1, 1, 1), (0, 101, 0), (1000, 100, 100)]
        {
            let batches = pending(metrics, params, tags).take("r");
            for batch in &batches {
                let (m, p, t) = (batch.metrics.len(), batch.params.len(), batch.tags.len());
                assert!(m + p + t <= 1000 && p <= 100 && t <= 100, "{m} {p} {t}");
            }
            let sum = |of: fn(&Batch) -> usize| batches.iter().map(of).sum::<usize>();
            assert_eq!(sum(|batch| batch.metrics.len()), metrics);
            assert_eq!(sum(|batch| batch.params.len()), params);
            assert_eq!(sum(|batch| batch.tags.len()), tags);
        }
        assert!(pending(0, 0, 0).take("r").is_empty());
    }

    #[test]
    fn requests_stay_below_a_megabyte() {
        let mut pending = Pending::default();
        for at in 0..100 {
            pending.param(KeyValue::new(format!("p{at}"), "å\"".repeat(3000)));
            pending.tag(KeyValue::new(format!("t{at}"), "\u{1}".repeat(8000)));
        }
        let batches = pending.take("r");
        assert!(batches.len() > 1);
        for batch in &batches {
            assert!(serde_json::to_vec(batch).unwrap().len() < 1_000_000);
        }
    }

    #[test]
    fn a_name_stands_once_in_a_request() {
        let mut pending = Pending::default();
        for value in ["1", "2", "3"] {
            pending.tag(KeyValue::new("t", value));
        }
        let batches = pending.take("r");
        let values = batches.iter().map(|batch| batch.tags[0].value.as_str());
        assert_eq!(values.collect::<Vec<_>>(), ["1", "2", "3"]);
    }

    #[test]
    fn halving_ends_at_single_values() {
        let mut open = pending(7, 3, 2).take("r");
        let mut single = 0;
        while let Some(batch) = open.pop() {
            match batch.clone().halves() {
                Some(halves) => open.extend(halves),
                None => single += 1,
            }
        }
        assert_eq!(single, 12);
    }
}
