"""What the engines for PostgreSQL do alike, over psycopg and inside the server, with the rights of a caller."""

import math
from datetime import date, datetime, time
from uuid import UUID

import pyarrow as pa
import pytest
from sqlglot import exp

from sqlml.errors import DatabaseLocked, EngineError, InvalidData, InvalidRelation, ModelNotFound
from sqlml.kernel.arrow_types import UNSUPPORTED, logical_type, remedy, sql_name

TYPES = [
    ("true", pa.bool_(), True),
    ("1::smallint", pa.int16(), 1),
    ("(-2147483648)::integer", pa.int32(), -(2**31)),
    ("(-9223372036854775808)::bigint", pa.int64(), -(2**63)),
    ("7::oid", pa.int64(), 7),
    ("0.1::real", pa.float32(), pa.scalar(0.1, pa.float32()).as_py()),
    ("'-infinity'::real", pa.float32(), -math.inf),
    ("0.1::double precision", pa.float64(), 0.1),
    ("'infinity'::double precision", pa.float64(), math.inf),
    ("1.25::numeric", pa.float64(), 1.25),
    ("(-1.25)::numeric(10, 2)", pa.decimal128(10, 2), "-1.25"),
    ("92233720368547758.07::numeric(18, 2)", None, None),
    ("1234567890123456.78::numeric(18, 2)", pa.decimal128(18, 2), "1234567890123456.78"),
    (
        "12345678901234567890123456789012345678::numeric(38)",
        pa.decimal128(38, 0),
        "12345678901234567890123456789012345678",
    ),
    ("1.5::numeric(40, 2)", pa.float64(), 1.5),
    ("'a''\"é'::text", pa.string(), "a'\"é"),
    ("'a'::varchar(3)", pa.string(), "a"),
    ("'a'::char(3)", pa.string(), "a"),
    ("'a'::name", pa.string(), "a"),
    ("'a'::\"char\"", pa.string(), "a"),
    ("'calm'::mood", pa.string(), "calm"),
    ("'7f6e1b0e-3b0a-4b8c-9b1a-000000000001'::uuid", pa.string(), "7f6e1b0e-3b0a-4b8c-9b1a-000000000001"),
    ("'10.0.0.1'::inet", pa.string(), "10.0.0.1/32"),
    ("'{\"a\": 1}'::json", pa.string(), '{"a": 1}'),
    ("'{\"a\":1}'::jsonb", pa.string(), '{"a": 1}'),
    ("'2024-01-31'::date", pa.date32(), date(2024, 1, 31)),
    ("'0001-01-01'::date", pa.date32(), date(1, 1, 1)),
    ("'1969-12-31 23:59:59.999999'::timestamp", pa.timestamp("us"), datetime(1969, 12, 31, 23, 59, 59, 999999)),
    ("'10:30:00.5'::time", pa.time64("us"), time(10, 30, 0, 500000)),
    ("'1 month 2 days 3.5 seconds'::interval", pa.month_day_nano_interval(), pa.MonthDayNano([1, 2, 3_500_000_000])),
    ("'\\x00ff'::bytea", pa.binary(), b"\x00\xff"),
    ("ARRAY[1.5, NULL, 'nan']::float8[]", pa.list_(pa.float64()), None),
    ("ARRAY[1, NULL, 3]", pa.list_(pa.int32()), [1, None, 3]),
    ("ARRAY['a', NULL, '']", pa.list_(pa.string()), ["a", None, ""]),
    ("ARRAY[[1, 2], [3, 4]]", pa.list_(pa.int32()), [1, 2, 3, 4]),
    ("ARRAY[1.25, 2]::numeric(10, 2)[]", pa.list_(pa.decimal128(10, 2)), None),
    ("ARRAY['calm']::mood[]", pa.list_(pa.string()), ["calm"]),
    ("5::percent", pa.float64(), 5.0),
    ("5.25::price", pa.decimal128(8, 2), "5.25"),
    ("5.25::sale", pa.decimal128(8, 2), "5.25"),
    ("ARRAY[1.5]::points", pa.list_(pa.float64()), [1.5]),
    ("(1, 'a')::pair", pa.binary(), b"(1,a)"),
    ("point(1, 2)", pa.binary(), b"(1,2)"),
    ("'$5'::money", pa.binary(), None),
    ("int4range(1, 3)", pa.binary(), b"[1,3)"),
]


