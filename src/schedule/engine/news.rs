//! How tries ended, and who is told.

use jiff::{SignedDuration, Timestamp};

use super::launch::{End, News, Try};
use super::work::{Active, Engine, Why};
use crate::error::Result;
use crate::schedule::retry::chance;
use crate::schedule::state::{Ended, Ledger};
use crate::schedule::{Interval, Notice, Occasion, Parameters, StageState, TryState};

impl Engine<'_> {
    /// Takes in how a try ended.
    pub(super) fn take(&mut self, ledger: &Ledger<'_>, news: News, now: Timestamp) -> Result<()> {
        let Some(at) = self
            .running
            .iter()
            .position(|running| running.of == news.of)
        else {
            // A call that was given up has come back.
            return Ok(());
        };
        let running = self.running.swap_remove(at);
        let Try {
            run: id,
            stage: at,
            number,
        } = news.of;
        let schedule = self.schedule;
        let stage = &schedule.job.stages[at];
        let Some(run) = self.active.get_mut(&(running.start, id)) else {
            return Ok(());
        };
        let why = running.ending.map(|ending| ending.why);
        let told =
            |exit_code, message, may_retry| (TryState::Failed, exit_code, message, may_retry);
        let (state, exit_code, message, may_retry) = match (why, news.end) {
            (Some(Why::OutOfTime), end) => (
                TryState::TimedOut,
                code(&end),
                Some("it ran out of time".to_owned()),
                true,
            ),
            (_, End::Done) => (TryState::Success, None, None, false),
            (_, End::Skipped) => (TryState::Skipped, None, None, false),
            (Some(Why::Stopped), End::Failed { exit_code, .. }) => {
                self.summary.interrupted += 1;
                let message = "the schedule was told to stop".to_owned();
                (TryState::Interrupted, exit_code, Some(message), false)
            }
            (
                None,
                End::Failed {
                    exit_code,
                    message,
                    may_retry,
                },
            ) => told(exit_code, Some(message), may_retry),
        };
        let ended = Ended {
            state,
            exit_code,
            message: message.as_deref(),
        };
        ledger.end_try(id, &stage.name, number, now, &ended)?;
        let task = &mut run.tasks[at];
        let mut again = false;
        task.state = match state {
            TryState::Success => StageState::Success,
            TryState::Skipped => StageState::Skipped,
            TryState::Interrupted => StageState::Waiting,
            _ => {
                task.failures += 1;
                let retry = schedule.retry_of(at);
                again = may_retry && task.failures <= retry.times && !run.out_of_time;
                if again {
                    let key = format!("{}{}", run.interval, run.parameters.key());
                    let wait = retry.wait(task.failures, chance(&key, &stage.name, task.failures));
                    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
                    task.not_before = Some(now.checked_add(wait).unwrap_or(Timestamp::MAX));
                    StageState::UpForRetry
                } else {
                    StageState::Failed
                }
            }
        };
        ledger.set_task(id, &stage.name, *task)?;
        if let Some(message) = &message {
            tracing::warn!(stage = stage.name, interval = %run.interval, %state, message, "a try ended");
        }
        if again {
            let (interval, parameters) = (run.interval, run.parameters.clone());
            let name = Some(stage.name.clone());
            self.tell(Occasion::Retry, interval, parameters, name, message);
        }
        Ok(())
    }

    /// Tells of runs that have missed their deadline.
    pub(super) fn tell_of_late(
        &mut self,
        ledger: &Ledger<'_>,
        now: Timestamp,
        caught_up: bool,
    ) -> Result<()> {
        let deadline = self.schedule.deadline;
        let Some(Ok(deadline)) = deadline.map(SignedDuration::try_from) else {
            return Ok(());
        };
        for (interval, parameters) in ledger.late(deadline, now, caught_up)? {
            self.tell(Occasion::Deadline, interval, parameters, None, None);
        }
        Ok(())
    }

    pub(super) fn notify(
        &mut self,
        what: Occasion,
        run: &Active,
        stage: Option<String>,
        message: Option<String>,
    ) {
        self.tell(what, run.interval, run.parameters.clone(), stage, message);
    }

    fn tell(
        &mut self,
        occasion: Occasion,
        interval: Interval,
        parameters: Parameters,
        stage: Option<String>,
        message: Option<String>,
    ) {
        self.notices.push(Notice {
            occasion,
            schedule: self.schedule.name.clone(),
            interval,
            parameters,
            stage,
            message,
        });
    }
}

fn code(end: &End) -> Option<i32> {
    match end {
        End::Failed { exit_code, .. } => *exit_code,
        End::Done | End::Skipped => None,
    }
}
