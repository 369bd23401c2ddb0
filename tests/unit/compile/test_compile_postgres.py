"""Random models in a real PostgreSQL without PL/Python: the spec in plain Python gives the same bits for every row."""

import json
import math
import random
import struct

import numpy as np
import pytest
from compile_oracle import (
    ARROW_TYPES,
    arrow_table,
    label,
    outputs,
    random_model,
    random_rows,
    random_tree,
    raw_scores,
    ulps,
)
from postgres_oracle import WAYS, answers, create_rows, dispatch, install, score_bits
from sqlglot import exp

from sqlml.compile import raw_score_calls, routines
from sqlml.errors import InvalidArgument
from sqlml.kernel.scorer import scorer
from sqlml.spec import CategoryTerm, Column, Constant, Feature, Linear, Model, NumericTerm, Tree, Trees

SEEDS = range(160)


@pytest.mark.parametrize("chunk", range(4))
def test_raw_scores_are_equal_bit_for_bit_however_the_row_comes(pg, chunk):
    for seed in SEEDS[chunk::4]:
        model = random_model(seed, links=False)
        rows = random_rows(model, seed, 25)
        install(pg, f"m{seed}", 1, model)
        create_rows(pg, f"rows_{seed}", model, rows)
        expected = [raw_scores(model, row) for row in rows]
        for way in WAYS:
            found = answers(pg, f"sqlml.raw_score_m{seed}", f"rows_{seed}", way)
            assert [score_bits(each, way) for each in found] == [score_bits(each, way) for each in expected], (
                seed,
                way,
            )


def test_the_kernel_gives_the_same_bits(pg):
    for seed in SEEDS[:40]:
        model = random_model(seed, links=False)
        rows = random_rows(model, seed, 25)
        install(pg, f"m{seed}", 1, model, scope="version")
        create_rows(pg, f"rows_{seed}", model, rows)
        table = arrow_table(model, rows)
        in_kernel = scorer(model).raw_rows({column.name: table.column(column.name) for column in model.columns})
        found = answers(pg, f'sqlml."m{seed}@1_raw"', f"rows_{seed}", "typed")
        assert [score_bits(each, "typed") for each in found] == [score_bits(list(row), "typed") for row in in_kernel]


@pytest.mark.parametrize("chunk", range(2))
def test_outputs_labels_and_shares_follow_from_the_raw_scores(pg, chunk):
    for seed in SEEDS[chunk:80:2]:
        model = random_model(seed)
        rows = random_rows(model, seed, 15)
        install(pg, f"m{seed}", 1, model)
        create_rows(pg, f"rows_{seed}", model, rows)
        expected = [outputs(model, raw_scores(model, row)) for row in rows]
        if model.task != "multiclass":
            found = answers(pg, f"sqlml.predict_m{seed}", f"rows_{seed}", "typed")
            assert all(ulps(one, other[0]) <= 1 for one, other in zip(found, expected, strict=True)), seed
        if model.task == "regression":
            continue
        labels = answers(pg, f"sqlml.predict_label_m{seed}", f"rows_{seed}", "typed")
        shares = answers(pg, f"sqlml.predict_proba_m{seed}", f"rows_{seed}", "typed")
        for found_label, found, values in zip(labels, shares, expected, strict=True):
            assert list(found) == list(model.classes)
            given = [math.nan if value is None else value for value in found.values()]
            wanted = [1.0 - values[0], values[0]] if model.task == "binary" else values
            assert given == pytest.approx(wanted, rel=0, abs=3e-16, nan_ok=True)
            assert found_label == label(model, given[1:] if model.task == "binary" else given)


def stump(feature, threshold=0.0, left=1.0, right=2.0, codes=None, missing_left=False):
    return Tree((feature,), (threshold,), (missing_left,), (-1,), (-2,), (codes,), (left, right))


def numbers(count):
    return tuple(Column(f"x{place}", "number") for place in range(count)), tuple(
        Feature(f"x{place}", "number") for place in range(count)
    )


@pytest.mark.parametrize("count", [99, 100, 101, 300])
def test_more_columns_than_a_function_has_arguments(pg, count):
    columns, features = numbers(count)
    columns += (Column("c", "text"),)
    features += (Feature("c", "category", ("a", "b")),)
    trees = [stump(place, left=2.0**-place, right=0.1) for place in range(count)]
    trees.append(stump(count, left=0.7, right=0.3, codes=(1,)))
    for name, estimator in {
        "trees": Trees(1, tuple(trees)),
        "linear": Linear(
            (0.5,),
            (
                CategoryTerm(count, ((0.1,), (0.2,)), (0.3,)),
                *(NumericTerm(place, (1 / (place + 3),)) for place in range(count)),
            ),
        ),
    }.items():
        given = features
        if name == "linear":
            given = tuple(Feature(f.column, f.kind, impute=0.25, center=0.5, scale=3.0) for f in features[:-1])
            given += features[-1:]
        model = Model("regression", columns, given, estimator, "identity")
        rows = random_rows(model, 5, 30)
        for row in rows:
            row["c"] = random.Random(str(row)).choice(["a", "b", "c", None])
        install(pg, name, 1, model)
        create_rows(pg, f"of_{name}", model, rows)
        expected = [raw_scores(model, row) for row in rows]
        for way in WAYS:
            found = answers(pg, f"sqlml.raw_score_{name}", f"of_{name}", way)
            assert [score_bits(each, way) for each in found] == [score_bits(each, way) for each in expected], (
                name,
                way,
            )


