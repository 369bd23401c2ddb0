"""Results are those of DuckDB, which compares texts by their bytes, whatever the locale of a server's database.

The database of these tests sorts as no other: in Turkish, where I and i are no pair, capitals first, numbers inside of
a text by their value, and as if there were no blanks and marks in it.
"""

import json
import re

import psycopg
import pytest
from postgres import name_of
from psycopg.types.json import set_json_loads

import sqlml
from sqlml.engine.postgres.client import opened
from sqlml.errors import ERRORS, InstallError
from sqlml.install import install, verify

ODD = "LOCALE_PROVIDER icu ICU_LOCALE 'tr-TR-u-ka-shifted-kf-upper-kn' LOCALE 'C.UTF-8' ENCODING 'UTF8'"
TABLES = """
CREATE TABLE part AS
SELECT CASE i % 9 WHEN 0 THEN 'a-10' WHEN 1 THEN 'a9' WHEN 2 THEN 'A 9' WHEN 3 THEN 'B' WHEN 4 THEN 'b' WHEN 5 THEN 'Ia'
         WHEN 6 THEN 'ia' WHEN 7 THEN '_z' ELSE 'é' END AS kind,
       CASE WHEN i % 9 < 3 THEN 'b 10' WHEN i % 9 < 6 THEN 'b9' ELSE 'B-9' END AS grade,
       (i * 7919) % 97 AS "SIZE", (i * 31) % 7 AS "size_", i AS part_id,
       concat(CASE i % 4 WHEN 0 THEN 'k-' WHEN 1 THEN 'K' WHEN 2 THEN 'k ' ELSE '_k' END, CAST(i AS VARCHAR)) AS code,
       TIMESTAMP '2024-01-01' + CAST(i AS INTEGER) * INTERVAL '1 hour' AS made_at
FROM generate_series(CAST(1 AS BIGINT), 900) AS g(i);
CREATE TABLE twice AS SELECT code, "SIZE" AS size, "size_", kind, grade FROM part UNION ALL
  SELECT code, "SIZE", "size_", kind, grade FROM part WHERE part_id IN (10, 11, 12);
CREATE TABLE graded AS SELECT code, CASE WHEN part_id % 2 = 0 THEN 'b9' ELSE grade END AS grade FROM part;
CREATE TABLE contradicted AS SELECT code, 'b9' AS grade FROM part UNION ALL
  SELECT code, 'b 10' FROM part WHERE part_id IN (10, 11, 12);
CREATE TABLE of_numbers AS SELECT part_id AS kind, grade FROM part;
CREATE TABLE new_part AS SELECT kind, grade, "SIZE" AS "sIZE", "size_" AS "SIZE_", part_id, code
  FROM part WHERE part_id < 30;
"""
TRAIN = (
    "CALL sqlml.train(model => '{}', relation => 'part', target => '{}', key_column => 'code', features => '[{}]'{})"
)
SUITE = '{{"name": "{}", "checks": [{{"check": "unique", "columns": ["kind"]}}]}}'
STATEMENTS = [
    TRAIN.format("graded", "grade", '"kind", "SIZE", "size_"', ", time_column => 'made_at', algorithm => 'linear'"),
    TRAIN.format("ia_9", "SIZE", '"kind", "grade"', ", algorithm => 'linear', split => 'random', deploy => 'always'"),
    TRAIN.format("ia10", "SIZE", '"kind"', ", algorithm => 'baseline', split => 'random'"),
    "CALL sqlml.deploy('graded', 1, alias => 'b_9')",
    "CALL sqlml.deploy('graded', 1, alias => 'b10')",
    "SELECT artifact_hash, classes, signature, dataset_digest FROM sqlml.model_version ORDER BY created_at",
    "SELECT * FROM sqlml.live_at('graded', '2099-01-01')",
    "SELECT * FROM sqlml.confusion_matrix('graded', 'part')",
    "SELECT * FROM sqlml.evaluate('graded', 'part')",
    "SELECT * FROM sqlml.feature_importance('graded')",
    "SELECT part_id, predict_label('graded', p), predict('ia_9', p) FROM new_part AS p ORDER BY part_id",
    "SELECT part_id, predict_label('graded', p) FROM (SELECT * FROM new_part) AS p ORDER BY part_id",
    "SELECT predict('graded@c', p) FROM new_part AS p",
    "SELECT * FROM sqlml.evaluate('ib', 'part')",
    "SELECT * FROM sqlml.evaluate('graded@c', 'part')",
    "SELECT predict('ib', p) FROM new_part AS p",
    "SELECT predict_label('graded', p) FROM (SELECT part_id FROM part) AS p",
    "SELECT predict('ia_9', p) FROM of_numbers AS p",
    "CALL sqlml.score('graded', 'twice', 'graded_part', key_column => 'code')",
    "CALL sqlml.score('graded', 'part', 'graded_part', key_column => 'code', time_column => 'made_at')",
    "CALL sqlml.record_truth('graded', 'contradicted', 'code', 'grade')",
    "CALL sqlml.record_truth('graded', 'graded', 'code', 'grade')",
    "CALL sqlml.monitor('graded')",
    "SELECT metric, slice_key, slice_value, value FROM sqlml.performance_metric",
    "SELECT column_name, metric, value, p_value, p_adjusted FROM sqlml.drift_metric",
    "SELECT column_name, metric, value FROM sqlml.profile_metric",
    "SELECT bin_label, n FROM sqlml.reference_count WHERE model = 'graded' AND column_name = 'kind' ORDER BY bin",
    *[f"CALL sqlml.\"check\"('part', '{SUITE.format(name)}')" for name in ("ia 10", "Ia9", "ia-9", "_b")],
    "CALL sqlml.\"check\"('part', 'ib')",
    """CALL sqlml."check"('twice', '[{"check": "unique", "columns": ["code"]},
      {"check": "unique", "columns": ["code", "kind"]},
      {"check": "allowed_values", "column": "kind", "values": ["b", "ia"]},
      {"check": "format", "column": "kind", "pattern": "[a-z].*"},
      {"check": "sentinel", "column": "code", "values": ["K1", "k-1"]}]')""",
    "SELECT check_name, status, failing_rows, sample FROM sqlml.check_result ORDER BY checked_at, position",
]


