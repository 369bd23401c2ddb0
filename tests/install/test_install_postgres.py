"""sqlml in a PostgreSQL database: put there in one transaction, held against its files, mended."""

from concurrent.futures import ThreadPoolExecutor
from importlib import metadata

import psycopg
import pytest
from postgres import name_of
from sqlglot import exp

from sqlml.engine.postgres.catalog import _ROLES
from sqlml.engine.postgres.client import opened
from sqlml.errors import InstallError, InvalidArgument
from sqlml.install import Difference, inline_obstacle, install, rights, sql_files, verify


def states(engine):
    return [(found.routine, found.state) for found in verify(engine)]


def diff_of(engine, routine):
    (found,) = [difference for difference in verify(engine) if difference.routine == routine]
    return [line for line in found.diff if line.startswith(("+", "-")) and not line.startswith(("+++", "---"))]


def test_a_new_database_is_in_step_and_twice_is_once(postgres):
    with opened(postgres) as engine:
        assert verify(engine) == [Difference("sqlml", "missing", "nothing is installed; run sqlml install")]
        applied = install(engine)
        assert applied[0] == "migrations/0000_roles.sql"
        assert {"routines/train.sql", "inline/call_inline.sql"} <= set(applied)
        assert verify(engine) == []
        before = recorded(engine)
        assert install(engine) == []
        assert install(engine, repair=True) == []
        assert recorded(engine) == before


def recorded(engine):
    return engine.rows("SELECT routine, file, file_hash, catalog_hash, rights, recorded_at::text FROM sqlml.routine")


def test_two_installations_at_once_are_one_after_the_other(postgres):
    def applied(_):
        with opened(postgres) as engine:
            return install(engine)

    with ThreadPoolExecutor(2) as threads:
        first, second = sorted(threads.map(applied, range(2)), key=len, reverse=True)
    assert "migrations/0001_metadata.sql" in first
    assert second == []
    with opened(postgres) as engine:
        assert verify(engine) == []


def test_an_installation_that_fails_leaves_nothing(postgres):
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA sqlml AUTHORIZATION CURRENT_USER")
    with opened(postgres) as engine:
        with pytest.raises(InstallError, match="schema sqlml belongs to postgres and not to sqlml_owner"):
            install(engine)
        assert engine.rows("SELECT count(*) FROM pg_class WHERE relnamespace = 'sqlml'::regnamespace") == [(0,)]


def test_everything_belongs_to_the_owner_and_nothing_to_public(server):
    catalog = server.catalog()
    ours = [entry for name, entry in catalog.items() if entry.kind != "role"]
    assert {entry.definition.rpartition("\n")[2] for entry in ours} == {"owner sqlml_owner"}
    assert [name for name, entry in catalog.items() if " to PUBLIC" in entry.rights] == []


def test_functions_that_run_as_their_owner_pin_their_search_path(server):
    settings = server.rows("""
        SELECT proname, coalesce(proconfig::text, '') FROM pg_proc
        WHERE pronamespace = 'sqlml'::regnamespace AND prosecdef
    """)
    assert {"as_owner", "grant_model", "revoke_model"} <= {name for name, _ in settings}
    assert [name for name, setting in settings if not setting.startswith('{"search_path=pg_catalog, ')] == []
    assert [name for name, setting in settings if not setting.endswith('pg_temp"}')] == []


def test_edited_missing_and_extra_are_found_with_their_lines_and_mended(server, admin):
    admin.execute("""
        CREATE OR REPLACE VIEW sqlml.algorithm AS SELECT 'mine' AS algorithm, '' AS description;
        DROP FUNCTION sqlml.to_sql;
        ALTER TABLE sqlml.metric ADD COLUMN note text;
        ALTER TABLE sqlml.deployment ALTER COLUMN reason SET NOT NULL;
        ALTER TABLE sqlml.run DROP CONSTRAINT run_pkey;
        DROP INDEX sqlml.deployment_current;
        CREATE FUNCTION sqlml.train(anything integer) RETURNS integer LANGUAGE sql RETURN 1;
        CREATE TABLE sqlml.mine (a integer);
        CREATE TYPE sqlml.mood AS ENUM ('well');
    """)
    assert states(server) == [
        ("sqlml.algorithm", "edited"),
        ("sqlml.deployment", "edited"),
        ("sqlml.metric", "edited"),
        ("sqlml.mine", "extra"),
        ("sqlml.mood", "extra"),
        ("sqlml.run", "edited"),
        ("sqlml.to_sql(text, text)", "missing"),
        ("sqlml.train(integer)", "extra"),
    ]
    assert diff_of(server, "sqlml.metric") == ["+note text"]
    assert diff_of(server, "sqlml.deployment")[:2] == ["-reason text", "+reason text not null"]
    assert install(server, repair=True) == ["routines/algorithm.sql", "routines/to_sql.sql"]
    admin.execute("""
        ALTER TABLE sqlml.metric DROP COLUMN note;
        ALTER TABLE sqlml.deployment ALTER COLUMN reason DROP NOT NULL;
        ALTER TABLE sqlml.run ADD CONSTRAINT run_pkey PRIMARY KEY (run_id);
        CREATE UNIQUE INDEX deployment_current ON sqlml.deployment (model, alias) WHERE valid_to IS NULL;
        DROP FUNCTION sqlml.train(integer);
        DROP TABLE sqlml.mine;
        DROP TYPE sqlml.mood;
    """)
    assert verify(server) == []


