#!/usr/bin/env python3
"""Where scikit-learn's logistic regressions end when they are let go on until the gradient vanishes.

    python3 logistic.py FOLDER           compares with logistic.json and fails on a difference
    python3 logistic.py FOLDER --write   writes logistic.json anew

FOLDER holds `tabular/wine_data.csv`, `tabular/iris.csv` and `titanic/train.csv`. Needs Python with
scikit-learn and pandas. Rows i with i % 5 == 4 are left out, features are in the deviations of the
train rows, C is 1: as in the values that were recorded before, whose search by L-BFGS stopped short.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

GOLDEN = Path(__file__).with_name("logistic.json")


def counted(path):
    """A table whose first line holds counts, and whose last column is the class."""
    rows = np.loadtxt(path, delimiter=",", skiprows=1)
    return rows[:, :-1], rows[:, -1].astype(int)


def titanic(path):
    rows = pd.read_csv(path)
    features = pd.DataFrame(
        {
            "Pclass": rows["Pclass"],
            "female": rows["Sex"] == "female",
            "Age": rows["Age"].fillna(rows["Age"].median()),
            "SibSp": rows["SibSp"],
            "Parch": rows["Parch"],
            "Fare": rows["Fare"],
            "Emb_C": rows["Embarked"] == "C",
            "Emb_Q": rows["Embarked"] == "Q",
        }
    )
    return features.to_numpy(dtype=float), rows["Survived"].to_numpy()


def gradient(model, features, classes):
    """The largest entry of the gradient of the objective, divided by the rows."""
    truth = (classes[:, None] == model.classes_).astype(float)
    residuals = model.predict_proba(features) - truth
    if len(model.classes_) == 2:
        residuals = residuals[:, 1:]
    slopes = residuals.T @ features + model.coef_
    return max(np.abs(slopes).max(), np.abs(residuals.sum(axis=0)).max()) / len(classes)


def fit(features, classes):
    train = np.arange(len(classes)) % 5 != 4
    features = StandardScaler().fit(features[train]).transform(features[train])
    classes = classes[train]
    model = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-14, max_iter=1000)
    model.fit(features, classes)
    steepest = gradient(model, features, classes)
    assert steepest < 1e-14, steepest
    # Of several scores only the differences of the constant terms matter: they sum to zero.
    intercept = model.intercept_
    if len(model.classes_) > 2:
        intercept = intercept - intercept.mean()
    return {
        "gradient": steepest,
        "coef": model.coef_.tolist(),
        "intercept": intercept.tolist(),
    }


def main():
    folder = Path(sys.argv[1])
    found = {
        "wine": fit(*counted(folder / "tabular/wine_data.csv")),
        "iris": fit(*counted(folder / "tabular/iris.csv")),
        "titanic": fit(*titanic(folder / "titanic/train.csv")),
    }
    if "--write" in sys.argv:
        versions = {"scikit-learn": sklearn.__version__, "numpy": np.__version__}
        GOLDEN.write_text(json.dumps({"versions": versions, **found}, indent=1) + "\n")
        return
    known = json.loads(GOLDEN.read_text())
    for name, block in found.items():
        for key in ["coef", "intercept"]:
            np.testing.assert_allclose(block[key], known[name][key], rtol=1e-11, atol=1e-13)
    print("as in logistic.json")


main()
