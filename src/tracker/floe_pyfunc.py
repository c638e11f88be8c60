"""Applies a model file of floe, for `mlflow.pyfunc`. Needs numpy and pandas, nothing else.

A missing value of the rows (None, NaN, pandas.NA, NaT) is a null. Integers may come as floats, as
MLflow hands them over, as long as they are whole numbers. A kind of step or model that is not listed
in STEPS, TARGET_STEPS or MODELS ends in an error that names it: nothing is left out silently.
"""

import json
from fractions import Fraction

import numpy as np
import pandas as pd


class FloeError(Exception):
    """What a model or its rows lack."""


class Column:
    """Values, which of them are null, and the dtype by its name in the model file."""

    def __init__(self, values, null, dtype):
        self.values, self.null, self.dtype = values, null, dtype

    def floats(self):
        if self.dtype == "str":
            raise FloeError("a column of texts is used as numbers")
        floats = self.values.astype(np.float64)
        return np.where(self.null, np.nan, floats)

    def nans(self):
        """NaN that are values: nulls are none."""
        if self.values.dtype.kind != "f":
            return np.zeros(len(self.values), dtype=bool)
        return np.isnan(self.values) & ~self.null


WHOLE = {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}


def read_column(series, name, dtype):
    """A column of the rows in the dtype of the fit, exactly."""
    cells = series.to_numpy(dtype=object)
    null = series.isna().to_numpy(dtype=bool)
    if dtype == "str":
        bad = [c for c, gone in zip(cells, null) if not gone and not isinstance(c, str)]
        values = np.array([None if gone else c for c, gone in zip(cells, null)], dtype=object)
    elif dtype == "boolean":
        bad = [c for c, gone in zip(cells, null) if not gone and c not in (0, 1)]
        values = np.array([not gone and bool(c) for c, gone in zip(cells, null)], dtype=bool)
    elif dtype in WHOLE:
        limits = np.iinfo(dtype)

        def fits(cell):
            try:
                return int(cell) == cell and limits.min <= int(cell) <= limits.max
            except (TypeError, ValueError, OverflowError):
                return False

        bad = [c for c, gone in zip(cells, null) if not gone and not fits(c)]
        if not bad:
            whole = [0 if gone else int(c) for c, gone in zip(cells, null)]
            values = np.array(whole, dtype=dtype)
    elif dtype in ("float64", "float32"):
        try:
            floats = [np.nan if gone else float(c) for c, gone in zip(cells, null)]
            values, bad = np.array(floats, dtype=np.float64).astype(dtype), []
        except (TypeError, ValueError):
            bad = [c for c, gone in zip(cells, null) if not gone and not isinstance(c, (int, float))]
    else:
        raise FloeError(f"column {name!r} is {dtype}, which this loader does not read yet")
    if bad:
        raise FloeError(f"column {name!r} was {dtype} at the fit, and holds {bad[0]!r}")
    return Column(values, null, dtype)


def multiply_add(left, right, added):
    """left * right + added, rounded as if once: the error of the product is carried along."""
    left, right, added = np.broadcast_arrays(
        *(np.asarray(x, dtype=np.float64) for x in (left, right, added))
    )
    with np.errstate(all="ignore"):
        product = left * right
        a, b = left * 134217729.0, right * 134217729.0
        a_high, b_high = a - (a - left), b - (b - right)
        a_low, b_low = left - a_high, right - b_high
        lost = a_low * b_low - (((product - a_high * b_high) - a_low * b_high) - a_high * b_low)
        total = product + added
        back = total - product
        lost_too = (product - (total - back)) + (added - back)
        exact = total + (lost + lost_too)
        # Where the halves overflow there is nothing to carry.
        return np.where(np.isfinite(exact), exact, total)


def distance(column, origin):
    """The values less a whole number, rounded once."""
    if column.values.dtype.kind == "f":
        return column.floats() - float(origin)
    if abs(origin) < 2**62 and column.dtype != "uint64":
        small = column.values.astype(np.int64)
        if small.size == 0 or max(-int(small.min()), int(small.max())) < 2**62:
            return np.where(column.null, np.nan, (small - origin).astype(np.float64))
    exact = np.array([float(int(v) - origin) for v in column.values], dtype=np.float64)
    return np.where(column.null, np.nan, exact)


def plain(value):
    """A learned number."""
    return int(value["int"]) if "int" in value else value["float"]


