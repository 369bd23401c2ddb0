"""The database is held against the files: what is behind, edited, missing or extra is found."""

import re

import duckdb
import pytest

import sqlml
from sqlml.cli.process import exit_code
from sqlml.engine.duckdb.engine import DuckDBEngine
from sqlml.errors import InstallError, ModelNotFound
from sqlml.fit.algorithm import ALGORITHMS
from sqlml.install import Difference, install, sql_files, verify


@pytest.fixture
def engine(con):
    with con.cursor() as cursor:
        yield DuckDBEngine(cursor)


def states(engine):
    return [(found.routine, found.state) for found in verify(engine)]


def test_a_new_file_is_in_step(engine):
    assert verify(engine) == []
    assert install(engine) == []


def test_a_file_without_sqlml_says_so(tmp_path):
    with duckdb.connect(str(tmp_path / "plain.duckdb")) as plain:
        assert verify(DuckDBEngine(plain)) == [Difference("sqlml", "missing", "nothing is installed; run sqlml init")]


def test_edited_missing_and_extra_are_found_and_repaired(con, engine):
    con.execute("CREATE OR REPLACE MACRO sqlml.predict(model, features) AS 0.5")
    con.execute("DROP MACRO TABLE sqlml.live_at")
    con.execute("CREATE TABLE sqlml.mine AS SELECT 1 AS a")
    con.execute("ALTER TABLE sqlml.metric ADD COLUMN note VARCHAR")
    assert states(engine) == [
        ("sqlml.live_at", "missing"),
        ("sqlml.metric", "edited"),
        ("sqlml.mine", "extra"),
        ("sqlml.predict", "edited"),
    ]
    assert install(engine, repair=True) == ["routines/live_at.sql", "routines/predict.sql"]
    assert states(engine) == [("sqlml.metric", "edited"), ("sqlml.mine", "extra")]


def test_what_differs_is_told_line_by_line(con, engine):
    con.execute("ALTER TABLE sqlml.metric ADD COLUMN note VARCHAR")
    con.execute("CREATE OR REPLACE MACRO sqlml.predict(model, features) AS 0.5")
    table, macro = (
        [line for line in found.diff if line[0] in "+-" and line[:3] not in ("---", "+++")] for found in verify(engine)
    )
    assert table == ["-n BIGINT NOT NULL);", "+n BIGINT NOT NULL,", "+note VARCHAR);"]
    assert macro[-1].startswith("+")
    assert macro[-1].endswith("0.5")


def test_a_file_that_has_changed_is_behind(con, engine):
    con.execute("UPDATE sqlml.routine SET file_hash = 'older' WHERE routine = 'sqlml.train'")
    assert states(engine) == [("sqlml.train", "behind")]
    assert install(engine) == ["routines/train.sql"]
    assert verify(engine) == []


def test_compiled_routines_are_held_against_their_version(con, engine):
    con.execute("CREATE TABLE t AS SELECT i % 7 AS x, i % 7 > 3 AS y FROM range(100) AS g(i)")
    con.execute("CALL sqlml.train(model => 'm', relation => 't', target => 'y')")
    con.execute("CALL sqlml.score('m', 'SELECT row_number() OVER () AS id, * FROM t', 'sqlml.m_predictions', 'id')")
    assert verify(engine) == []
    asked = "SELECT sum(sqlml.predict_m(t)) FROM t"
    before = con.execute(asked).fetchall()
    con.execute("CREATE OR REPLACE MACRO sqlml.predict_m(features) AS 1.0")
    con.execute("DROP MACRO sqlml.raw_score_m")
    assert states(engine) == [("sqlml.predict_m", "edited"), ("sqlml.raw_score_m", "missing")]
    assert [each.explanation.rpartition("; ")[2] for each in verify(engine)] == ["run sqlml init"] * 2
    assert install(engine, repair=True) == ["compiled:m@1"]
    assert verify(engine) == []
    assert con.execute(asked).fetchall() == before
    assert install(engine, repair=True) == []


