"""PostgreSQL over psycopg: who the connection is when, what is committed, and how it ends."""

import threading
from datetime import datetime

import psycopg
import pyarrow as pa
import pytest
from sqlglot import exp

from sqlml.engine.postgres.client import opened, postgres_engine
from sqlml.errors import DatabaseLocked, EngineError, InvalidRelation


@pytest.fixture
def engine(user_url):
    with opened(user_url("sqlml_test_login"), caller="sqlml_test_caller") as engine:
        yield engine


def who(session):
    return session.rows("SELECT current_user::text")[0][0]


def test_a_server_that_is_not_there(tmp_path):
    with pytest.raises(EngineError, match="ML060"), opened(f"postgresql:///x?host={tmp_path}"):
        pass


def test_who_is_asking(postgres_server, engine, user_url):
    assert engine.actor() == "sqlml_test_caller"
    with opened(user_url("sqlml_test_caller")) as own:
        assert own.actor() == "sqlml_test_caller"
        assert who(own) == "sqlml_test_caller"
        with (
            pytest.raises(EngineError, match='permission denied to set role "sqlml_owner"'),
            own.transaction() as owner,
        ):
            owner.rows("SELECT 1")
    with psycopg.connect(user_url("sqlml_test_login"), autocommit=True) as connection:
        connection.execute("SET ROLE sqlml_test_caller")
        assert postgres_engine(connection).actor() == "sqlml_test_login as sqlml_test_caller"


def test_roles_take_turns_in_one_transaction_and_end_with_it(engine):
    with engine.transaction() as owner:
        assert [who(engine), who(owner), who(owner), who(engine)] == [
            "sqlml_test_caller",
            "sqlml_owner",
            "sqlml_owner",
            "sqlml_test_caller",
        ]
        owner.execute("INSERT INTO sqlml.note VALUES (1, 'a', NULL)")
        engine.execute("CREATE TABLE mine AS SELECT 1 AS a")
    assert who(engine) == "sqlml_test_caller"
    assert engine.rows("SELECT tableowner::text FROM pg_tables WHERE tablename = 'mine'") == [("sqlml_test_caller",)]
    assert engine._statements.connection.execute("SELECT current_user").fetchone() == ("sqlml_test_login",)


def test_rights_are_taken_anew_after_an_error(engine):
    for _ in range(2):
        with pytest.raises(EngineError):
            engine.rows("SELECT 1/0")
        assert who(engine) == "sqlml_test_caller"
    with pytest.raises(EngineError), engine.transaction() as owner:
        owner.rows("SELECT 1/0")
    assert who(engine) == "sqlml_test_caller"
    with engine.transaction() as owner:
        assert who(owner) == "sqlml_owner"


def test_a_script_may_take_roles_itself(engine):
    with engine.transaction() as owner:
        owner.script("SET ROLE sqlml_test_caller; RESET ROLE; RESET search_path")
        assert who(owner) == "sqlml_owner"
        assert who(engine) == "sqlml_test_caller"


def test_what_is_put_off_to_the_end_runs_with_the_rights_of_the_caller(engine):
    engine.script(
        """
        CREATE TABLE t (a integer);
        CREATE TABLE seen (who text);
        CREATE FUNCTION note_who() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN INSERT INTO public.seen VALUES (current_user); RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER late AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION note_who();
        """
    )
    with engine.transaction() as owner:
        engine.execute("INSERT INTO t VALUES (1)")
        owner.execute("INSERT INTO sqlml.note VALUES (1, 'a', NULL)")
    assert engine.rows("SELECT who FROM seen") == [("sqlml_test_caller",)]


def test_without_an_owner_the_connection_keeps_its_rights(engine_database):
    with opened(engine_database, owner=None) as engine, engine.transaction() as owner:
        owner.script("CREATE TABLE sqlml.by_superuser (a integer)")
        assert who(owner) == "postgres"


def test_all_or_nothing_and_seen_by_others_at_the_end(engine, user_url):
    with opened(user_url("sqlml_test_caller")) as other:
        with engine.transaction() as owner:
            owner.execute("INSERT INTO sqlml.note VALUES (1, 'a', NULL)")
            assert other.rows("SELECT count(*) FROM sqlml.note") == [(0,)]
        assert other.rows("SELECT count(*) FROM sqlml.note") == [(1,)]


def test_a_lock_is_held_until_the_end(engine, user_url):
    with opened(user_url("sqlml_test_caller")) as other:
        other.execute("SET lock_timeout = '100ms'")
        with engine.transaction():
            engine.lock("model a")
            with other._transaction():
                other.lock("model b")
            with pytest.raises(DatabaseLocked, match=r"ML061 .*lock timeout.*run it again"):
                other.lock("model a")
        other.lock("model a")


