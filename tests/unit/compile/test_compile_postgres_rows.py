"""Rows of every kind in PostgreSQL: what is read, what is refused and in which words, and that no setting matters."""

from itertools import product

import psycopg
import pyarrow as pa
import pytest
from postgres_oracle import dispatch, install
from psycopg import sql

from sqlml.errors import FeatureMismatch
from sqlml.kernel.encode import locate
from sqlml.spec import CategoryTerm, Column, Constant, Feature, Linear, Model, NumericTerm, Tree, Trees

COLUMNS = (
    Column("Age", "integer"),
    Column("city", "text"),
    Column("open", "boolean"),
    Column("since", "date"),
    Column("seen", "timestamp"),
)
FEATURES = (
    Feature("Age", "number"),
    Feature("city", "category", ("Bergen", "Oslo")),
    Feature("open", "boolean"),
    Feature("since", "year"),
    Feature("seen", "hour"),
)


def stump(feature, threshold, left, right, codes=None):
    return Tree((feature,), (threshold,), (False,), (-1,), (-2,), (codes,), (left, right))


TREES = (
    stump(0, 40.5, 1.0, 2.0),
    stump(1, 0.0, 10.0, 20.0, (1,)),
    stump(2, 0.5, 100.0, 200.0),
    stump(3, 2000.0, 1e3, 2e3),
    stump(4, 12.0, 1e4, 2e4),
)
MODEL = Model("regression", COLUMNS, FEATURES, Trees(1, TREES), "identity")
VALUES = {
    "Age": "41",
    "city": "'Oslo'::text",
    "open": "false",
    "since": "DATE '2001-01-01'",
    "seen": "TIMESTAMP '2001-01-01 11:00:00'",
}
COLUMN_TYPES = ("integer", "text", "boolean", "date", "timestamp")
SCORE = 2.0 + 10.0 + 100.0 + 2e3 + 1e4
MISSING = 2.0 + 20.0 + 200.0 + 2e3 + 2e4


def row_of(**changed):
    """A SELECT of one row; NULL in place of a value leaves the column out."""
    values = {name: value for name, value in {**VALUES, **changed}.items() if value is not None}
    return "SELECT " + ", ".join(f'{value} AS "{name}"' for name, value in values.items())


@pytest.fixture(scope="module")
def prepared(postgres_server, bare_database):
    with postgres_server.database(bare_database) as url, psycopg.connect(url, autocommit=True) as connection:
        install(connection, "m", 1, MODEL)
        dispatch(connection, {"m": "regression"})
        connection.execute(f"CREATE TABLE people AS SELECT 1 AS id, * FROM ({row_of()}) AS r")
        yield connection


@pytest.fixture
def scored(prepared):
    """A connection to a database with a model and a table; what a test adds is taken back."""
    with prepared.transaction(force_rollback=True):
        yield prepared


def one(connection, query):
    return connection.execute(query).fetchone()[0]


def refusal(connection, query):
    with pytest.raises(psycopg.Error) as caught, connection.transaction():
        connection.execute(query)
    return caught.value.sqlstate, caught.value.diag.message_primary


