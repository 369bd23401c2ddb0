"""Rows per second of every way to score, side by side in one run: `make bench`.

1,000,000 rows of 20 DOUBLE columns with 5 % NULL; a binary model of 100 trees with 31 leaves. Each way is run
several times in turn, and the median is shown, so that a change in the machine's speed meets all of them.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as sqlml sets it, so that all ways are measured alike

import lightgbm as lgb

import sqlml

COLUMNS = [f"x{index}" for index in range(20)]
PARAMS = {"objective": "binary", "num_leaves": 31, "verbosity": -1, "deterministic": True, "force_row_wise": True}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sqlml.connect(Path(folder) / "bench.duckdb") as con:
        booster = prepare(con, arguments.rows)
        ways = scoring_ways(con, booster)
        seconds = {name: [] for name in ways}
        for _ in range(arguments.rounds):
            for name, way in ways.items():
                started = time.perf_counter()
                way()
                seconds[name].append(time.perf_counter() - started)
        show(seconds, arguments.rows)
        one_row(con)


def prepare(con, rows):
    """Make the table and train the same model twice: by SQL, and by LightGBM on the array."""
    values = ", ".join(f"CASE WHEN random() < 0.05 THEN NULL ELSE random() * 2 - 1 END AS {name}" for name in COLUMNS)
    con.execute("SELECT setseed(0.5)").fetchall()
    con.execute(f"CREATE TABLE features AS SELECT i AS id, {values} FROM range({rows}) AS g(i)")
    score = "coalesce(x0, 0) * 2 + coalesce(x1, 0) * coalesce(x2, 0) * 3 + sin(coalesce(x3, 0) * 4)"
    con.execute(f"CREATE TABLE sample AS SELECT *, {score} + random() - 0.5 > 0 AS y FROM features LIMIT 100000")
    con.execute("CALL sqlml.train(model => 'bench', relation => 'sample', target => 'y', key_column => 'id')")
    matrix = frame_of(con, "sample")
    target = con.execute("SELECT y FROM sample").fetchnumpy()["y"]
    return lgb.train(PARAMS, lgb.Dataset(matrix, target), 100)


def frame_of(con, table):
    return con.execute(f"SELECT {', '.join(COLUMNS)} FROM {table}").df().to_numpy()


def scoring_ways(con, booster):
    matrix = frame_of(con, "features")

    def by_pandas():
        frame = con.execute("SELECT * FROM features").df()
        frame = frame[["id"]].assign(p=booster.predict(frame[COLUMNS]))
        con.register("scored", frame)
        con.execute("CREATE OR REPLACE TABLE out_pandas AS SELECT * FROM scored")
        con.unregister("scored")

    def by_sql(name, function):
        return lambda: con.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT id, {function} AS p FROM features AS f")

    def by_score():
        con.execute("DROP TABLE IF EXISTS scored")
        con.execute("CALL sqlml.score('bench', 'features', 'scored', key_column => 'id')")

    return {
        "predict('bench', f), CREATE TABLE AS": by_sql("out_predict", "predict('bench', f)"),
        "sqlml.predict_bench(f), compiled SQL": by_sql("out_compiled", "sqlml.predict_bench(f)"),
        "CALL sqlml.score, with features as JSON": by_score,
        "LightGBM, numpy in, numpy out": lambda: booster.predict(matrix),
        "pandas: out, LightGBM, insert back": by_pandas,
    }


def show(seconds, rows):
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    pandas = medians["pandas: out, LightGBM, insert back"]
    print(f"{rows:,} rows, median of {len(next(iter(seconds.values())))} rounds")
    print(f"{'':42}{'seconds':>9}{'rows/s':>12}{'against pandas':>16}")
    for name, median in medians.items():
        print(f"{name:42}{median:>9.2f}{rows / median:>12,.0f}{pandas / median:>15.1f}x")


def one_row(con):
    for function in ("predict('bench', f)", "sqlml.predict_bench(f)"):
        times = []
        for key in range(50):
            started = time.perf_counter()
            con.execute(f"SELECT {function} FROM features AS f WHERE id = {key}").fetchall()
            times.append(time.perf_counter() - started)
        print(f"one row by key, {function}: median {statistics.median(times) * 1000:.1f} ms")


if __name__ == "__main__":
    main()