def policies(name, column, state):
    """What the policies refuse, and where they make nulls."""
    rules = state["policies"]
    null = column.null.copy()
    if state["nulls"] == "error" and null.any():
        raise FloeError(f"column {name!r} holds nulls, which its scaler refuses")
    if column.values.dtype.kind == "f":
        nans, infinite = column.nans(), np.isinf(column.values) & ~column.null
        for found, rule, what in ((nans, "nans", "NaN"), (infinite, "infinities", "infinities")):
            if rules[rule] == "error" and found.any():
                raise FloeError(f"column {name!r} holds {what}, which its scaler refuses")
            if rules[rule] == "null":
                null |= found
    return null


def scaled(column, result, null, rules, name):
    """A scaled column; f32 stays f32, and what overflows is judged as an infinity."""
    dtype = "float32" if column.dtype == "float32" else "float64"
    with np.errstate(over="ignore"):
        result = result.astype(dtype) + np.zeros(1, dtype=dtype)
    infinite = np.isinf(result) & ~null
    if infinite.any() and rules["infinities"] == "error":
        raise FloeError(f"column {name!r} holds values that are infinite once scaled")
    if rules["infinities"] == "null":
        null = null | infinite
    return Column(result, null, dtype)


class Range:
    """What a MinMaxScaler learned of one column."""

    def __init__(self, learned, rules):
        self.low, self.high = plain(learned["min"]), plain(learned["max"])
        self.constant = self.low == self.high
        span = float(self.high - self.low)
        self.factor = 0.5 if np.isinf(span) else 1.0
        if self.factor != 1.0:
            span = self.high * 0.5 - self.low * 0.5
        self.span = 1.0 if self.constant else span
        ends = rules["output"]
        self.ends = (ends["low"], ends["high"])
        self.half = 0.5 if abs(ends["low"]) > 1e290 else 1.0
        self.out_low = ends["low"] * self.half
        self.out_span = ends["high"] * self.half - self.out_low

    def place(self, quotient):
        low, high = self.ends
        if (low, high) == (0.0, 1.0):
            return quotient
        total = (self.out_low + quotient * self.out_span) / self.half
        past = np.where(quotient < 1.0, total > high, (quotient == 1.0) | (total < high))
        return np.where(past, high, total)

    def forward(self, column):
        if isinstance(self.low, int):
            quotient = distance(column, self.low) / self.span
        else:
            quotient = (column.floats() * self.factor - self.low * self.factor) / self.span
        return self.place(quotient)

    def inverse(self, values):
        low, high = self.ends
        quotient = (values * self.half - self.out_low) / self.out_span
        quotient = np.where(values == low, 0.0, np.where(values == high, 1.0, quotient))
        undone = add_exactly(self.low, quotient, self.span, self.factor)
        if self.constant:
            return undone
        return np.where(quotient == 1.0, float(self.high), undone)


class Centre:
    """What a scaler learned that subtracts a centre and divides by a scale."""

    def __init__(self, learned, _):
        if "max_abs" in learned:
            self.origin, self.offset = 0, 0.0
            self.scale = float(plain(learned["max_abs"]))
        else:
            centre = learned.get("mean") or learned["center"]
            self.origin, self.offset = int(centre["origin"]), centre["offset"]
            self.scale = learned["std"] if "std" in learned else learned["scale"]
        self.constant = self.scale == 0.0
        self.scale = self.scale or 1.0

    def forward(self, column):
        values = distance(column, self.origin)
        plain_way = (values - self.offset) / self.scale
        halved = (values * 0.5 - self.offset * 0.5) / (self.scale * 0.5)
        return np.where(np.isinf(values - self.offset), halved, plain_way)

    def inverse(self, values):
        return add_exactly(self.origin, multiply_add(values, self.scale, self.offset), 1.0, 1.0)


def add_exactly(origin, quotient, span, factor):
    """origin + quotient * span, in whole numbers where a float holds the origin only rounded."""
    if isinstance(origin, int) and abs(origin) > 2**53:

        def one(value):
            if not np.isfinite(value):
                return value
            product = Fraction(float(value)) * Fraction(span)
            size = (2 * abs(product) + 1) // 2
            return float(origin + (size if product >= 0 else -size))

        return np.array([one(value) for value in quotient], dtype=np.float64)
    return multiply_add(quotient, span, origin * factor) / factor


def apply_scaler(learned_form):
    def apply(columns, state):
        rules = state["policies"]
        for entry in state["columns"]:
            name, learned = entry["column"], entry["learned"]
            column = take(columns, name)
            null = policies(name, column, state)
            if learned is None:
                # No train row held a value, so that nothing is known of any.
                values = int((~column.null & ~column.nans()).sum())
                if values:
                    raise FloeError(
                        f"{values} values of {name!r} cannot be scaled: no train row held a value"
                    )
                columns[name] = unknown(column)
                continue
            form = learned_form(learned, rules)
            with np.errstate(all="ignore"):
                result = form.forward(column)
            if form.constant and rules["constant"] == "null":
                null = null | ~column.nans()
            if learned_form is Range:
                result, null = outside(name, column, form, result, null, rules)
            columns[name] = scaled(column, result, null, rules, name)

    return apply