def types_of_the_caller(engine):
    engine.script(
        """
        CREATE TYPE mood AS ENUM ('calm', 'angry');
        CREATE DOMAIN percent AS double precision CHECK (value BETWEEN 0 AND 100);
        CREATE DOMAIN price AS numeric(8, 2);
        CREATE DOMAIN sale AS price NOT NULL;
        CREATE DOMAIN points AS double precision[];
        CREATE TYPE pair AS (a integer, b text);
        """
    )


def check_every_type_of_the_server(engine):
    types_of_the_caller(engine)
    for text, kind, value in TYPES:
        if kind is None:
            with pytest.raises(EngineError, match="overflow"):
                engine.arrow(f"SELECT {text} AS x")
            continue
        for n in (1, 3):
            rows = f"generate_series(1, {n}) AS i LEFT JOIN (SELECT {text} AS x) AS v ON i <> 2"
            read = engine.arrow(f"SELECT x FROM {rows} ORDER BY i")
            assert read.schema.field("x").type == kind, text
            found = read.column("x").to_pylist()
            assert len(found) == n
            if n == 3:
                assert found[1] is None, text
                assert str(found[2]) == str(found[0]), text
            if value is not None:
                assert str(found[0]) == str(value), text


def check_what_no_model_reads_says_so(engine):
    select = (
        "SELECT now() AS zoned, ARRAY[1] AS list, ARRAY['a'] AS texts, '\\x00'::bytea AS bytes, point(1, 2) AS point"
    )
    schema = engine.arrow(f"{select}, interval '1 day' AS span, time '10:00' AS hour").schema
    assert {name: logical_type(schema.field(name).type) for name in schema.names} == dict.fromkeys(
        schema.names, UNSUPPORTED
    )
    assert sql_name(schema.field("zoned").type) == "TIMESTAMP WITH TIME ZONE"
    assert "AT TIME ZONE" in remedy(schema.field("zoned").type)
    assert sql_name(schema.field("texts").type) == "VARCHAR[]"
    assert sql_name(schema.field("point").type) == "BLOB"


def check_values_that_look_like_null(engine):
    """Whatever bits stand for NULL on the way, a value that has them is a value."""
    sql = """
        SELECT * FROM (VALUES
          ((-9223372036854775808)::bigint, (-2147483648)::int, '-infinity'::date, (-32768)::smallint,
           '-infinity'::timestamp),
          (NULL, NULL, NULL, NULL, NULL),
          (1, 2, '2024-01-01', 3, '2024-01-01')
        ) AS v(a, b, c, d, e)
    """
    read = engine.arrow(sql)
    assert [column.is_valid().to_pylist() for column in read.columns] == [[True, False, True]] * 5
    assert read.column("a").to_pylist() == [-(2**63), None, 1]
    assert read.column("b").to_pylist() == [-(2**31), None, 2]
    assert read.column("d").to_pylist() == [-(2**15), None, 3]


def check_infinite_times_go_out_and_in(engine):
    sql = "SELECT x::date AS d, x::timestamp AS t FROM unnest(ARRAY['infinity', '-infinity', '2024-01-01', NULL]) AS x"
    read = engine.arrow(sql)
    assert read.column("d").cast(pa.int32()).to_pylist() == [2**31 - 1, 1 - 2**31, 19723, None]
    assert read.column("t").cast(pa.int64()).to_pylist()[:2] == [2**63 - 1, 1 - 2**63]
    with engine.temporary(read) as table:
        texts = exp.select("d::text", "t::text").from_(table).sql("postgres")
        assert engine.rows(texts) == [
            ("infinity", "infinity"),
            ("-infinity", "-infinity"),
            ("2024-01-01", "2024-01-01 00:00:00"),
            (None, None),
        ]


