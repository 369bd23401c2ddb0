"""The versions that stay in memory: each is read once, and not every one that was ever asked for is kept."""

from contextlib import contextmanager

import pyarrow as pa
import pytest

from sqlml.engine.duckdb.engine import DuckDBEngine
from sqlml.lifecycle import predict
from sqlml.registry.model import Address


def test_the_versions_read_last_are_kept(con, monkeypatch):
    monkeypatch.setattr(predict, "VERSIONS_KEPT", 2)
    for constant in (1, 2, 3):
        seen = f"SELECT i AS x, {constant} + (i % 3) - 1.0 AS y FROM range(300) AS g(i)"
        con.execute(f"CALL sqlml.train('m', '{seen}', 'y', algorithm => 'baseline', task => 'regression')")
    read = []

    @contextmanager
    def session():
        read.append(1)
        yield DuckDBEngine(con)

    versions = predict.VersionCache()
    rows = pa.array([{"x": 1}])
    for number in (1, 1, 2, 2, 3, 3, 2, 1, 1):
        found = versions.get(session, Address("m", number))
        assert predict.predict(found, rows).to_pylist() == [pytest.approx(number, abs=0.1)]
    assert len(read) == 4