def unknown(column):
    dtype = "float32" if column.dtype == "float32" else "float64"
    return Column(np.full(len(column.values), np.nan, dtype=dtype), np.ones(len(column.values), dtype=bool), dtype)


def outside(name, column, form, result, null, rules):
    """What is done with values outside the learned range."""
    below = (column.values < form.low) & ~column.null
    above = (column.values > form.high) & ~column.null
    rule = rules["outside"]
    if rule == "error" and (below | above).any():
        raise FloeError(f"column {name!r} holds values outside the learned range")
    if rule == "null":
        null = null | below | above
    if rule == "clip":
        low, high = form.ends
        result = np.where(below, low, np.where(above, high, result))
    return result, null


def undo_scaler(learned_form):
    def undo(values, state, target):
        for entry in state["columns"]:
            if entry["column"] == target:
                refuse_units(entry)
                if entry["learned"] is None:
                    return np.full(len(values), np.nan)
                return learned_form(entry["learned"], state["policies"]).inverse(values)
        return values

    return undo


def refuse_units(entry):
    dtype = entry["dtype"]
    if dtype not in WHOLE and dtype not in ("float64", "float32", "boolean"):
        raise FloeError(f"column {entry['column']!r} is {dtype}, which this loader does not undo yet")


def take(columns, name):
    if name not in columns:
        raise FloeError(f"there is no column {name!r}; the columns are {sorted(columns)}")
    return columns[name]


def normalizer(columns, state):
    names = state["columns"]
    if not names:
        return
    found = [take(columns, name) for name in names]
    null = np.zeros(len(found[0].values), dtype=bool)
    for name, column in zip(names, found):
        if state["nulls"] == "error" and column.null.any():
            raise FloeError(f"column {name!r} holds nulls, which the Normalizer refuses")
        null |= column.null
    floats = [column.floats() for column in found]
    unit = np.zeros(len(null))
    for values in floats:
        size = np.abs(values)
        unit = np.where((size > unit) | np.isnan(size), size, unit)
    for test, rule, what in ((np.isnan, "nans", "NaN"), (np.isinf, "infinities", "infinities")):
        bad = test(unit) & ~null
        if state[rule] == "error" and bad.any():
            raise FloeError(f"the Normalizer of {names} refuses {what}")
        if state[rule] == "null":
            null = null | bad
        unit = np.where(bad, np.nan, unit)
    unit = np.where(unit > 0.0, unit, np.where(np.isnan(unit), unit, 1.0))
    length = np.ones(len(null))
    if state["norm"] != "max":
        length = np.zeros(len(null))
        for values in floats:
            part = np.abs(values) / unit
            length = length + (part if state["norm"] == "l1" else part * part)
        length = length if state["norm"] == "l1" else np.sqrt(length)
        length = np.where(length > 0.0, length, 1.0)
    for name, values in zip(names, floats):
        columns[name] = Column(values / unit / length + 0.0, null, "float64")


def log1p(columns, state):
    for name in state["columns"]:
        column = take(columns, name)
        values = column.floats()
        beyond = values <= -1.0
        null = column.null
        if beyond.any():
            if state["out_of_domain"] == "error":
                raise FloeError(f"column {name!r} holds values of -1 or below")
            null = null | beyond
        with np.errstate(all="ignore"):
            columns[name] = Column(np.log1p(values) + 0.0, null, "float64")


def undo_log1p(values, state, target):
    if target not in state["columns"]:
        return values
    with np.errstate(all="ignore"):
        return np.expm1(values) + 0.0


def gaps(column, state):
    missing = column.null.copy()
    if state["nans"] == "missing":
        missing |= column.nans()
    if state.get("empty", "value") == "missing" and column.dtype == "str":
        missing |= np.array([value == "" for value in column.values], dtype=bool)
    return missing


def imputation(columns, state):
    if state.get("by"):
        raise FloeError("an Imputer by groups is not applied in Python yet (kind imputation, by)")
    for entry in state["columns"]:
        name = entry["column"]
        column = take(columns, name)
        missing = gaps(column, state)
        dtype = column.dtype
        if state["integers"] == "float" and (dtype in WHOLE or dtype == "boolean"):
            dtype = "float64"
        if dtype not in WHOLE and dtype not in ("float64", "float32", "boolean", "str"):
            raise FloeError(f"column {name!r} is {dtype}, which this loader does not fill yet")
        ((kind, value),) = entry["value"].items()
        value = int(value) if kind == "int" else value
        to = object if dtype == "str" else (bool if dtype == "boolean" else dtype)
        values = column.values.astype(to)
        values[missing] = value
        columns[name] = Column(values, np.zeros(len(missing), dtype=bool), dtype)


