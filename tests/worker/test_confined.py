"""Code of a caller's cannot get out of the caller's rights, though the connection of the worker may do more."""

from contextlib import nullcontext, suppress

import pyarrow as pa
import pytest
from shop import ANN, BEN, WORKER
from sqlglot import exp

from sqlml.engine.postgres.confined import confined_engine, connected
from sqlml.errors import SqlmlError

PATH = "shop, pg_catalog"
FORGE = "INSERT INTO sqlml.model VALUES ('forged', 'binary', 'y', NULL, 'nobody', now())"
TRAPS = f"""
CREATE FUNCTION shop.evil() RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
  PERFORM set_config('role', 'sqlml_owner', true); {FORGE}; RETURN 1; END $$;
CREATE FUNCTION shop.evil_of(x integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
  PERFORM set_config('role', 'sqlml_owner', true); {FORGE}; RETURN x; END $$;
CREATE FUNCTION shop.none() RETURNS integer LANGUAGE plpgsql AS $$ BEGIN
  PERFORM set_config('role', 'none', false); {FORGE}; RETURN 1; END $$;
CREATE FUNCTION shop.ben() RETURNS integer LANGUAGE plpgsql AS $$ BEGIN
  SET ROLE {BEN}; RETURN 1; END $$;
CREATE FUNCTION shop.session() RETURNS integer LANGUAGE plpgsql AS $$ BEGIN
  SET SESSION AUTHORIZATION {BEN}; RETURN 1; END $$;
CREATE FUNCTION shop.swallow() RETURNS integer LANGUAGE plpgsql AS $$ BEGIN
  BEGIN PERFORM shop.evil(); EXCEPTION WHEN OTHERS THEN NULL; END; RETURN 1; END $$;
CREATE FUNCTION shop.hold() RETURNS integer LANGUAGE plpgsql AS $$ BEGIN
  EXECUTE 'DECLARE held CURSOR WITH HOLD FOR SELECT shop.none()'; RETURN 1; END $$;
CREATE FUNCTION shop.alter() RETURNS integer LANGUAGE plpgsql AS $$ DECLARE f pg_catalog.text; BEGIN
  FOR f IN SELECT oid::regprocedure FROM pg_proc WHERE proname ~ '^sqlml_' AND pronamespace = pg_my_temp_schema() LOOP
    EXECUTE 'ALTER FUNCTION ' || f || ' SECURITY INVOKER'; END LOOP; RETURN 1; END $$;
CREATE FUNCTION shop.prepare() RETURNS integer LANGUAGE plpgsql AS $$ BEGIN
  EXECUTE 'PREPARE _pg3_0 AS SELECT shop.none()'; RETURN 1; END $$;
CREATE FUNCTION shop.path() RETURNS integer LANGUAGE plpgsql AS $$ BEGIN
  PERFORM set_config('search_path', 'shop, pg_catalog', false); RETURN 1; END $$;
CREATE FUNCTION shop.pg_has_role(name, text, text) RETURNS boolean LANGUAGE sql AS 'SELECT shop.none() = 1';
CREATE FUNCTION shop.same(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
  PERFORM shop.none(); RETURN true; END $$;
CREATE OPERATOR shop.= (LEFTARG = text, RIGHTARG = text, FUNCTION = shop.same);
CREATE FUNCTION shop.trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM shop.none(); RETURN NULL; END $$;
CREATE TABLE shop.late (x integer);
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON shop.late
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION shop.trap();
CREATE FUNCTION shop.defer() RETURNS integer LANGUAGE sql AS 'INSERT INTO shop.late VALUES (1) RETURNING x';
CREATE TABLE shop.excluded (x integer, EXCLUDE ((shop.evil_of(x)) WITH =) DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE shop.now (x integer);
CREATE TRIGGER now AFTER INSERT ON shop.now FOR EACH ROW EXECUTE FUNCTION shop.trap();
CREATE TABLE shop.plain (x integer);
CREATE DOMAIN shop.checked AS integer CHECK (shop.none() = 1);

CREATE DOMAIN lure.text AS pg_catalog.text CHECK (shop.none() = 1);
CREATE DOMAIN lure.int8 AS pg_catalog.int8 CHECK (shop.none() = 1);
CREATE DOMAIN lure.oid AS pg_catalog.oid CHECK (shop.none() = 1);
CREATE FUNCTION lure.set_config(pg_catalog.text, pg_catalog.text, boolean) RETURNS pg_catalog.text LANGUAGE sql
AS 'SELECT shop.none()::pg_catalog.text';
"""
TRAP_SELECTS = ["evil", "none", "ben", "session", "swallow", "hold", "alter", "prepare", "path", "defer"]