def test_init_tells_of_the_versions_whose_routines_it_has_mended(tmp_path, capsys):
    path = str(tmp_path / "m.duckdb")
    with sqlml.connect(path) as con:
        con.execute("CREATE TABLE t AS SELECT i % 7 AS x, i % 7 > 3 AS y FROM range(100) AS g(i)")
        con.execute("CALL sqlml.train(model => 'm', relation => 't', target => 'y', algorithm => 'baseline')")
        con.execute("CALL sqlml.deploy('m', 1)")
        con.execute("DROP MACRO sqlml.predict_label_m")
    assert exit_code(("init", path)) == 0
    assert capsys.readouterr().out == "applied compiled:m@1\n"


def test_what_is_deployed_while_it_is_verified_is_no_difference(con, engine, monkeypatch):
    con.execute("CREATE TABLE t AS SELECT i % 7 AS x, i % 7 > 3 AS y FROM range(100) AS g(i)")
    for _ in range(2):
        con.execute("CALL sqlml.train(model => 'm', relation => 't', target => 'y', deploy => 'always')")
    read, deployed = engine.catalog, []

    def catalog(names=None):
        found = read(names)
        if not deployed:
            deployed.append(con.execute("CALL sqlml.rollback('m')").fetchall())
        return found

    monkeypatch.setattr(engine, "catalog", catalog)
    assert verify(engine) == []
    assert deployed


def test_a_model_that_there_is_not_was_never_live(con):
    with pytest.raises(ModelNotFound, match=r"there is no model 'm'; there are none$"):
        con.execute("FROM sqlml.live_at('m', now()::TIMESTAMP)")
    con.execute("CREATE TABLE t AS SELECT i % 7 AS x, i % 7 > 3 AS y FROM range(100) AS g(i)")
    con.execute("CALL sqlml.train(model => 'm', relation => 't', target => 'y', algorithm => 'baseline')")
    with pytest.raises(ModelNotFound, match=r"there is no model 'n'; known are: m$"):
        con.execute("FROM sqlml.live_at('n', now()::TIMESTAMP)")
    assert con.execute("FROM sqlml.live_at('m', TIMESTAMP '2000-01-01')").fetchall() == []


def test_a_file_made_by_a_newer_sqlml_is_refused(tmp_path):
    path = tmp_path / "newer.duckdb"
    with sqlml.connect(path) as con:
        con.execute("INSERT INTO sqlml.migration VALUES ('migrations/9999_future.sql', 'x', now()::TIMESTAMP)")
    with pytest.raises(InstallError, match=r"newer sqlml \(migrations/9999_future.sql\); upgrade"):
        sqlml.connect(path)


def test_a_file_made_from_another_text_of_a_migration_is_refused(tmp_path, capsys):
    path = tmp_path / "other.duckdb"
    with sqlml.connect(path) as con:
        con.execute("UPDATE sqlml.migration SET file_hash = 'older' WHERE migration = 'migrations/0002_monitoring.sql'")
    said = r"made from another text of migrations/0002_monitoring.sql than this sqlml brings; .*make a new database"
    for read_only in (False, True):
        with pytest.raises(InstallError, match=said):
            sqlml.connect(path, read_only=read_only)
    assert exit_code(("init", str(path))) == 1
    assert re.match(f"ML070 the database was {said}", capsys.readouterr().err)
    assert exit_code(("verify", str(path))) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("behind   migrations/0002_monitoring.sql: the database was made from another text of it; ")


def test_opening_again_writes_nothing(tmp_path):
    path = tmp_path / "t.duckdb"
    sqlml.connect(path).close()
    before = path.read_bytes()
    sqlml.connect(path).close()
    assert path.read_bytes() == before


def test_every_file_creates_what_it_is_named_after(con, engine):
    recorded = con.execute("SELECT file, routine FROM sqlml.routine").fetchall()
    for file in sql_files("duckdb", "routines"):
        created = {routine for name, routine in recorded if name == file.name}
        assert f"sqlml.{file.stem}" in created
        assert created <= {f"sqlml.{file.stem}", f"main.{file.stem}"}


def test_every_table_and_column_of_the_contract_is_commented(con):
    bare = con.execute(
        "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'sqlml' AND comment IS NULL"
    ).fetchall()
    assert bare == []


def test_the_listed_algorithms_are_those_that_there_are(con):
    listed = con.execute("SELECT algorithm, description FROM sqlml.algorithm").fetchall()
    assert sorted(listed) == sorted((name, algorithm.description) for name, algorithm in ALGORITHMS.items())