@pytest.mark.parametrize(
    "query",
    [
        "SELECT sqlml.predict_m(people) FROM people",
        "SELECT sqlml.predict_m(p) FROM people AS p WHERE id = 1",
        "SELECT sqlml.predict_m(features) FROM people AS features",
        "SELECT sqlml.predict_m(features => p) FROM people AS p",
        "WITH c AS (SELECT * FROM people) SELECT sqlml.predict_m(c) FROM c",
        "WITH c AS MATERIALIZED (SELECT * FROM people) SELECT sqlml.predict_m(c) FROM c",
        'SELECT sqlml.predict_m(s) FROM (SELECT seen, since, open, city, "Age" FROM people) AS s',
        "SELECT sqlml.predict_m(p) FROM people AS p JOIN (SELECT 1 AS id) AS q USING (id)",
        "SELECT sqlml.predict_m(j) FROM (people JOIN (SELECT 1 AS id, 2 AS extra) AS q USING (id)) AS j",
        'SELECT sqlml.predict_m(p) FROM (SELECT "Age" AS age, city AS "CITY", open, since, seen FROM people) AS p',
        "SELECT max(sqlml.predict_m(p)) FROM people AS p GROUP BY id",
        "SELECT id FROM people AS p WHERE sqlml.predict_m(p) > 0 ORDER BY sqlml.predict_m(p)",
        "SELECT sqlml.predict_m(to_jsonb(p)) FROM people AS p",
        "SELECT sqlml.predict_m(to_json(p)) FROM people AS p",
        "SELECT sqlml.predict_m(ROW(1, 41, 'Oslo', false, '2001-01-01', '2001-01-01 11:00:00')::people)",
        "SELECT sqlml.predict_m(v) FROM seen_people AS v",
        "SELECT sqlml.predict_m(p::some_people) FROM people AS p",
        "SELECT sqlml.predict_m(p) FROM (SELECT * FROM people UNION ALL SELECT * FROM people LIMIT 1) AS p",
        "SELECT sqlml.predict_m(p) FROM other_people AS p",
        "SELECT sqlml.predict_m(p.whole) FROM (SELECT people AS whole FROM people) AS p",
    ],
)
def test_a_row_is_given_in_many_ways(scored, query):
    scored.execute("CREATE VIEW seen_people AS SELECT * FROM people")
    scored.execute("CREATE DOMAIN some_people AS people")
    scored.execute('CREATE TABLE other_people AS SELECT "Age" AS "AGE", seen, since, open, city FROM people')
    for each in (query, query.replace("sqlml.predict_m(", "sqlml.predict('m', ").replace("'m', features =>", "'m', ")):
        assert one(scored, each) in (SCORE, 1)


@pytest.mark.parametrize(
    "type", ["smallint", "bigint", "real", "numeric", "numeric(9, 2)", "double precision", "whole"]
)
@pytest.mark.parametrize("kind", ["named", "anonymous"])
def test_a_number_may_have_any_numeric_type(scored, type, kind):
    scored.execute("CREATE DOMAIN whole AS integer")
    scored.execute(f"CREATE TABLE t AS {row_of(Age=f'41::{type}')}")
    source = "t" if kind == "named" else "(SELECT * FROM t OFFSET 0) AS t"
    assert one(scored, f"SELECT sqlml.predict_m(t) FROM {source}") == SCORE


@pytest.mark.parametrize("kind", ["named", "anonymous", "json"])
@pytest.mark.parametrize(
    ("changed", "score"),
    [
        ({"Age": "true"}, SCORE - 1),
        ({"Age": "'Infinity'::float8"}, SCORE),
        ({"Age": "'-Infinity'::float8"}, SCORE - 1),
        ({"Age": "'NaN'::float8"}, SCORE),
        ({"city": "'Oslo'::town"}, SCORE),
        ({"city": "'Rome'::town"}, SCORE + 10),
        ({"city": "'Oslo'::varchar(9)"}, SCORE),
        ({"city": "'Oslo'::char(9)"}, SCORE),
        ({"city": "'Oslo'::name"}, SCORE),
        ({"city": "'oslo'::text"}, SCORE + 10),
        ({"city": "'Oslo '::text"}, SCORE + 10),
        ({"seen": "DATE '2001-01-01'"}, SCORE),
        ({"seen": "TIMESTAMP '2001-01-01 12:59:59.999999'"}, SCORE),
        ({"seen": "TIMESTAMP '2001-01-01 13:00:00'"}, SCORE + 1e4),
        ({"seen": "TIMESTAMP 'infinity'"}, SCORE + 1e4),
        ({"since": "DATE '0044-03-15 BC'"}, SCORE - 1e3),
        ({"since": "DATE '2000-12-31'"}, SCORE - 1e3),
        ({"since": "DATE '12001-01-01'"}, SCORE),
        ({"since": "DATE '-infinity'"}, SCORE),
        ({name: f"NULL::{type}" for name, type in zip(VALUES, COLUMN_TYPES, strict=True)}, MISSING),
    ],
)
def test_types_that_lose_nothing(scored, changed, score, kind):
    scored.execute("CREATE TYPE town AS ENUM ('Oslo', 'Rome')")
    scored.execute(f"CREATE TABLE t AS {row_of(**changed)}")
    given = "to_jsonb(t)" if kind == "json" else "t"
    if kind == "json" and "::char(9)" in str(changed):
        score += 10  # JSON has the blanks that fill it up, and no type that says so.
    source = "(SELECT * FROM t OFFSET 0) AS t" if kind == "anonymous" else "t"
    assert one(scored, f"SELECT sqlml.predict_m({given}) FROM {source}") == score


