"""``sqlml install`` and ``sqlml verify`` on a server, as they are typed."""

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
    assert run("install", "--target", installed)[1] == "applied owner and grants of sqlml.to_sql(text, text)\n"
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
    for _ in range(2):
        code, out, _ = run("install", "--target", installed, "--search-path")
        assert (code, "put sqlml on the search path of new sessions" in out) == (0, True)
    with psycopg.connect(installed) as session:
        assert session.execute("SHOW search_path").fetchone() == ('"Shop", public, sqlml',)


@pytest.mark.parametrize(
    "target",
    ["postgresql://ann:geheim@localhost:1/shop", "postgresqlx//ann:geheim@x/shop", "host=/nope password=geheim"],
)
@pytest.mark.parametrize("command", ["install", "verify"])
def test_a_password_is_never_printed(run, command, target):
    code, out, err = run(command, "--target", target)
    assert (code, out) == (1, "")
    assert err.startswith("ML060 ")
    assert "geheim" not in err


@pytest.mark.parametrize(
    "arguments", [("verify",), ("verify", "x.duckdb", "--target", "postgresql:///x"), ("install",)]
)
def test_a_wrong_use_is_said(run, arguments):
    assert run(*arguments)[0] == 2
