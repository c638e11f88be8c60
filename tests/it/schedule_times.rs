//! The schedule and the clock: years with changed clocks, sleep, and a clock that is set back.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use floe::clock::{Clock, ManualClock};
use floe::jiff::civil::date;
use floe::jiff::tz::TimeZone;
use floe::jiff::{SignedDuration, Timestamp, ToSpan};
use floe::schedule::{
    CatchUp, Interval, Job, Outcome, Parameters, RunState, Schedule, Scheduler, State, Timing,
};

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A job that remembers its intervals.
fn remembering() -> (Job, Arc<Mutex<Vec<Interval>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = seen.clone();
    let job = Job::call("remember", move |run| {
        kept.lock().unwrap().push(run.interval);
        Ok(Outcome::Done)
    });
    (job, seen)
}

/// Keeps a schedule for a year of its zone, tick by tick, and gives the intervals that ran.
fn year(expression: &str, zone: &str) -> Vec<Interval> {
    let begin = |year| {
        let midnight = date(year, 1, 1).at(0, 0, 0, 0).in_tz(zone).unwrap();
        midnight.timestamp()
    };
    let (from, to) = (begin(2026), begin(2027));
    let (job, seen) = remembering();
    let schedule = Schedule::cron(expression)
        .time_zone(zone)
        .start(from)
        .end(to)
        .job(job);
    let state = State::in_memory().unwrap();
    let clock = Arc::new(ManualClock::at(from));
    let begun = Instant::now();
    let done = Scheduler::new(&schedule, &state)
        .clock(clock)
        .run()
        .unwrap();
    println!("{expression} in {zone}: {:?}, {done:?}", begun.elapsed());
    let seen = seen.lock().unwrap().clone();
    assert_eq!(done.succeeded, seen.len() as u64);
    // Two commits a run: what starts is written with what ended before it, but for the ends.
    assert!(done.commits <= 3 * done.succeeded + 3, "{done:?}");
    for pair in seen.windows(2) {
        assert_eq!(pair[0].end(), pair[1].start(), "no gap, none twice");
    }
    seen
}

#[test]
fn a_year_of_hours_has_every_hour_once() {
    for zone in ["Europe/Stockholm", "America/Los_Angeles"] {
        let seen = year("0 * * * *", zone);
        // Also where clocks are changed: an hour of the day that comes twice runs twice, one that
        // does not come does not.
        assert_eq!(seen.len(), 365 * 24, "{zone}");
        let hour = SignedDuration::from_hours(1);
        assert!(
            seen.iter().all(|interval| interval.length() == hour),
            "{zone}"
        );
    }
}

#[test]
fn a_year_of_nights_has_every_night_once() {
    // The day on which 02:30 does not exist.
    for (zone, gap) in [
        ("Europe/Stockholm", date(2026, 3, 29)),
        ("America/Los_Angeles", date(2026, 3, 8)),
    ] {
        let mut expected = Vec::new();
        let mut day = date(2026, 1, 1);
        while day.year() == 2026 {
            // In the gap the boundary is the moment at which it ends; in the fold the first 02:30.
            let time = if day == gap {
                day.at(3, 0, 0, 0)
            } else {
                day.at(2, 30, 0, 0)
            };
            expected.push(time.in_tz(zone).unwrap().timestamp());
            day = day.tomorrow().unwrap();
        }
        let seen = year("30 2 * * *", zone);
        let starts: Vec<_> = seen.iter().map(Interval::start).collect();
        assert_eq!(starts, expected[..364], "{zone}");
        assert_eq!(seen[363].end(), expected[364], "{zone}");
        let zone = TimeZone::get(zone).unwrap();
        let other = |interval: &&Interval| interval.length() != SignedDuration::from_hours(24);
        let lengths: Vec<_> = seen
            .iter()
            .filter(other)
            .map(|i| i.length().as_mins())
            .collect();
        // Half an hour short into the gap and out of it, and an hour long over the fold.
        assert_eq!(lengths, [1410, 1410, 1500], "{zone:?}");
    }
}

