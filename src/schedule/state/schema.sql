-- The state of a schedule. Times are milliseconds since 1970-01-01 UTC.
CREATE TABLE schedule (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    name TEXT NOT NULL,
    definition TEXT NOT NULL,
    -- All intervals that end here or before have been decided on.
    cursor INTEGER,
    paused INTEGER NOT NULL DEFAULT 0,
    paused_because TEXT,
    failed_in_a_row INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    start INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    -- A JSON object with sorted names, or nothing.
    parameters TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    created INTEGER NOT NULL,
    started INTEGER,
    ended INTEGER,
    message TEXT,
    -- Whether the missed deadline was told.
    late INTEGER NOT NULL DEFAULT 0,
    UNIQUE (start, "end", parameters)
) STRICT;
CREATE INDEX run_queue ON run (start, id) WHERE state = 'queued' AND kind <> 'backfill';
CREATE INDEX run_backfill ON run (start, id) WHERE state = 'queued' AND kind = 'backfill';
CREATE INDEX run_past ON run (parameters, start);
CREATE INDEX run_open ON run ("end") WHERE state IN ('queued', 'running');
CREATE INDEX run_state ON run (state);
CREATE TABLE stage (
    run INTEGER NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    -- Tries that failed since the stage was last asked for: what retries are counted by.
    failures INTEGER NOT NULL,
    -- All tries ever.
    tries INTEGER NOT NULL,
    not_before INTEGER,
    PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE try (
    run INTEGER NOT NULL,
    stage TEXT NOT NULL,
    number INTEGER NOT NULL,
    state TEXT NOT NULL,
    started INTEGER NOT NULL,
    ended INTEGER,
    exit_code INTEGER,
    message TEXT,
    PRIMARY KEY (run, stage, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX try_running ON try (run) WHERE state = 'running';
-- What a catch-up left out.
CREATE TABLE missed (
    start INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    seen INTEGER NOT NULL
) STRICT;
PRAGMA user_version = 1;
