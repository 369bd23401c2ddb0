"""The server as it runs in its container: who gets in, its health, and a worker that serves it."""

import re
import stat
import subprocess

import psycopg
import pytest
from machine import LOGINS, ROOT, wait_until

PURCHASES = "CREATE TABLE purchase AS SELECT i AS id, i % 7 AS x, i % 7 > 3 AS y FROM generate_series(1, 200) AS g(i)"
TRAIN = """
CALL sqlml.train(model => 'm', relation => 'purchase', target => 'y', algorithm => 'baseline', deploy => 'always',
                 runtime => 'worker')
"""


@pytest.fixture(scope="module")
def served(machine):
    """The machine while its server runs."""
    with machine.serving():
        yield machine


def test_a_grant_or_an_edited_object_is_for_verify_to_find_and_keeps_nobody_from_work(served):
    served.as_superuser("GRANT SELECT ON sqlml.alert TO analyst; DROP VIEW sqlml.latest_drift")
    assert served.run("healthy").returncode == 0
    verify = ("sqlml", "verify", "--target", "postgresql:///sqlml")
    ill = served.run("../bin/sqlml", *verify[1:])
    assert ill.returncode == 1
    assert {"sqlml.alert:", "sqlml.latest_drift:"} <= set(ill.stdout.split())
    assert served.run("setup").returncode == 0
    assert served.run("../bin/sqlml", *verify[1:]).returncode == 0


def test_it_is_not_healthy_with_a_migration_to_come(served):
    name = "migrations/0002_monitoring.sql"
    gone = served.as_superuser(f"DELETE FROM sqlml.migration WHERE migration = '{name}' RETURNING file_hash")
    ill = served.run("healthy")
    served.as_superuser(f"INSERT INTO sqlml.migration VALUES ('{name}', '{gone}', current_timestamp)")
    assert (ill.returncode, ill.stderr) == (1, f"the database lacks {name}; run sqlml install\n")
    assert served.run("healthy").returncode == 0


def test_it_is_not_healthy_where_it_is_not_open_to_the_network(served):
    assert served.run("healthy", PGPORT="1").returncode != 0


@pytest.mark.parametrize("login", LOGINS)
def test_a_login_gets_in_with_the_password_of_its_file_alone(served, login):
    with served.connect(login) as connection:
        assert connection.execute("SELECT session_user").fetchone() == (login,)
    for wrong in ("", "x" * 48, (served.secrets / login).read_text()[:-1]):
        with pytest.raises(psycopg.OperationalError):
            served.connect(login, password=wrong)


def test_the_superuser_does_not_get_in_from_the_network(served):
    superuser = served.as_superuser("SELECT current_user")
    for password in ("", "postgres", (served.secrets / "analyst").read_text()):
        with pytest.raises(psycopg.OperationalError, match="password"):
            served.connect(superuser, password=password)


def test_a_login_does_not_get_in_through_the_socket(served):
    with pytest.raises(psycopg.OperationalError, match="Peer authentication failed"):
        served.connect("analyst", host=str(served.folder))


def test_no_password_is_in_the_log_or_in_the_environment_of_a_client(served):
    log = (served.folder / "server.log").read_text()
    printed = served.run("login", "worker", "env")
    assert printed.returncode == 0
    assert "PGUSER=worker" in printed.stdout
    for login in LOGINS:
        password = (served.secrets / login).read_text()
        assert password not in log
        assert password not in printed.stdout
    assert "SCRAM-SHA-256" not in log
    passwords = served.folder / ".pgpass-worker"
    assert stat.S_IMODE(passwords.stat().st_mode) == 0o600


def test_the_worker_is_alive_and_does_what_the_analyst_asks(served):
    network, log = {"PGHOST": "127.0.0.1"}, served.folder / "worker.log"
    asked = ("worker", "python", served.container / "worker_healthy.py")
    ill = served.run("login", *asked, **network)
    assert (ill.returncode, ill.stderr) == (1, "the worker has not been heard of for a minute\n")
    command = ("worker", "sqlml", "worker", "--target", "postgresql:///sqlml")
    with served.running(log.name, "login", *command, **network) as keeper:
        wait_until(lambda: "worker started" in log.read_text(), keeper, log)
        wait_until(lambda: served.run("login", *asked, **network).returncode == 0, keeper, log)
        with served.connect("analyst") as connection:
            connection.execute(PURCHASES)
            connection.execute(TRAIN)
            found = connection.execute("SELECT DISTINCT predict('m', c) FROM purchase AS c").fetchall()
    assert len(found) == 1
    assert served.run("login", *asked, **network).returncode == 1


def test_what_the_guide_has_the_analyst_type_gives_predictions(served):
    section = (ROOT / "docs" / "postgres.md").read_text().split("\n## Container\n")[1].split("\n## ")[0]
    (statements,) = re.findall(r"^PGPASSWORD=[^\n]* psql [^\n]*\n\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    command = [served.container / "login", "analyst", "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
    options = served.options(PGHOST="127.0.0.1")
    done = subprocess.run(command, input=statements, capture_output=True, text=True, timeout=60, **options)
    assert done.returncode == 0, done.stderr
    assert [0 < float(line.split("|")[1]) < 1 for line in done.stdout.splitlines()[-3:]] == [True, True, True]


@pytest.mark.parametrize("content", ["", "short", " " * 48])
def test_a_password_that_is_none_is_refused_and_the_one_before_stays(served, content):
    bad = served.folder / "bad" / "dbt"
    bad.parent.mkdir(exist_ok=True)
    bad.write_text(content)
    done = served.run("../bin/python", served.container / "passwords.py", bad.parent, "dbt")
    assert done.returncode == 1
    assert f"{bad}: the password of dbt has less than 16 characters; container/secrets makes" in done.stderr
    served.connect("dbt").close()