#[test]
fn boundaries_do_not_depend_on_where_one_begins_to_look() {
    for expression in [
        "0 * * * *",
        "30 2 * * *",
        "*/20 1-3 * * *",
        "15 2 * * 0",
        "0 0 29 2 *",
    ] {
        let timing = Schedule::cron(expression).time_zone("Europe/Stockholm");
        let table = timing.timetable().unwrap();
        for (from, to) in [
            ("2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z"),
            ("2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z"),
        ] {
            let mut all = Vec::new();
            let mut next = table.next(at(from)).unwrap();
            while next <= at(to) {
                all.push(next);
                next = table.next(next).unwrap();
            }
            assert!(all.is_sorted(), "{expression}: {all:?}");
            let mut now = at(from);
            while now < at(to) {
                let expected = all
                    .iter()
                    .copied()
                    .find(|found| *found > now)
                    .unwrap_or(next);
                assert_eq!(table.next(now), Some(expected), "{expression} after {now}");
                let last = all.iter().copied().rfind(|found| *found <= now);
                let found = table.last(now).filter(|found| *found > at(from));
                assert_eq!(found, last, "{expression} until {now}");
                now += 7.minutes();
            }
        }
    }
}

#[test]
fn a_period_counts_from_1970() {
    let table = Schedule::every(std::time::Duration::from_secs(7))
        .timetable()
        .unwrap();
    assert_eq!(
        table.next(Timestamp::UNIX_EPOCH),
        Some(at("1970-01-01T00:00:07Z"))
    );
    assert_eq!(
        table.last(at("1969-12-31T23:59:59Z")),
        Some(at("1969-12-31T23:59:53Z"))
    );
    assert_eq!(
        table.first(at("1970-01-01T00:00:07Z")),
        Some(at("1970-01-01T00:00:07Z"))
    );
}

/// Keeps an hourly schedule from 06:20 for three intervals, sleeps until 07:20 of the next day but
/// for the policy, and tells what ran then, and what was written down as missed.
fn slept(policy: CatchUp, wake: &str) -> (Vec<String>, Vec<String>) {
    let (job, seen) = remembering();
    let schedule = Schedule::cron("0 * * * *").catch_up(policy).job(job);
    let folder = tempfile::tempdir().unwrap();
    let state = State::open(folder.path()).unwrap();
    let clock = Arc::new(ManualClock::at(at("2026-02-01T06:20:00Z")));
    let keep = |intervals| {
        let scheduler = Scheduler::new(&schedule, &state).clock(clock.clone());
        scheduler.intervals(intervals).run().unwrap()
    };
    // The clock stands at the end of the first interval then.
    keep(1);
    let first = seen.lock().unwrap().drain(..).collect::<Vec<_>>();
    assert_eq!(
        first[0].to_string(),
        "2026-02-01T06:00:00Z/2026-02-01T07:00:00Z"
    );
    clock.set(at(wake));
    keep(if policy == CatchUp::All { 25 } else { 2 });
    let ran = seen
        .lock()
        .unwrap()
        .iter()
        .map(|interval| interval.start().to_string())
        .collect();
    let overview = state.overview(10).unwrap();
    let missed = overview.missed.iter().map(ToString::to_string).collect();
    (ran, missed)
}