def check_numbers_that_no_double_is_equal_to(engine):
    assert engine.arrow(
        "SELECT 9007199254740992::numeric AS x, 1e300::numeric AS y, 1e-300::numeric AS z"
    ).to_pylist() == [{"x": 9007199254740992.0, "y": 1e300, "z": 1e-300}]
    with pytest.raises(EngineError, match=r"column 'id' is NUMERIC without a precision .* CAST it to BIGINT"):
        engine.arrow("SELECT 9007199254740993::numeric AS id")
    with pytest.raises(EngineError, match=r"column 'p' is NUMERIC\(5,2\) and holds NaN, .* CAST it to DOUBLE"):
        engine.arrow("SELECT 'NaN'::numeric(5, 2) AS p")
    with pytest.raises(EngineError, match=r"column 'p' is NUMERIC\(30,2\) and holds NaN"):
        engine.arrow("SELECT 'NaN'::numeric(30, 2) AS p")


def check_rows_as_python_values(engine):
    row = engine.rows(
        """
        SELECT 1::smallint, 2::bigint, 0.1::float8, 1.50::numeric, sum(x), avg(x), 'NaN'::numeric, '{"a": 1}'::jsonb,
               '[1]'::json, date '2024-01-31', timestamp '2024-01-31 12:00:00.5', time '10:00',
               '7f6e1b0e-3b0a-4b8c-9b1a-000000000001'::uuid, true, NULL, 'x'::name, ARRAY['a', NULL]
        FROM (VALUES (1::bigint), (2)) AS v(x)
        """
    )[0]
    assert row[:6] == (1, 2, 0.1, 1.5, 3, 1.5)
    assert [type(value) for value in row[3:6]] == [float, int, float]
    assert math.isnan(row[6])
    assert row[7:12] == ('{"a": 1}', "[1]", date(2024, 1, 31), datetime(2024, 1, 31, 12, 0, 0, 500000), time(10))
    assert str(UUID(str(row[12]))) == str(row[12])
    assert row[13:] == (True, None, "x", ["a", None])


def check_parameters_have_the_type_that_they_stand_for(engine):
    engine.execute("CREATE TABLE p (i integer, j jsonb, d date, t timestamp, n numeric, e text[])")
    values = {"i": -3, "j": '{"a": "\\\\ \' $i"}', "d": date(2024, 1, 31), "t": datetime(2024, 1, 31), "n": 2**70}
    engine.execute("INSERT INTO p VALUES ($i, $j, $d, $t, $n, $e)", values | {"e": "{a,b}"})
    assert engine.rows("SELECT i, j ->> 'a', d, t, n, e FROM p WHERE i = $i", {"i": -3}) == [
        (-3, "\\ ' $i", date(2024, 1, 31), datetime(2024, 1, 31), 2**70, ["a", "b"])
    ]
    assert engine.rows("SELECT i FROM p LIMIT $n", {"n": 1}) == [(-3,)]
    assert engine.rows(
        'SELECT $i, \'$i\', "$i", $$ $i $$, $x$ \'$i $x$ /* $i */ FROM (SELECT 1 AS "$i") AS s -- $i', {"i": 5}
    ) == [(5, "$i", 1, " $i ", " '$i ")]
    assert engine.rows("SELECT E'\\' $i', $i", {"i": "it's"}) == [("' $i", "it's")]


def check_many_batches(engine):
    n = 150_000
    rows = pa.table({"a": pa.array(range(n), pa.int64()), "s": pa.array([f"{i % 1000:020}" for i in range(n)])})
    with engine.temporary(rows) as source:
        sql = exp.select("*").from_(source).order_by("a").sql("postgres")
        batches = list(engine.batches(f"{sql} LIMIT $n", {"n": n}, size=20_000))
        assert max(batch.num_rows for batch in batches) < 40_000
        assert pa.Table.from_batches(batches).equals(rows)
        assert engine.arrow(sql).equals(rows)
        first = next(engine.batches(sql, size=1000))
        assert first.column("a")[:3].to_pylist() == [0, 1, 2]
        wide = f"SELECT repeat('x', 400) AS x, i FROM ({sql}) AS s, generate_series(1, 1) AS i"
        assert engine.arrow(wide).num_rows == n
    left = "SELECT count(*) FROM pg_tables WHERE schemaname = pg_my_temp_schema()::regnamespace::text"
    assert engine.rows(left) == [(0,)]


