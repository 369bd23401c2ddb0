"""What every engine does alike. Each check has a database to itself that is empty, or as good as."""

import json
import math
from datetime import date, datetime

import pyarrow as pa
import pytest
from sqlglot import exp

from sqlml.errors import EngineError, InvalidRelation


def a_table(engine, n=5000):
    rows = pa.table({"a": pa.array(range(n), pa.int64()), "b c": pa.array([i * 1.5 for i in range(n)])})
    engine.execute('CREATE TABLE t (a BIGINT, "b c" DOUBLE PRECISION)')
    engine.append(exp.to_table("t"), rows)
    return rows


def check_parameters(engine):
    values = {"i": 7, "f": 0.1, "t": 'it\'s $i \\ "so"', "b": True, "n": None, "at": datetime(2024, 1, 31, 12, 0, 0, 5)}
    engine.execute(
        "CREATE TABLE v (i INTEGER, f DOUBLE PRECISION, t VARCHAR, b BOOLEAN, n DOUBLE PRECISION, moment TIMESTAMP,"
        " j JSON)"
    )
    engine.execute("INSERT INTO v VALUES ($i, $f, $t, $b, $n, $at, $j)", values | {"j": '{"a": [1]}'})
    known = {"i": values["i"], "t": values["t"]}
    assert engine.rows("SELECT i, f, t, b, n, moment, '$i' FROM v WHERE i = $i AND t = $t", known) == [
        (7, 0.1, 'it\'s $i \\ "so"', True, None, datetime(2024, 1, 31, 12, 0, 0, 5), "$i")
    ]
    assert engine.rows("SELECT j FROM v") == [('{"a": [1]}',)]
    assert engine.rows("SELECT count(*) FROM v WHERE i = $i", {"i": -7}) == [(0,)]


def check_rows_by_position(engine):
    assert engine.rows("SELECT 1, 2, 'a', CAST(NULL AS DATE), DATE '2024-01-31'") == [
        (1, 2, "a", None, date(2024, 1, 31))
    ]
    assert engine.rows("SELECT coalesce(1, 2), coalesce(3, 4)") == [(1, 3)]
    assert engine.rows("SELECT sum(CAST(x AS BIGINT)) FROM (VALUES (1), (2)) AS v(x)") == [(3,)]


def check_arrow(engine):
    given = a_table(engine)
    read = engine.arrow('SELECT a, "b c" FROM t ORDER BY a DESC')
    assert read.schema == given.schema
    assert read.column("a").to_pylist() == list(range(4999, -1, -1))
    assert engine.arrow("SELECT a FROM t WHERE a < $limit ORDER BY a", {"limit": 2}).to_pydict() == {"a": [0, 1]}
    empty = engine.arrow("SELECT * FROM t WHERE a < 0")
    assert empty.schema == given.schema
    assert len(empty) == 0


def check_null_and_nan_are_two(engine):
    values = [1.5, None, math.nan, math.inf, -math.inf, -0.0, 5e-324, 1.7976931348623157e308, 0.1]
    engine.execute("CREATE TABLE d (x DOUBLE PRECISION)")
    engine.append(exp.to_table("d"), pa.table({"x": pa.array(values, pa.float64())}))
    assert engine.rows("SELECT count(*), count(x) FROM d") == [(9, 8)]
    read = engine.arrow("SELECT x FROM d").column("x").combine_chunks()
    assert read.null_count == 1
    assert read.is_valid().to_pylist() == [True, False, True, True, True, True, True, True, True]
    assert [str(value) for value in read.to_pylist()] == [str(value) for value in values]