def test_a_real_is_the_double_that_it_is_and_not_its_text(pg):
    columns, features = (Column("x", "number"),), (Feature("x", "number"),)
    model = Model("regression", columns, features, Trees(1, (stump(0, 0.1, 1.0, 2.0),)), "identity")
    install(pg, "m", 1, model)
    pg.execute("CREATE TABLE t AS SELECT 0.1::real AS x")
    assert one(pg, "SELECT sqlml.predict_m(t) FROM t") == 2.0
    assert one(pg, "SELECT sqlml.predict_m(t) FROM (SELECT * FROM t OFFSET 0) AS t") == 2.0
    assert one(pg, "SELECT sqlml.predict_m(t) FROM (SELECT 0.1::float8 AS x, 700 AS y, 0.1::real AS z) AS t") == 1.0


def test_whole_numbers_beyond_the_doubles_and_exact_numbers_are_rounded_once(pg):
    columns, features = (Column("x", "number"),), (Feature("x", "number", impute=0.0),)
    model = Model("regression", columns, features, Linear((0.0,), (NumericTerm(0, (1.0,)),)), "identity")
    install(pg, "m", 1, model)
    for given, expected in (
        (f"{2**63 - 1}::bigint", float(2**63 - 1)),
        (f"{2**53 + 1}::bigint", float(2**53 + 1)),
        ("12345678901234567890123456789.123456789::numeric", 12345678901234567890123456789.123456789),
        ("5e-324::float8", 5e-324),
        ("1.7976931348623157e308::float8", 1.7976931348623157e308),
    ):
        pg.execute(f"DROP TABLE IF EXISTS t; CREATE TABLE t AS SELECT {given} AS x")
        for query in ("sqlml.predict_m(t) FROM t", "sqlml.predict_m(to_jsonb(t)) FROM t"):
            assert one(pg, f"SELECT {query}") == expected
    assert one(pg, """SELECT sqlml.predict_m('{"x": 9007199254740993, "x ": 1}'::jsonb)""") == 2.0**53


def test_a_row_that_is_null_has_nothing_but_missing_values(scored):
    scored.execute("CREATE TABLE nobody AS SELECT * FROM people WHERE false")
    for source in ("nobody", "(SELECT * FROM nobody OFFSET 0)"):
        query = f"SELECT sqlml.predict('m', n) FROM people LEFT JOIN {source} AS n ON true"
        assert one(scored, query) == MISSING
    for null in ("NULL::people", "NULL::jsonb", "NULL::json"):
        assert one(scored, f"SELECT sqlml.predict('m', {null})") == MISSING


def test_a_column_that_stands_twice_is_no_guess(scored):
    state, message = refusal(scored, 'SELECT sqlml.predict_m(t) FROM (SELECT p.*, 1 AS "Age" FROM people AS p) AS t')
    assert (state, message) == (
        "ML020",
        "model 'm@1': column 'Age' could be any of 'Age', 'Age'; give exactly one of them the name 'Age'",
    )
    assert one(scored, "SELECT sqlml.predict_m(t) FROM (SELECT p.*, 5 AS id FROM people AS p) AS t") == SCORE


