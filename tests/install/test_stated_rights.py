"""Who may do what with the objects of sqlml, and to whom they belong, is what the files state, whatever was there."""

import psycopg
import pytest
from postgres import name_of

from sqlml.engine.postgres.client import opened
from sqlml.errors import InstallError, PermissionDenied
from sqlml.install import install, verify
from sqlml.install.rights import expected_rights
from sqlml.registry.routine import recorded_routines

ASK = "SELECT sum(sqlml.predict('buyer', v)) FROM visit AS v"


@pytest.fixture
def engine(trained):
    with opened(trained) as engine:
        yield engine


@pytest.fixture
def admin(trained):
    with psycopg.connect(trained, autocommit=True) as connection:
        yield connection


def held_by(engine, role):
    return sorted(name for name, entry in engine.catalog().items() if f" to {role}" in entry.rights)


def test_what_the_files_state_is_what_a_new_database_grants(server):
    catalog = server.catalog()
    expected = expected_rights(server, catalog)
    recorded = recorded_routines(server)
    assert {each.routine: expected.of_recorded(each) for each in recorded} == {
        each.routine: catalog[each.routine].rights for each in recorded
    }
    assert len(expected.stated) > 50


def test_default_privileges_that_were_there_before_give_nothing(new_role, installed, postgres):
    app = new_role()
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute(f"""
            ALTER DEFAULT PRIVILEGES FOR ROLE postgres GRANT EXECUTE ON FUNCTIONS TO {app};
            ALTER DEFAULT PRIVILEGES FOR ROLE sqlml_owner GRANT SELECT ON TABLES TO {app} WITH GRANT OPTION;
            ALTER DEFAULT PRIVILEGES FOR ROLE sqlml_owner GRANT EXECUTE ON FUNCTIONS TO {app}, PUBLIC;
            ALTER DEFAULT PRIVILEGES FOR ROLE sqlml_owner GRANT USAGE ON SCHEMAS TO {app};
            CREATE SCHEMA sqlml AUTHORIZATION sqlml_owner;
            ALTER DEFAULT PRIVILEGES FOR ROLE sqlml_owner IN SCHEMA sqlml GRANT UPDATE ON TABLES TO {app};
        """)
    with opened(postgres) as engine, opened(installed) as fresh:
        install(engine)
        assert held_by(engine, app) == []
        assert verify(engine) == []
        assert engine.catalog() == fresh.catalog()
        assert install(engine, repair=True) == []


def test_default_privileges_give_no_compiled_function_away(new_role, engine, admin):
    app = new_role()
    admin.execute(f"ALTER DEFAULT PRIVILEGES FOR ROLE sqlml_owner GRANT EXECUTE ON FUNCTIONS TO {app}, PUBLIC")
    admin.execute("CALL sqlml.train('buyer', 'visit', 'bought', algorithm => 'baseline', deploy => 'always')")
    admin.execute("CALL sqlml.train('other', 'visit', 'bought', algorithm => 'baseline', deploy => 'always')")
    assert held_by(engine, app) == []
    assert held_by(engine, "PUBLIC") == []
    assert [each.routine for each in verify(engine)] == ["role sqlml_owner"]
    admin.execute(f"ALTER DEFAULT PRIVILEGES FOR ROLE sqlml_owner REVOKE EXECUTE ON FUNCTIONS FROM {app}, PUBLIC")
    assert verify(engine) == []


def test_grants_that_were_once_recorded_as_right_are_found(new_role, server, admin_of_new):
    app = new_role()
    admin_of_new.execute(f"""
        GRANT EXECUTE ON FUNCTION sqlml.as_owner, sqlml.server_python TO {app};
        GRANT SELECT ON sqlml.run TO {app};
        UPDATE sqlml.routine SET rights = concat_ws(E'\\n', nullif(rights, ''), 'EXECUTE to {app}')
        WHERE routine ~ '(as_owner|server_python)';
        UPDATE sqlml.routine SET rights = concat_ws(E'\\n', 'SELECT to {app}', rights) WHERE routine = 'sqlml.run';
    """)
    names = ["sqlml.as_owner(text)", "sqlml.run", "sqlml.server_python(text)"]
    assert [each.routine for each in verify(server)] == names
    assert [name for name in install(server, repair=True) if name.startswith("grants")] == [
        f"grants of {name}" for name in names
    ]
    assert verify(server) == []
    assert install(server, repair=True) == []