def test_changed_owners_and_grants_are_found_and_taken_back(server, admin):
    admin.execute("""
        GRANT EXECUTE ON FUNCTION sqlml.to_sql TO PUBLIC;
        REVOKE SELECT ON sqlml.run FROM sqlml_reader;
        GRANT UPDATE (value) ON sqlml.metric TO sqlml_reader;
        GRANT CREATE ON SCHEMA sqlml TO PUBLIC;
        ALTER FUNCTION sqlml.addressed OWNER TO postgres;
        ALTER TABLE sqlml.model OWNER TO postgres;
        GRANT EXECUTE ON PROCEDURE sqlml.rollback TO sqlml_deployer WITH GRANT OPTION;
    """)
    found = verify(server)
    assert [each for each in found if "its owner or grants were changed" not in each.explanation] == []
    new_owner = ["-owner sqlml_owner", "+owner postgres"]
    assert {each.routine.partition("(")[0]: diff_of(server, each.routine) for each in found} == {
        "sqlml": ["+CREATE to PUBLIC"],
        "sqlml.addressed": new_owner,
        "sqlml.metric": ["+UPDATE (value) to sqlml_reader"],
        "sqlml.model": new_owner,
        "sqlml.rollback": ["-EXECUTE to sqlml_deployer", "+EXECUTE to sqlml_deployer with grant option"],
        "sqlml.run": ["-SELECT to sqlml_reader"],
        "sqlml.to_sql": ["+EXECUTE to PUBLIC"],
    }
    mended = install(server, repair=True)
    granted = [each.routine for each in found if "+owner postgres" not in each.diff]
    assert mended == ["owner sqlml_owner of 1 function and 1 table", *(f"grants of {name}" for name in granted)]
    assert verify(server) == []


def test_what_a_body_does_is_part_of_it(server, admin):
    admin.execute("ALTER FUNCTION sqlml.live_at SECURITY DEFINER")
    (found,) = verify(server)
    assert (found.state, diff_of(server, found.routine)) == ("edited", ["- STABLE", "+ STABLE SECURITY DEFINER"])
    assert install(server, repair=True) == ["routines/live_at.sql"]
    assert verify(server) == []


def test_a_role_that_was_changed_is_found(server, admin):
    try:
        admin.execute("ALTER ROLE sqlml_auditor CREATEDB")
        assert states(server) == [("role sqlml_auditor", "edited")]
        assert diff_of(server, "role sqlml_auditor") == ["-nologin", "+nologin createdb"]
    finally:
        admin.execute("ALTER ROLE sqlml_auditor NOCREATEDB")


def test_an_edited_table_stays_edited_when_its_grants_are_mended(server, admin):
    admin.execute("ALTER TABLE sqlml.metric ADD COLUMN note text; REVOKE SELECT ON sqlml.metric FROM sqlml_reader")
    install(server, repair=True)
    assert diff_of(server, "sqlml.metric") == ["+note text"]


def test_a_file_that_has_changed_is_behind(server, admin):
    admin.execute("UPDATE sqlml.routine SET file_hash = 'older' WHERE file = 'routines/to_sql.sql'")
    assert states(server) == [("sqlml.to_sql(text, text)", "behind")]
    assert install(server) == ["routines/to_sql.sql"]
    assert verify(server) == []


def test_a_database_made_by_a_newer_sqlml_is_refused(server, admin):
    admin.execute("INSERT INTO sqlml.migration VALUES ('migrations/9999_future.sql', 'x', now())")
    with pytest.raises(InstallError, match=r"newer sqlml \(migrations/9999_future.sql\); upgrade"):
        install(server)


def test_a_queue_made_with_a_newer_library_names_the_library(server, admin):
    admin.execute("INSERT INTO sqlml.migration VALUES ('procrastinate/99.00.00_01_later.sql', 'x', now())")
    here = metadata.version("procrastinate")
    said = f"newer procrastinate than the one here, {here}, which lacks procrastinate/99.00.00_01_later.sql; upgrade it"
    for ask in (install, verify):
        with pytest.raises(InstallError, match=said):
            ask(server)


