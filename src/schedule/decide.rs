//! What becomes of the stages of a run: pure functions of the states that they are in.

use super::state::{RunState, StageState};
use super::{Job, Stage, TriggerRule};

/// Carries on what stages that ended mean for those behind them.
pub(crate) fn settle(job: &Job, states: &mut [StageState]) {
    loop {
        let mut changed = false;
        for (at, stage) in job.stages.iter().enumerate() {
            if states[at] == StageState::Waiting
                && let Some(state) = verdict(job, stage, states)
            {
                states[at] = state;
                changed = true;
            }
        }
        if !changed {
            return;
        }
    }
}

/// How a waiting stage ends without having started, if it does.
fn verdict(job: &Job, stage: &Stage, states: &[StageState]) -> Option<StageState> {
    let before = || before(job, stage, states);
    let failed = || before().any(StageState::is_failure);
    let skipped = || before().any(|state| state == StageState::Skipped);
    match stage.rule {
        TriggerRule::AllSuccess | TriggerRule::NoneFailed if failed() => {
            Some(StageState::UpstreamFailed)
        }
        TriggerRule::AllSuccess if skipped() => Some(StageState::Skipped),
        _ => None,
    }
}

/// Whether a stage may start, but for limits and times.
pub(crate) fn may_start(job: &Job, at: usize, states: &[StageState]) -> bool {
    let stage = &job.stages[at];
    let startable = matches!(states[at], StageState::Waiting | StageState::UpForRetry);
    startable
        && before(job, stage, states).all(StageState::is_over)
        && verdict(job, stage, states).is_none()
}

fn before<'a>(
    job: &'a Job,
    stage: &'a Stage,
    states: &'a [StageState],
) -> impl Iterator<Item = StageState> + 'a {
    let at = |name: &String| job.position(name);
    stage.after.iter().filter_map(at).map(|at| states[at])
}

/// How a run ended, once all of its stages have: it fails with any of them.
pub(crate) fn outcome(states: &[StageState]) -> Option<RunState> {
    if !states.iter().all(|state| state.is_over()) {
        return None;
    }
    let failed = states.iter().any(|state| state.is_failure());
    Some(if failed {
        RunState::Failed
    } else {
        RunState::Success
    })
}