ARROW = {
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "real": pa.float32(),
    "double precision": pa.float64(),
    "numeric(9, 2)": pa.decimal128(9, 2),
    "boolean": pa.bool_(),
    "text": pa.string(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", tz="UTC"),
    "time": pa.time64("us"),
    "interval": pa.month_day_nano_interval(),
    "bytea": pa.binary(),
    "integer[]": pa.list_(pa.int32()),
    "text[]": pa.list_(pa.string()),
}


@pytest.mark.parametrize("kind", ["named", "anonymous"])
@pytest.mark.parametrize("type", ARROW)
def test_what_is_refused_and_in_which_words(scored, type, kind):
    """The kernel says the same of the same columns; it is what the other engine asks."""
    scored.execute(f'CREATE TABLE t ("Age" {type}, city {type}, open {type}, since {type}, seen {type})')
    try:
        locate(MODEL, list(VALUES), [ARROW[type]] * 5)
        expected = None
    except FeatureMismatch as error:
        expected = f"model 'm@1': {error.message}"
    if kind == "named":
        assert refusal(scored, "SELECT sqlml.predict_m(NULL::t)") == ("ML020", expected)
        return
    value = {"boolean": "true", "bytea": "'x'", "time": "'12:00'", "interval": "'1 day'"}.get(type, "'2001-01-01'")
    value = {"text[]": "'{}'", "integer[]": "'{}'"}.get(type, "'12'" if "int" in type or type in NUMERIC else value)
    scored.execute(f"INSERT INTO t SELECT v, v, v, v, v FROM (SELECT {value}::{type} AS v) AS x")
    faults = dict(part.split(" is ", 1) for part in expected.partition(": ")[2].split("; column "))
    state, message = refusal(scored, "SELECT sqlml.predict_m(t) FROM (SELECT * FROM t OFFSET 0) AS t")
    assert (state, message.partition(": ")[0]) == ("ML020", "model 'm@1'")
    for fault in message.partition(": ")[2].split("; column "):
        column, said = fault.split(" is ", 1)
        if type != "numeric(9, 2)":  # a row without a named type has lost precision and scale
            assert faults[column] == said


@pytest.mark.parametrize("type", ["date", "timestamp", "timestamptz", "time", "interval"])
def test_a_table_is_held_to_the_types_of_its_columns_and_not_to_their_text(scored, type):
    """In JSON a time is a text, and would pass for a city that was never seen."""
    value = {"time": "'12:00'", "interval": "'1 day'"}.get(type, "'2001-01-01'")
    scored.execute(f"CREATE TABLE t AS {row_of(city=f'{value}::{type}')}")
    types = [ARROW["bigint"], ARROW[type], ARROW["boolean"], ARROW["date"], ARROW["timestamp"]]
    with pytest.raises(FeatureMismatch) as expected:
        locate(MODEL, list(VALUES), types)
    assert refusal(scored, "SELECT sqlml.predict_m(t) FROM t") == ("ML020", f"model 'm@1': {expected.value.message}")


NUMERIC = ("real", "double precision", "numeric(9, 2)")


@pytest.mark.parametrize("kind", ["named", "anonymous", "json"])
@pytest.mark.parametrize(
    "names",
    [
        ["Agee", "city", "open", "since", "seen"],
        ["zzz", "citi", "city_", "opn", "sine", "Seens"],
        ["AGE", "age", "city", "open", "since", "seen"],
        ["x'y", 'x"y', "x\\y", "citt'y"],
        [],
    ],
)
def test_what_is_said_of_missing_columns(scored, names, kind):
    scored.execute("CREATE TABLE t ()")
    for name in names:
        scored.execute(sql.SQL("ALTER TABLE t ADD COLUMN {} integer").format(sql.Identifier(name)))
    scored.execute("INSERT INTO t DEFAULT VALUES")
    with pytest.raises(FeatureMismatch) as wanted:
        locate(MODEL, names, [pa.null()] * len(names))
    given, source = ("to_json(t)" if kind == "json" else "t"), "t"
    if kind == "anonymous":
        source = "(SELECT * FROM t OFFSET 0) AS t"
    state, message = refusal(scored, f"SELECT sqlml.predict('m', {given}) FROM {source}")
    said = f"model 'm@1': {wanted.value.message}"
    assert state == "ML020"
    assert message == said if kind != "named" else message.startswith(said)


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        ('"Age": "41"', "column 'Age' is VARCHAR and the model reads it as integer; pass CAST(\"Age\" AS BIGINT)"),
        (
            '"Age": {}',
            "column 'Age' is STRUCT and the model reads it as integer; take the values that matter out of it",
        ),
        ('"Age": []', "column 'Age' is LIST and the model reads it as integer; take the values that matter out of it"),
        (
            '"city": 5',
            "column 'city' is DOUBLE PRECISION and the model reads it as text; pass CAST(\"city\" AS VARCHAR)",
        ),
        (
            '"open": 1',
            "column 'open' is DOUBLE PRECISION and the model reads it as boolean; pass CAST(\"open\" AS BOOLEAN)",
        ),
        (
            '"since": "01/02/2003"',
            "column 'since' is VARCHAR and the model reads it as date; pass CAST(\"since\" AS DATE)",
        ),
        ('"since": "2003-01-02T00:00:00"', "column 'since' is VARCHAR and the model reads it as date"),
        ('"seen": "2003-01-02T10:00:00+00:00"', "column 'seen' is VARCHAR and the model reads it as timestamp"),
        ('"seen": "2003-01-02T10:00:00Z"', "column 'seen' is VARCHAR and the model reads it as timestamp"),
        ('"seen": true', "column 'seen' is BOOLEAN and the model reads it as timestamp"),
    ],
)
def test_a_json_object_with_a_wrong_value(scored, document, fault):
    state, message = refusal(scored, f"SELECT sqlml.predict_m(to_jsonb(p) || '{{{document}}}') FROM people AS p")
    assert state == "ML020"
    assert message.startswith(f"model 'm@1': {fault}")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("5::bigint", "BIGINT"),
        ("'x'::text", "VARCHAR"),
        ("'5'::jsonb", "JSONB"),
        ("'[1]'::json", "JSON"),
        ("ARRAY[1.5]", "DECIMAL[]"),
        ("now()", "TIMESTAMP WITH TIME ZONE"),
        ("NULL::integer", "INTEGER"),
        ("ARRAY[]::people[]", "STRUCT[]"),
    ],
)
def test_what_is_no_row_is_an_error(scored, value, words):
    assert refusal(scored, f"SELECT sqlml.predict('m', {value})") == (
        "ML020",
        f"features is a value of type {words}, not a row; pass the alias of a relation, as t in predict('model', t) "
        "where it reads FROM my_table AS t, or a literal row such as {'a': 1}",
    )