@pytest.fixture
def admin_of_new(installed):
    with psycopg.connect(installed, autocommit=True) as connection:
        yield connection


def test_a_right_that_was_passed_on_is_taken_back_from_all(new_role, postgres_server, installed, server, admin_of_new):
    first, second = new_role("sqlml_caller"), new_role("sqlml_caller")
    admin_of_new.execute(f"GRANT EXECUTE ON FUNCTION sqlml.to_sql TO {first} WITH GRANT OPTION")
    admin_of_new.execute("GRANT EXECUTE ON FUNCTION sqlml.to_sql TO sqlml_reader WITH GRANT OPTION")
    with psycopg.connect(postgres_server.url_of(name_of(installed), first), autocommit=True) as connection:
        connection.execute(f"GRANT EXECUTE ON FUNCTION sqlml.to_sql TO {second}, sqlml_reader")
    assert install(server, repair=True) == ["grants of sqlml.to_sql(text, text)"]
    assert verify(server) == []
    assert held_by(server, second) == []


def test_what_was_given_away_is_told_in_one_line_and_given_back(engine, admin):
    before = engine.catalog()
    admin.execute("REASSIGN OWNED BY sqlml_owner TO postgres")
    (found,) = verify(engine)
    assert (found.routine, found.state) == ("sqlml", "edited")
    counts, _, remedy = found.explanation.partition(" belong to postgres, and should belong to sqlml_owner; ")
    assert " 2 schemas, " in counts
    assert remedy == "run sqlml install as a superuser, which gives them back"
    (told,) = install(engine)
    assert told == f"owner sqlml_owner of {counts}"
    assert verify(engine) == []
    assert engine.catalog() == before
    admin.execute("CALL sqlml.deploy('buyer', 2)")
    assert verify(engine) == []


def by_hand(admin):
    """Give our objects back without the installer."""
    for kind, name in admin.execute("SELECT kind, routine FROM sqlml.routine WHERE kind <> 'role'").fetchall():
        admin.execute(f"ALTER {kind} {name} OWNER TO sqlml_owner")


def test_an_owner_that_was_recorded_is_not_the_owner_that_should_be(engine, admin):
    admin.execute("REASSIGN OWNED BY sqlml_owner TO postgres")
    admin.execute("CALL sqlml.deploy('buyer', 2)")
    recorded = "SELECT count(*) > 0 FROM sqlml.routine WHERE definition LIKE '%owner postgres'"
    assert engine.rows(recorded) == [(True,)]
    by_hand(admin)
    assert verify(engine) == []
    assert install(engine, repair=True) == []
    admin.execute("CALL sqlml.deploy('buyer', 1)")
    admin.execute("CALL sqlml.train('buyer', 'visit', 'bought', algorithm => 'baseline', deploy => 'always')")
    assert verify(engine) == []
    assert install(engine, repair=True) == []


def test_what_was_given_to_who_could_not_act_as_the_owner_is_not_taken(new_role, trained, engine, admin):
    app = new_role()
    admin.execute(f"REASSIGN OWNED BY sqlml_owner TO {app}")
    with pytest.raises(InstallError, match=f"schema sqlml belongs to {app} and not to sqlml_owner; .* gives it back"):
        install(engine, repair=True)
    admin.execute("ALTER SCHEMA sqlml OWNER TO sqlml_owner")
    with pytest.raises(InstallError, match=f"{app} owns objects of sqlml, such as .*, may not act as sqlml_owner"):
        install(engine, repair=True)
    admin.execute(f"REASSIGN OWNED BY {app} TO sqlml_owner")
    install(engine, repair=True)
    assert verify(engine) == []


