"""The engine: relations as callers write them, Arrow out and in, one transaction, errors of our tree."""

from datetime import datetime

import duckdb
import pyarrow as pa
import pytest
from sqlglot import exp

from sqlml.engine.duckdb.engine import DuckDBEngine
from sqlml.engine.relation import table_name
from sqlml.errors import DatabaseLocked, EngineError, InvalidRelation


@pytest.fixture
def engine(tmp_path):
    with duckdb.connect(str(tmp_path / "plain.duckdb")) as connection:
        connection.execute('CREATE TABLE t AS SELECT i AS a, i * 1.5 AS "b c" FROM range(5000) AS g(i)')
        yield DuckDBEngine(connection)


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("t", '"t"'),
        ("main.t", '"main"."t"'),
        ('"odd name"', '"odd name"'),
        ('db.main."select"', '"db"."main"."select"'),
        ("t AS x", None),
        ("t; DROP TABLE t", None),
        ("t WHERE 1 = 1", None),
        ("t, u", None),
        ("read_csv('x')", None),
        ("'file.parquet'", '"file.parquet"'),
        ("t -- comment", '"t"'),
        ("", None),
    ],
)
def test_names(text, quoted):
    table = table_name(text, "duckdb")
    assert (None if table is None else table.sql("duckdb")) == quoted


@pytest.mark.parametrize(
    "text", ["t", "SELECT a FROM t", "FROM t", "WITH x AS (SELECT a FROM t) SELECT * FROM x", "t "]
)
def test_a_relation_is_a_name_or_a_select(engine, text):
    relation = engine.relation(text)
    assert engine.rows(relation.select("count(*)").sql(engine.dialect), relation.parameters) == [(5000,)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "nowhere",
        "SELECT nothing FROM t",
        "SELECT a FROM t; SELECT a FROM t",
        "DELETE FROM t",
        "INSERT INTO t VALUES (1, 2) RETURNING *",
        "WITH gone AS (DELETE FROM t RETURNING *) SELECT * FROM gone",
        "DROP TABLE t",
        "CREATE TABLE u AS SELECT 1",
        "ATTACH 'x.duckdb'",
        "COPY t TO 'x.csv'",
        "SET threads = 1",
        "t) SELECT 1; DROP TABLE t; --",
        "SELECT a FROM t) AS x; DROP TABLE t; SELECT * FROM (SELECT 1",
    ],
)
def test_anything_else_is_refused_and_does_nothing(engine, text):
    with pytest.raises(InvalidRelation, match="ML003"):
        engine.relation(text)
    assert engine.rows("SELECT count(*) FROM t") == [(5000,)]


def test_batches_are_read_while_the_session_writes(engine):
    seen = 0
    with engine.transaction():
        for batch in engine.batches("SELECT a FROM t WHERE a >= $low", {"low": 1000}, size=1000):
            engine.append(exp.to_table("t"), pa.table({"a": batch.column("a")}))
            seen += batch.num_rows
    assert seen == 4000
    assert engine.rows('SELECT count(*), count("b c") FROM t') == [(9000, 5000)]


def test_a_failed_transaction_leaves_nothing(engine):
    def fail():
        with engine.transaction():
            engine.execute("DELETE FROM t")
            engine.execute("SELECT * FROM nowhere")

    with pytest.raises(EngineError, match=r"ML060 Catalog Error: Table with name nowhere"):
        fail()
    assert engine.rows("SELECT count(*) FROM t") == [(5000,)]
    with engine.transaction():
        engine.execute("DELETE FROM t WHERE a < 10")
    assert engine.rows("SELECT count(*) FROM t") == [(4990,)]


def test_two_writers_of_the_same_rows(engine):
    with duckdb.connect(
        engine.rows("SELECT path FROM duckdb_databases() WHERE database_name = 'plain'")[0][0]
    ) as other:
        other.begin()
        other.execute("UPDATE t SET a = 1")

        def write():
            with engine.transaction():
                engine.execute("UPDATE t SET a = 2")

        with pytest.raises(DatabaseLocked, match=r"ML061 .*run it again"):
            write()
        other.rollback()


def test_temporary_rows_are_gone_afterwards(engine):
    with engine.temporary(pa.table({"x": [1, 2]})) as source:
        assert engine.rows(exp.select("sum(x)").from_(source).sql("duckdb")) == [(3,)]
        name = source.name
    with pytest.raises(EngineError):
        engine.rows(f"SELECT * FROM {name}")


def test_json_object_holds_only_what_json_can(engine):
    engine.execute("CREATE TABLE u AS SELECT 'nan'::DOUBLE AS a, '-inf'::DOUBLE AS b, 1.5::DOUBLE AS c, 'x\"y' AS d")
    types = {"a": pa.float64(), "b": pa.float64(), "c": pa.float64(), "d": pa.string()}
    select = exp.select(engine.json_object(types, "u")).from_("u")
    assert engine.rows(select.sql("duckdb")) == [('{"a":null,"b":null,"c":1.5,"d":"x\\"y"}',)]


def test_a_select_becomes_a_temporary_table_for_a_while(engine):
    query = exp.select("a").from_("t").where("a < $limit", dialect="duckdb")
    with engine.transaction():
        with engine.materialized(query, {"limit": 10}) as table:
            assert engine.rows(exp.select("count(*)").from_(table).sql("duckdb")) == [(10,)]
        assert not engine.has_table(table)
    with pytest.raises(EngineError, match="nothing"), engine.materialized(exp.select("a").from_("nothing")):
        pass
    assert engine.rows("SELECT count(*) FROM duckdb_tables() WHERE temporary") == [(0,)]


def test_json_is_read_by_key_and_type(engine):
    types = {"x": "DOUBLE", "b": "BOOLEAN", 'it\'s "so"': "VARCHAR", "at": "TIMESTAMP", "none": "DATE"}
    document = exp.Literal.string('{"x": 0.1, "b": true, "it\'s \\"so\\"": "é", "at": "2024-01-31 12:00:00.5"}')
    values = engine.json_values(document, types)
    row = engine.rows(exp.select(*values.values()).sql("duckdb"))[0]
    assert row == (0.1, True, "é", datetime(2024, 1, 31, 12, 0, 0, 500000), None)


def test_a_json_object_may_have_keys_of_its_own(engine):
    tree = engine.json_object({"a": pa.int64(), "b c": pa.float64()}, "t", {"a": "A"})
    assert engine.rows(exp.select(tree).from_("t").where("a = 1").sql("duckdb")) == [('{"A":1,"b c":1.5}',)]