@pytest.fixture(scope="module")
def odd_once(postgres_server):
    """The name of a database in that locale that has sqlml and the tables."""
    with postgres_server.database("template0", ODD) as url:
        with opened(url) as engine:
            install(engine)
        yield name_of(url)


@pytest.fixture
def odd(postgres_server, odd_once):
    """A connection to a copy of it."""
    with (
        postgres_server.database(odd_once) as url,
        psycopg.connect(url, autocommit=True, options="-c search_path=public,sqlml") as connection,
    ):
        yield connection


def test_the_database_is_as_odd_as_it_should_be(odd):
    order = "SELECT t FROM unnest(ARRAY['B', 'a-10', 'A 9', 'b']) AS t ORDER BY t"
    assert [text for (text,) in odd.execute(order)] == ["A 9", "a-10", "B", "b"]
    assert odd.execute("SELECT lower('SIZE')").fetchone() != ("size",)
    assert odd.execute("SELECT sqlml.folded('SIZE İÄ')").fetchone() == ("size iä",)


def test_every_answer_is_that_of_duckdb(odd, con):
    for statement in filter(str.strip, TABLES.split(";\n")):
        con.execute(statement)
        odd.execute(statement)
    set_json_loads(bytes.decode, odd)
    for statement in STATEMENTS:
        assert answer(odd, statement) == answer(con, statement), statement