def check_every_type_goes_in_and_comes_out(engine):
    rows = pa.table(
        {
            "boolean": pa.array([True, None, False]),
            "small": pa.array([-32768, None, 32767], pa.int16()),
            "whole": pa.array([-(2**31), None, 2**31 - 1], pa.int32()),
            "big": pa.array([-(2**63), None, 2**63 - 1], pa.int64()),
            "real": pa.array([0.1, None, math.inf], pa.float32()),
            "double": pa.array([0.1, None, -math.inf], pa.float64()),
            "price": pa.array([1234, None, -5], pa.int64()).cast(pa.decimal128(20, 0)).cast(pa.decimal128(22, 2)),
            "text": pa.array(['it\'s "é"', None, ""]),
            "day": pa.array([date(1, 1, 1), None, date(9999, 12, 31)]),
            "at": pa.array(
                [datetime(1969, 12, 31, 23, 59, 59, 999999), None, datetime(2024, 1, 31)], pa.timestamp("us")
            ),
            "zoned": pa.array([datetime(2024, 1, 31), None, datetime(1970, 1, 1)], pa.timestamp("us", tz="UTC")),
            "hour": pa.array([0, None, 86_399_999_999], pa.time64("us")),
            "bytes": pa.array([b"\x00\xff", None, b""]),
            "list": pa.array([[1.5, None], None, []], pa.list_(pa.float64())),
            "texts": pa.array([["a,b", 'c"{}\\', "", "NULL", None], None, []], pa.list_(pa.string())),
        }
    )
    rows = rows.append_column("i", pa.array([1, 2, 3]))
    with engine.temporary(rows) as table:
        select = exp.select("*").from_(table).order_by("i").sql(engine.dialect)
        read = engine.arrow(select)
        assert [_family(kind) for kind in read.schema.types] == [_family(kind) for kind in rows.schema.types]
        assert [column.to_pylist() for column in read.columns] == [column.to_pylist() for column in rows.columns]
        batches = pa.Table.from_batches(engine.batches(select)) if engine.name == "postgres" else read
        assert batches.equals(read)


def _family(kind):
    """A type without the names that engines give to a time zone or to the items of a list."""
    if pa.types.is_list(kind):
        return pa.list_(kind.value_type)
    return pa.timestamp("us", tz="any") if pa.types.is_timestamp(kind) and kind.tz else kind


def check_texts_of_all_kinds(engine):
    characters = "".join(chr(number) for number in range(1, 0x250)) + "\u2028\ufeff\U0001f600"
    texts = [
        "",
        " ",
        "NULL",
        "null",
        "\\N",
        "\\.",
        "\n\\.\n",
        "a\n\\.\nb",
        '"',
        "''",
        "{}",
        "{a,b}",
        "\\",
        '\\"',
        ",",
        "\r\n",
    ]
    texts += ["nan", "$1", "$a", "--", "/*", characters, "x" * 100_000]
    rows = pa.table({"i": range(len(texts)), "text": texts})
    for copies in (1, 300):
        engine.execute("CREATE TABLE s (i BIGINT, text VARCHAR)")
        engine.append(exp.to_table("s"), pa.concat_tables([rows.slice(0, len(texts) - 1)] * copies + [rows]))
        read = engine.arrow("SELECT DISTINCT i, text FROM s ORDER BY i")
        assert read.column("text").to_pylist() == texts
        engine.execute("DROP TABLE s")


def check_a_relation_is_a_name_or_a_select(engine):
    a_table(engine)
    engine.execute("CREATE VIEW w AS SELECT a FROM t")
    for text in (
        "t",
        "T",
        "t ",
        "w",
        '"t"',
        "SELECT a FROM t",
        "SELECT a FROM t -- all of it",
        "SELECT a FROM t;",
        "WITH x AS (SELECT a FROM t) SELECT * FROM x",
        "SELECT a FROM t UNION ALL SELECT a FROM t LIMIT 5000",
        "(SELECT a FROM t)",
        "SELECT a FROM t ORDER BY a /* $1 $relation */",
        "TABLE t",
        'SELECT 1 AS "$1" FROM t',
    ):
        relation = engine.relation(text)
        assert relation.text == text
        count = relation.select(exp.Count(this=exp.Star())).sql(engine.dialect)
        assert engine.rows(count, relation.parameters) == [(5000,)], text
        aliased = relation.select(exp.Count(this=exp.Star()), alias="r").sql(engine.dialect)
        assert engine.rows(aliased, relation.parameters) == [(5000,)], text
        plain = exp.select("*").from_(relation.source.copy()).limit(2).sql(engine.dialect)
        assert len(engine.arrow(plain, relation.parameters)) == 2, text


def check_anything_else_is_refused_and_does_nothing(engine):
    a_table(engine)
    for text in NO_RELATIONS:
        with pytest.raises(InvalidRelation, match="ML003"):
            engine.relation(text)
        assert engine.rows("SELECT count(*) FROM t") == [(5000,)], text