#[test]
fn a_day_asleep_ends_as_the_policy_says() {
    let (ran, missed) = slept(CatchUp::All, "2026-02-02T07:20:00Z");
    assert_eq!(ran.len(), 25);
    assert_eq!(
        (ran[0].as_str(), ran[24].as_str()),
        ("2026-02-01T07:00:00Z", "2026-02-02T07:00:00Z")
    );
    assert!(missed.is_empty());

    let (ran, missed) = slept(CatchUp::Latest, "2026-02-02T07:20:00Z");
    assert_eq!(ran, ["2026-02-02T06:00:00Z", "2026-02-02T07:00:00Z"]);
    assert_eq!(missed, ["2026-02-01T07:00:00Z/2026-02-02T06:00:00Z"]);

    let (ran, missed) = slept(CatchUp::Skip, "2026-02-02T07:20:00Z");
    assert_eq!(ran, ["2026-02-02T07:00:00Z", "2026-02-02T08:00:00Z"]);
    assert_eq!(missed, ["2026-02-01T07:00:00Z/2026-02-02T07:00:00Z"]);

    // Awake just in time for one of them.
    let (ran, missed) = slept(CatchUp::Skip, "2026-02-02T07:00:40Z");
    assert_eq!(ran, ["2026-02-02T06:00:00Z", "2026-02-02T07:00:00Z"]);
    assert_eq!(missed, ["2026-02-01T07:00:00Z/2026-02-02T06:00:00Z"]);
}

#[test]
fn a_clock_that_is_set_back_runs_nothing_twice() {
    let clock = Arc::new(ManualClock::at(at("2026-02-01T06:20:00Z")));
    let (turned, seen) = (clock.clone(), Arc::new(Mutex::new(Vec::new())));
    let kept = seen.clone();
    let job = Job::call("remember", move |run| {
        let mut kept = kept.lock().unwrap();
        kept.push((run.interval, turned.now()));
        if kept.len() == 3 {
            turned.set(turned.now() - 1.hour());
        }
        Ok(Outcome::Done)
    });
    for policy in [CatchUp::All, CatchUp::Latest, CatchUp::Skip] {
        seen.lock().unwrap().clear();
        clock.set(at("2026-02-01T06:20:00Z"));
        let schedule = Schedule::cron("0 * * * *")
            .catch_up(policy)
            .job(job.clone());
        let state = State::in_memory().unwrap();
        let scheduler = Scheduler::new(&schedule, &state).clock(clock.clone());
        scheduler.intervals(6).run().unwrap();
        let seen = seen.lock().unwrap();
        for (at, (interval, now)) in seen.iter().enumerate() {
            let start = Timestamp::from_second(1_769_925_600 + 3600 * at as i64).unwrap();
            assert_eq!(interval.start(), start, "{policy:?}");
            // The fourth waits until the clock has come past its end again.
            assert_eq!(*now, interval.end(), "{policy:?}");
        }
        assert_eq!(seen.len(), 6, "{policy:?}");
    }
}

#[test]
fn start_and_end_dates_bound_the_intervals() {
    let (job, seen) = remembering();
    let schedule = Schedule::cron("0 * * * *")
        .catch_up(CatchUp::All)
        .start(at("2026-02-01T00:30:00Z"))
        .end(at("2026-02-01T04:59:59Z"))
        .job(job);
    let state = State::in_memory().unwrap();
    let clock = Arc::new(ManualClock::at(at("2026-03-01T00:00:00Z")));
    let done = Scheduler::new(&schedule, &state)
        .clock(clock)
        .run()
        .unwrap();
    assert_eq!(done.succeeded, 3);
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0].start(), at("2026-02-01T01:00:00Z"));
    assert_eq!(seen[2].end(), at("2026-02-01T04:00:00Z"));
}