def missing_indicator(columns, state):
    for name in state["columns"]:
        missing = gaps(take(columns, name), state)
        columns[f"{name}_missing"] = Column(missing, np.zeros(len(missing), dtype=bool), "boolean")


def winsorization(columns, state):
    for entry in state["columns"]:
        name = entry["column"]
        column = take(columns, name)
        values, null = column.values, column.null
        if values.dtype.kind == "f":
            infinite = np.isinf(values) & ~null
            if state["infinities"] == "error" and infinite.any():
                raise FloeError(f"column {name!r} holds infinities, which the Winsorizer refuses")
            if state["infinities"] == "null":
                null = null | infinite
        if entry["ends"] is not None:
            low, high = plain(entry["ends"]["low"]), plain(entry["ends"]["high"])
            if values.dtype.kind != "f":
                limits = np.iinfo(values.dtype)
                low, high = max(low, limits.min), min(high, limits.max)
            values = np.clip(values, values.dtype.type(low), values.dtype.type(high))
        columns[name] = Column(values, null, column.dtype)


def outlier_filtering(columns, state):
    """Drops train rows only: new rows stay as they are."""


def select(columns, state):
    kept = {name: take(columns, name) for name in state["columns"]}
    columns.clear()
    columns.update(kept)


def drop_columns(columns, state):
    for name in state["columns"]:
        columns.pop(name, None)


def rename(columns, state):
    pairs = [tuple(pair) for pair in state["columns"]]
    moved = {new: take(columns, old) for old, new in pairs}
    for old, _ in pairs:
        columns.pop(old, None)
    columns.update(moved)


def categories(column, name, entry):
    """The category of each row as it is learned: a text, a bool or a whole number."""
    if entry["dtype"] not in WHOLE | {"str", "boolean"}:
        raise FloeError(f"column {name!r} is {entry['dtype']}, whose categories are not read yet")
    return [None if gone else value for value, gone in zip(column.values.tolist(), column.null)]


def category(learned):
    ((kind, value),) = learned.items()
    return int(value) if kind == "int" else value


def code(name, value, known, rule, null_rule):
    if value is None:
        if null_rule == "error":
            raise FloeError(f"column {name!r} holds nulls, which its encoder refuses")
        return null_rule
    if value in known:
        return known[value]
    if rule == "error":
        raise FloeError(f"column {name!r} holds {value!r}, which no train row held")
    return rule


def one_hot_encoding(columns, state):
    settings = state["settings"]
    made = {}
    for entry in state["columns"]:
        name = entry["column"]
        column = take(columns, name)
        known = {category(k["category"]): k["output"] for k in entry["known"] if k["category"] is not None}
        of_null = [k["output"] for k in entry["known"] if k["category"] is None]
        unknown_rule = {"error": "error", "zero": None, "null": "null", "other": entry["other"]}[settings["unknown"]]
        nulls = {"category": of_null[0] if of_null else unknown_rule, "zero": None, "error": "error"}[settings["nulls"]]
        codes = [code(name, value, known, unknown_rule, nulls) for value in categories(column, name, entry)]
        null = np.array([value == "null" for value in codes], dtype=bool)
        for at, new in enumerate(entry["names"]):
            values = np.array([value == at and value is not None for value in codes], dtype=np.float64)
            made[new] = Column(values, null, "float64")
    for entry in state["columns"]:
        columns.pop(entry["column"], None)
    columns.update(made)


def ordinal_encoding(columns, state):
    def rule(value):
        return value["code"] if isinstance(value, dict) else value

    for entry in state["columns"]:
        name = entry["column"]
        column = take(columns, name)
        known = {category(value): at for at, value in enumerate(entry["categories"])}
        codes = [
            code(name, value, known, rule(state["unknown"]), rule(state["nulls"]))
            for value in categories(column, name, entry)
        ]
        null = np.array([value == "null" for value in codes], dtype=bool)
        values = np.array([0 if value == "null" else value for value in codes], dtype=np.int64)
        columns[name] = Column(values, null, "int64")


def line(columns, features, coefficients, origins, base, rows):
    """base + sum of coefficient * (feature - origin), from left to right."""
    total, null = np.full(rows, base, dtype=np.float64), np.zeros(rows, dtype=bool)
    for name, coefficient, origin in zip(features, coefficients, origins):
        column, origin = take(columns, name), int(origin)
        values = distance(column, origin) if origin else column.floats()
        total = total + values * coefficient
        null |= column.null
    return total, null