@pytest.fixture(scope="module")
def traps(another_shop):
    another_shop.rows(ANN, TRAPS)
    return another_shop


@pytest.fixture
def trapped(traps):
    yield traps
    assert traps.rows(None, "SELECT count(*) FROM sqlml.model WHERE model = 'forged'") == [(0,)]


@pytest.fixture
def connection(trapped):
    with connected(trapped.url(WORKER)) as connection:
        yield connection


def rows(count=3):
    return pa.table({"x": pa.array(range(count), pa.int32())})


@pytest.mark.parametrize("trap", TRAP_SELECTS)
def test_a_select_cannot_take_another_role(connection, trap):
    relation = f"SELECT shop.{trap}() AS x"
    refused = pytest.raises(SqlmlError) if trap in ("evil", "none", "ben", "session", "defer") else nullcontext()
    with refused, confined_engine(connection, ANN, PATH) as engine, engine.transaction() as owner:
        engine.arrow(engine.relation(relation).select().sql("postgres"))
        assert engine.rows("SELECT current_user, session_user") == [(ANN, WORKER)]
        assert owner.rows("SELECT current_user, current_setting('search_path')")[0][0] == "sqlml_owner"


@pytest.mark.parametrize("trap", [trap for trap in TRAP_SELECTS if trap != "defer"])
def test_nor_outside_of_a_transaction(connection, trap):
    with confined_engine(connection, ANN, PATH) as engine:
        with suppress(SqlmlError):
            engine.rows(f"SELECT shop.{trap}()")
        with engine.transaction() as owner:
            assert owner.rows("SELECT current_user::text, current_setting('search_path') ~ 'shop'") == [
                ("sqlml_owner", False)
            ]


def test_nor_by_a_trigger_that_waits_for_the_end(connection):
    with confined_engine(connection, ANN, PATH) as engine, pytest.raises(SqlmlError, match="trigger late of table"):
        engine.rows("SELECT shop.defer()")


@pytest.mark.parametrize("trap", ["evil", "none", "hold"])
@pytest.mark.parametrize("how", ["batches", "materialized"])
def test_whatever_reads_it(connection, trap, how):
    with confined_engine(connection, ANN, PATH) as engine, suppress(SqlmlError):
        query = exp.select("*").from_(engine.relation(f"SELECT shop.{trap}() AS x").source)
        with engine.transaction():
            if how == "batches":
                list(engine.batches(query.sql("postgres")))
            else:
                with engine.materialized(query) as table:
                    engine.rows(exp.select("*").from_(table).sql("postgres"))


@pytest.mark.parametrize("text", ["SELECT '{1}'::shop.checked[] AS x", "SELECT '{1}'::shop.checked[] AS x; SELECT 1"])
def test_nor_while_a_relation_is_looked_at(connection, text):
    with confined_engine(connection, ANN, PATH) as engine, pytest.raises(SqlmlError):
        engine.relation(text)


@pytest.mark.parametrize("trap", ["none", "path"])
def test_nor_by_names_that_stand_in_for_those_of_the_server(connection, trap):
    lures = confined_engine(connection, ANN, "lure, shop, pg_catalog")
    with suppress(SqlmlError), lures as engine, engine.transaction() as owner:
        assert owner.rows("SELECT count(*) FROM sqlml.model WHERE model = $name", {"name": "a"}) == [(0,)]
        engine.arrow("SELECT i, i::pg_catalog.text AS t FROM generate_series(1, 3) AS g(i)")
        engine.rows(f"SELECT shop.{trap}()")
        engine.append(exp.table_("plain"), rows(6000))


