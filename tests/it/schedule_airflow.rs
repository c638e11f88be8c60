//! DAG files: their text here, and under a real Airflow by `tests/airflow/run.sh`, which names a
//! folder for them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use floe::schedule::airflow::Export;
use floe::schedule::{
    CatchUp, Job, Outcome, Parameters, Reprocess, Retry, Schedule, Scheduler, Stage, State,
    TriggerRule,
};

use crate::schedule_times::at;

const FOLDER: &str = "FLOE_TEST_AIRFLOW_FOLDER";

fn shell(name: &str, script: &str, results: &Path) -> Stage {
    Stage::command(name, "/bin/sh").args(["-c", script, name, results.to_str().unwrap()])
}

/// A flaky stage, one with nothing to do, and what waits for them; each says for what it ran.
fn graph(results: &Path) -> Schedule {
    let say = "test -n \"$FLOE_RUN_STARTED\" && echo \"$FLOE_STAGE $FLOE_INTERVAL_START $FLOE_INTERVAL_END\" >> \"$1/$FLOE_STAGE\"";
    let flaky = format!("test \"$FLOE_ATTEMPT\" -ge 3 || exit 75; {say}");
    let retry = Retry::times(3)
        .delay(Duration::from_secs(1))
        .without_jitter();
    let job = Job::new([
        shell("flaky", &flaky, results)
            .retry(retry)
            .timeout(Duration::from_mins(1)),
        shell("nothing-new", "exit 99", results),
        shell("after-nothing", say, results).after("nothing-new"),
        shell("after-flaky", say, results)
            .after("flaky")
            .pool("floe_test"),
        shell("clean-up", say, results)
            .after("after-nothing")
            .after("after-flaky")
            .trigger_rule(TriggerRule::AllDone),
    ]);
    Schedule::cron("0 * * * *")
        .name("floe_graph")
        .time_zone("Europe/Stockholm")
        .start(at("2026-02-01T00:00:00Z"))
        .end(at("2026-02-03T00:00:00Z"))
        .catch_up(CatchUp::All)
        .pool("floe_test", 1)
        .run_timeout(Duration::from_mins(10))
        .pause_after(3)
        .job(job)
}

/// Four queries whose texts mean something to the shell, to Python and to Jinja.
fn mapped(results: &Path) -> Schedule {
    let queries = [
        "matrix",
        "it's \"heat\"",
        "$HOME; {{ ds }}",
        "Mission: Unmöglich 🎬",
    ];
    let collect =
        "printf '%s|%s\\n' \"$2\" \"$3\" > \"$1/$3.$(printf %s \"$2\" | cksum | cut -d' ' -f1)\"";
    let stage = shell("collect", collect, results).args(["{parameter.query}", "{interval_start}"]);
    let score = shell("score", "test -n \"$FLOE_PARAMETER_QUERY\"", results);
    let queries = queries.map(|query| Parameters::new().with("query", query));
    Schedule::every(Duration::from_hours(1))
        .name("floe_mapped")
        .job(Job::chain([stage, score]).map(queries).at_once(2))
}

/// Runs a schedule here for the hour from 05:00.
fn here(schedule: &Schedule, folder: &Path) {
    let state = State::open(folder).unwrap();
    let (from, to) = (at("2026-02-01T05:00:00Z"), at("2026-02-01T06:00:00Z"));
    schedule
        .backfill(&state, from, to, Reprocess::None)
        .unwrap();
    let done = Scheduler::new(schedule, &state)
        .only_orders()
        .run()
        .unwrap();
    assert_eq!(done.failed, 0, "{:?}", state.overview(9).unwrap().runs);
}

