"""Rows in PostgreSQL that are out of the ordinary: the same value however it is stored, without the long way round."""

import random
import struct

import psycopg
import pytest
from postgres_oracle import install

from sqlml.spec import CategoryTerm, Column, Feature, Linear, Model, NumericTerm

MODEL = Model(
    "regression",
    (Column("Age", "number"), Column("visits", "integer"), Column("City of birth", "text")),
    (
        Feature("Age", "number", impute=0.5),
        Feature("visits", "number", impute=7.0),
        Feature("City of birth", "category", ("Oslo", "Rome")),
    ),
    Linear(
        (0.0,),
        (NumericTerm(0, (1.0,)), NumericTerm(1, (1e-9,)), CategoryTerm(2, ((1e-3,), (2e-3,)), (3e-3,))),
    ),
    "identity",
)
LONG_WAY, SHORT_WAY = "sqlml.read_row(text,json,anyelement)", "sqlml.plain_row(text[],text[],jsonb,bytea)"


@pytest.fixture(scope="module")
def prepared(postgres_server, bare_database):
    with postgres_server.database(bare_database) as url, psycopg.connect(url, autocommit=True) as connection:
        install(connection, "m", 1, MODEL)
        connection.execute("SET track_functions = 'all'")
        yield connection


@pytest.fixture
def pg(prepared):
    with prepared.transaction(force_rollback=True):
        yield prepared


def calls(connection, function):
    query = "SELECT coalesce(pg_stat_get_xact_function_calls(%s::regprocedure), 0)"
    return connection.execute(query, [function]).fetchone()[0]


def score(age, visits, city):
    """What the model gives, added up in its order; None is missing."""
    weights = {"Oslo": 1e-3, "Rome": 2e-3}
    return 0.5 * (age is None) + (age or 0.0) + 1e-9 * (7 if visits is None else visits) + weights.get(city, 3e-3)


def real(number):
    """The REAL next to a number, as the double that it is."""
    return struct.unpack("f", struct.pack("f", number))[0]


ORDINARY = {"Age": "0.1::float8", "visits": "3", "City of birth": "'Oslo'::text"}
ROWS = [
    ({"Age": "0.1::real AS Age"}, (real(0.1), 3, "Oslo")),
    ({"Age": "0.5::real AS Age"}, (0.5, 3, "Oslo")),
    ({"Age": "1.5e-45::real AS Age"}, (real(1.5e-45), 3, "Oslo")),
    ({"Age": "3.4028235e38::real AS Age"}, (real(3.4028234e38), 3, "Oslo")),
    ({"Age": "0::real AS Age"}, (0.0, 3, "Oslo")),
    ({"Age": "NULL::real AS Age"}, (None, 3, "Oslo")),
    ({"Age": "'NaN'::real AS Age"}, (None, 3, "Oslo")),
    ({"Age": "0.1::real AS age"}, (real(0.1), 3, "Oslo")),
    ({"Age": "true AS age", "visits": "false AS VISITS"}, (1.0, 0, "Oslo")),
    ({"Age": "true AS AGE"}, (1.0, 3, "Oslo")),
    ({"Age": "NULL::boolean AS Age"}, (None, 3, "Oslo")),
    ({"Age": "0.1::numeric(9, 4) AS age"}, (0.1, 3, "Oslo")),
    ({"visits": "3::smallint AS VISITS"}, (0.1, 3, "Oslo")),
    ({"City of birth": "'Rome'::char(9) AS City of birth"}, (0.1, 3, "Rome")),
    ({"City of birth": "'Rome'::char(9) AS city of birth"}, (0.1, 3, "Rome")),
    ({"City of birth": "NULL::char(9) AS CITY OF BIRTH"}, (0.1, 3, None)),
    ({"City of birth": "'Rome'::name AS city of birth"}, (0.1, 3, "Rome")),
    ({name: f"{value} AS {name.upper()}" for name, value in ORDINARY.items()}, (0.1, 3, "Oslo")),
    ({name: f"{value} AS {name.lower()}" for name, value in ORDINARY.items()}, (0.1, 3, "Oslo")),
]


