"""`CALL sqlml.score` and `CALL sqlml.train` of a large table inside of PostgreSQL, held side by side in one run.

A table of 20 double columns with 5 % NULL; a binary model of 100 trees with 31 leaves. Scoring is held against
PL/Python that calls LightGBM row by row, whose seconds are those of a sample times what the sample is of the whole.
Training is held against LightGBM alone on the same training rows in the memory of the same server, with the parameters
and the seed that sqlml uses. The ways take turns, and the best of each is shown: whatever else the machine does makes
one slower and none faster. The server has the memory that PostgreSQL's manual advises, a quarter of the machine's, and
room for its log; ``--stock`` leaves it as it comes, with 128 MB.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

import psycopg

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS)]

from postgres import running_server  # noqa: E402

from sqlml.engine.postgres.client import opened  # noqa: E402
from sqlml.install import install  # noqa: E402

COLUMNS = [f"x{index}" for index in range(20)]
HYPERPARAMS = json.dumps({"n_estimators": 100, "num_leaves": 31, "min_child_samples": 20})
TARGET = "(coalesce(x0, 0) * 2 + coalesce(x1, 0) * coalesce(x2, 0) * 3 + sin(coalesce(x3, 0) * 4) + random() - 0.5 > 0)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--sample", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", choices=["score", "train"])
    parser.add_argument("--stock", action="store_true")
    arguments = parser.parse_args()
    settings = {} if arguments.stock else advised_settings()
    with running_server(settings) as server, server.database() as url:
        with opened(url) as engine:
            install(engine)
        with psycopg.connect(url, autocommit=True, options="-c search_path=public,sqlml") as connection:
            prepare(connection, arguments.rows)
            print(f"{arguments.rows:,} rows; settings of the server: {settings or 'its own'}")
            print(f"load of the machine before: {load()}")
            if arguments.only != "train":
                show(scored(connection, arguments.rows, arguments.sample, arguments.rounds), arguments.rows)
            if arguments.only != "score":
                show(trained(connection, arguments.rounds), arguments.rows)
            print(f"load of the machine after: {load()}")


def advised_settings() -> dict[str, str]:
    megabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4 // 1024**2
    return {"shared_buffers": f"{megabytes}MB", "min_wal_size": "1GB", "max_wal_size": "4GB"}


def load() -> str:
    return ", ".join(f"{each:.1f}" for each in os.getloadavg()) + f" on {os.cpu_count()} cores"


def prepare(connection, rows):
    """Make the table, train the model that scores, and let PL/Python have the same trees."""
    values = ", ".join(f"CASE WHEN random() < 0.05 THEN NULL ELSE random() * 2 - 1 END AS {name}" for name in COLUMNS)
    connection.execute("SELECT setseed(0.5)")
    connection.execute(f"CREATE TABLE features AS SELECT i AS id, {values} FROM generate_series(1, {rows}) AS g(i)")
    connection.execute(f"CREATE TABLE labelled AS SELECT *, {TARGET} AS y FROM features")
    connection.execute("CREATE TABLE sample AS SELECT * FROM labelled LIMIT 100000")
    connection.execute("VACUUM ANALYZE")
    call_train(connection, "bench", "sample", "always")
    connection.execute("CREATE TABLE booster (text text)")
    connection.execute(LIGHTGBM_ALONE)
    connection.execute(ROW_BY_ROW)
    in_memory = connection.execute("SELECT lightgbm_alone('sample')").fetchone()[0]
    assert in_memory > 0


def call_train(connection, model, relation, deploy):
    connection.execute(
        f"CALL sqlml.train(model => '{model}', relation => '{relation}', target => 'y', key_column => 'id', "
        f"hyperparams => '{HYPERPARAMS}', deploy => '{deploy}', runtime => 'inline')"
    )


LIGHTGBM_ALONE = f"""
CREATE FUNCTION lightgbm_alone(relation text) RETURNS double precision LANGUAGE plpython3u AS $$
import time, lightgbm, numpy
from sqlml.engine.postgres.plpython import plpython_engine
from sqlml.fit.lightgbm import _FIXED
table = plpython_engine(plpy).arrow("SELECT * FROM " + relation + " WHERE id % 4 > 0 ORDER BY id")
matrix = numpy.column_stack([table.column(name).to_numpy() for name in {COLUMNS!r}])
target = table.column("y").to_numpy(zero_copy_only=False)
parameters = {{**_FIXED, "objective": "binary", "num_leaves": 31, "min_child_samples": 20, "seed": 42}}
started = time.perf_counter()
booster = lightgbm.train(parameters, lightgbm.Dataset(matrix, target), 100)
seconds = time.perf_counter() - started
plpy.execute("DELETE FROM booster")
plpy.execute(plpy.prepare("INSERT INTO booster VALUES ($1)", ["text"]), [booster.model_to_string()])
return seconds
$$
"""
"""The seconds of LightGBM alone on three quarters of the rows, which is what sqlml trains on, as arrays in memory."""

ROW_BY_ROW = f"""
CREATE FUNCTION row_by_row(f features) RETURNS double precision LANGUAGE plpython3u STABLE AS $$
if 'booster' not in SD:
    import lightgbm, numpy
    text = plpy.execute('SELECT text FROM booster')[0]['text']
    SD.update(booster=lightgbm.Booster(model_str=text), array=numpy.array)