def linear_model(columns, state, rows):
    total, null = line(
        columns, state["features"], state["coefficients"], state["origins"], state["base"], rows
    )
    return {"prediction": np.where(null, np.nan, total)}


def constant_model(columns, state, rows):
    return {"prediction": np.full(rows, state["value"], dtype=np.float64)}


def logistic_model(columns, state, rows):
    labels = [category(label) for label in state["classes"]["labels"]]
    scores, null = [], np.zeros(rows, dtype=bool)
    for coefficients, base in zip(state["coefficients"], state["bases"]):
        score, gone = line(columns, state["features"], coefficients, state["origins"], base, rows)
        scores.append(score)
        null |= gone
    if len(scores) == 1:
        scores.insert(0, np.zeros(rows))
    scores = np.array(scores).reshape(len(scores), rows)
    with np.errstate(all="ignore"):
        top = scores.max(axis=0)
        odds = np.exp(scores - top)
        shares = np.where(null, np.nan, odds / odds.sum(axis=0))
    gone = null | np.isnan(top)
    winners = (scores == top).argmax(axis=0)
    said = [None if lost else labels[at] for at, lost in zip(winners, gone)]
    answer = {"prediction": pd.Series(said, dtype=object if gone.any() else None)}
    for label, share in zip(labels, shares):
        text = str(label).lower() if isinstance(label, bool) else str(label)
        answer[f"probability_{text}"] = share
    return answer


STEPS = {
    "min_max_scaling": apply_scaler(Range),
    "standard_scaling": apply_scaler(Centre),
    "robust_scaling": apply_scaler(Centre),
    "max_abs_scaling": apply_scaler(Centre),
    "normalizer": normalizer,
    "log1p": log1p,
    "imputation": imputation,
    "missing_indicator": missing_indicator,
    "winsorization": winsorization,
    "outlier_filtering": outlier_filtering,
    "one_hot_encoding": one_hot_encoding,
    "ordinal_encoding": ordinal_encoding,
    "select": select,
    "drop_columns": drop_columns,
    "rename": rename,
}
TARGET_STEPS = {
    "min_max_scaling": undo_scaler(Range),
    "standard_scaling": undo_scaler(Centre),
    "robust_scaling": undo_scaler(Centre),
    "max_abs_scaling": undo_scaler(Centre),
    "log1p": undo_log1p,
}
MODELS = {
    "linear_model": linear_model,
    "constant_model": constant_model,
    "logistic_model": logistic_model,
}


class FloeModel:
    """A fitted flow: steps, model, and the way back to the target's own units."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            whole = json.load(file)
        if whole.get("format") != "floe-model" or whole.get("format_version") != 1:
            raise FloeError(f"{path} is no model file of floe that this loader knows (version 1)")
        self.contents = whole["contents"]
        for part, known in (("steps", STEPS), ("target_steps", TARGET_STEPS)):
            for step in self.contents[part]:
                self.refuse(step["kind"], known)
        if self.contents["predictor"] is None:
            raise FloeError(f"{path} holds steps and no model")
        self.refuse(self.contents["predictor"]["kind"], MODELS)

    @staticmethod
    def refuse(kind, known):
        if kind not in known:
            raise FloeError(
                f"the kind {kind!r} is not applied in Python; those that are: {', '.join(sorted(known))}. "
                "Predict with floe itself, or learn another model"
            )

    def predict(self, model_input, params=None):
        if not isinstance(model_input, pd.DataFrame):
            raise FloeError("give the rows as a pandas.DataFrame with the columns of the fit")
        columns = {}
        for wanted in self.contents["inputs"]:
            name = wanted["name"]
            if name not in model_input.columns:
                raise FloeError(f"column {name!r} of the fit is missing")
            columns[name] = read_column(model_input[name], name, wanted["dtype"])
        for step in self.contents["steps"]:
            STEPS[step["kind"]](columns, step["state"])
        predictor = self.contents["predictor"]
        answer = MODELS[predictor["kind"]](columns, predictor["state"], len(model_input))
        for step in reversed(self.contents["target_steps"]):
            answer["prediction"] = TARGET_STEPS[step["kind"]](
                np.asarray(answer["prediction"], dtype=np.float64), step["state"], self.contents["target"]
            )
        answer = pd.DataFrame(answer)
        answer.index = model_input.index
        return answer


def _load_pyfunc(path):
    """What MLflow calls with the path of the model file."""
    return FloeModel(path)