NO_RELATIONS = [
    "",
    "  ",
    ";",
    "nowhere",
    "no.where",
    "SELECT nothing FROM t",
    "SELECT a FROM t; SELECT a FROM t",
    "SELECT a FROM t; DROP TABLE t",
    "DELETE FROM t",
    "DELETE FROM t RETURNING *",
    "INSERT INTO t VALUES (1, 2) RETURNING *",
    "UPDATE t SET a = 1 RETURNING *",
    "WITH gone AS (DELETE FROM t RETURNING *) SELECT * FROM gone",
    "WITH new AS (INSERT INTO t VALUES (1, 2) RETURNING *) SELECT * FROM new",
    "DROP TABLE t",
    "TRUNCATE t",
    "CREATE TABLE u AS SELECT 1 AS a",
    "COPY t TO 'x.csv'",
    "SET search_path = public",
    "COMMIT",
    "BEGIN; DROP TABLE t; COMMIT",
    "CALL p()",
    "t) SELECT 1; DROP TABLE t; --",
    "t) AS x; DROP TABLE t; --",
    "SELECT a FROM t) AS x; DROP TABLE t; SELECT * FROM (SELECT 1",
    "SELECT a FROM t) AS x, (DELETE FROM t RETURNING *",
    "SELECT a FROM t)) UNION ALL ((SELECT 1",
    "SELECT 1) AS relation --",
    "SELECT 1) AS relation /*",
    "SELECT a FROM t /*",
    "SELECT a FROM t /* /* */",
    "SELECT '1",
    "SELECT 'a'') AS x; DROP TABLE t; --",
    'SELECT 1 AS "x',
    'SELECT 1 AS "x) AS relation; DROP TABLE t; --',
    "SELECT $$1",
    "SELECT $a$ $$ $b$",
    "SELECT $a$) AS x; DROP TABLE t; --",
    "SELECT (1",
    "SELECT 1)",
    "SELECT a FROM t WHERE",
    "SELECT a FROM t WHERE a = $1",
    "SELECT a FROM t WHERE a = $given",
    "--",
    "-- t",
    "/* t */",
]


def check_columns_by_the_hundreds(engine):
    wanted = {f"c{number}": [number + 0.5, None, float(number)] for number in range(900)}
    values = ", ".join(
        f"CASE i WHEN 1 THEN {number + 0.5} WHEN 3 THEN {number} END::double precision AS c{number}"
        for number in range(900)
    )
    wide = f"SELECT {values} FROM (VALUES (1), (2), (3)) AS g(i) ORDER BY i"
    assert engine.arrow(wide).to_pydict() == wanted
    assert pa.Table.from_batches(engine.batches(wide)).to_pydict() == wanted
    with engine.parts(exp.maybe_parse(wide, dialect=engine.dialect), None, list(reversed(wanted))) as found:
        (part,) = found.parts
        assert part.rows.to_pydict() == wanted


def check_a_failed_transaction_leaves_nothing(engine):
    a_table(engine)

    def fail():
        with engine.transaction():
            engine.execute("DELETE FROM t")
            engine.execute("SELECT * FROM nowhere")

    with pytest.raises(EngineError, match="nowhere"):
        fail()
    assert engine.rows("SELECT count(*) FROM t") == [(5000,)]
    with engine.transaction() as owner:
        engine.lock("t")
        engine.execute("DELETE FROM t WHERE a < 10")
        assert owner.rows("SELECT 1") == [(1,)]
    assert engine.rows("SELECT count(*) FROM t") == [(4990,)]


def check_an_error_of_python_ends_a_transaction(engine):
    a_table(engine)

    def fail():
        with engine.transaction():
            engine.execute("DELETE FROM t")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert engine.rows("SELECT count(*) FROM t") == [(5000,)]


def check_batches_are_read_while_the_session_writes(engine):
    a_table(engine)
    seen = []
    with engine.transaction():
        for batch in engine.batches("SELECT a FROM t WHERE a >= $low ORDER BY a", {"low": 1000}, size=1000):
            engine.append(exp.to_table("t"), pa.table({"a": batch.column("a")}))
            seen += batch.column("a").to_pylist()
    assert seen == list(range(1000, 5000))
    assert engine.rows('SELECT count(*), count("b c") FROM t') == [(9000, 5000)]


def check_temporary_rows_are_gone_afterwards(engine):
    with engine.temporary(pa.table({"x": [1, 2], "Y z": ["a", None]})) as source:
        assert engine.rows(exp.select("sum(x)", 'min("Y z")').from_(source).sql(engine.dialect)) == [(3, "a")]
        aliased = exp.select("r.x").from_(exp.alias_(source.copy(), "r", table=True)).order_by("r.x")
        assert engine.rows(aliased.sql(engine.dialect)) == [(1,), (2,)]
    assert not engine.has_table(source)