def test_a_database_made_from_another_text_of_a_migration_is_refused(server, admin):
    admin.execute("UPDATE sqlml.migration SET file_hash = 'older' WHERE migration ~ '^(procrastinate|migrations/0001)'")
    with pytest.raises(InstallError, match=r"another text of migrations/0001_metadata.sql than this sqlml brings; "):
        install(server)
    assert states(server) == [("migrations/0001_metadata.sql", "behind")]


def test_without_python_all_else_is_there_and_says_what_is_missing(postgres):
    with opened(postgres) as engine:
        applied = install(engine, level="plain")
        assert [name for name in applied if name.startswith("inline/")] == []
        assert verify(engine) == []
        assert install(engine, repair=True, level="plain") == []
        assert engine.rows("SELECT to_regprocedure('sqlml.call_inline(text, jsonb)')::text") == [(None,)]
        with pytest.raises(InstallError, match=r"sqlml.evaluate needs PL/Python in this database"):
            engine.rows("SELECT * FROM sqlml.evaluate('a', 'b')")
        assert sorted(install(engine)) == sorted(file.name for file in sql_files("postgres", "inline"))
        assert verify(engine) == []


def test_who_is_no_superuser_gets_the_plain_level(new_role, postgres, postgres_server):
    role = new_role(options="CREATEROLE")
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"GRANT CREATE ON DATABASE {name_of(postgres)} TO {role}")
    with opened(postgres_server.url_of(name_of(postgres), role)) as engine:
        with pytest.raises(InstallError, match=f"cannot be applied: {role} is no superuser, and plpython3u"):
            install(engine, level="inline")
        assert not engine.rows("SELECT 1 FROM pg_namespace WHERE nspname = 'sqlml'")
        install(engine)
        assert verify(engine) == []
        assert inline_obstacle(engine) == f"{role} is no superuser, and plpython3u is only given to superusers"


def test_who_may_not_create_is_told(new_role, postgres, postgres_server):
    with (
        opened(postgres_server.url_of(name_of(postgres), new_role())) as engine,
        pytest.raises(InstallError, match=r"role sqlml_\w+ is not there|is no member of sqlml_owner"),
    ):
        install(engine)


def test_a_level_that_there_is_not(postgres):
    with opened(postgres) as engine, pytest.raises(InvalidArgument, match="known are: auto, inline, plain"):
        install(engine, level="full")


def test_predict_is_there_before_any_model_and_is_put_back(server, admin):
    with pytest.raises(psycopg.Error, match="there is no model 'buyer'; there are none") as refused:
        admin.execute("SELECT sqlml.predict('buyer', r) FROM (SELECT 1 AS a) AS r")
    assert refused.value.sqlstate == "ML010"
    admin.execute("DROP FUNCTION sqlml.predict; ALTER FUNCTION sqlml.predict_label VOLATILE")
    found = verify(server)
    assert states(server) == [
        ("sqlml.predict(text, anyelement)", "missing"),
        ("sqlml.predict_label(text, anyelement)", "edited"),
    ]
    assert {each.explanation.partition("created from ")[2] for each in found} == {
        "the models that are live; run sqlml install"
    }
    install(server, repair=True)
    assert verify(server) == []


def test_compiled_routines_are_held_against_their_version(server, admin):
    admin.execute("CREATE TABLE t AS SELECT i % 7 AS x, i % 7 > 3 AS y FROM generate_series(1, 100) AS g(i)")
    admin.execute(
        "CALL sqlml.train(model => 'm', relation => 't', target => 'y', algorithm => 'linear', deploy => 'always')"
    )
    assert verify(server) == []
    ((name,),) = admin.execute("""
        SELECT oid::regprocedure::text FROM pg_proc
        WHERE proname = 'predict_m' AND pronamespace = 'sqlml'::regnamespace
    """).fetchall()
    admin.execute(f"ALTER FUNCTION {name} VOLATILE; GRANT EXECUTE ON FUNCTION {name} TO PUBLIC")
    (found,) = verify(server)
    assert (found.routine, found.state) == (name, "edited")
    assert found.explanation.endswith("; run sqlml install")
    assert "+EXECUTE to PUBLIC" in found.diff
    assert install(server, repair=True) == [f"grants of {name}", "compiled:m@1"]
    assert verify(server) == []
    admin.execute(f"DROP FUNCTION {name}")
    assert states(server) == [(name, "missing")]
    assert install(server, repair=True) == ["compiled:m@1"]
    assert verify(server) == []


def test_a_minor_upgrade_of_the_server_is_no_edit_and_hides_none(server, admin):
    major = server.version().partition(".")[0]
    admin.execute("UPDATE sqlml.routine SET engine_version = %s", [f"{major}.0"])
    assert verify(server) == []
    assert install(server) == []
    assert install(server, repair=True) == []
    admin.execute("ALTER FUNCTION sqlml.live_at VOLATILE")
    assert [state for _, state in states(server)] == ["edited"]
    assert install(server, repair=True) == ["routines/live_at.sql"]


