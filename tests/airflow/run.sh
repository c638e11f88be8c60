#!/usr/bin/env bash
# Runs exported schedules under a real Airflow and compares each stage's result with that of the
# embedded schedule for the same interval. It needs Python, and the network once for Airflow itself.
set -euo pipefail
cd "$(dirname "$0")/../.."

target="${CARGO_TARGET_DIR:-target}"
home="$target/airflow"
python="$home/venv/bin/python"
if ! "$python" -c 'import airflow' 2>/dev/null; then
    mkdir -p "$home"
    python3 -m venv "$home/uv"
    "$home/uv/bin/pip" install --quiet --disable-pip-version-check uv
    "$home/uv/bin/uv" venv --quiet --clear --python python3 "$home/venv"
    "$home/uv/bin/uv" pip install --quiet --python "$python" \
        apache-airflow==3.3.2 apache-airflow-core==3.3.2 apache-airflow-task-sdk==1.3.2 \
        apache-airflow-providers-standard==1.21.0
fi

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
export FLOE_TEST_AIRFLOW_FOLDER="$work"
cargo test --quiet --locked --test it -- --exact schedule_airflow::two_jobs_for_a_real_airflow >"$work/test.log" 2>&1 ||
    { cat "$work/test.log"; exit 1; }

# The showcase, here and as a DAG file.
cargo build --quiet --locked --example youtube_score
job="$target/debug/examples/youtube_score"
mkdir "$work/tracking"
"$job" schedule --cron '0 * * * *' --runs 0 --folder "$work/here/youtube" --tracking "$work/tracking" >/dev/null
"$job" backfill --folder "$work/here/youtube" --from 2026-02-01T05:00:00Z --to 2026-02-01T06:00:00Z >/dev/null
"$job" export-airflow --cron '0 * * * *' --folder "$work/there/youtube" --tracking "$work/tracking" \
    --output "$work/dags/youtube_score.py" >/dev/null

export AIRFLOW_HOME="$work/airflow" AIRFLOW__CORE__DAGS_FOLDER="$work/dags"
export AIRFLOW__CORE__LOAD_EXAMPLES=False AIRFLOW__USAGE_DATA_COLLECTION__ENABLED=False
export AIRFLOW__DATABASE__SQL_ALCHEMY_CONN="sqlite:///$work/airflow/airflow.db"
export AIRFLOW__LOGGING__LOGGING_LEVEL=WARNING
mkdir "$work/airflow"
airflow() {
    timeout 240 "$home/venv/bin/airflow" "$@" >"$work/airflow.log" 2>&1 ||
        { tail -60 "$work/airflow.log"; echo "failed: airflow $*" >&2; exit 1; }
}
airflow db migrate
"$python" tests/airflow/check.py parse "$work"
airflow pools set floe_test 1 floe
airflow pools set youtube 1 floe
# By hand, a run of 06:00 is that of the interval that ends then.
for dag in floe_graph floe_mapped youtube_score; do
    airflow dags test "$dag" 2026-02-01T06:00:00+00:00
done
"$python" tests/airflow/check.py results "$work"