def check_a_select_becomes_a_temporary_table_for_a_while(engine):
    a_table(engine)
    query = exp.select("a").from_("t").where("a < $limit", dialect=engine.dialect)
    with engine.transaction():
        with engine.materialized(query, {"limit": 10}) as table:
            assert engine.rows(exp.select("count(*)").from_(table).sql(engine.dialect)) == [(10,)]
        assert not engine.has_table(table)


def check_the_owner_has_a_session_of_its_own(engine):
    with engine.transaction() as owner:
        with owner.temporary(pa.table({"x": [1, 2]})) as rows:
            query = exp.select("sum(x) AS s").from_(rows)
            with owner.materialized(query) as table:
                assert owner.arrow(exp.select("s").from_(table).sql(owner.dialect)).to_pylist() == [{"s": 3}]
        owner.script("CREATE TABLE sqlml.one (x INTEGER); INSERT INTO sqlml.one VALUES (1);")
        owner.append(exp.table_("one", db="sqlml"), pa.table({"x": pa.array([2], pa.int32())}))
        assert owner.rows("SELECT x FROM sqlml.one ORDER BY x") == [(1,), (2,)]
        assert owner.actor() == engine.actor()
        assert "sqlml.one" in owner.catalog()
        assert owner.catalog(["sqlml.one", "sqlml.none"]) == {"sqlml.one": owner.catalog()["sqlml.one"]}
        assert owner.catalog([]) == {}


def check_names(engine):
    a_table(engine)
    assert engine.has_table(exp.to_table("t"))
    assert not engine.has_table(exp.to_table("u"))
    assert not engine.has_table(exp.table_("u", db="nowhere"))
    assert engine.actor()
    assert engine.version()[0].isdigit()
    assert "auto" in engine.runtimes


def check_json_object_holds_only_what_json_can(engine):
    rows = pa.table(
        {
            "a": [math.nan],
            "b": [-math.inf],
            "c": [0.1],
            "d": ['x"y'],
            "r": pa.array([0.1], pa.float32()),
            "n": pa.array([15], pa.int64()).cast(pa.decimal128(19, 0)).cast(pa.decimal128(21, 2)),
            "at": pa.array([datetime(2024, 1, 31, 12, 0, 0, 500000)], pa.timestamp("us")),
            "day": [date(2024, 1, 31)],
            "o": [True],
        }
    )
    with engine.temporary(rows) as table:
        tree = engine.json_object({name: rows.schema.field(name).type for name in rows.column_names}, "u", {"c": "C"})
        source = exp.alias_(table.copy(), "u", table=True)
        found = _json(engine.rows(exp.select(tree).from_(source).sql(engine.dialect))[0][0])
        assert found == {
            "a": None,
            "b": None,
            "C": 0.1,
            "d": 'x"y',
            "r": 0.10000000149011612,
            "n": 15,
            "at": "2024-01-31 12:00:00.5",
            "day": "2024-01-31",
            "o": True,
        }


def _json(text):
    assert isinstance(text, str)
    return json.loads(text)


def check_a_json_object_of_many_columns(engine):
    rows = pa.table({f"c{number}": [number] for number in range(130)})
    with engine.temporary(rows) as table:
        tree = engine.json_object({name: pa.int64() for name in rows.column_names}, "u")
        select = exp.select(tree).from_(exp.alias_(table.copy(), "u", table=True))
        assert _json(engine.rows(select.sql(engine.dialect))[0][0]) == {f"c{n}": n for n in range(130)}


def check_json_is_read_by_key_and_type(engine):
    types = {"x": "DOUBLE", "b": "BOOLEAN", 'it\'s "so"': "VARCHAR", "at": "TIMESTAMP", "none": "DATE", "as": "DOUBLE"}
    document = '{"x": 0.1, "b": true, "it\'s \\"so\\"": "é", "at": "2024-01-31 12:00:00.5", "as": true, "no": null}'
    values = engine.json_values(exp.Literal.string(document), types)
    row = engine.rows(exp.select(*values.values()).sql(engine.dialect))[0]
    assert row == (0.1, True, "é", datetime(2024, 1, 31, 12, 0, 0, 500000), None, 1.0)
