"""Compares what `mlflow.pyfunc` predicts with what floe predicted: parity.py FOLDER [MODEL].

Each folder in FOLDER is a model as MLflow reads it, with the rows and the predictions of floe. MODEL
is the address of the model `likes` on a server.
"""

import json
import math
import pathlib
import sys

import mlflow.pyfunc
import pandas as pd

TOLERANCE = 1e-12
DTYPES = {"f64": "float64", "f32": "float32", "str": "object", "bool": "bool"}


def frame(path):
    """Columns without gaps have the dtype that pandas gives them; the others are of objects."""
    columns = {}
    for name, column in json.loads(path.read_text(encoding="utf-8")).items():
        cells, dtype = column["cells"], column["dtype"]
        if dtype in ("f64", "f32"):
            columns[name] = pd.Series(cells, dtype=DTYPES[dtype])
        elif dtype == "str":
            columns[name] = pd.Series(cells, dtype=object)
        elif None in cells:
            columns[name] = pd.Series(cells, dtype="float64")
        else:
            columns[name] = pd.Series(cells)
    return pd.DataFrame(columns)


def differs(there, here):
    """By how much two cells differ, of 1 at least."""
    missing = [value is None or value != value for value in (there, here)]
    if any(missing):
        return 0.0 if all(missing) else math.inf
    if isinstance(here, float):
        return abs(there - here) / max(abs(here), 1.0)
    return 0.0 if there == here else math.inf


def main(folder, address=None):
    failed = compared = 0
    cases = [(case, str(case)) for case in sorted(folder.iterdir()) if case.is_dir()]
    if address:
        cases.append((folder / "likes", address))
    for case, where in cases:
        rows, expected = frame(case / "rows.json"), frame(case / "predicted.json")
        made = [name for name in expected.columns if name == "prediction" or name.startswith("probability_")]
        try:
            model = mlflow.pyfunc.load_model(where)
        except Exception as error:  # noqa: BLE001 - what a person would see
            if case.name.startswith("refused_"):
                kind = json.loads((case / "model.json").read_text(encoding="utf-8"))
                kind = kind["contents"]["predictor"]["kind"]
                assert kind in str(error), error
                print(f"{case.name}: refused, naming {kind}")
                compared += 1
                continue
            raise
        wanted = model.metadata.signature.inputs
        inputs = [field.name for field in wanted] if wanted else list(rows.columns)
        got = model.predict(rows[inputs])
        assert list(got.columns) == made, (list(got.columns), made)
        assert len(got) == len(expected) > 0
        worst = max(
            differs(there, here) for name in made for there, here in zip(got[name], expected[name])
        )
        name = case.name if where == str(case) else where
        print(f"{name}: {len(got)} rows, worst difference {worst:.1e}")
        failed += worst > TOLERANCE
        compared += 1
    assert compared >= 10, compared
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]), *sys.argv[2:]))