def test_another_major_version_is_told_and_recorded_anew(server, admin):
    admin.execute("UPDATE sqlml.routine SET engine_version = '9.6'")
    admin.execute("ALTER TABLE sqlml.metric ADD COLUMN note text")
    (found,) = verify(server)
    assert (found.routine, found.state) == ("sqlml", "behind")
    assert "recorded under version 9.6 of the engine, and this is" in found.explanation
    assert "routines/live_at.sql" in install(server)
    assert verify(server) == []


def test_row_security_of_the_owner_is_no_edit(server, admin):
    admin.execute("""
        ALTER TABLE sqlml.model ENABLE ROW LEVEL SECURITY;
        CREATE POLICY by_owner ON sqlml.model USING (owner = current_user);
        ALTER TABLE sqlml.run ENABLE ROW LEVEL SECURITY;
        ALTER TABLE sqlml.metric ENABLE ROW LEVEL SECURITY;
        ALTER TABLE sqlml.metric FORCE ROW LEVEL SECURITY;
        CREATE POLICY "for all" ON sqlml.metric AS RESTRICTIVE FOR SELECT TO sqlml_reader USING (true);
        CREATE POLICY job_of_night ON sqlml.job FOR SELECT TO sqlml_auditor USING (asked_at > 'yesterday');
    """)
    assert verify(server) == []
    assert install(server, repair=True) == []
    # What an installation records does not become ours.
    admin.execute("UPDATE sqlml.routine SET engine_version = '9.6'")
    install(server)
    assert verify(server) == []
    admin.execute("""
        DROP POLICY by_owner ON sqlml.model;
        ALTER TABLE sqlml.model DISABLE ROW LEVEL SECURITY;
        ALTER TABLE sqlml.metric NO FORCE ROW LEVEL SECURITY;
        DROP POLICY job_of_night ON sqlml.job;
    """)
    assert verify(server) == []


def test_row_security_of_ours_must_stay(server, admin):
    admin.execute("""
        ALTER POLICY job_seen ON sqlml.job USING (true);
        ALTER TABLE sqlml.metric ENABLE ROW LEVEL SECURITY, ADD COLUMN policy text;
    """)
    assert states(server) == [("sqlml.job", "edited"), ("sqlml.metric", "edited")]
    assert [line.partition(" ")[0] for line in diff_of(server, "sqlml.job")] == ["-policy"]
    assert diff_of(server, "sqlml.metric") == ["+policy text"]
    admin.execute("DROP POLICY job_seen ON sqlml.job; ALTER TABLE sqlml.job DISABLE ROW LEVEL SECURITY")
    assert {line[0] for line in diff_of(server, "sqlml.job")} == {"-", "+"}


def test_who_does_not_inherit_is_told_to(new_role, installed_once, postgres, postgres_server):
    role = new_role(options="CREATEROLE NOINHERIT")
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name_of(postgres)} OWNER TO {role}")
        connection.execute(f"GRANT sqlml_owner TO {role}")
        with opened(postgres_server.url_of(name_of(postgres), role)) as engine:
            with pytest.raises(InstallError, match=f"{role} has no right of sqlml_owner .* ALTER ROLE {role} INHERIT"):
                install(engine)
            connection.execute(f"ALTER ROLE {role} INHERIT")
            install(engine)
            assert verify(engine) == []


def test_a_membership_that_newer_servers_restrict_is_another_one(server):
    """Such a server cannot be had here: the columns that it has are put beside those of this one."""
    memberships = "FROM pg_auth_members AS granted WHERE member"
    assert memberships in _ROLES
    newer = "FROM (SELECT *, false AS inherit_option, {} AS set_option FROM pg_auth_members) AS granted WHERE member"

    def of_auditor(query):
        return next(row[2] for row in server.rows(query, {"names": None}) if row[0] == "role sqlml_auditor")

    plain = of_auditor(_ROLES)
    assert plain == "nologin\nmember of sqlml_reader"
    assert of_auditor(_ROLES.replace(memberships, newer.format("true"))) == f"{plain} without inherit"
    both = of_auditor(_ROLES.replace(memberships, newer.format("false")))
    assert both == f"{plain} without inherit without set"


def test_a_right_that_only_newer_servers_have_can_be_taken_back():
    statement = rights._statement(exp.Revoke, "MAINTAIN to some role", exp.Var(this="sqlml.run"), "TABLE")
    assert statement.sql("postgres") == 'REVOKE MAINTAIN ON TABLE sqlml.run FROM "some role" CASCADE'
