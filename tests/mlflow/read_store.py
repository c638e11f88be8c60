"""Reads a store that floe wrote with MLflow's own Python client and compares it with what floe says
it wrote.

    read_store.py TRACKING_URI EXPECTED.json
"""

import json
import math
import sys
import tempfile
from pathlib import Path

from mlflow import MlflowClient


def same(found, expected, what):
    assert found == expected, f"{what}: {found!r} is not {expected!r}"


def number(value):
    return math.nan if value == "NaN" else value


def files(client, run, folder=None):
    for file in client.list_artifacts(run, folder):
        if file.is_dir:
            yield from files(client, run, file.path)
        else:
            yield file.path


def check(client, expected):
    run_id, name = expected["run"], expected["name"]
    experiment = client.get_experiment_by_name(expected["experiment"])
    found = client.search_runs([experiment.experiment_id], f"run_id = '{run_id}'")
    same(len(found), 1, name)
    run = found[0]
    same(run.info.run_name, name, "name")
    same(run.info.status, expected["status"], "status")
    for key, value in expected["params"].items():
        same(run.data.params[key], value, key)
    for key, value in expected["tags"].items():
        same(run.data.tags[key], value, key)
    for key, value in expected.get("metrics", {}).items():
        same(run.data.metrics[key], value, key)
    for key, history in expected["histories"].items():
        found = client.get_metric_history(run_id, key)
        found = sorted((m.step, m.timestamp, m.value) for m in found)
        same(len(found), len(history), key)
        for (step, time, value), wanted in zip(found, sorted(history, key=lambda m: m[:2])):
            same([step, time], wanted[:2], key)
            wanted = number(wanted[2])
            both_nan = math.isnan(value) and math.isnan(wanted)
            assert both_nan or value == wanted, f"{key}: {value!r} is not {wanted!r}"
        latest, last = run.data.metrics[key], number(max(history, key=lambda m: m[:2])[2])
        assert latest == last or (math.isnan(latest) and math.isnan(last)), key
    datasets = {
        dataset.dataset.name: {tag.key: tag.value for tag in dataset.tags}["mlflow.data.context"]
        for dataset in run.inputs.dataset_inputs
    }
    same(datasets, expected["datasets"], "datasets")
    model = expected.get("model")
    if client.tracking_uri.startswith("http"):
        # Locations are relative to the server's folder: the database alone does not tell it.
        paths = set(files(client, run_id))
        with tempfile.TemporaryDirectory() as folder:
            for path, text in expected["artifacts"].items():
                assert path in paths, f"{path} is not in {paths}"
                same(Path(client.download_artifacts(run_id, path, folder)).read_text(), text, path)
    if model:
        [output] = run.outputs.model_outputs
        logged = client.get_logged_model(output.model_id)
        same(str(logged.status).rpartition(".")[2], "READY", "status of the model")
        same(logged.name, model["name"], "model")
        same(logged.model_type, model["type"], "model type")
        same(logged.source_run_id, run_id, "run of the model")
        scores = {metric.key: metric.value for metric in logged.metrics}
        for key, value in expected["metrics"].items():
            same(scores[key], value, f"{key} of the model")
        for key, value in expected["params"].items():
            same(logged.params[key], value, f"{key} of the model")
        if client.tracking_uri.startswith("http"):
            import mlflow.artifacts

            mlflow.set_tracking_uri(client.tracking_uri)
            uri = f"models:/{output.model_id}"
            with tempfile.TemporaryDirectory() as folder:
                path = mlflow.artifacts.download_artifacts(uri, dst_path=folder)
                same((Path(path) / "model.json").read_text(), model["file"], "model file")
                text = (Path(path) / "MLmodel").read_text()
                assert f'model_id: "{output.model_id}"' in text, text


def main():
    uri, path = sys.argv[1:]
    client = MlflowClient(tracking_uri=uri)
    runs = json.loads(Path(path).read_text())
    for run in runs:
        check(client, run)
    print(f"{len(runs)} runs read back equal from {uri.split(':')[0]}")


main()