def test_many_trees(pg):
    columns, features = numbers(8)
    rng = random.Random(3)
    trees = Trees(1, tuple(random_tree(rng, features, 30) for _ in range(620)))
    model = Model("regression", columns, features, trees, "identity")
    rows = random_rows(model, 4, 50)
    install(pg, "large", 1, model)
    create_rows(pg, "t", model, rows)
    found = answers(pg, "sqlml.raw_score_large", "t", "typed")
    assert [score_bits(each, "typed") for each in found] == [
        score_bits(raw_scores(model, row), "typed") for row in rows
    ]


def test_many_classes(pg):
    columns, features = numbers(3)
    rng = random.Random(3)
    classes = tuple(f"class {place:03}" for place in range(120))
    trees = Trees(120, tuple(random_tree(rng, features, 3) for _ in range(240)))
    model = Model("multiclass", columns, features, trees, "softmax", classes)
    rows = random_rows(model, 4, 20)
    install(pg, "wide", 1, model)
    create_rows(pg, "t", model, rows)
    expected = [outputs(model, raw_scores(model, row)) for row in rows]
    for found, values in zip(answers(pg, "sqlml.predict_proba_wide", "t", "typed"), expected, strict=True):
        assert list(found) == list(classes)
        assert list(found.values()) == pytest.approx(values, rel=1e-15, abs=1e-320)
    assert answers(pg, "sqlml.predict_label_wide", "t", "typed") == [label(model, values) for values in expected]


def test_a_feature_of_which_missing_goes_left_here_and_right_there(pg):
    columns, features = numbers(1)
    trees = tuple(
        stump(0, threshold, left, 2 * left, missing_left=side)
        for left, (threshold, side) in enumerate(
            [(0.5, True), (0.5, False), (math.inf, True), (math.inf, False), (-1e308, True)], 1
        )
    )
    model = Model("regression", columns, features, Trees(1, trees), "identity")
    rows = [{"x0": value} for value in (None, math.nan, math.inf, -math.inf, 0.5, math.nextafter(0.5, 1), 1e308)]
    install(pg, "m", 1, model)
    create_rows(pg, "t", model, rows)
    for way in WAYS:
        assert answers(pg, "sqlml.raw_score_m", "t", way) == [raw_scores(model, row)[0] for row in rows]


def test_leaves_whose_sum_is_no_double(pg):
    columns, features = numbers(1)
    model = Model("regression", columns, features, Trees(1, (stump(0, 0.0, 1.5e308, 1.0),) * 2), "identity")
    install(pg, "m", 1, model)
    create_rows(pg, "t", model, [{"x0": -1.0}, {"x0": 1.0}])
    assert answers(pg, "sqlml.raw_score_m", "t", "typed") == [math.inf, 2.0]


def test_sums_products_and_quotients_are_those_of_every_other_engine(pg):
    rng = random.Random(1)
    edges = [0.0, -0.0, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 8.98846567431158e307, 1e-162, 1e154]
    edges += [9.979201547673599e291, 4.9896007738368e291, 2.0**-537, 2.0**512, math.inf, math.nan, 1.0, 0.5, 3.0]
    edges += [-edge for edge in edges]

    def number():
        if rng.random() < 0.3:
            return struct.unpack("<d", struct.pack("<Q", rng.getrandbits(64)))[0]
        return rng.choice(edges)

    pairs = [(number(), number()) for _ in range(20_000)]
    pg.execute("CREATE TABLE pairs (place integer, one double precision, other double precision)")
    with pg.cursor() as cursor, cursor.copy("COPY pairs FROM STDIN") as copy:
        for place, pair in enumerate(pairs):
            copy.write_row([place, *pair])
    one, other = np.array(pairs).T
    with np.errstate(all="ignore"):
        expected = {"sum": one + other, "product": one * other, "quotient": one / np.abs(other)}
    for name, wanted in expected.items():
        divisor = "abs(other)" if name == "quotient" else "other"
        where = "WHERE other <> 0" if name == "quotient" else ""
        query = f"SELECT place, sqlml.float_{name}(one, {divisor}) FROM pairs {where} ORDER BY place"
        places, found = zip(*pg.execute(query).fetchall(), strict=True)
        found, wanted = np.array(found), wanted[list(places)]
        same = (found.view("u8") == wanted.view("u8")) | (np.isnan(found) & np.isnan(wanted))
        assert same.all(), (name, one[~same][:3], other[~same][:3])