SETTINGS = (
    "SET extra_float_digits = 3; SET DateStyle = 'SQL, DMY'; SET TimeZone = 'America/New_York'; SET search_path = ''; "
    "SET standard_conforming_strings = off; SET quote_all_identifiers = on; SET transform_null_equals = on",
    "SET DateStyle = 'German'; SET IntervalStyle = 'sql_standard'; SET bytea_output = 'escape'; "
    "SET plan_cache_mode = 'force_custom_plan'; SET array_nulls = off; SET escape_string_warning = off",
)


@pytest.fixture
def answers_of_a_model_of_every_kind(pg):
    """A connection, and a function that asks it for every answer in every way, by a connection of its own if asked."""
    columns = (*COLUMNS, Column("x", "number"), Column("back\\slash", "text"))
    features = (
        *(Feature(f.column, f.kind, f.categories, None if f.categories else 0.5) for f in FEATURES),
        Feature("x", "number", impute=0.5, center=0.1, scale=3.0),
        Feature("back\\slash", "category", ("a\\b", "it's")),
    )
    terms = [
        CategoryTerm(place, ((0.1,), (0.2,)), (0.3,)) if feature.categories else NumericTerm(place, (0.7,))
        for place, feature in enumerate(features)
    ]
    model = Model("binary", columns, features, Linear((0.1,), tuple(terms)), "logistic", ("no", "yes"))
    install(pg, "m", 1, model)
    dispatch(pg, {"m": "binary"})
    pg.execute("INSERT INTO sqlml.model VALUES ('m', 'binary', 'y', NULL, 'me', now())")
    add_version(pg, "m", 1)
    extra = "0.1::float8 + 0.2::float8 AS x, E'a\\\\b'::text AS \"back\\slash\""
    pg.execute(f"CREATE TABLE people AS {row_of()}, {extra}")
    pg.execute("CREATE TABLE documents AS SELECT to_jsonb(people) AS document FROM people")
    queries = [
        f"SELECT sqlml.{function}(name, t), sqlml.{function}(name, a), sqlml.{function}(name, document) "
        "FROM (VALUES ('m'::pg_catalog.text), ('m@1')) AS names(name), public.people AS t, public.documents, "
        "(SELECT * FROM public.people OFFSET 0) AS a"
        for function in ("raw_score", "predict", "predict_label", "predict_proba")
    ]

    def ask(connection):
        return [connection.execute(query).fetchall() for query in queries]

    return pg, ask


