"""Many rows at once: a whole table out of one statement, and rows written with what was made of them."""

import math

import duckdb
import pyarrow as pa
import pytest
from sqlglot import exp

from sqlml.engine.duckdb.engine import DuckDBEngine
from sqlml.engine.postgres import session, whole
from sqlml.engine.postgres.client import opened
from sqlml.engine.postgres.columns import NULL_OF_FOUR, Column
from sqlml.engine.postgres.types import ColumnType
from sqlml.engine.postgres.whole import LARGEST_BYTES, whole_selects

EVERY_KIND = """
CREATE TABLE "Every ""Kind" AS SELECT i AS id,
  CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN 'NaN' WHEN 2 THEN '-Infinity' ELSE i / 7.0 END::double precision AS double,
  CASE i % 3 WHEN 0 THEN NULL ELSE i END::smallint AS small, CASE i % 4 WHEN 0 THEN NULL ELSE i END::bigint AS big,
  nullif(i % 3, 0) = 1 AS flag, nullif(i, 7)::numeric(12, 3) / 8 AS number, nullif(i, 9)::numeric(12, 3) AS decimal,
  date '2024-01-01' + nullif(i % 9, 0) AS day, timestamp '2024-01-01' + i * interval '1 minute' AS at
FROM generate_series(1, 9000) AS g(i)
"""
WHOLE = 'SELECT * FROM "Every ""Kind"'


@pytest.fixture
def engine(postgres, monkeypatch):
    monkeypatch.setattr(session, "SMALL_BYTES", 0)
    with opened(postgres, owner=None) as engine:
        yield engine


def in_order(table):
    return [repr(row) for row in table.sort_by("id").to_pylist()]


def test_a_whole_table_is_what_its_copy_is(engine):
    engine.execute(EVERY_KIND)
    engine.execute('DELETE FROM "Every ""Kind" WHERE id BETWEEN 100 AND 8000')
    read = engine.arrow(WHOLE)
    copied = pa.Table.from_batches(engine.batches(WHOLE))
    assert read.schema == copied.schema
    assert in_order(read) == in_order(copied)
    assert read.num_rows == 1099


def test_a_value_that_looks_like_null_is_none(engine):
    engine.execute(
        "CREATE TABLE small AS SELECT i::smallint AS id, nullif(i, 5)::smallint AS x "
        "FROM generate_series(-32768, 30000) AS g(i)"
    )
    read = engine.arrow('SELECT * FROM "small"').sort_by("id")
    assert read.column("x").to_pylist() == [None if i == 5 else i for i in range(-32768, 30001)]


DOUBLES = (0.0, -0.0, 5e-324, -1.7976931348623157e308, math.pi, math.inf, -math.inf, math.nan, None)


def doubles_table(engine, others=()):
    """Nine columns of doubles, two groups of four and one, in each row of other order, and what they hold."""
    values = [*DOUBLES, *others]
    rows = [[values[(row + column) % len(values)] for column in range(9)] for row in range(len(values) * 3)]
    engine.execute("CREATE TABLE doubles (id int, " + ", ".join(f"x{n} double precision" for n in range(9)) + ")")
    names = ["id", *(f"x{n}" for n in range(9))]
    arrays = [pa.array(range(len(rows)), pa.int32()), *(pa.array(column) for column in zip(*rows, strict=True))]
    engine.append(exp.to_table("doubles"), pa.table(arrays, names=names))
    return [repr({"id": place, **dict(zip(names[1:], row, strict=True))}) for place, row in enumerate(rows)]


def test_doubles_keep_every_bit(engine):
    expected = doubles_table(engine)
    assert in_order(engine.arrow('SELECT * FROM "doubles"')) == expected
    assert in_order(pa.Table.from_batches(engine.batches('SELECT * FROM "doubles"'))) == expected


def test_a_double_that_looks_like_null_is_none(engine):
    expected = doubles_table(engine, [NULL_OF_FOUR])
    assert in_order(engine.arrow('SELECT * FROM "doubles"')) == expected


def test_rows_behind_the_pages_that_were_counted_are_read(engine):
    engine.execute("CREATE TABLE grows AS SELECT i AS id FROM generate_series(1, 5000) AS g(i)")
    columns = [Column("id", ColumnType("int4", pa.int32()))]
    select = whole_selects('SELECT * FROM "grows"', columns, engine.rows)
    engine.execute("INSERT INTO grows SELECT i FROM generate_series(5001, 90000) AS g(i)")
    parts = engine.rows(select(frozenset()).sql("postgres"))
    assert len(parts) > 1
    assert sum(rows for rows, *_ in parts) == 90_000


@pytest.mark.parametrize(
    ("made", "sql"),
    [
        ("CREATE VIEW v AS SELECT 1 AS id", 'SELECT * FROM "v"'),
        ("CREATE TABLE parted (id int) PARTITION BY RANGE (id)", 'SELECT * FROM "parted"'),
        ("CREATE TABLE parent (id int); CREATE TABLE child () INHERITS (parent)", 'SELECT * FROM "parent"'),
        ("CREATE TABLE empty (id int)", 'SELECT * FROM "empty"'),
        ("CREATE TABLE chosen AS SELECT 1 AS id", 'SELECT * FROM "chosen" WHERE id > 1'),
        ("CREATE TABLE ordered AS SELECT 1 AS id", 'SELECT * FROM "ordered" ORDER BY id'),
        ("CREATE TABLE joined AS SELECT 1 AS id", 'SELECT * FROM "joined", "joined" AS other'),
    ],
)
def test_what_is_no_plain_table_is_copied(engine, made, sql):
    engine.script(made)
    assert whole_selects(sql, [Column("id", ColumnType("int4", pa.int32()))], engine.rows) is None


