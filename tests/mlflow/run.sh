#!/usr/bin/env bash
# Runs the tests that need a real MLflow server: makes a virtual environment below the target
# folder, starts a server on a free port of this machine, runs the tests against it, and stops it.
#
#   tests/mlflow/run.sh            all of them
#   tests/mlflow/run.sh serve      only starts the server, prints its URL, and waits
set -euo pipefail
cd "$(dirname "$0")/../.."

target="${CARGO_TARGET_DIR:-target}"
mkdir -p "$target"
target="$(cd "$target" && pwd)"
venv="$target/mlflow-venv"
python="$venv/bin/python"
cargo="${CARGO:-cargo}"

die() { echo "$*" >&2; exit 1; }
command -v python3 >/dev/null ||
    die "python3 is missing: install Python 3.11 or newer with its venv module, these tests start an MLflow server"
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    die "python3 is $(python3 --version 2>&1): install Python 3.11 or newer"
python3 -c 'import venv, ensurepip' 2>/dev/null ||
    die "python3 has no venv module: install it (Debian: python3-venv)"

if ! cmp -s tests/mlflow/requirements.txt "$venv/made-of.txt"; then
    echo "making $venv"
    rm -rf "$venv"
    python3 -m venv "$venv"
    # uv installs in seconds what takes pip a minute.
    if "$python" -m pip install --quiet --disable-pip-version-check uv; then
        "$python" -m uv pip install --quiet --python "$python" -r tests/mlflow/requirements.txt
    else
        "$python" -m pip install --quiet --disable-pip-version-check -r tests/mlflow/requirements.txt
    fi
    cp tests/mlflow/requirements.txt "$venv/made-of.txt"
fi

work="$(mktemp -d)"
server=""
finish() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

# The tests start servers of their own the same way, to kill them.
export FLOE_MLFLOW_PYTHON="$python"
export MLFLOW_DISABLE_TELEMETRY=true DO_NOT_TRACK=true MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false
port="$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
# In a folder of its own, and by its own process: uvicorn's parent passes the signal on.
(cd "$work" && exec "$python" -m mlflow server --host 127.0.0.1 --port "$port" --workers 1 \
    --backend-store-uri "sqlite:///$work/mlflow.db" --artifacts-destination "$work/artifacts") \
    >"$work/server.log" 2>&1 &
server=$!

# The health route answers also where the API is refused, so the API is asked.
ready() {
    "$python" - "$port" <<'PYTHON'
import sys, urllib.request
url = f"http://127.0.0.1:{sys.argv[1]}/api/2.0/mlflow/experiments/get-by-name?experiment_name=Default"
try:
    urllib.request.urlopen(url, timeout=2).read()
except Exception:
    sys.exit(1)
PYTHON
}
wait_for_server() {
    for _ in $(seq 180); do
        if ready; then return; fi
        kill -0 "$server" 2>/dev/null || { cat "$work/server.log" >&2; die "the MLflow server ended"; }
        sleep 0.5
    done
    cat "$work/server.log" >&2
    die "the MLflow server did not answer within 90 s"
}

export FLOE_MLFLOW_URI="http://127.0.0.1:$port"
if [ "${1:-}" = serve ]; then
    wait_for_server
    echo "$FLOE_MLFLOW_URI"
    wait "$server"
    exit
fi
# The tests are compiled while the server starts.
"$cargo" test --locked --test it --no-run
wait_for_server
echo "MLflow answers at $FLOE_MLFLOW_URI after $SECONDS s"
"$cargo" test --locked --test it -- mlflow_server --nocapture
# The store that needs no server, read by a server and by the client.
CARGO="$cargo" tests/mlflow/embedded.sh "$python"
echo "all tests against the MLflow server passed after $SECONDS s"
