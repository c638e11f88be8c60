#!/usr/bin/env python3
"""What other tools make of the columns that floe's tests hold it to: min-max scaling to 0..1.

    python3 benches/truth/table.py

needs Python with scikit-learn, polars, polars_ds, ibis-ml and ibis-framework[duckdb]; a tool that is
not there is left out. Each case is fitted on one column and applied to another, which is the same one
unless said. It prints a Markdown table; `docs/compare.md` tells what is wrong in it.
"""

import math
import warnings
from importlib.metadata import version

import polars as pl

warnings.filterwarnings("ignore")

INF, NAN = math.inf, math.nan
I64, U64 = 2**63, 2**64

CASES = [
    ("u32 10, 250; then 5", pl.UInt32, [10, 250], [5]),
    ("u8 10, 255; then 5", pl.UInt8, [10, 255], [5]),
    ("i8 -128, 0, 127", pl.Int8, [-128, 0, 127], None),
    ("i64 MIN, 0, MAX", pl.Int64, [-I64, 0, I64 - 1], None),
    ("i64 2^53, +1, +2", pl.Int64, [2**53, 2**53 + 1, 2**53 + 2], None),
    ("u64 2^64 - 3, - 2, - 1", pl.UInt64, [U64 - 3, U64 - 2, U64 - 1], None),
    ("f64 -1.7e308, 0, 1.7e308", pl.Float64, [-1.7e308, 0.0, 1.7e308], None),
    ("f64 0, 5e-324", pl.Float64, [0.0, 5e-324], None),
    ("f64 0, 3e-7, 6e-7", pl.Float64, [0.0, 3e-7, 6e-7], None),
    ("f64 5, 5", pl.Float64, [5.0, 5.0], None),
    ("f64 1, NaN, 3", pl.Float64, [1.0, NAN, 3.0], None),
    ("f64 1, inf, 3", pl.Float64, [1.0, INF, 3.0], None),
    ("f64 1, null, 3", pl.Float64, [1.0, None, 3.0], None),
    ("Boolean false, true", pl.Boolean, [False, True], None),
    ("f64 1, 3; then text 1.0", pl.Float64, [1.0, 3.0], ["1.0"]),
    ("u32 1, 3; then f64 2.5", pl.UInt32, [1, 3], [2.5]),
]


def tables(dtype, fitted, applied):
    """Both columns as frames; another dtype than the fitted one where the values are of another."""
    train = pl.DataFrame({"x": pl.Series(fitted, dtype=dtype)})
    if applied is None:
        return train, train
    same = not isinstance(applied[0], (str, float)) or dtype.is_float() and isinstance(applied[0], float)
    return train, pl.DataFrame({"x": pl.Series(applied, dtype=dtype if same else None)})


def scikit_learn(train, new):
    from sklearn.preprocessing import MinMaxScaler

    scaler = MinMaxScaler().fit(train.to_numpy())
    return scaler.transform(new.to_numpy()).ravel().tolist()


def expressions(train, new):
    low, high = train["x"].min(), train["x"].max()
    if new is train:
        scaled = (pl.col("x") - pl.col("x").min()) / (pl.col("x").max() - pl.col("x").min())
    else:
        limits = [pl.lit(end, dtype=train["x"].dtype) for end in (low, high)]
        scaled = (pl.col("x") - limits[0]) / (limits[1] - limits[0])
    return new.lazy().select(scaled).collect()["x"].to_list()


def polars_ds(train, new):
    from polars_ds.pipeline import Blueprint

    pipe = Blueprint(train, name="table").scale("x", method="min_max").materialize()
    return pipe.transform(new)["x"].to_list()


def ibis_ml(train, new):
    import ibis
    import ibis_ml

    step = ibis_ml.Recipe(ibis_ml.ScaleMinMax(["x"]))
    step.fit(ibis.memtable(train.to_pandas()))
    return step.to_pandas(ibis.memtable(new.to_pandas()))["x"].tolist()


TOOLS = {
    "scikit-learn": scikit_learn,
    "polars": expressions,
    "polars-ds": polars_ds,
    "ibis-ml": ibis_ml,
}


def shown(value):
    if value is None:
        return "null"
    return f"{float(value):.9g}"


def told(tool, dtype, fitted, applied):
    train, new = tables(dtype, fitted, applied)
    if applied is None:
        new = train
    try:
        return "[" + ", ".join(shown(value) for value in TOOLS[tool](train, new)) + "]"
    except Exception as error:  # A crash is a result.
        text = " ".join(str(error).split()).replace("|", "/")
        return f"{type(error).__name__}: {text[:60]}"


def main():
    tools = []
    for tool in TOOLS:
        try:
            tools.append((tool, version(tool)))
        except Exception:
            print(f"left out, not installed: {tool}\n")
    names = [f"{tool} {number}" for tool, number in tools]
    print("| case | " + " | ".join(names) + " |")
    print("|---" * (len(names) + 1) + "|")
    for case, dtype, fitted, applied in CASES:
        cells = [told(tool, dtype, fitted, applied) for tool, _ in tools]
        print(f"| {case} | " + " | ".join(cells) + " |")


main()
