#!/usr/bin/env bash
# Pictures of what `mlflow ui` shows of a folder with `mlflow.db`, for a person to look at: the list
# of runs, and three pages of one run.
#
#   tests/mlflow/screenshots.sh FOLDER PYTHON OUT [EXPERIMENT]
#
# FOLDER holds mlflow.db; PYTHON is that of an environment with the full `mlflow` package (the
# `mlflow-skinny` of the other tests has no pages); OUT takes the pictures. Chromium is needed.
set -euo pipefail

folder="$(realpath "$1")" python="$(command -v "$2")" out="$(mkdir -p "$3" && realpath "$3")"
experiment="${4:-1}"
browser="$(command -v chromium || command -v chromium-browser || command -v google-chrome)" || {
    echo "no Chromium here: install the package chromium" >&2
    exit 1
}
port="$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
profile="$(mktemp -d)"
cd "$(dirname "$0")/../.."

MLFLOW_DISABLE_TELEMETRY=true DO_NOT_TRACK=true MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false \
    bash -c 'cd "$1" && exec "$2" -m mlflow ui --host 127.0.0.1 --port "$3" --workers 1' \
    start "$folder" "$python" "$port" >"$out/server.log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$profile"' EXIT

api="http://127.0.0.1:$port/api/2.0/mlflow"
for _ in $(seq 120); do
    kill -0 "$server" || { cat "$out/server.log" >&2; exit 1; }
    if curl -fsS -o /dev/null "$api/experiments/get?experiment_id=$experiment" 2>/dev/null; then break; fi
    sleep 1
done

# The newest run that is nested in no other.
run="$(curl -fsS "$api/runs/search" -H 'Content-Type: application/json' \
    -d "{\"experiment_ids\":[\"$experiment\"],\"max_results\":50}" |
    "$python" -c 'import json, sys
runs = json.load(sys.stdin)["runs"]
top = (r for r in runs if all(t["key"] != "mlflow.parentRunId" for t in r["data"]["tags"]))
print(next(top)["info"]["run_id"])')"

page="http://127.0.0.1:$port/#/experiments/$experiment/runs"
"$python" tests/mlflow/pictures.py "$browser" "$profile" \
    "$out/runs.png" "$page" 2200 1000 \
    "$out/run.png" "$page/$run" 1600 2400 \
    "$out/metrics.png" "$page/$run/model-metrics" 1600 1000 \
    "$out/artifacts.png" "$page/$run/artifacts/data" 1600 1000
