"""The example model on real flights: the same bits from the library, the kernel and a plain client, every time."""

import subprocess
import sys

import lightgbm
import numpy as np
import pytest
from flight_models import COMPUTED, SOURCES, create_all
from pyarrow import parquet

import sqlml
from sqlml.spec import from_json

BEFORE_NOVEMBER = "SELECT * FROM flight_features WHERE scheduled_at < DATE '2016-11-01'"
TRAIN = """
CALL sqlml.train(model => 'flight_late', relation => $relation, target => 'is_late',
                 key_column => 'flight_id', time_column => 'scheduled_at', deploy => 'always')
"""
SAMPLE = "(SELECT * FROM flight_features WHERE hash(flight_id) % 10 = 0)"


@pytest.fixture(scope="module")
def flights(tmp_path_factory):
    """A file with the features and a trained model, and LightGBM's own booster of it."""
    path = tmp_path_factory.mktemp("flights") / "flights.duckdb"
    boosters = []
    own_train = lightgbm.train

    def train(*arguments, **options):
        boosters.append(own_train(*arguments, **options))
        return boosters[-1]

    with pytest.MonkeyPatch.context() as patch, sqlml.connect(path) as con:
        create_all(con, SOURCES + COMPUTED)
        patch.setattr(lightgbm, "train", train)
        con.execute(TRAIN, {"relation": BEFORE_NOVEMBER})
    return path, boosters[0]


@pytest.fixture(scope="module")
def by_library(flights):
    """Keys and raw scores of a sample by LightGBM itself, from a matrix that this test makes."""
    path, booster = flights
    with sqlml.connect(path, read_only=True) as con:
        model = from_json(con.execute("SELECT artifact FROM sqlml.model_version").fetchall()[0][0])
        rows = con.sql(f"FROM {SAMPLE} ORDER BY flight_id").to_arrow_table()
    matrix = np.column_stack([coded(feature, rows.column(feature.column)) for feature in model.features])
    return rows.column("flight_id").to_pylist(), booster.predict(matrix, raw_score=True)


def coded(feature, column):
    values = column.to_pylist()
    if feature.kind == "category":
        codes = {category: code for code, category in enumerate(feature.categories)}
        return np.array([codes.get(value, np.nan) for value in values], dtype=np.float64)
    assert feature.kind in ("number", "boolean")
    return np.array([np.nan if value is None else float(value) for value in values])


def test_the_kernel_gives_the_bits_of_lightgbm(flights, by_library):
    keys, raw = by_library
    assert len(keys) > 18_000
    with sqlml.connect(flights[0], read_only=True) as con:
        scored = con.execute(
            f"SELECT flight_id, raw_score('flight_late', f)[1] FROM {SAMPLE} AS f ORDER BY 1"
        ).fetchall()
    assert [key for key, _ in scored] == keys
    assert np.array([score for _, score in scored]).tobytes() == raw.tobytes()


def test_a_plain_client_gives_the_bits_of_lightgbm(flights, by_library, tmp_path):
    keys, raw = by_library
    out = tmp_path / "plain.parquet"
    text = f"""
import duckdb, sys
with duckdb.connect(sys.argv[1], read_only=True) as plain:
    plain.execute('''COPY (
        SELECT flight_id, sqlml.raw_score_flight_late(f) AS raw, sqlml.predict_flight_late(f) AS p
        FROM {SAMPLE} AS f ORDER BY 1
    ) TO '{out}' ''')
assert "sqlml" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", text, str(flights[0])], check=True)
    plain = parquet.read_table(out)
    assert plain.column("flight_id").to_pylist() == keys
    assert plain.column("raw").to_numpy().tobytes() == raw.tobytes()
    np.testing.assert_array_max_ulp(plain.column("p").to_numpy(), 1 / (1 + np.exp(-raw)), maxulp=2)


def test_the_same_data_and_seed_give_the_same_model(flights):
    hashes = set()
    with sqlml.connect(flights[0]) as con:
        first = con.execute("SELECT artifact_hash, dataset_digest FROM sqlml.model_version").fetchall()[0]
        for threads, relation in (
            (1, BEFORE_NOVEMBER),
            (2, BEFORE_NOVEMBER),
            (2, f"SELECT * FROM ({BEFORE_NOVEMBER}) ORDER BY hash(flight_id)"),
        ):
            con.execute(f"SET threads = {threads}")
            version = con.execute(TRAIN, {"relation": relation}).fetchall()[0][1]
            hashes.update(
                con.execute(
                    "SELECT artifact_hash, dataset_digest FROM sqlml.model_version WHERE version = $v", {"v": version}
                ).fetchall()
            )
        con.execute("RESET threads")
    assert hashes == {first}


def test_the_months_that_it_had_not_seen(flights):
    with sqlml.connect(flights[0]) as con:
        rows = "SELECT * FROM flight_features WHERE scheduled_at >= DATE ''2016-11-01''"
        found = dict(con.execute(f"SELECT metric, value FROM sqlml.evaluate('flight_late@1', '{rows}')").fetchall())
    assert found["roc_auc"] > 0.7
    assert found["log_loss"] < 0.46
