"""What `run.sh` asks of Airflow: do the files parse, and what became of the runs?"""

import os
import sqlite3
import sys
import warnings
from pathlib import Path

work = Path(sys.argv[2])


def parse():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        from airflow.dag_processing.dagbag import DagBag

        bag = DagBag(str(work / "dags"))
    assert not bag.import_errors, bag.import_errors
    ours = [str(w.message) for w in caught if str(work) in str(w.filename)]
    ours += [w for of in getattr(bag, "captured_warnings", {}).values() for w in of]
    assert not ours, ours
    assert sorted(bag.dags) == ["floe_graph", "floe_mapped", "youtube_score"], bag.dags
    flaky = bag.dags["floe_graph"].get_task("flaky")
    assert flaky.retries == 3 and flaky.retry_delay.total_seconds() == 1
    assert bag.dags["floe_graph"].get_task("clean-up").trigger_rule == "all_done"
    assert bag.dags["floe_graph"].catchup is True
    assert bag.dags["youtube_score"].catchup is False
    assert bag.dags["youtube_score"].max_active_runs == 1
    print("3 DAGs parse without a warning")


def tasks(dag):
    with sqlite3.connect(work / "airflow" / "airflow.db") as database:
        sql = "SELECT task_id, map_index, state, try_number FROM task_instance WHERE dag_id = ?"
        rows = database.execute(sql, [dag]).fetchall()
    return {(task, index): (state, tries) for task, index, state, tries in rows}


def tree(folder, skip=()):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    found = {str(path.relative_to(folder)): path.read_bytes() for path in files}
    return {name: text for name, text in found.items() if not any(part in name for part in skip)}


def results():
    graph = tasks("floe_graph")
    expected = {
        "flaky": ("success", 3),
        "nothing-new": ("skipped", 1),
        "after-flaky": ("success", 1),
        "clean-up": ("success", 1),
    }
    for task, found in expected.items():
        assert graph[task, -1] == found, (task, graph)
    assert graph["after-nothing", -1][0] == "skipped", graph
    mapped = tasks("floe_mapped")
    for stage in ["collect", "score"]:
        for index in range(4):
            assert mapped[f"runs.{stage}", index][0] == "success", mapped
    youtube = tasks("youtube_score")
    assert len(youtube) == 5, youtube
    assert {state for state, _ in youtube.values()} == {"success"}, youtube

    for name in ["graph", "mapped"]:
        here, there = tree(work / "here" / name), tree(work / "there" / name)
        assert here == there and here, (name, here, there)
    # What is landed has times of its own; all that the stages make of it is compared.
    skip = ["collected", "state", "job.json", "points.db"]
    here, there = tree(work / "here/youtube", skip), tree(work / "there/youtube", skip)
    assert here == there and len(here) == 5, (sorted(here), sorted(there))
    rows = []
    for side in ["here", "there"]:
        with sqlite3.connect(work / side / "youtube" / "points.db") as points:
            sql = "SELECT query, start, \"end\", likes, comments, history FROM point ORDER BY 1, 2"
            scores = "SELECT query, start, \"end\", r2, rmse FROM score ORDER BY 1, 2"
            rows.append((points.execute(sql).fetchall(), points.execute(scores).fetchall()))
    assert rows[0] == rows[1] and rows[0][1], rows
    print(
        f"{len(graph)} + {len(mapped)} + {len(youtube)} tasks ended as they should, "
        f"with the results of the embedded schedule: {len(rows[0][0])} points, score {rows[0][1][0][3]:.4f}"
    )


{"parse": parse, "results": results}[sys.argv[1]]()
sys.stdout.flush()
# Airflow keeps threads that would hold the process up.
os._exit(0)