def test_no_setting_of_the_session_changes_an_answer(answers_of_a_model_of_every_kind):
    pg, ask = answers_of_a_model_of_every_kind
    before = ask(pg)
    assert all(len({str(answer) for row in rows for answer in row}) == 1 for rows in before)
    for settings in SETTINGS:
        with psycopg.connect(pg.info.dsn, autocommit=True) as fresh:
            fresh.execute(settings)
            assert ask(fresh) == before, settings
    pg.execute("SET extra_float_digits = -15")
    assert [[str(row) for row in rows] for rows in ask(pg)[2:]] == [[str(row) for row in rows] for rows in before[2:]]
    exact = (
        "SELECT float8send(sqlml.predict('m', t)), float8send(sqlml.predict('m', a)) FROM people AS t, "
        "(SELECT * FROM people OFFSET 0) AS a"
    )
    found = pg.execute(exact).fetchone()
    pg.execute("RESET extra_float_digits")
    assert found == pg.execute(exact).fetchone()
    assert found[0] == found[1]


def test_a_search_path_full_of_lies_changes_no_answer(answers_of_a_model_of_every_kind):
    pg, ask = answers_of_a_model_of_every_kind
    before = ask(pg)
    create_evil(pg)
    with psycopg.connect(pg.info.dsn, autocommit=True) as fresh:
        fresh.execute("SET search_path = evil, pg_catalog")
        assert fresh.execute("SELECT abs(-1::pg_catalog.float8), 1 = 2").fetchone() == (666.0, True)
        assert ask(fresh) == before


def create_evil(connection):
    """Operators, functions and types that lie, for a search path that has them first."""
    connection.execute("CREATE SCHEMA evil")
    pairs = [("float8", "float8"), ("int4", "int4"), ("text", "text"), ("numeric", "int4"), ("bool", "bool")]
    for number, (symbol, (left, right)) in enumerate(product(("<", "<=", ">", ">=", "=", "<>", *"+-*/"), pairs)):
        result = left if symbol in "+-*/" and left in ("float8", "int4", "numeric") else "bool"
        lie = "true" if result == "bool" else "666"
        types = f"pg_catalog.{left}, pg_catalog.{right}"
        connection.execute(
            f"CREATE FUNCTION evil.lie_{number}({types}) RETURNS pg_catalog.{result} IMMUTABLE LANGUAGE sql "
            f"RETURN CAST({lie} AS pg_catalog.{result})"
        )
        connection.execute(
            f"CREATE OPERATOR evil.{symbol} (FUNCTION = evil.lie_{number}, LEFTARG = pg_catalog.{left}, "
            f"RIGHTARG = pg_catalog.{right})"
        )
    for function in ("abs", "exp", "known_number"):
        connection.execute(f"CREATE FUNCTION evil.{function}(float8) RETURNS float8 LANGUAGE sql RETURN 666.0")
    for function in ("to_jsonb", "typed_layout", "row_table", "jsonb_typeof", "record_send"):
        connection.execute(f"CREATE FUNCTION evil.{function}(anyelement) RETURNS jsonb LANGUAGE sql AS 'SELECT NULL'")
    for name in ("text", "json", "jsonb", "date", "record", "bool", "float8", "timestamp", "bytea"):
        connection.execute(f"CREATE DOMAIN evil.{name} AS pg_catalog.int4 CHECK (false)")