def check_an_estimate_that_is_far_too_low(engine):
    engine.script(
        "CREATE FUNCTION many() RETURNS SETOF bigint LANGUAGE sql ROWS 1 AS 'SELECT generate_series(1, 120000::bigint)'"
    )
    assert engine.arrow("SELECT many() AS a").column("a").to_pylist() == list(range(1, 120_001))


def check_columns_of_the_same_name(engine):
    assert engine.arrow("SELECT 1 AS a, 2 AS a").column_names == ["a", "a"]
    assert engine.rows("SELECT 1 AS a, 2 AS a") == [(1, 2)]
    with pytest.raises(InvalidRelation, match=r"more than one column 'a'; give each a name of its own"):
        engine.relation("SELECT 1 AS a, 2 AS a")
    with pytest.raises(InvalidRelation, match="no columns"):
        engine.relation("SELECT FROM generate_series(1, 3)")
    with pytest.raises(InvalidRelation, match="NUL byte"):
        engine.relation("SELECT 1 AS a\0) AS x; DROP TABLE t")


def check_a_relation_is_read_where_it_stands(engine):
    engine.script('CREATE TABLE t (a integer); CREATE TABLE "T" (b integer); INSERT INTO t VALUES (1)')
    assert engine.relation("t").source.sql("postgres") == '"t"'
    assert engine.relation("Public.T").source.sql("postgres") == '"public"."t"'
    assert engine.arrow(engine.relation('"T"').select().sql("postgres")).column_names == ["b"]
    row = engine.relation("t").select("r", alias="r").sql("postgres")
    assert engine.rows(f"SELECT pg_typeof(r)::text FROM ({row}) AS s") == [("t",)]
    for text in (
        "EXPLAIN SELECT 1",
        "EXPLAIN ANALYZE SELECT 1",
        "SHOW search_path",
        "SELECT 1 AS a INTO u",
        "FETCH 1 FROM c",
        "EXECUTE p",
        "VALUES (1); DROP TABLE t",
        "DO $$ BEGIN END $$",
        "LISTEN x",
        "PREPARE p AS SELECT 1",
        "TABLE t; TABLE t",
        "SELECT a FROM t WHERE a = $1::int",
        "SELECT U&'\\0061' UESCAPE",
        "MERGE INTO t USING t AS u ON true WHEN MATCHED THEN DELETE",
        "COPY t TO STDOUT",
        "COPY t TO PROGRAM 'id'",
        "SELECT E'\\') AS x; DROP TABLE t; --",
        "t TABLESAMPLE SYSTEM (1)",
        "LATERAL t",
        "ONLY (t)",
        "ROWS FROM (t())",
    ):
        with pytest.raises(InvalidRelation):
            pytest.fail(f"{engine.relation(text)}")
    assert engine.rows("SELECT a FROM t") == [(1,)]
    assert engine.rows("SELECT count(*) FROM pg_class WHERE relname = 'u'") == [(0,)]


def check_nothing_runs_while_a_relation_is_checked(engine):
    engine.script(
        """
        CREATE TABLE t (a integer);
        CREATE FUNCTION add_one() RETURNS integer LANGUAGE sql VOLATILE AS 'INSERT INTO t VALUES (1) RETURNING a';
        """
    )
    engine.relation("SELECT add_one() AS a")
    assert engine.rows("SELECT count(*) FROM t") == [(0,)]


