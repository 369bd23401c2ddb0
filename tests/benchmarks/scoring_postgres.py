"""Rows per second of plain SQL in PostgreSQL against PL/Python that calls LightGBM row by row, side by side in one run.

A table of 20 double columns with 5 % NULL; a binary model of 100 trees with 31 leaves. Each way is run several times
in turn, so that a change in the machine's speed meets all of them, and the best run is shown: whatever else the machine
does makes one slower and none faster. Then the round trip of one row by its key, with and without predict, in turn.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

import lightgbm as lgb
import numpy as np
import psycopg

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "unit" / "compile")]

from postgres import running_server  # noqa: E402
from postgres_oracle import create_schema, dispatch, install  # noqa: E402

from sqlml.fit.lightgbm_text import read_model_text, to_trees  # noqa: E402
from sqlml.spec import Column, Feature, Model  # noqa: E402

COLUMNS = [f"x{index}" for index in range(20)]
PARAMS = {"objective": "binary", "num_leaves": 31, "verbosity": -1, "deterministic": True, "force_row_wise": True}
MODEL_ROWS = 100_000

BOOSTER = """
if 'booster' not in SD:
    import json, lightgbm, numpy
    text = plpy.execute('SELECT text FROM booster')[0]['text']
    SD.update(booster=lightgbm.Booster(model_str=text), array=numpy.array, read=json.loads)
