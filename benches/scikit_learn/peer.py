"""What scikit-learn does with the same files: `python peer.py mixed|classes|job FILE`."""

import json
import sys

import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

NUMBERS = ["a", "b", "c", "d", "e", "f"]
TEXTS = ["port", "title", "cabin"]


def mixed(path):
    """Means for gaps, categories as columns, mean 0 and deviation 1; then the sum of each column."""
    table = pd.read_parquet(path, columns=NUMBERS + TEXTS)
    steps = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="mean"), StandardScaler()), NUMBERS),
            (
                "texts",
                make_pipeline(
                    SimpleImputer(strategy="constant", fill_value="missing"), OneHotEncoder()
                ),
                TEXTS,
            ),
        ]
    )
    sums = steps.fit_transform(table).sum(axis=0)
    return {"columns": int(sums.size), "last_sum": float(sums.flat[sums.size - 1])}


def classes(path):
    """Five folds in order, features of mean 0 and deviation 1, the logistic regression of defaults."""
    table = pd.read_parquet(path)
    features, target = table.drop(columns="class").to_numpy(), table["class"].to_numpy()
    del table
    from sklearn.model_selection import KFold

    found = cross_validate(
        make_pipeline(StandardScaler(), LogisticRegression()),
        features,
        target,
        cv=KFold(5),
        scoring=["accuracy", "neg_log_loss"],
    )
    return {
        "accuracy": float(found["test_accuracy"].mean()),
        "log_loss": float(-found["test_neg_log_loss"].mean()),
    }


def job(path):
    """Two columns derived from others, means for gaps, mean 0 and deviation 1, 30 % of the rows kept
    for the score, least squares, R²."""
    from sklearn.linear_model import LinearRegression
    from sklearn.model_selection import train_test_split

    table = pd.read_parquet(path)
    table["product"] = table["a"] * table["b"]
    table["ratio"] = table["d"] / (table["c"] + 1.0)
    features = ["a", "b", "c", "d", "e", "f", "product", "ratio"]
    train, test = train_test_split(table, test_size=0.3, random_state=1)
    del table
    model = make_pipeline(SimpleImputer(strategy="mean"), StandardScaler(), LinearRegression())
    model.fit(train[features], train["y"])
    return {"r2": float(model.score(test[features], test["y"]))}


print(json.dumps({"mixed": mixed, "classes": classes, "job": job}[sys.argv[1]](sys.argv[2])))