#[test]
fn a_new_timing_goes_on_at_its_own_next_boundary() {
    let folder = tempfile::tempdir().unwrap();
    let state = State::open(folder.path()).unwrap();
    let clock = Arc::new(ManualClock::at(at("2026-02-01T06:20:00Z")));
    let (job, seen) = remembering();
    let keep = |timing: &str, intervals| {
        let schedule = Schedule::cron(timing).job(job.clone());
        let scheduler = Scheduler::new(&schedule, &state).clock(clock.clone());
        scheduler.intervals(intervals).run().unwrap();
    };
    keep("0 * * * *", 2);
    keep("15 */2 * * *", 2);
    let seen: Vec<_> = seen
        .lock()
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        seen,
        [
            "2026-02-01T06:00:00Z/2026-02-01T07:00:00Z",
            "2026-02-01T07:00:00Z/2026-02-01T08:00:00Z",
            "2026-02-01T08:15:00Z/2026-02-01T10:15:00Z",
            "2026-02-01T10:15:00Z/2026-02-01T12:15:00Z",
        ]
    );
    let next = state.overview(1).unwrap().next.unwrap();
    assert_eq!(
        next.to_string(),
        "2026-02-01T12:15:00Z/2026-02-01T14:15:00Z"
    );
    // What lies between the two timings belongs to no interval, and is written down.
    let missed = state.overview(0).unwrap().missed;
    let missed: Vec<_> = missed.iter().map(ToString::to_string).collect();
    assert_eq!(missed, ["2026-02-01T08:00:00Z/2026-02-01T08:15:00Z"]);
}

#[test]
fn a_timing_that_decided_nothing_loses_nothing() {
    let state = State::in_memory().unwrap();
    let clock = Arc::new(ManualClock::at(at("2026-02-01T06:20:00Z")));
    let (job, seen) = remembering();
    let keep = |schedule: Schedule, intervals| {
        let schedule = schedule.catch_up(CatchUp::All).job(job.clone());
        let scheduler = Scheduler::new(&schedule, &state).clock(clock.clone());
        scheduler.intervals(intervals).run().unwrap()
    };
    assert_eq!(keep(Schedule::cron("0 * * * *"), 2).succeeded, 2);
    // It looks once, and ends: no week ends before its end.
    let weekly = Schedule::cron("0 6 * * 1").end(at("2026-02-01T09:00:00Z"));
    assert_eq!(keep(weekly, 2).succeeded, 0);
    clock.set(at("2026-02-01T10:30:00Z"));
    assert_eq!(keep(Schedule::cron("0 * * * *"), 2).succeeded, 2);
    let starts = |seen: &[Interval]| seen.iter().map(Interval::start).collect::<Vec<_>>();
    let hours = ["06", "07", "08", "09"].map(|hour| at(&format!("2026-02-01T{hour}:00:00Z")));
    assert_eq!(starts(&seen.lock().unwrap()), hours);
    assert!(state.overview(0).unwrap().missed.is_empty());

    // Nothing begins before a start that is said later.
    let later = Schedule::cron("0 * * * *").start(at("2026-02-01T12:30:00Z"));
    assert_eq!(keep(later, 1).succeeded, 1);
    let last = seen.lock().unwrap().last().map(Interval::start);
    assert_eq!(last, Some(at("2026-02-01T13:00:00Z")));
    assert!(state.overview(0).unwrap().missed.is_empty());
}

#[test]
fn a_start_that_was_taken_back_holds_nothing_up() {
    let state = State::in_memory().unwrap();
    let clock = Arc::new(ManualClock::at(at("2026-02-01T06:20:00Z")));
    let (job, seen) = remembering();
    let keep = |schedule: Schedule| {
        let schedule = schedule.job(job.clone());
        let scheduler = Scheduler::new(&schedule, &state).clock(clock.clone());
        scheduler.intervals(1).run().unwrap()
    };
    let (start, end) = (at("2027-02-01T00:00:00Z"), at("2027-02-01T00:30:00Z"));
    let far = Schedule::cron("0 * * * *").start(start).end(end);
    assert_eq!(keep(far).succeeded, 0);
    assert!(state.overview(0).unwrap().next.is_none());
    assert_eq!(keep(Schedule::cron("0 * * * *")).succeeded, 1);
    assert_eq!(seen.lock().unwrap()[0].start(), at("2026-02-01T06:00:00Z"));
}