values = [f[name] for name in {COLUMNS!r}]
return float(SD['booster'].predict(SD['array']([values], dtype=float), num_threads=1)[0])
$$
"""


def scored(connection, rows, sample, rounds):
    """By way the seconds of its best round for all rows."""

    def by_score():
        connection.execute("DROP TABLE IF EXISTS scored")
        connection.execute("DELETE FROM sqlml.prediction_table")
        return timed(connection, "CALL sqlml.score('bench', 'features', 'scored', key_column => 'id')")

    def by_row(statement):
        connection.execute("DROP TABLE IF EXISTS by_row")
        few = f"(SELECT f FROM features AS f LIMIT {sample}) AS few"
        return timed(connection, f"{statement} FROM {few}") * rows / sample

    kept = "CREATE TABLE by_row AS SELECT (f).id, row_by_row(f) AS p, row_to_json(f) AS features"
    ways = {
        "PL/Python row by row, read": lambda: by_row("SELECT sum(row_by_row(f))"),
        "PL/Python row by row, kept with features": lambda: by_row(kept),
        "CALL sqlml.score": by_score,
    }
    connection.execute("SELECT sum(row_by_row(f)) FROM (SELECT f FROM features AS f LIMIT 100) AS few")
    best = best_of(ways, rounds)
    assert connection.execute("SELECT count(*) FROM scored").fetchone()[0] == rows
    return best


def trained(connection, rounds):
    """By way the seconds of its best round."""
    return best_of(
        {
            "LightGBM alone on arrays": lambda: connection.execute("SELECT lightgbm_alone('labelled')").fetchone()[0],
            "CALL sqlml.train": lambda: elapsed(lambda: call_train(connection, "large", "labelled", "never")),
        },
        rounds,
    )


def best_of(ways, rounds):
    seconds = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            seconds[name].append(way())
    return {name: min(each) for name, each in seconds.items()}


def timed(connection, query):
    return elapsed(lambda: connection.execute(query, prepare=False))


def elapsed(work):
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def show(seconds, rows):
    first = next(iter(seconds.values()))
    print(f"\n{'':42}{'seconds':>9}{'rows/s':>12}{'of the first':>14}")
    for name, best in seconds.items():
        print(f"{name:42}{best:>9.2f}{rows / best:>12,.0f}{best / first:>13.2f}x{first / best:>9.2f}x as fast")


if __name__ == "__main__":
    main()