def select(changed, extra=""):
    columns = [changed.get(name, f"{value} AS {name}") for name, value in ORDINARY.items()]
    named = [f'{value} AS "{name}"' for value, _, name in (each.partition(" AS ") for each in columns)]
    return "SELECT " + ", ".join(["1 AS id", *named, *([extra] if extra else [])])


def kinds(changed):
    """How a row can be given; JSON has no REAL and no CHAR(n)."""
    has_hidden = any("::real" in value or "::char" in value for value in changed.values())
    return ["table", "view", "subquery", *([] if has_hidden else ["json"])]


@pytest.mark.parametrize(("changed", "expected", "kind"), [(*row, kind) for row in ROWS for kind in kinds(row[0])])
def test_the_value_is_the_same_however_it_is_stored_and_nothing_takes_the_long_way(pg, changed, expected, kind):
    source = f"({select(changed)} OFFSET 0)"
    if kind in ("table", "view"):
        pg.execute(f"CREATE {kind} given AS {select(changed)}")
        source = "given"
    row = "to_jsonb(r)" if kind == "json" else "r"
    before = [calls(pg, function) for function in (LONG_WAY, SHORT_WAY)]
    assert pg.execute(f"SELECT sqlml.predict_m({row}) FROM {source} AS r").fetchone() == (score(*expected),)
    long_way, short_way = (calls(pg, each) - was for each, was in zip((LONG_WAY, SHORT_WAY), before, strict=True))
    assert long_way == 0
    assert short_way == 0 or kind in ("subquery", "json")


OPEN = [
    ({"Age": "0.1::real AS Age"}, "0.1::float8 AS same", (real(0.1), 3, "Oslo")),
    ({}, "0.1::real AS same", (0.1, 3, "Oslo")),
    ({"Age": "0.10::numeric AS Age"}, "0.1::real AS same", (0.1, 3, "Oslo")),
    ({"Age": "'0.1'::jsonb AS Age"}, "0.1::real AS same", (0.1, 3, "Oslo")),
    ({"Age": "'1e-1'::json AS Age"}, "0.1::real AS same", (0.1, 3, "Oslo")),
    ({}, "ROW(0.1::real) AS nested", (0.1, 3, "Oslo")),
    ({"Age": "16777217 AS Age"}, "16777216::real AS same", (16777217.0, 3, "Oslo")),
    ({"Age": "1.2345679e10::real AS Age"}, "", (real(1.2345679e10), 3, "Oslo")),
    ({"City of birth": "'Oslo '::text AS City of birth"}, "'Oslo '::char(5) AS same", (0.1, 3, "other")),
    ({"City of birth": "'Oslo '::char(5) AS City of birth"}, "'Oslo '::text AS same", (0.1, 3, "Oslo")),
    ({"City of birth": "'Rome  '::varchar AS City of birth"}, "'x'::char(5) AS other", (0.1, 3, "other")),
    ({"Age": "0.1::float8 AS AGE"}, '1 AS "Ærø"', (0.1, 3, "Oslo")),
    ({"Age": "0.1::float8 AS AGE"}, '1 AS "back\\slash"', (0.1, 3, "Oslo")),
    ({"Age": "0.1::float8 AS AGE"}, '1 AS "ID"', (0.1, 3, "Oslo")),
    ({"Age": "0.1::float8 AS AGE"}, """1 AS "a,[b]{c}:'d' NULL" """, (0.1, 3, "Oslo")),
    ({"Age": "0.1::float8 AS aGe"}, "", (0.1, 3, "Oslo")),
]
"""The columns, one more, and what the model reads."""