def test_who_is_no_superuser_cannot_give_back(new_role, postgres_server, trained, admin):
    admin.execute("REASSIGN OWNED BY sqlml_owner TO postgres")
    url = postgres_server.url_of(name_of(trained), new_role("sqlml_reader"))
    with opened(url) as engine, pytest.raises(PermissionDenied, match=r"must be owner .* Install as a superuser"):
        install(engine)


@pytest.fixture
def crm(new_role, admin):
    """A role to which model ``buyer`` is granted."""
    role = new_role()
    admin.execute("CALL sqlml.grant_model('buyer', %s)", [role])
    return role


def void(model, role):
    return f"model {model} is granted to {role}, who was dropped or renamed, or whom this server does not know; "


def test_a_grant_to_a_role_that_was_dropped_is_told_and_taken_back(postgres_server, engine, admin):
    with postgres_server.connect() as connection:
        connection.execute("CREATE ROLE t_gone")
    admin.execute("CALL sqlml.grant_model('buyer', 't_gone')")
    admin.execute("DROP OWNED BY t_gone; DROP ROLE t_gone")
    (found,) = verify(engine)
    assert (found.routine, found.state) == ("sqlml.model_grant", "edited")
    assert found.explanation.startswith(void("buyer", "t_gone"))
    assert install(engine, repair=True) == ["the end of the grant of model buyer to t_gone"]
    assert engine.rows("SELECT count(*) FROM sqlml.model_grant") == [(0,)]
    assert verify(engine) == []


def test_a_number_that_is_another_role_in_this_server_is_no_grant(new_role, crm, engine, admin):
    other = new_role()
    admin.execute(f"UPDATE sqlml.model_grant SET grantee = '{other}'::regrole")
    admin.execute("CALL sqlml.train('buyer', 'visit', 'bought', algorithm => 'baseline', deploy => 'always')")
    assert held_by(engine, other) == []
    assert void("buyer", crm) in "".join(each.explanation for each in verify(engine))
    install(engine, repair=True)
    assert verify(engine) == []
    assert held_by(engine, crm) == []


def test_a_renamed_role_is_granted_the_model_again(crm, postgres_server, engine, admin):
    admin.execute(f"ALTER ROLE {crm} RENAME TO {crm}_new")
    try:
        assert void("buyer", crm) in "".join(each.explanation for each in verify(engine))
        admin.execute("CALL sqlml.grant_model('buyer', %s)", [f"{crm}_new"])
        assert verify(engine) == []
        assert engine.rows("SELECT role FROM sqlml.granted_model") == [(f"{crm}_new",)]
        admin.execute("CALL sqlml.grant_model('buyer', %s)", [f"{crm}_new"])
        admin.execute("CALL sqlml.revoke_model('buyer', %s)", [f"{crm}_new"])
        assert engine.rows("SELECT count(*) FROM sqlml.model_grant") == [(0,)]
    finally:
        admin.execute(f"ALTER ROLE {crm}_new RENAME TO {crm}")


def test_a_text_of_the_data_creates_no_routine(con):
    """It would be dropped with those of a version that is trained and not deployed."""
    con.execute("CREATE TABLE t AS SELECT i % 7 AS x, i % 7 > 3 AS y FROM range(100) AS g(i)")
    con.execute("CALL sqlml.train('other', 't', 'y', algorithm => 'baseline', deploy => 'always')")
    text = "a;\nCREATE OR REPLACE MACRO sqlml.predict_other(features) AS 1;\n"
    con.execute(
        "CREATE TABLE u AS SELECT i, if(i % 2 = 0, $text, 'b') AS text, i % 2 = 0 AS y FROM range(100) AS g(i)",
        {"text": text},
    )
    con.execute("CALL sqlml.train('m', 'u', 'y', algorithm => 'linear', deploy => 'never')")
    assert con.execute("SELECT count(sqlml.predict_other(t)) FROM t").fetchall() == [(100,)]