def test_two_jobs_that_wait_for_each_other(engine, user_url):
    with opened(user_url("sqlml_test_login"), caller="sqlml_test_caller") as other:
        met, failed = threading.Barrier(2), []

        def write(one, first, second):
            try:
                with one.transaction():
                    one.lock(first)
                    met.wait(10)
                    one.lock(second)
            except DatabaseLocked as error:
                failed.append(error)

        threads = [
            threading.Thread(target=write, args=(engine, "a", "b")),
            threading.Thread(target=write, args=(other, "b", "a")),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert len(failed) == 1
    assert "deadlock detected" in failed[0].message


def test_a_database_whose_users_see_dates_otherwise(engine_database, user_url):
    with psycopg.connect(engine_database, autocommit=True) as connection:
        name = connection.execute("SELECT quote_ident(current_database())").fetchone()[0]
        for setting in (
            "datestyle = 'SQL, DMY'",
            "timezone = 'Asia/Kolkata'",
            "extra_float_digits = 0",
            "standard_conforming_strings = off",
            "bytea_output = 'escape'",
            "quote_all_identifiers = on",
        ):
            connection.execute(f"ALTER DATABASE {name} SET {setting}".encode())
    with opened(user_url("sqlml_test_login"), caller="sqlml_test_caller") as engine:
        sql = (
            "SELECT '2024-01-31 12:00'::timestamp AS t, '2024-01-31 12:00+00'::timestamptz AS z, 0.1::float8 + 0.2 AS f"
        )
        assert engine.rows(sql)[0][::2] == (datetime(2024, 1, 31, 12), 0.1 + 0.2)
        read = engine.arrow(sql)
        assert read.column("z").cast(pa.timestamp("us")).to_pylist() == [datetime(2024, 1, 31, 12)]
        assert engine.rows("SELECT '31/01/2024'::date::text, '\\'") == [("2024-01-31", "\\")]
        with engine.temporary(read) as table:
            assert engine.arrow(exp.select("*").from_(table).sql("postgres")).equals(read)
        assert '"' not in engine.catalog()["sqlml.note"].definition


def test_a_database_that_is_not_in_unicode(postgres_server, user_url):
    with postgres_server.connect() as connection:
        connection.execute("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    try:
        with opened(postgres_server.url_of("latin"), owner=None) as engine:
            given = pa.table({"text": ["é", None, "ß"] * 3000})
            with engine.temporary(given) as table:
                assert engine.arrow(exp.select("*").from_(table).sql("postgres")).equals(given)
                assert engine.rows(exp.select("text").from_(table).limit(1).sql("postgres")) == [("é",)]
            with pytest.raises(EngineError, match="no equivalent in encoding"):
                engine.rows("SELECT $t", {"t": "€"})
    finally:
        with postgres_server.connect() as connection:
            connection.execute("DROP DATABASE latin WITH (FORCE)")


def test_a_statement_that_is_cancelled(engine):
    engine.execute("CREATE TABLE t (a integer)")

    def write():
        with engine.transaction():
            engine.execute("INSERT INTO t VALUES (1)")
            engine.execute("SET LOCAL statement_timeout = '50ms'")
            engine.rows("SELECT pg_sleep(10)")

    with pytest.raises(EngineError, match="statement timeout"):
        write()
    assert engine.rows("SELECT count(*) FROM t") == [(0,)]


def test_a_connection_that_is_lost(engine, postgres_server):
    pid = engine.rows("SELECT pg_backend_pid()")[0][0]
    with postgres_server.connect() as connection:
        connection.execute("SELECT pg_terminate_backend(%s)", [pid])
    with pytest.raises(EngineError):
        engine.rows("SELECT 1")


def test_batches_that_are_not_read_to_the_end_leave_no_table(engine):
    large = "SELECT i, repeat('x', 100) AS t FROM generate_series(1, 400000) AS i"
    batches = engine.batches(large, size=1000)
    assert next(batches).num_rows > 0
    batches.close()
    assert engine.rows("SELECT count(*) FROM pg_class WHERE relpersistence = 't' AND relname LIKE 'sqlml%'") == [(0,)]


def test_a_caller_who_may_make_no_temporary_table_reads_what_is_small(engine, engine_database):
    with psycopg.connect(engine_database, autocommit=True) as connection:
        name = connection.execute("SELECT quote_ident(current_database())").fetchone()[0]
        connection.execute(f"REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC".encode())
    assert engine.arrow("SELECT 1 AS a").to_pydict() == {"a": [1]}
    with pytest.raises(EngineError, match=r"GRANT TEMPORARY ON DATABASE .* TO sqlml_test_caller"):
        engine.arrow("SELECT i FROM generate_series(1, 30000) AS i, generate_series(1, 2)")


def test_code_in_a_relation_is_run_as_the_caller(engine):
    engine.script("CREATE FUNCTION who_runs() RETURNS text LANGUAGE sql AS 'SELECT current_user::text'")
    relation = engine.relation("SELECT who_runs() AS who")
    with engine.transaction() as owner:
        owner.rows("SELECT 1")
        assert engine.arrow(relation.select().sql("postgres")).to_pydict() == {"who": ["sqlml_test_caller"]}
        with pytest.raises(InvalidRelation, match="permission denied for table secret"):
            engine.relation("SELECT * FROM secret")
