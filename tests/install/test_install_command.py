"""``sqlml install`` and ``sqlml verify`` on a server, as they are typed."""

import re

import psycopg
import pytest
from postgres import name_of

from sqlml.cli.process import exit_code


@pytest.fixture
def run(capsys, monkeypatch):
    """Run a command line; gives the exit code, what was printed, and what was said on the error stream."""
    monkeypatch.delenv("SQLML_TARGET", raising=False)

    def run_command(*arguments):
        code = exit_code(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run_command


def test_install_then_verify_then_both_again(run, postgres):
    code, out, err = run("install", "--target", postgres)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert (lines[0], lines[-1]) == ("applied migrations/0000_roles.sql", "applied inline/server_python.sql")
    shown = f"{name_of(postgres)} on "
    code, out, _ = run("verify", "--target", postgres)
    assert (code, out.startswith(shown), out.endswith(" is in step with its files\n")) == (0, True, True)
    code, out, _ = run("install", "--target", postgres)
    assert (code, out.startswith(shown), out.endswith(" is up to date\n")) == (0, True, True)


def test_the_target_may_come_from_the_environment(run, installed, monkeypatch):
    monkeypatch.setenv("SQLML_TARGET", installed)
    assert run("verify")[0] == 0


def test_verify_prints_what_differs_and_exits_with_1(run, installed):
    with psycopg.connect(installed, autocommit=True) as admin:
        admin.execute("GRANT EXECUTE ON FUNCTION sqlml.to_sql TO PUBLIC")
    code, out, err = run("verify", "--target", installed)
    assert (code, err) == (1, "")
    first, *diff = out.splitlines()
    assert first == (
        "edited   sqlml.to_sql(text, text): its owner or grants were changed after it was created from "
        "routines/to_sql.sql; run sqlml install"
    )
    assert "  +EXECUTE to PUBLIC" in diff
    assert run("install", "--target", installed)[1] == "applied grants of sqlml.to_sql(text, text)\n"
    assert run("verify", "--target", installed)[0] == 0


def test_the_plain_level_says_why(run, new_role, postgres, postgres_server):
    role = new_role(options="CREATEROLE")
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute(f"GRANT CREATE ON DATABASE {name_of(postgres)} TO {role}")
    url = postgres_server.url_of(name_of(postgres), role)
    code, out, _ = run("install", "--target", url)
    assert code == 0
    assert out.splitlines()[-1] == (
        f"level plain, without Python in the server: {role} is no superuser, and plpython3u is only given to superusers"
    )


def test_the_search_path_is_kept_and_ours_comes_last(run, installed):
    with psycopg.connect(installed, autocommit=True) as admin:
        admin.execute(f'ALTER DATABASE {name_of(installed)} SET search_path = "Shop", public')
    for said in ('"Shop", public -> "Shop", public, sqlml', '"Shop", public, sqlml'):
        code, out, _ = run("install", "--target", installed, "--search-path")
        assert (code, f"search path of new sessions: {said}" in out.splitlines()) == (0, True), out
    with psycopg.connect(installed) as session:
        assert session.execute("SHOW search_path").fetchone() == ('"Shop", public, sqlml',)


@pytest.fixture
def set_for_all(postgres_server):
    """Set the search path of the server, of all roles, or of one; it is as it was afterwards."""
    undo = []

    def change(what, path):
        alter, reload = f"ALTER {what} SET search_path", "SELECT pg_reload_conf()"
        reset = f"ALTER {what} RESET search_path"
        with postgres_server.connect() as admin:
            undo.append(reset)
            admin.execute(f"{alter} = {path}")
            admin.execute(reload)

    yield change
    with postgres_server.connect() as admin:
        for statement in undo:
            admin.execute(statement)
        admin.execute("SELECT pg_reload_conf()")


@pytest.mark.parametrize("what", ["SYSTEM", "ROLE ALL"])
def test_a_search_path_that_all_sessions_have_is_kept(run, installed, set_for_all, what):
    set_for_all(what, "app, public")
    code, out, _ = run("install", "--target", installed, "--search-path")
    assert (code, "search path of new sessions: app, public -> app, public, sqlml" in out) == (0, True), out
    with psycopg.connect(installed) as session:
        assert session.execute("SHOW search_path").fetchone() == ("app, public, sqlml",)


def test_the_search_path_of_whoever_installs_stays_their_own(run, installed, new_role, set_for_all, postgres_server):
    set_for_all("SYSTEM", 'app, "$user"')
    role = new_role(options="SUPERUSER")
    set_for_all(f"ROLE {role}", "mine")
    target = postgres_server.url_of(name_of(installed), role)
    said = 'sessions: app, "$user" -> app, "$user", sqlml\n'
    assert said in run("install", "--target", target, "--search-path")[1]
    for url, path in {installed: 'app, "$user", sqlml', target: "mine"}.items():
        with psycopg.connect(url) as session:
            assert session.execute("SHOW search_path").fetchone() == (path,)


def test_a_search_path_that_cannot_be_seen_is_not_guessed(run, installed, new_role, set_for_all, postgres_server):
    role = new_role("sqlml_owner")
    set_for_all(f"ROLE {role}", "mine")
    target = postgres_server.url_of(name_of(installed), role)
    said = f"login {role} has a search path of its own"
    with psycopg.connect(target) as session, pytest.raises(psycopg.Error, match=said) as refused:
        session.execute("CALL sqlml.put_on_search_path()")
    assert refused.value.sqlstate == "ML070"


def test_who_lacks_a_right_is_told_who_has_it(run, new_role, installed, postgres_server):
    role = new_role()
    target = postgres_server.url_of(name_of(installed), role)
    denied = "ML063 permission denied for schema sqlml. "
    assert run("verify", "--target", target) == (
        2, "", f"{denied}Verify as a member of sqlml_reader, who may read this\n"
    )  # fmt: skip
    asked = f"{denied}Install as a superuser, or as the owner of the database, with CREATEROLE\n"
    assert run("install", "--target", target) == (1, "", asked)


def test_a_queue_that_was_left_behind_is_named(run, installed):
    with psycopg.connect(installed, autocommit=True) as admin:
        admin.execute("DROP SCHEMA sqlml CASCADE")
        code, out, err = run("install", "--target", installed)
        assert (code, out) == (1, "")
        (remedy,) = re.findall("^ML070 schema sqlml_queue holds the queue .*: (DROP SCHEMA .*), then install$", err)
        assert run("verify", "--target", installed)[0] == 1
        admin.execute(remedy)
    assert run("install", "--target", installed)[0] == 0
    assert run("verify", "--target", installed)[0] == 0


def test_a_file_that_cannot_be_applied_is_named(run, installed):
    with psycopg.connect(installed, autocommit=True) as admin:
        admin.execute("""
            CREATE VIEW mine AS SELECT * FROM sqlml.algorithm;
            DROP FUNCTION sqlml.to_sql;
            CREATE FUNCTION sqlml.to_sql(mine text, dialect text) RETURNS integer LANGUAGE sql RETURN 1;
            CREATE VIEW of_mine AS SELECT sqlml.to_sql('a', 'b');
        """)
    code, out, err = run("install", "--target", installed)
    assert (code, out) == (1, "")
    assert err.startswith("ML060 routines/to_sql.sql was not applied, and nothing was changed: cannot change")


@pytest.mark.parametrize(
    "target",
    ["postgresql://ann:geheim@localhost:1/shop", "postgresqlx//ann:geheim@x/shop", "host=/nope password=geheim"],
)
@pytest.mark.parametrize("command", ["install", "verify"])
def test_a_password_is_never_printed(run, command, target):
    code, out, err = run(command, "--target", target)
    # That verify could not look is no difference that it has found.
    assert (code, out) == ({"install": 1, "verify": 2}[command], "")
    assert err.startswith("ML060 ")
    assert "geheim" not in err


@pytest.mark.parametrize(
    "arguments", [("verify",), ("verify", "x.duckdb", "--target", "postgresql:///x"), ("install",)]
)
def test_a_wrong_use_is_said(run, arguments):
    assert run(*arguments)[0] == 2