def add_version(connection, model, version):
    """A row of ``sqlml.model_version``, with nothing in it but what the columns ask for."""
    columns = connection.execute(
        "SELECT column_name::text, data_type::text FROM information_schema.columns "
        "WHERE table_schema = 'sqlml' AND table_name = 'model_version'"
    ).fetchall()
    known = {"model": f"'{model}'", "version": str(version)}
    blank = {"text": "''", "json": "'{}'", "jsonb": "'{}'", "integer": "1", "bigint": "1"}
    values = [known.get(name) or blank.get(type, "now()") for name, type in columns]
    names = ", ".join(name for name, _ in columns)
    connection.execute(f"INSERT INTO sqlml.model_version ({names}) VALUES ({', '.join(values)})")


def test_a_constant_model_checks_its_columns_too(pg):
    model = Model("regression", COLUMNS[:1], (), Constant((2.5,)), "identity")
    install(pg, "m", 1, model)
    assert one(pg, """SELECT sqlml.predict_m('{"Age": 1}'::jsonb)""") == 2.5
    state, message = refusal(pg, "SELECT sqlml.predict_m('{}'::jsonb)")
    assert (state, message) == (
        "ML020",
        "model 'm@1': the row lacks column 'Age' that the model reads; its columns are none",
    )


def test_workers_give_the_same_and_are_used(scored):
    scored.execute("CREATE TABLE crowd AS SELECT people.* FROM people, generate_series(1, 20000)")
    scored.execute("ANALYZE crowd")
    scored.execute("SET LOCAL max_parallel_workers_per_gather = 2")
    scored.execute("SET LOCAL parallel_setup_cost = 0")
    scored.execute("SET LOCAL min_parallel_table_scan_size = 0")
    for given, source in (("c", "crowd"), ("to_jsonb(c)", "crowd"), ("c", '(SELECT *, "Age" + 1 AS older FROM crowd)')):
        query = f"SELECT count(*), sum(sqlml.predict('m', {given})) FROM {source} AS c"
        plan = "\n".join(row[0] for row in scored.execute(f"EXPLAIN (ANALYZE, TIMING off) {query}").fetchall())
        assert "Workers Launched: 2" in plan, plan
        assert scored.execute(query).fetchone() == (20000, 20000 * SCORE)


def test_the_functions_are_stable_safe_in_workers_and_nobodys_but_the_callers(scored):
    found = scored.execute(
        "SELECT DISTINCT provolatile, proparallel, prosecdef, lanname "
        "FROM pg_proc JOIN pg_language ON pg_language.oid = prolang "
        "WHERE proname LIKE 'm@%' OR proname LIKE '%\\_m' OR proname ~ '^(predict|raw_score)'"
    ).fetchall()
    assert found == [("s", "s", False, "plpgsql")]


def test_a_table_that_comes_later_is_read_by_its_type_too(pg):
    """What is known of a type is asked for once per session and type; JSON has no negative zero, so it was not that."""
    columns, features = (Column("x", "number"),), (Feature("x", "number", impute=0.0),)
    model = Model("regression", columns, features, Linear((-0.0,), (NumericTerm(0, (1.0,)),)), "identity")
    install(pg, "m", 1, model)
    pg.execute("CREATE TABLE later AS SELECT '-0'::float8 AS x")
    assert one(pg, "SELECT sqlml.predict_m(t)::text FROM later AS t") == "-0"
    assert one(pg, "SELECT sqlml.predict_m(to_jsonb(t))::text FROM later AS t") == "0"


def test_a_column_that_was_dropped_is_missed(pg):
    install(pg, "m", 1, MODEL)
    pg.execute(f"CREATE TABLE people AS {row_of()}, 1 AS extra")
    pg.execute('ALTER TABLE people DROP COLUMN extra, ADD COLUMN "Agee" integer')
    assert one(pg, "SELECT sqlml.predict_m(p) FROM people AS p") == SCORE
    pg.execute('ALTER TABLE people DROP COLUMN "Age"')
    with psycopg.connect(pg.info.dsn, autocommit=True) as fresh:
        state, message = refusal(fresh, "SELECT sqlml.predict_m(p) FROM people AS p")
    assert state == "ML020"
    assert message.startswith("model 'm@1': the row lacks column 'Age' (did you mean 'Agee'?) that the model reads")