#[test]
fn what_cannot_be_kept_is_told_before_anything_runs() {
    let job = || Job::call("work", |_| Ok(Outcome::Done));
    let told = |schedule: Schedule| schedule.check().unwrap_err().to_string();
    let refused = [
        (
            Schedule::cron("61 * * * *").job(job()),
            "`61 * * * *` is not a cron expression",
        ),
        (
            Schedule::cron("0 * * * *")
                .time_zone("Mars/Base")
                .job(job()),
            "`Mars/Base` is not a time zone",
        ),
        (Schedule::cron("0 0 30 2 *").job(job()), "never comes"),
        (
            Schedule::every(std::time::Duration::ZERO).job(job()),
            "from 1 ms",
        ),
        (
            Schedule::every(std::time::Duration::from_micros(1500)).job(job()),
            "whole number of milliseconds",
        ),
        (Schedule::cron("0 * * * *"), "at least one stage"),
        (
            Schedule::cron("0 * * * *").job(job()).max_active_runs(0),
            "nothing ever runs",
        ),
    ];
    for (schedule, what) in refused {
        let text = told(schedule);
        assert!(text.contains(what), "{text}");
    }
    let state = State::in_memory().unwrap();
    let schedule = Schedule::new(Timing::Period { milliseconds: 1000 });
    let error = Scheduler::new(&schedule, &state).run().unwrap_err();
    assert_eq!(error.kind(), floe::ErrorKind::Config);
}

#[test]
fn a_run_of_its_interval_is_found_by_its_key() {
    let (job, _) = remembering();
    let schedule = Schedule::cron("0 * * * *").job(job);
    let state = State::in_memory().unwrap();
    let clock = Arc::new(ManualClock::at(at("2026-02-01T06:20:00Z")));
    Scheduler::new(&schedule, &state)
        .clock(clock)
        .intervals(1)
        .run()
        .unwrap();
    let interval: Interval = "2026-02-01T06:00:00Z/2026-02-01T07:00:00Z".parse().unwrap();
    let run = state.run(interval, &Parameters::new()).unwrap().unwrap();
    assert_eq!(run.state, RunState::Success);
    assert_eq!(run.stages.len(), 1);
    assert_eq!(run.stages[0].tries.len(), 1);
    let other = Parameters::new().with("query", "x");
    assert!(state.run(interval, &other).unwrap().is_none());
}

#[test]
fn several_times_a_day_follow_the_wall_clock_where_clocks_are_changed() {
    let zone = "Europe/Stockholm";
    let after = |expression: &str, from: &str| -> Vec<String> {
        let table = Schedule::cron(expression).time_zone(zone).timetable();
        let table = table.unwrap();
        let next = |last: &Timestamp| table.next(*last);
        let times = std::iter::successors(table.next(at(from)), next).take(3);
        times.map(|at| at.to_string()[5..16].to_owned()).collect()
    };
    let (gap, twice) = ("2026-03-28T20:00:00Z", "2026-10-24T20:00:00Z");
    // 02:30 does not exist, and is left out; in autumn it comes twice.
    let expected = ["03-29T12:30", "03-30T00:30", "03-30T12:30"];
    assert_eq!(after("30 2,14 * * *", gap), expected);
    let expected = ["10-25T00:30", "10-25T01:30", "10-25T13:30"];
    assert_eq!(after("30 2,14 * * *", twice), expected);
    for expression in ["*/30 2 * * *", "0,30 2 * * *"] {
        let expected = ["03-30T00:00", "03-30T00:30", "03-31T00:00"];
        assert_eq!(after(expression, gap), expected);
        let expected = ["10-25T00:00", "10-25T00:30", "10-25T01:00"];
        assert_eq!(after(expression, twice), expected);
    }
    // One time a day has each night once.
    let expected = ["03-29T01:00", "03-30T00:30", "03-31T00:30"];
    assert_eq!(after("30 2 * * *", gap), expected);
    let expected = ["10-25T00:30", "10-26T01:30", "10-27T01:30"];
    assert_eq!(after("30 2 * * *", twice), expected);
}
