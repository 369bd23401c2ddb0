"""A table that another session alters between two predictions of one: the right answer, or an error of ours."""

import psycopg
import pytest
from postgres_oracle import dispatch, install
from test_compile_postgres_rows import MODEL, SCORE, row_of

TABLE = f"CREATE TABLE people AS SELECT 1 AS id, * FROM ({row_of()}) AS r"
CALLS = ("sqlml.predict_m(p)", "sqlml.predict('m', p)")
VIEW = "CREATE VIEW shown AS SELECT * FROM people"


@pytest.fixture
def asking(postgres_server, bare_database):
    """Two sessions of one database: what the first asks about table ``people`` is prepared, as in a pool."""
    with (
        postgres_server.database(bare_database) as url,
        psycopg.connect(url, autocommit=True) as first,
        psycopg.connect(url, autocommit=True) as other,
    ):
        install(first, "m", 1, MODEL)
        dispatch(first, {"m": "regression"})
        other.execute(TABLE)
        other.execute(VIEW)
        yield first, other


def ask(connection, source):
    """The answer of both functions, or the errors that they raise."""
    found = []
    for call in CALLS:
        try:
            found.append(connection.execute(f"SELECT {call} FROM {source} AS p", prepare=True).fetchone()[0])
        except psycopg.Error as error:
            found.append((error.sqlstate, error.diag.message_primary))
    return found


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ('ALTER TABLE people DROP COLUMN "Age"', ("ML020", "lacks column 'Age'")),
        ('ALTER TABLE people RENAME COLUMN "Age" TO years', ("ML020", "lacks column 'Age'")),
        ('ALTER TABLE people ALTER "Age" TYPE text', ("ML020", "column 'Age' is VARCHAR")),
        ("ALTER TABLE people ALTER open TYPE text", ("ML020", "column 'open' is VARCHAR")),
        ('ALTER TABLE people ALTER "Age" TYPE bigint', SCORE),
        ('ALTER TABLE people ALTER "Age" TYPE numeric(9, 2)', SCORE),
        ('ALTER TABLE people ALTER "Age" TYPE double precision', SCORE),
        ("ALTER TABLE people ALTER city TYPE varchar(10)", SCORE),
        ("ALTER TABLE people ALTER seen TYPE date", SCORE),
        ('ALTER TABLE people ADD "AGE" text', SCORE),
        ("ALTER TABLE people ADD more integer DEFAULT 7", SCORE),
        ('ALTER TABLE people DROP COLUMN "Age", ADD "Age" integer DEFAULT 41', SCORE),
        ("ALTER TABLE people DROP COLUMN id", SCORE),
    ],
)
def test_a_table_that_is_altered(asking, change, expected):
    first, other = asking
    other.execute("DROP VIEW shown")
    assert ask(first, "people") == [SCORE] * 2
    other.execute(change)
    check(ask(first, "people"), expected)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ('ALTER VIEW shown RENAME COLUMN "Age" TO years', ("ML020", "lacks column 'Age'")),
        ("CREATE OR REPLACE VIEW shown AS SELECT *, 1 AS more FROM people", SCORE),
        (f"DROP VIEW shown; {VIEW.replace('*', 'id, city, open, since, seen')}", ("ML020", "lacks column 'Age'")),
        (f"DROP VIEW shown; ALTER TABLE people ALTER city TYPE varchar(10); {VIEW}", SCORE),
    ],
)
def test_a_view_that_is_altered(asking, change, expected):
    first, other = asking
    assert ask(first, "shown") == [SCORE] * 2
    other.execute(change)
    check(ask(first, "shown"), expected)


def test_and_altered_back(asking):
    first, other = asking
    other.execute("DROP VIEW shown")
    for _ in range(2):
        assert ask(first, "people") == [SCORE] * 2
        other.execute('ALTER TABLE people RENAME COLUMN "Age" TO years')
        check(ask(first, "people"), ("ML020", "lacks column 'Age'"))
        other.execute('ALTER TABLE people RENAME COLUMN years TO "Age"')


def test_in_one_transaction_and_after_it_is_rolled_back(asking):
    first, other = asking
    other.execute("DROP VIEW shown")
    assert ask(first, "people") == [SCORE] * 2
    with first.transaction(force_rollback=True):
        first.execute('ALTER TABLE people ALTER "Age" TYPE bigint')
        assert ask(first, "people") == [SCORE] * 2
    assert ask(first, "people") == [SCORE] * 2


def check(found, expected):
    if isinstance(expected, tuple):
        code, words = expected
        assert {state for state, _ in found} == {code}, found
        assert all(words in message for _, message in found), found
    else:
        assert found == [expected] * 2