@pytest.mark.parametrize("table", ["late", "now", "excluded"])
@pytest.mark.parametrize("count", [3, 6000])
def test_triggers_of_a_table_cannot_take_another_role(connection, table, count):
    with pytest.raises(SqlmlError), confined_engine(connection, ANN, PATH) as engine, engine.transaction():
        engine.append(exp.table_(table, db="shop"), rows(count))


def test_a_plain_table_is_written_as_the_caller(shop):
    shop.rows(ANN, "CREATE TABLE shop.plain (x integer UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    with connected(shop.url(WORKER)) as connection, confined_engine(connection, ANN, PATH) as engine:
        with engine.transaction() as owner:
            engine.append(exp.table_("plain"), rows(6000))
            with engine.temporary(rows(2)) as given:
                assert engine.rows(f"SELECT sum(x) FROM {given.sql('postgres')}") == [(1,)]
            owner.execute("INSERT INTO sqlml.migration VALUES ($a, 'b', now())", {"a": "ours"})
        assert shop.rows(None, "SELECT count(*) FROM shop.plain") == [(0,)], "not yet committed"
    assert shop.rows(None, "SELECT count(*), sum(x) FROM shop.plain") == [(6000, 5999 * 3000)]
    assert shop.rows(None, "SELECT count(*) FROM sqlml.migration WHERE migration = 'ours'") == [(1,)]


def test_an_error_undoes_all_of_it(connection, trapped):
    def fail_after_writing():
        with confined_engine(connection, ANN, PATH) as engine:
            with engine.transaction():
                engine.append(exp.table_("plain"), rows())
            raise ValueError("after")

    with pytest.raises(ValueError, match="after"):
        fail_after_writing()
    assert trapped.rows(None, "SELECT count(*) FROM shop.plain") == [(0,)]


def test_values_come_through_as_from_any_engine(connection):
    given = {"t": 'it\'s $1 "quoted" \\ back', "n": None, "f": 0.1, "i": 3_000_000_000, "b": True}
    asked = "SELECT $t::text, $n::int, $f::float8, $i::int8, $b::boolean, '[1]'::jsonb, 1.50::numeric, now() > 'epoch'"
    with confined_engine(connection, ANN, PATH) as engine:
        assert engine.rows(asked, given) == [(*given.values(), "[1]", 1.5, True)]
        assert engine.rows("SELECT 1 WHERE false") == []
        with engine.transaction():
            engine.execute("CREATE TEMP TABLE mine AS SELECT $t AS t", given)
            assert engine.rows("SELECT t FROM mine") == [(given["t"],)]


def test_columns_of_a_domain_have_the_type_under_it(shop):
    shop.rows(ANN, "CREATE DOMAIN shop.share AS numeric(3, 2) CHECK (value < 2)")
    try:
        with connected(shop.url(WORKER)) as connection, confined_engine(connection, ANN, PATH) as engine:
            asked = "SELECT 0.5::shop.share AS part, 1 AS n ORDER BY 1"
            assert engine.rows(asked) == [(0.5, 1)]
            assert engine.arrow(asked).to_pylist()[0]["n"] == 1
            assert engine.rows("EXPLAIN (FORMAT JSON) SELECT 1")
    finally:
        shop.rows(ANN, "DROP DOMAIN shop.share")


def test_names_are_looked_up_as_for_the_caller(trapped):
    run_id = trapped.ask(ANN, "payment")
    assert trapped.drain() == 3
    assert 'relation "payment" does not exist' in trapped.job(run_id)[2]


def test_a_job_that_tries_fails(trapped):
    run_id = trapped.ask(ANN, "SELECT shop.evil() AS amount")
    assert trapped.drain() == 3
    assert 'cannot set parameter "role" within security-definer function' in trapped.job(run_id)[2]