def check_strings_cannot_be_left_where_they_have_escapes(engine):
    """A session may read a backslash in a plain string as an escape; no text of ours may then end its string early."""
    engine.script("CREATE TABLE t (a text); SET LOCAL standard_conforming_strings = on")
    evil = "\\' , (SELECT 1/0)) --"
    engine.append(exp.to_table("t"), pa.table({"a": [evil]}))
    engine.execute("INSERT INTO t VALUES ($a)", {"a": evil})
    assert engine.rows("SELECT DISTINCT a FROM t") == [(evil,)]


def check_no_text_holds_a_nul_byte(engine):
    with (
        pytest.raises(InvalidData, match="1 values of column 't' hold a NUL byte"),
        engine.temporary(pa.table({"t": ["a\0"]})),
    ):
        pass
    with pytest.raises(EngineError):
        engine.rows("SELECT $a", {"a": "a\0"})


def check_rows_go_into_columns_of_other_types(engine):
    types_of_the_caller(engine)
    engine.script(
        "CREATE TABLE t (j jsonb, m mood, n numeric(10, 2), p percent, a integer[], v varchar(3), u uuid, d text)"
    )
    one = {
        "j": pa.array(['{"a": [1, "\\"x\\\\"]}']),
        "m": pa.array(["calm"]).dictionary_encode(),
        "n": pa.array([1.25]),
        "p": pa.array([50.0]),
        "a": pa.array([[1, None]]),
        "v": pa.array(["abc"]),
        "u": pa.array(["7f6e1b0e-3b0a-4b8c-9b1a-000000000001"]),
    }
    for n in (1, 6000):
        rows = pa.concat_tables([pa.table(one)] * n)
        engine.append(exp.to_table("t"), rows)
        read = "SELECT count(*), j ->> 'a', m::text, n, p, a, v, u::text, d FROM t GROUP BY 2, 3, 4, 5, 6, 7, 8, 9"
        assert engine.rows(read) == [
            (n, '[1, "\\"x\\\\"]', "calm", 1.25, 50.0, [1, None], "abc", str(one["u"][0]), None)
        ]
        engine.execute("TRUNCATE t")
    engine.append(exp.to_table("t"), rows.slice(0, 0))
    with pytest.raises(EngineError, match="too long"):
        engine.append(exp.to_table("t"), pa.table({"v": ["abcd"]}))
    with pytest.raises(EngineError, match="check constraint"):
        engine.append(exp.to_table("t"), pa.table({"p": [101.0]}))
    with pytest.raises(EngineError, match="nothing"):
        engine.append(exp.to_table("t"), pa.table({"nothing": [1]}))


def check_row_security_holds(engine):
    """COPY does not go into tables with row security; rows do all the same, and no more than its policies allow."""
    assert engine.arrow("SELECT x FROM guarded").to_pydict() == {"x": [1]}
    many = pa.table({"x": pa.array(range(10, 7000), pa.int32())})
    with engine.transaction():
        engine.append(exp.to_table("guarded"), many)
        assert engine.rows("SELECT count(*) FROM guarded") == [(6991,)]
        engine.execute("DELETE FROM guarded WHERE x > 1")
    with pytest.raises(EngineError, match="row-level security"):
        engine.append(exp.to_table("guarded"), pa.table({"x": pa.array([1_000_001], pa.int32())}))


def check_views_take_rows(engine):
    engine.script("CREATE TABLE t (x bigint); CREATE VIEW v AS SELECT x FROM t")
    engine.append(exp.to_table("v"), pa.table({"x": range(6000)}))
    assert engine.rows("SELECT count(*) FROM t") == [(6000,)]


def check_the_caller_has_the_rights_of_the_caller(engine):
    with pytest.raises(EngineError, match="permission denied for table secret"):
        engine.rows("SELECT * FROM secret")
    with pytest.raises(InvalidRelation, match="permission denied for table secret"):
        engine.relation("secret")
    with pytest.raises(EngineError, match="permission denied"):
        engine.execute("INSERT INTO sqlml.note VALUES (1, 'mine', NULL)")
    assert engine.rows("SELECT current_user::text") == [("sqlml_test_caller",)]
    with engine.transaction() as owner:
        owner.execute("INSERT INTO sqlml.note VALUES (1, $text, $json)", {"text": "ours", "json": '{"a": 1}'})
        assert owner.rows("SELECT current_user::text, current_setting('search_path')") == [
            ("sqlml_owner", "pg_catalog, sqlml, pg_temp")
        ]
        assert engine.rows("SELECT current_user::text") == [("sqlml_test_caller",)]
    assert engine.rows("SELECT text, document FROM sqlml.note") == [("ours", '{"a": 1}')]