def test_texts_and_very_large_tables_are_copied(engine):
    engine.execute("CREATE TABLE t AS SELECT 1 AS id")
    text, number = Column("id", ColumnType("text", pa.string())), Column("id", ColumnType("int4", pa.int32()))
    assert whole_selects('SELECT * FROM "t"', [text], engine.rows) is None
    assert whole_selects('SELECT * FROM "t"', [number], lambda *_: [(10**6, LARGEST_BYTES + 1)]) is None


def test_a_small_table_of_many_nulls_is_copied(engine, monkeypatch):
    nulls = ", ".join(f"NULL::double precision AS x{number}" for number in range(60))
    engine.execute(f"CREATE TABLE sparse AS SELECT i AS id, {nulls} FROM generate_series(1, 5000) AS g(i)")
    columns = [Column(f"x{number}", ColumnType("float8", pa.float64())) for number in range(60)]
    assert whole_selects('SELECT * FROM "sparse"', columns, engine.rows) is not None
    monkeypatch.setattr(whole, "LARGEST_BYTES", 1024**2)
    assert engine.rows("SELECT pg_table_size('sparse') < 1024 * 1024") == [(True,)]
    assert whole_selects('SELECT * FROM "sparse"', columns, engine.rows) is None


def test_pages_without_rows_make_no_part(engine, monkeypatch):
    """PostgreSQL 16 leaves some behind the last row of a table that one statement has filled."""
    pages_of = session.PostgresSession._pages

    def with_empty_ones(session, table):
        pages, size = pages_of(session, table)
        return pages + 63, size

    monkeypatch.setattr(session.PostgresSession, "_pages", with_empty_ones)
    engine.execute("CREATE TABLE t AS SELECT i FROM generate_series(1, 1000) AS g(i)")
    with engine.parts(exp.select("*").from_("t"), None, ["i"], size=100) as found:
        parts = list(found.parts)
    assert sorted(i for part in parts for i in part.rows.column("i").to_pylist()) == list(range(1, 1001))
    assert all(part.rows.num_rows for part in parts)


def check_rows_are_written_with_their_values(engine):
    engine.execute("CREATE TABLE target (id int, made int, score double precision, label varchar)")
    engine.execute("CREATE TABLE source AS SELECT x AS id FROM (SELECT unnest(ARRAY[3, 1, 2, 5, 4, 6]) AS x) AS t")
    words = ['a "quote"', None, "", "NULL", "back\\slash, {comma}", 'a "quote"']
    numbers = [0.1, math.inf, -0.0, 5e-324, None, 1e300]
    columns = ("id", "made", "score", "label")

    def insert(rows):
        selected = exp.select(*[exp.column(name, "a") for name in columns]).from_(exp.alias_(rows, "a", table=True))
        return exp.insert(selected, exp.to_table("target"), columns=list(columns))

    made = {"made": exp.Mul(this=exp.column("id", "given"), expression=exp.Literal.number(10))}
    expected, query = [], exp.select("id").from_("source")
    with engine.transaction(), engine.parts(query, None, ["id"], made, size=4) as found:
        count = exp.select(exp.Count(this=exp.Star())).from_(found.source)
        assert engine.rows(count.sql(engine.dialect), found.parameters) == [(6,)]
        for part in found.parts:
            ids = part.rows.column("id").to_pylist()
            values = {"score": [numbers[i - 1] for i in ids], "label": [words[i - 1] for i in ids]}
            schema = pa.schema([("score", pa.float64()), ("label", pa.string())])
            part.write(pa.table(values, schema=schema), insert)
            expected += [(i, i * 10, numbers[i - 1], words[i - 1]) for i in ids]
    assert sorted(expected) == engine.rows("SELECT * FROM target ORDER BY id")
    assert len(expected) == 6


def test_rows_are_written_with_their_values_in_postgres(engine):
    check_rows_are_written_with_their_values(engine)


def test_rows_are_written_with_their_values_in_duckdb():
    with duckdb.connect() as connection:
        check_rows_are_written_with_their_values(DuckDBEngine(connection))


def test_a_json_object_is_written_as_the_server_writes_one(engine):
    engine.execute(EVERY_KIND)
    engine.execute(
        """CREATE TABLE texts AS SELECT *, NULL::text AS none,
                  E'tab\\t "quote" \\\\ \\u20ac \\x01'::text AS "a ""key"" {"
           FROM "Every ""Kind" WHERE id <= 500"""
    )
    schema = engine.arrow("SELECT * FROM texts LIMIT 0").schema
    document = engine.json_object({name: schema.field(name).type for name in schema.names}, "t")
    own = exp.select(exp.cast(document, "TEXT")).from_("texts AS t").order_by("id").sql("postgres")
    server = engine.rows(
        """SELECT row_to_json(o)::text FROM (
             SELECT id, CASE WHEN double - double = 0 THEN double END AS double, small, big, flag,
                    number, trim_scale(decimal) AS decimal, day,
                    replace(at::text, 'T', ' ') AS at, none, "a ""key"" {" FROM texts) AS o ORDER BY id"""
    )
    assert engine.rows(own) == server