"""
PREDICT = "return float(SD['booster'].predict(SD['array']([values], dtype=float), num_threads=1)[0])"

BASELINES = {
    "PL/Python, a row in": ("row_by_row(f)", "f features", f"values = [f[name] for name in {COLUMNS!r}]"),
    "PL/Python, 20 arguments in": (
        f"by_arguments({', '.join(COLUMNS)})",
        ", ".join(f"{name} double precision" for name in COLUMNS),
        f"values = [{', '.join(COLUMNS)}]",
    ),
    "PL/Python, jsonb in": (
        "by_jsonb(to_jsonb(f))",
        "f jsonb",
        f"row = SD['read'](f); values = [row[name] for name in {COLUMNS!r}]",
    ),
}
"""By name: how the function is called, what it takes, and how it gets at the values."""

WAYS = {
    "predict('bench', f), typed rows": "predict('bench', f)",
    "predict('bench', f), rows of a subquery": "predict('bench', f)",
    "predict('bench', to_jsonb(f))": "predict('bench', to_jsonb(f))",
    "sqlml.predict_bench(f), typed rows": "sqlml.predict_bench(f)",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--trips", type=int, default=3000)
    arguments = parser.parse_args()
    with running_server() as server, server.database() as url, psycopg.connect(url, autocommit=True) as connection:
        prepare(connection, max(arguments.rows, MODEL_ROWS))
        show(measured(connection, arguments.rows, arguments.rounds), arguments.rows)
        show_workers(connection, MODEL_ROWS, 3)
        show_one_row(url, arguments.trips)


def prepare(connection, rows):
    """Make the table, train the model, compile it, and prove that all ways give the same."""
    create_schema(connection)
    values = ", ".join(f"CASE WHEN random() < 0.05 THEN NULL ELSE random() * 2 - 1 END AS {name}" for name in COLUMNS)
    connection.execute("SELECT setseed(0.5)")
    connection.execute(f"CREATE TABLE features AS SELECT i AS id, {values} FROM generate_series(1, {rows}) AS g(i)")
    connection.execute("ALTER TABLE features ADD PRIMARY KEY (id)")
    connection.execute("VACUUM ANALYZE features")
    booster = trained(matrix_of(connection, MODEL_ROWS))
    features = tuple(Feature(name, "number") for name in COLUMNS)
    read = to_trees(read_model_text(booster.model_to_string()), features)
    columns = tuple(Column(name, "number") for name in COLUMNS)
    install(connection, "bench", 1, Model("binary", columns, read.features, read.estimator, read.link, ("no", "yes")))
    dispatch(connection, {"bench": "binary"})
    connection.execute("SET search_path = sqlml, public")
    # PL/Python cannot read a table inside a parallel worker, and the baselines load their model from one.
    connection.execute("SET max_parallel_workers_per_gather = 0")
    create_baselines(connection, booster)
    check(connection, booster)


def matrix_of(connection, rows):
    query = f"SELECT {', '.join(COLUMNS)} FROM features WHERE id <= {rows} ORDER BY id"
    return np.array(connection.execute(query).fetchall(), dtype=float)


def trained(matrix):
    known = np.nan_to_num(matrix)
    noise = np.random.default_rng(1).random(len(matrix)) - 0.5
    target = known[:, 0] * 2 + known[:, 1] * known[:, 2] * 3 + np.sin(known[:, 3] * 4) + noise > 0
    return lgb.train(PARAMS, lgb.Dataset(matrix, target), 100)


def create_baselines(connection, booster):
    connection.execute("CREATE EXTENSION plpython3u")
    connection.execute("CREATE TABLE public.booster (text text)")
    connection.execute("INSERT INTO public.booster VALUES (%s)", [booster.model_to_string()])
    for call, takes, values in BASELINES.values():
        name = call.partition("(")[0]
        connection.execute(
            f"CREATE FUNCTION public.{name}({takes}) RETURNS double precision LANGUAGE plpython3u STABLE PARALLEL SAFE "
            f"AS $${BOOSTER}{values}\n{PREDICT}$$"
        )


def check(connection, booster):
    matrix = matrix_of(connection, 2000)
    raw, shares = booster.predict(matrix, raw_score=True), booster.predict(matrix)
    calls = [call for call, _, _ in BASELINES.values()]
    query = "SELECT sqlml.raw_score_bench(f), sqlml.raw_score_bench(to_jsonb(f)), predict('bench', f), "
    query += ", ".join(calls) + " FROM features AS f WHERE id <= 2000 ORDER BY id"
    typed, by_json, predicted, *others = np.array(connection.execute(query).fetchall()).T
    assert (typed == raw).all()
    assert (by_json == raw).all()
    assert np.abs(predicted - shares).max() < 3e-16
    assert all((other == shares).all() for other in others)
    print("raw scores of 2,000 rows equal LightGBM's bit for bit, typed and by jsonb")


def source_of(name, rows):
    table = "(SELECT *, id + 1 AS next_id FROM features)" if "subquery" in name else "features"
    return f"{table} AS f WHERE id <= {rows}"


def measured(connection, rows, rounds):
    """The seconds of the best round by way, without parallel workers."""
    ways = {name: call for name, (call, _, _) in BASELINES.items()} | WAYS
    seconds = {name: [] for name in ways}
    for _ in range(rounds):
        for name, call in ways.items():
            seconds[name].append(timed(connection, f"SELECT sum({call}) FROM {source_of(name, rows)}"))
    return {name: min(values) for name, values in seconds.items()}


def timed(connection, query):
    started = time.perf_counter()
    connection.execute(query, prepare=False).fetchall()  # a prepared plan would outlive a change of settings
    return time.perf_counter() - started


def show(seconds, rows):
    row_by_row = seconds["PL/Python, a row in"]
    print(f"\n{rows:,} rows, one process")
    print(f"{'':42}{'seconds':>9}{'rows/s':>12}{'against a row in':>18}")
    for name, best in seconds.items():
        print(f"{name:42}{best:>9.2f}{rows / best:>12,.0f}{row_by_row / best:>17.2f}x")


def show_workers(connection, rows, rounds):
    """How much faster two processes are than one; a worker lasts for one query, and reads the model anew."""
    connection.execute("SET parallel_setup_cost = 0; SET min_parallel_table_scan_size = 0")
    connection.execute("SET min_parallel_index_scan_size = 0")
    print(f"\n{rows:,} rows, two processes against one")
    for name in WAYS:
        query = f"SELECT sum({WAYS[name]}) FROM {source_of(name, rows)}"
        seconds = {workers: [] for workers in (0, 1)}
        for _ in range(rounds):
            for workers, values in seconds.items():
                connection.execute(f"SET max_parallel_workers_per_gather = {workers}")
                values.append(timed(connection, query))
        one, two = (min(values) for values in seconds.values())
        print(f"{name:42}{rows / two:>21,.0f}{one / two:>17.2f}x")


def show_one_row(url, trips):
    """The round trip of one row, with and without predict, in turn on one connection."""
    columns = {
        "SELECT x0 ... WHERE id = ?": "x0",
        "the same with predict": "x0, sqlml.predict('bench', f)",
        "the same with predict by jsonb": "x0, sqlml.predict('bench', to_jsonb(f))",
    }
    queries = {name: f"SELECT {each} FROM features AS f WHERE id = %s" for name, each in columns.items()}
    times = {name: [] for name in queries}
    with psycopg.connect(url, autocommit=True) as connection:
        started = time.perf_counter()
        connection.execute(queries["the same with predict"], [1]).fetchall()
        first = time.perf_counter() - started
        for trip in range(trips):
            for name, query in queries.items():
                started = time.perf_counter()
                connection.execute(query, [trip % 1000 + 1]).fetchall()
                times[name].append(time.perf_counter() - started)
    print(f"\none row by key, {trips:,} round trips each; the first predict of a session takes {first * 1000:.0f} ms")
    for name, values in times.items():
        warm = sorted(values[100:])
        print(
            f"{name:42} median {statistics.median(warm) * 1e3:.2f} ms, p99 {warm[len(warm) * 99 // 100] * 1e3:.2f} ms"
        )


if __name__ == "__main__":
    main()
