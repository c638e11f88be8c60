#!/usr/bin/env bash
# The store that needs no server, read by MLflow itself: floe writes it, a server of MLflow opens and
# upgrades it, its client reads all of it, floe writes on while the server runs, and all is read again.
#
#   tests/mlflow/embedded.sh PYTHON
#
# PYTHON is that of an environment with mlflow (or mlflow-skinny and what its server needs).
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
python="$1"
cd "$here/../.."

store="$(mktemp -d)"
server=""
finish() {
    if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi
    rm -rf "$store"
}
trap finish EXIT
export MLFLOW_DISABLE_TELEMETRY=true DO_NOT_TRACK=true MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false

write() {
    FLOE_MLFLOW_STORE="$store" "${CARGO:-cargo}" test --locked --test it -- --exact \
        sqlite_tracker::for_python::a_store_with_everything_in_it_reads_back | grep "^test "
}
revision() {
    "$python" -c "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('SELECT version_num FROM alembic_version').fetchone()[0])" "$store/mlflow.db"
}

write
before="$(revision)"
port="$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
uri="http://127.0.0.1:$port"
# As `mlflow ui` does it in the folder of the store, with no other setting.
(cd "$store" && exec "$python" -m mlflow server --host 127.0.0.1 --port "$port" --workers 1) \
    >"$store/server.log" 2>&1 &
server=$!
ready=""
for _ in $(seq 120); do
    kill -0 "$server" 2>/dev/null || { cat "$store/server.log" >&2; exit 1; }
    # An API route: `/health` answers before the store is open.
    if "$python" -c "import sys, urllib.request as u; u.urlopen(sys.argv[1], timeout=5)" \
        "$uri/api/2.0/mlflow/experiments/get?experiment_id=0" 2>/dev/null; then ready=yes; break; fi
    sleep 1
done
[ -n "$ready" ] || { echo "the server did not start" >&2; cat "$store/server.log" >&2; exit 1; }
after="$(revision)"
[ "$before" != "$after" ] || { echo "the tables were not upgraded from $before" >&2; exit 1; }
echo "upgraded from $before to $after"
"$python" "$here/read_store.py" "$uri" "$store/expected.json"
write
"$python" "$here/read_store.py" "$uri" "$store/expected.json"
# The database alone, without the server.
"$python" "$here/read_store.py" "sqlite:///$store/mlflow.db" "$store/expected.json"