def check_the_owner_does_not_run_what_the_caller_has_put_on_its_path(engine):
    engine.script(
        """
        CREATE FUNCTION public.count(text) RETURNS text LANGUAGE sql AS 'SELECT ''trap''::text';
        CREATE FUNCTION public.note_size() RETURNS text LANGUAGE sql AS 'SELECT ''trap''::text';
        CREATE FUNCTION pg_temp.note_size() RETURNS text LANGUAGE sql AS 'SELECT ''trap''::text';
        CREATE TEMPORARY TABLE note (id integer, text text);
        """
    )
    with engine.transaction() as owner:
        owner.execute("INSERT INTO sqlml.note VALUES (1, 'a', NULL)")
        assert owner.rows("SELECT count(text), count(*) FROM note") == [(1, 1)]

    def call_by_name():
        with engine.transaction() as owner:
            owner.rows("SELECT note_size()")

    with pytest.raises(EngineError, match=r"function note_size\(\) does not exist"):
        call_by_name()


def check_owner_errors_are_told_apart(engine):

    def note_twice():
        with engine.transaction() as owner:
            owner.execute("INSERT INTO sqlml.note VALUES (7, 'a', NULL)")
            owner.execute("INSERT INTO sqlml.note VALUES (7, 'b', NULL)")

    with pytest.raises(DatabaseLocked, match="run it again"):
        note_twice()
    assert engine.rows("SELECT count(*) FROM sqlml.note") == [(0,)]
    engine.script("CREATE TABLE mine (k integer UNIQUE)")
    engine.execute("INSERT INTO mine VALUES (1)")
    with pytest.raises(EngineError, match="duplicate key") as caught:
        engine.execute("INSERT INTO mine VALUES (1)")
    assert not isinstance(caught.value, DatabaseLocked)


def check_an_error_of_ours_comes_back_as_itself(engine):
    engine.script(
        """
        CREATE FUNCTION fail() RETURNS integer LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'ML010', MESSAGE = 'there is no model ''a'''; END $$
        """
    )
    with pytest.raises(ModelNotFound) as caught:
        engine.rows("SELECT fail()")
    assert caught.value.message == "there is no model 'a'"


def check_an_error_keeps_the_hint_of_the_server(engine):
    engine.script("CREATE TABLE t (distance float8)")
    with pytest.raises(InvalidRelation, match=r'column "distence" does not exist. Perhaps you meant .*distance'):
        engine.relation("SELECT distence FROM t")


def check_the_catalog_is_the_same_from_every_search_path(engine):
    with engine.transaction() as owner:
        owner.script("CREATE TABLE sqlml.one (at timestamp DEFAULT now(), n integer REFERENCES sqlml.note (id))")
        owner.script(
            "CREATE VIEW sqlml.all_notes AS SELECT id, text FROM sqlml.note; GRANT SELECT ON sqlml.one TO PUBLIC"
        )
        mine, its = engine.catalog(), owner.catalog()
        assert mine == its
        assert "FROM sqlml.note" in mine["sqlml.all_notes"].definition
        assert "REFERENCES sqlml.note(id)" in mine["sqlml.one"].definition
        assert mine["sqlml.as_owner(text)"].kind == "function"
        assert "SECURITY DEFINER" in mine["sqlml.as_owner(text)"].definition
        assert owner.rows("SELECT current_setting('search_path')") == [("pg_catalog, sqlml, pg_temp",)]
        owner.script("ALTER TABLE sqlml.one ALTER n SET NOT NULL")
        assert engine.catalog()["sqlml.one"] != mine["sqlml.one"]
