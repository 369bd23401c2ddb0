"""What a model gives for a row, in plain Python and by the words of the spec alone; and random models and rows."""

import datetime
import json
import math
import random
import string
import struct

import numpy as np
import pyarrow as pa

from sqlml.compile import LIST_COLUMNS, routines, tree_lists
from sqlml.spec import CategoryTerm, Column, Constant, Feature, Linear, Model, NumericTerm, Tree, Trees

ZERO = float(np.float32(1e-35))
EPOCH = datetime.datetime(1970, 1, 1)

ARROW_TYPES = {
    "boolean": pa.bool_(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "text": pa.string(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}

NAMES = (
    *("a", "Upper", "with blank", 'quo"te', "apos'trophe", "select", "order", "ünï", "x", "p", "q", "w", "z", "walk"),
    *(
        "child",
        "model",
        "version",
        "sqlml_raw_0",
        "label",
        "prediction",
        "features",
        "dot.ted",
        "semi;--",
        "[b]",
        "`t`",
    ),
)

TEXTS = (
    *("a", "A", "a ", " a", "", "it's", "'); DROP TABLE sqlml.compiled_trees; --", '"q"', "ü", "u\u0308", "日本", "🙂"),
    *("a\nb", "a\\b", "\\'", "NULL", "%", "_", "tab\t", "{}", "$1", "?", ":x", "/* c */", "N'a'", "1", "true", "."),
)

PARTS = {
    "year": lambda moment: moment.year,
    "month": lambda moment: moment.month,
    "day": lambda moment: moment.day,
    "day_of_week": lambda moment: moment.isoweekday(),
    "day_of_year": lambda moment: moment.timetuple().tm_yday,
    "epoch": lambda moment: (moment - EPOCH) // datetime.timedelta(microseconds=1) / 1e6,
    "hour": lambda moment: moment.hour,
    "minute": lambda moment: moment.minute,
}


def feature_number(feature, given):
    """The number of a feature, or None where it is missing."""
    value = _read(feature, given)
    if value is not None and feature.zero_is_missing and feature.kind != "category" and abs(value) <= ZERO:
        value = None
    if value is None:
        value = feature.impute
    return None if value is None else (value - feature.center) / feature.scale


def _read(feature, given):
    if given is None or given != given:
        return None
    if feature.kind in ("number", "boolean"):
        return float(given)
    if feature.kind == "category":
        return float(feature.categories.index(given)) if given in feature.categories else None
    if not isinstance(given, datetime.datetime):
        given = datetime.datetime.combine(given, datetime.time())
    return float(PARTS[feature.kind](given))


def raw_scores(model, row):
    """One raw score per output for a row, a mapping by column."""
    values = [feature_number(feature, row[feature.column]) for feature in model.features]
    estimator = model.estimator
    if isinstance(estimator, Constant):
        return list(estimator.values)
    if isinstance(estimator, Linear):
        return [_linear(estimator, output, values) for output in range(estimator.outputs)]
    scores = [0.0] * estimator.outputs
    for place, tree in enumerate(estimator.trees):
        scores[place % estimator.outputs] += leaf_value(tree, values)
    return scores


def _linear(estimator, output, values):
    score = estimator.intercepts[output]
    for term in estimator.terms:
        value = values[term.feature]
        if isinstance(term, NumericTerm):
            score += term.coefficients[output] * value
        else:
            score += (term.missing if value is None else term.weights[int(value)])[output]
    return score


def leaf_value(tree, values):
    child = 0 if tree.feature else -1
    while child >= 0:
        value, codes = values[tree.feature[child]], tree.categories[child]
        if value is None:
            left = tree.missing_left[child]
        else:
            left = value <= tree.threshold[child] if codes is None else value in codes
        child = (tree.left if left else tree.right)[child]
    return tree.leaf[-child - 1]


def outputs(model, raw):
    """What the link makes of raw scores."""
    if model.link == "identity":
        return raw
    if model.link == "softmax":
        powers = [_exp(score - max(raw)) for score in raw]
        total = powers[0]
        for power in powers[1:]:
            total += power
        return [power / total for power in powers]
    if model.link == "logistic":
        return [1.0 / (1.0 + _exp(-score)) for score in raw]
    return [_exp(score) for score in raw]


def label(model, values):
    """The class of a row, from its outputs."""
    if model.task == "binary":
        return model.classes[values[0] > 0.5]
    return model.classes[int(np.argmax(values))]


def _exp(exponent):
    return math.inf if exponent > 709.782712893384 else math.exp(exponent)


def bits(value):
    """The bits of a double as an integer; one NaN is as good as another."""
    return math.inf if value != value else struct.unpack("<q", struct.pack("<d", value))[0]


def ulps(one, other):
    """How many doubles lie between two of the same sign."""
    return 0 if bits(one) == bits(other) else abs(bits(one) - bits(other))


def random_model(seed, links=True):
    """A small model of any estimator, over columns with awkward names, and what its rows may hold."""
    rng = random.Random(seed)
    columns = tuple(Column(name, rng.choice([*ARROW_TYPES, "number", "text"])) for name in _names(rng))
    task = rng.choice(["binary", "regression", "multiclass"])
    classes = tuple(sorted(rng.sample(TEXTS, {"binary": 2, "regression": 0, "multiclass": rng.randint(2, 4)}[task])))
    count = max(1, len(classes) if task == "multiclass" else 1)
    kind = rng.choice(["trees", "trees", "trees", "linear", "constant"])
    features = tuple(_feature(rng, column, kind) for column in columns for _ in range(rng.randint(1, 2)))
    estimator = {"trees": _trees, "linear": _random_linear, "constant": _constant}[kind](rng, features, count)
    link = {"binary": "logistic", "multiclass": "softmax", "regression": rng.choice(["identity", "exponential"])}[task]
    return Model(task, columns, features, estimator, link if links else "identity", classes)


def _names(rng):
    names = rng.sample(NAMES, rng.randint(1, 5))
    names.append("".join(rng.choices(string.printable[:94], k=6)))
    seen = set()
    return [name for name in names if not (name.lower() in seen or seen.add(name.lower()))]


def _feature(rng, column, estimator):
    kinds = {"text": ["category"], "boolean": ["boolean"], "date": ["year", "month", "day", "day_of_week", "epoch"]}
    kinds["timestamp"] = [*PARTS]
    kind = rng.choice(kinds.get(column.type, ["number"]))
    if kind == "category":
        categories = tuple(rng.sample(TEXTS, rng.randint(0, 8)))
        return Feature(column.name, kind, categories, impute=_category_impute(rng, estimator, categories))
    impute = rng.choice([0.5, -1e300, 3.0]) if estimator == "linear" or rng.random() < 0.3 else None
    scaled = rng.random() < 0.4
    return Feature(
        column.name,
        kind,
        impute=impute,
        center=_number(rng) if scaled else 0.0,
        scale=abs(_number(rng)) + 0.5 if scaled else 1.0,
        zero_is_missing=rng.random() < 0.3,
    )


def _category_impute(rng, estimator, categories):
    if estimator != "trees" or rng.random() < 0.7:
        return None
    return rng.choice([0.0, 1.0, float(len(categories)), -1.0, 0.5])


def _number(rng):
    return rng.choice([0.0, 1.0, -2.5, 0.1, rng.gauss(0, 1), rng.gauss(0, 1) * 10.0 ** rng.randint(-12, 12)])


def _constant(rng, features, count):
    return Constant(tuple(_number(rng) for _ in range(count)))


def _random_linear(rng, features, count):
    terms = []
    for index in rng.sample(range(len(features)), rng.randint(0, len(features))):
        if features[index].kind == "category":
            rows = [tuple(_number(rng) for _ in range(count)) for _ in range(len(features[index].categories) + 1)]
            terms.append(CategoryTerm(index, tuple(rows[1:]), rows[0]))
        else:
            terms.append(NumericTerm(index, tuple(_number(rng) for _ in range(count))))
    return Linear(tuple(_number(rng) for _ in range(count)), tuple(terms))


def _trees(rng, features, count):
    return Trees(count, tuple(random_tree(rng, features, rng.randint(0, 7)) for _ in range(count * rng.randint(1, 4))))


def random_tree(rng, features, nodes):
    """A tree that grows at random leaves; a node may repeat a question, and all kinds of nodes come up."""
    left, right = [], []
    ends = []
    for node in range(nodes):
        if ends:
            side, parent = ends.pop(rng.randrange(len(ends)))
            side[parent] = node
        left.append(None)
        right.append(None)
        ends += [(left, node), (right, node)]
    for leaf, (side, parent) in enumerate(ends):
        side[parent] = -leaf - 1
    read = [rng.randrange(len(features)) for _ in range(nodes)]
    return Tree(
        tuple(read),
        tuple(_threshold(rng) for _ in range(nodes)),
        tuple(rng.random() < 0.5 for _ in range(nodes)),
        tuple(left),
        tuple(right),
        tuple(_codes(rng, features[index]) for index in read),
        tuple(rng.choice([0.0, -0.0, rng.gauss(0, 1) * 10.0 ** rng.randint(-9, 3)]) for _ in range(nodes + 1)),
    )


def _threshold(rng):
    return rng.choice(
        [0.0, -0.0, 0.5, 1.0, 2.0, 1e-35, -1e-36, rng.gauss(0, 1), rng.gauss(0, 1) * 1e3, 1e308, math.inf]
    )


def _codes(rng, feature):
    if feature.kind != "category" or (feature.center, feature.scale) != (0.0, 1.0) or rng.random() < 0.3:
        return None
    return tuple(rng.sample(range(len(feature.categories)), rng.randint(0, len(feature.categories))))


def random_rows(model, seed, count):
    """Rows for a model, mappings by column: missing, infinite, unseen, and numbers on and beside its thresholds."""
    rng = random.Random(seed)
    thresholds = [0.0]
    if isinstance(model.estimator, Trees):
        thresholds += [value for tree in model.estimator.trees for value in tree.threshold]
    return [{column.name: _value(rng, column, thresholds) for column in model.columns} for _ in range(count)]


def _value(rng, column, thresholds):
    if rng.random() < 0.15:
        return None
    if column.type == "number":
        near = rng.choice(thresholds)
        beside = [near, math.nextafter(near, math.inf), math.nextafter(near, -math.inf)]
        odd = [math.nan, math.inf, -math.inf, -0.0, 1e-36, ZERO, math.nextafter(ZERO, 1), -ZERO, 5e-324]
        return rng.choice([*beside, *beside, *odd, rng.gauss(0, 1)])
    if column.type == "integer":
        return rng.choice([0, 1, -1, rng.randint(-5, 5), 2**53 + 1, -(2**63)])
    if column.type == "boolean":
        return rng.random() < 0.5
    if column.type == "text":
        return rng.choice([*TEXTS, "unseen", "a  ", "Ü"])
    day = datetime.date(1, 1, 1) + datetime.timedelta(days=rng.randrange(3652059))
    if column.type == "date":
        return rng.choice([day, datetime.date(1970, 1, 1), datetime.date(2024, 2, 29), datetime.date(1969, 12, 31)])
    return datetime.datetime.combine(day, datetime.time(*(rng.randrange(top) for top in (24, 60, 60, 1_000_000))))


def arrow_table(model, rows):
    """The rows as a table with their position in column ``sqlml_row``; NaN stays apart from NULL."""
    arrays = {
        column.name: pa.array([row[column.name] for row in rows], ARROW_TYPES[column.type], from_pandas=False)
        for column in model.columns
    }
    return pa.table({**arrays, "row number": pa.array(range(len(rows)))})


def create_table(con):
    """The table that compiled trees live in."""
    columns = ", ".join(f"{name} {type}" for name, type in LIST_COLUMNS.items())
    con.execute("CREATE SCHEMA IF NOT EXISTS sqlml")
    con.execute(
        f"CREATE TABLE sqlml.compiled_trees (model VARCHAR, version INTEGER, {columns}, PRIMARY KEY (model, version))"
    )


def install(con, name, version, model):
    """Put the macros of a model, and its row where it has one, into a database."""
    lists = tree_lists(model)
    if lists is not None:
        marks = ", ".join(f"?::{type}" for type in LIST_COLUMNS.values())
        con.execute("DELETE FROM sqlml.compiled_trees WHERE model = ? AND version = ?", [name, version])
        con.execute(f"INSERT INTO sqlml.compiled_trees VALUES (?, ?, {marks})", [name, version, *lists.values()])
    for routine in routines("duckdb", name, version, model):
        con.execute(routine.sql)


def shares(text):
    """A JSON object of probabilities as a list; what is no number is null there."""
    return [math.nan if value is None else value for value in json.loads(text, parse_constant=None).values()]