LOOSE = "COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
BY_LOOSE_TEXT = """
CREATE TABLE shelf AS
SELECT i AS place,
       concat(CASE WHEN i % 2 = 0 THEN 'k' ELSE 'K' END, CAST(CAST((i + i % 2) / 2 AS BIGINT) AS VARCHAR)){0} AS code,
       CASE i % 4 WHEN 0 THEN 'a' WHEN 1 THEN 'A' WHEN 2 THEN 'b' ELSE 'B' END{0} AS kind, (i * 7919) % 97 AS size,
       CASE i % 3 WHEN 0 THEN 'u' WHEN 1 THEN 'U' ELSE 'v' END{0} AS grade
FROM generate_series(CAST(1 AS BIGINT), 400) AS g(i);
CREATE TABLE more AS SELECT upper(code){0} AS code, kind, size, grade FROM shelf WHERE place % 2 = 0
"""
OF_LOOSE_TEXT = [
    TRAIN.replace("part", "shelf").format(
        "g", "grade", '"kind", "size"', ", algorithm => 'linear', deploy => 'always'"
    ),
    "SELECT artifact_hash, dataset_digest FROM sqlml.model_version",
    "SELECT place, predict_label('g', s) FROM shelf AS s ORDER BY place",
    "SELECT place, predict_label('g', s) FROM (SELECT place, kind, size FROM shelf) AS s ORDER BY place",
    "SELECT * FROM sqlml.confusion_matrix('g', 'shelf')",
    "CALL sqlml.score('g', 'SELECT * FROM shelf WHERE place % 2 = 0', 'graded_shelf', key_column => 'code')",
    "CALL sqlml.score('g', 'more', 'graded_shelf', key_column => 'code')",
    "CALL sqlml.score('g', 'shelf', 'graded_shelf', key_column => 'code')",
    "CALL sqlml.record_truth('g', 'shelf', 'code', 'grade')",
    "CALL sqlml.monitor('g')",
    "SELECT metric, value, n, label_coverage FROM sqlml.performance_metric",
    """CALL sqlml."check"('shelf', '[
      {"check": "allowed_values", "column": "kind", "values": ["a", "b", 1]},
      {"check": "sentinel", "column": "code", "values": ["k1"]},
      {"check": "format", "column": "kind", "pattern": "[a-z]"}]')""",
    "SELECT check_name, status, failing_rows, sample, actual FROM sqlml.check_result ORDER BY position",
]


def test_a_column_whose_collation_takes_different_texts_for_equal_changes_nothing(odd, con):
    odd.execute(f"CREATE {LOOSE}")
    set_json_loads(bytes.decode, odd)
    for statement in BY_LOOSE_TEXT.split(";\n"):
        con.execute(statement.format(""))
        odd.execute(statement.format(' COLLATE "loose"'))
    assert odd.execute("SELECT count(DISTINCT code), count(DISTINCT kind) FROM shelf").fetchone() == (200, 2)
    for statement in OF_LOOSE_TEXT:
        assert answer(odd, statement) == answer(con, statement), statement


def answer(connection, statement):
    """The rows, or the error, without what no two databases share; rows that are not ordered are sorted here."""
    try:
        rows = connection.execute(statement).fetchall()
    except sqlml.SqlmlError as error:
        return str(error)
    except psycopg.Error as error:
        if error.sqlstate not in ERRORS:
            raise
        return f"{error.sqlstate} {error.diag.message_primary}"
    texts = [tuple(masked(value) for value in row) for row in rows]
    return texts if re.search(r"ORDER BY|FROM sqlml\.\w+\(", statement) else sorted(texts)


def masked(value):
    text = re.sub(r"\b[0-9a-f]{32}\b", "<run_id>", str(value))
    if text[:1] in ("{", "["):
        text = json.dumps(json.loads(text), sort_keys=True)
    return re.sub(r"\b20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\.\d+\b", "<time>", text)


def test_it_is_in_step_and_stays_so(odd):
    with opened(odd.info.dsn) as engine:
        assert verify(engine) == []
        assert install(engine, repair=True) == []


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_cannot_hold_all_text_is_refused(postgres_server, encoding):
    options = f"ENCODING '{encoding}' LOCALE_PROVIDER libc LOCALE 'C'"
    with postgres_server.database("template0", options) as url, opened(url) as engine:
        with pytest.raises(InstallError, match=rf"is encoded in {encoding}.*ENCODING 'UTF8' TEMPLATE template0"):
            install(engine)
        assert not engine.rows("SELECT 1 FROM pg_namespace WHERE nspname = 'sqlml'")