def test_shares_are_written_as_python_writes_them(pg):
    values = [
        0.0,
        -0.0,
        1.0,
        0.1,
        1e-5,
        0.0001,
        5e-324,
        1 / 3,
        1e15,
        123456789012345678.0,
        1e16,
        9007199254740993.0,
        -2.5,
    ]
    for value in values:
        assert pg.execute("SELECT sqlml.number_in_json(%s::float8)", [value]).fetchone() == (json.dumps(value),)
    for value in (math.nan, math.inf, -math.inf, None):
        assert pg.execute("SELECT sqlml.number_in_json(%s::float8)", [value]).fetchone() == ("null",)
    model = Model("binary", (), (), Constant((-1000.0,)), "logistic", ('it\'s "no"\\', "yes\n$sqlml$"))
    install(pg, "m", 1, model)
    pg.execute("SET extra_float_digits = -10")
    query = "SELECT sqlml.predict_proba_m('{}'::jsonb)::text"
    assert pg.execute(query).fetchone() == (json.dumps(dict(zip(model.classes, [1.0, 0.0], strict=True))),)


def test_texts_of_any_kind_are_nothing_but_texts(pg):
    texts = (
        "",
        "'",
        '"',
        "\\",
        "\\'",
        "$sqlml$",
        "$sqlml0$",
        "$$",
        "%",
        "{}",
        "--",
        "/*",
        "\n",
        "E'",
        "ü",
        "u\u0308",
        "🙂",
    )
    columns, features = (Column("c", "text"),), (Feature("c", "category", texts),)
    weights = tuple((float(place),) for place in range(len(texts)))
    model = Model("regression", columns, features, Linear((0.0,), (CategoryTerm(0, weights, (-1.0,)),)), "identity")
    install(pg, "m", 1, model)
    create_rows(pg, "t", model, [{"c": text} for text in (*texts, "unseen", None)])
    for setting in ("on", "off"):
        pg.execute(f"SET standard_conforming_strings = {setting}")
        pg.execute("DISCARD PLANS")
        for way in WAYS:
            expected = [*map(float, range(len(texts))), -1.0, -1.0]
            assert answers(pg, "sqlml.predict_m", "t", way) == expected, (setting, way)


def test_a_name_that_is_too_long_or_a_text_that_cannot_be_is_refused():
    columns, features = (Column("ü" * 32, "number"),), (Feature("ü" * 32, "number"),)
    model = Model("regression", columns, features, Trees(1, (stump(0),)), "identity")
    with pytest.raises(InvalidArgument, match="has a name of 64 bytes, and PostgreSQL cuts names behind 63"):
        routines("postgres", "m", 1, model)
    columns, features = (Column("c", "text"),), (Feature("c", "category", ("a\0b",)),)
    model = Model("regression", columns, features, Trees(1, (stump(0, codes=(0,)),)), "identity")
    with pytest.raises(InvalidArgument, match="NUL character"):
        routines("postgres", "m", 1, model)


def test_the_longest_names(pg):
    name = "m" * 48
    columns, features = (Column("é" * 31 + "x", "number"),), (Feature("é" * 31 + "x", "number"),)
    model = Model("binary", columns, features, Trees(1, (stump(0),)), "logistic", ("a", "b"))
    install(pg, name, 123456, model)
    create_rows(pg, "t", model, [{"é" * 31 + "x": 3.0}])
    dispatch(pg, {name: "binary"})
    assert answers(pg, f"sqlml.raw_score_{name}", "t", "typed") == [2.0]
    assert pg.execute(f"SELECT sqlml.predict_label('{name}', t) FROM t").fetchone() == ("b",)


def test_the_ways_in_which_a_version_is_proved_are_all_ways(pg):
    columns, features = numbers(1)
    install(pg, "m", 7, Model("regression", columns, features, Trees(1, (stump(0),)), "identity"), scope="version")
    pg.execute("CREATE TABLE r AS SELECT 5.0::float8 AS x0")
    calls = raw_score_calls("postgres", "m", 7, exp.column("r"))
    assert pg.execute(exp.select(*calls).from_("r").sql("postgres")).fetchone() == (2.0, 2.0)


def test_every_type_of_a_signature_is_tried():
    seen = {column.type for seed in SEEDS for column in random_model(seed).columns}
    assert seen == set(ARROW_TYPES)
    assert {type(random_model(seed).estimator) for seed in SEEDS} == {Constant, Linear, Trees}
