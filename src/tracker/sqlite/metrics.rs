//! Numbers of a batch: all of them into the history, the last of each series where it is searched.

use std::collections::HashMap;

use rusqlite::{Connection, Statement, params};

use crate::tracker::entities::MetricEntry;

/// The numbers of one transaction.
pub(super) struct Metrics<'a> {
    connection: &'a Connection,
    /// Made for the first number: most transactions that hold something else have none.
    insert: Option<Statement<'a>>,
    /// By run and key.
    latest: HashMap<String, HashMap<String, Stored>>,
}

/// A number as the tables hold it. Those of greater step, then time, then value are later.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
struct Stored {
    step: i64,
    timestamp: i64,
    value: f64,
    is_nan: bool,
}

impl<'a> Metrics<'a> {
    pub(super) fn new(connection: &'a Connection) -> Self {
        Self {
            connection,
            insert: None,
            latest: HashMap::new(),
        }
    }

    /// Adds to the history. The same number of the same time and step is one.
    pub(super) fn insert(&mut self, run: &str, metrics: &[MetricEntry]) -> rusqlite::Result<()> {
        let insert = match &mut self.insert {
            Some(insert) => insert,
            none => {
                let sql = "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) \
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";
                none.insert(self.connection.prepare(sql)?)
            }
        };
        for metric in metrics {
            let stored = stored(metric);
            let Stored {
                step,
                timestamp,
                value,
                is_nan,
            } = stored;
            let values = params![metric.key, value, timestamp, run, step, is_nan];
            insert.execute(values)?;
            if !self.latest.contains_key(run) {
                self.latest.insert(run.to_owned(), HashMap::new());
            }
            if let Some(of_run) = self.latest.get_mut(run) {
                match of_run.get_mut(&metric.key) {
                    Some(last) if *last < stored => *last = stored,
                    Some(_) => {}
                    None => drop(of_run.insert(metric.key.clone(), stored)),
                }
            }
        }
        Ok(())
    }

    /// Brings the last number of each series where MLflow's pages and searches read it.
    pub(super) fn finish(&mut self) -> rusqlite::Result<()> {
        if self.latest.is_empty() {
            return Ok(());
        }
        let mut upsert = self.connection.prepare(
            "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET value = excluded.value, \
             timestamp = excluded.timestamp, step = excluded.step, is_nan = excluded.is_nan \
             WHERE (excluded.step, excluded.timestamp, excluded.value) > \
             (latest_metrics.step, latest_metrics.timestamp, latest_metrics.value)",
        )?;
        for (run, latest) in self.latest.drain() {
            for (key, last) in latest {
                let Stored {
                    step,
                    timestamp,
                    value,
                    is_nan,
                } = last;
                upsert.execute(params![key, value, timestamp, step, is_nan, run])?;
            }
        }
        Ok(())
    }
}

/// As MLflow's own server stores it: NaN apart, an infinity as the largest number.
fn stored(metric: &MetricEntry) -> Stored {
    Stored {
        step: metric.step,
        timestamp: metric.timestamp,
        value: if metric.value.is_nan() {
            0.0
        } else {
            metric.value.clamp(f64::MIN, f64::MAX)
        },
        is_nan: metric.value.is_nan(),
    }
}