#[test]
fn two_jobs_for_a_real_airflow() {
    let own = tempfile::tempdir().unwrap();
    let folder = std::env::var_os(FOLDER).map_or_else(|| own.path().to_owned(), PathBuf::from);
    let make = |name: &str| {
        let path = folder.join(name);
        fs::create_dir_all(&path).unwrap();
        path
    };
    let dags = make("dags");
    for (name, build) in [
        ("graph", graph as fn(&Path) -> Schedule),
        ("mapped", mapped),
    ] {
        let (here_results, there_results) = (
            make(&format!("here/{name}")),
            make(&format!("there/{name}")),
        );
        here(&build(&here_results), &make(&format!("state/{name}")));
        let schedule = build(&there_results);
        Export::new(&schedule)
            .write(dags.join(format!("floe_{name}.py")))
            .unwrap();
        let made: Vec<_> = fs::read_dir(here_results).unwrap().collect();
        assert_eq!(made.len(), if name == "graph" { 3 } else { 4 });
    }
    let text = fs::read_to_string(dags.join("floe_graph.py")).unwrap();
    for line in [
        "schedule=CronDataIntervalTimetable(\"0 * * * *\", timezone=\"Europe/Stockholm\"),",
        "start_date=datetime(2026, 2, 1, 0, 0, 0, tzinfo=timezone.utc),",
        "end_date=datetime(2026, 2, 2, 23, 59, 59, tzinfo=timezone.utc),",
        "catchup=True,",
        "max_active_runs=1,",
        "dagrun_timeout=timedelta(seconds=600),",
        "max_consecutive_failed_dag_runs=3,",
        "skip_on_exit_code=99,",
        "trigger_rule=\"all_done\",",
        "retries=3,",
        "retry_exponential_backoff=2.0,",
        "execution_timeout=timedelta(seconds=60),",
        "pool=\"floe_test\",",
        "stage_flaky >> stage_after_flaky",
        "# Make the pool first: airflow pools set 'floe_test' 1 floe",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    let text = fs::read_to_string(dags.join("floe_mapped.py")).unwrap();
    for line in [
        "schedule=DeltaDataIntervalTimetable(timedelta(seconds=3600)),",
        "catchup=False,",
        "def runs(parameter_query):",
        "{\"parameter_query\": \"it's \\\"heat\\\"\"},",
        "max_active_tis_per_dagrun=2,",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

#[test]
fn what_airflow_cannot_do_is_refused() {
    let stage = || Stage::command("collect", "/bin/true");
    let job = || Job::new([stage()]);
    let refused = [
        (
            Schedule::cron("0 * * * *").job(Job::call("score", |_| Ok(Outcome::Done))),
            "`score` is a call",
        ),
        (
            Schedule::cron("0 0 * * * *").job(job()),
            "with seconds has no equal",
        ),
        (
            Schedule::every(Duration::from_millis(1500)).job(job()),
            "whole seconds",
        ),
        (
            Schedule::cron("0 * * * *")
                .catch_up(CatchUp::All)
                .job(job()),
            "must know the first",
        ),
        (
            Schedule::cron("0 * * * *").name("my dag").job(job()),
            "no name of a DAG",
        ),
        (
            Schedule::cron("0 * * * *").job(Job::new([])),
            "at least one stage",
        ),
    ];
    for (schedule, what) in refused {
        let error = Export::new(&schedule).text().unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
    }
}

#[test]
fn no_value_of_the_environment_is_written() {
    let stage = Stage::command("collect", "/bin/true").env("SERVICE_TOKEN", "not-for-files");
    let schedule = Schedule::cron("0 * * * *").job(Job::new([stage]));
    let text = Export::new(&schedule).text().unwrap();
    assert!(!text.contains("not-for-files"));
    assert!(
        text.contains("`collect` needs in the workers' environment: SERVICE_TOKEN"),
        "{text}"
    );
    let stage = Stage::this_program("own").arg("stage");
    let schedule = Schedule::cron("0 * * * *").job(Job::new([stage]));
    let text = Export::new(&schedule)
        .program("/opt/app/job")
        .text()
        .unwrap();
    assert!(text.contains("exec '/opt/app/job' 'stage'"), "{text}");
}

#[test]
fn programs_and_folders_are_found_from_anywhere() {
    let text = |stage: Stage| {
        let schedule = Schedule::cron("0 * * * *").job(Job::new([stage]));
        Export::new(&schedule).text().unwrap()
    };
    let here = std::env::current_dir().unwrap();
    let program = format!("exec '{}/target/collect'", here.display());
    let dag = text(Stage::command("collect", "target/collect"));
    assert!(dag.contains(&program), "{dag}");
    // By its name alone it is looked for by whoever runs it.
    let dag = text(Stage::command("collect", "collect"));
    assert!(dag.contains("exec 'collect'"), "{dag}");
    let dag = text(Stage::command("collect", "./collect").in_folder("likes"));
    let folder = format!("cwd=\"{}/likes\"", here.display());
    assert!(
        dag.contains("exec './collect'") && dag.contains(&folder),
        "{dag}"
    );
}