@pytest.mark.parametrize(
    ("changed", "extra", "expected", "kind"),
    [
        (*row, kind)
        for row in OPEN
        for kind in ("table", "subquery")
        # A table is held to the types of its columns, and JSON is none that a number is read from.
        if kind == "subquery" or "json" not in str(row[0])
    ],
)
def test_what_the_binary_form_leaves_open_is_looked_at_closely(pg, changed, extra, expected, kind):
    source = f"({select(changed, extra)} OFFSET 0)"
    if kind == "table":
        # The further column takes a type that a table can have.
        extra = extra.replace("ROW(0.1::real)", "ROW(0.1::real)::pair")
        pg.execute(f"CREATE TYPE pair AS (x real); CREATE TABLE given AS {select(changed, extra)}")
        source = "given"
    assert pg.execute(f"SELECT sqlml.predict_m(r) FROM {source} AS r").fetchone() == (score(*expected),)


def test_names_that_could_be_two_are_refused_in_the_same_words(pg):
    for source in (select({"Age": "1 AS age"}, '2 AS "AGE"'), select({"Age": "true AS aGe"}, '2 AS "AGE"')):
        with pytest.raises(psycopg.Error) as caught, pg.transaction():
            pg.execute(f"SELECT sqlml.predict_m(r) FROM ({source}) AS r")
        assert "column 'Age' could be any of '" in caught.value.diag.message_primary
        pg.execute(f"DROP TABLE IF EXISTS given; CREATE TABLE given AS {source}")
        with pytest.raises(psycopg.Error) as of_table, pg.transaction():
            pg.execute("SELECT sqlml.predict_m(r) FROM given AS r")
        assert of_table.value.diag.message_primary == caught.value.diag.message_primary


def test_any_real_is_the_double_that_it_is_in_a_subquery_as_in_a_table(pg):
    numbers = random.Random(3)
    bits = [numbers.getrandbits(32) for _ in range(3000)]
    reals = [struct.unpack("f", struct.pack("I", each))[0] for each in bits]
    reals += [numbers.uniform(-9, 9) for _ in range(99)]
    pg.execute('CREATE TABLE given (id serial, "Age" real, visits integer, "City of birth" text)')
    with pg.cursor() as cursor, cursor.copy('COPY given ("Age") FROM STDIN') as copy:
        for each in reals:
            copy.write_row([each])
    query = "SELECT sqlml.predict_m(g), sqlml.predict_m(s) FROM given AS g JOIN (SELECT * FROM given) AS s USING (id)"
    found = pg.execute(query + " WHERE g.\"Age\" <> 'NaN'").fetchall()
    assert len(found) > 3000
    assert [one for one, other in found if one != other] == []


def test_a_table_whose_column_becomes_a_real_while_a_session_knows_it(pg):
    pg.execute(f"CREATE TABLE given AS {select({})}")
    ask = "SELECT sqlml.predict_m(g) FROM given AS g"
    assert pg.execute(ask).fetchone() == (score(0.1, 3, "Oslo"),)
    pg.execute('ALTER TABLE given ALTER "Age" TYPE real, ALTER "City of birth" TYPE char(9)')
    assert pg.execute(ask).fetchone() == (score(real(0.1), 3, "Oslo"),)
    pg.execute('ALTER TABLE given RENAME "Age" TO age')
    assert pg.execute(ask).fetchone() == (score(real(0.1), 3, "Oslo"),)
    pg.execute("ALTER TABLE given ALTER age TYPE numeric, ALTER visits TYPE boolean USING true")
    assert pg.execute(ask).fetchone() == (score(0.1, 1, "Oslo"),)


def test_a_row_is_never_compiled_to_machine_code(pg):
    """The planner thinks that what looks closely at a row costs so much, and compiling takes 50 ms for each row."""
    query = "SELECT proconfig FROM pg_proc WHERE oid = %s::regprocedure"
    assert "jit=off" in pg.execute(query, [LONG_WAY]).fetchone()[0]
