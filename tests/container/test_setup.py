"""The logins that ``container/setup`` makes: once or twice the same, each with the rights that it needs and no more."""

import os
import subprocess
import sysconfig

import psycopg
import pytest
from machine import LOGINS, ROOT
from postgres import name_of, newest_programs
from psycopg.conninfo import conninfo_to_dict, make_conninfo

# Roles belong to the whole server, so these tests do not run side by side where all share one.
pytestmark = pytest.mark.xdist_group("logins")

ROLES = """
SELECT rolname, rolcanlogin, rolinherit, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls,
       rolconnlimit > 0, rolpassword IS NULL
FROM pg_authid WHERE rolname = ANY (%s) ORDER BY rolname
"""
MEMBERSHIPS = """
SELECT member.rolname, granted.rolname, admin_option
FROM pg_auth_members JOIN pg_roles AS member ON member.oid = member JOIN pg_roles AS granted ON granted.oid = roleid
WHERE member.rolname = ANY (%s) ORDER BY 1, 2
"""
PRIVILEGES = """
SELECT nspname, nspowner::regrole::text, nspacl::text FROM pg_namespace WHERE NOT starts_with(nspname, 'pg_')
UNION ALL SELECT relname, relowner::regrole::text, relacl::text FROM pg_class WHERE relnamespace = 'sqlml'::regnamespace
UNION ALL SELECT proname, proowner::regrole::text, proacl::text FROM pg_proc WHERE pronamespace = 'sqlml'::regnamespace
UNION ALL SELECT defaclnamespace::regnamespace::text, defaclrole::regrole::text, defaclacl::text FROM pg_default_acl
UNION ALL SELECT extname, extversion, '' FROM pg_extension
UNION ALL SELECT 'settings of the database', NULL, setconfig::text FROM pg_db_role_setting ORDER BY 1, 2, 3
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the passwords."""
    folder = tmp_path_factory.mktemp("logins")
    subprocess.run([ROOT / "container" / "secrets", folder / "secrets"], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def database(postgres_server, folder):
    """A database after the setup; its logins are gone afterwards."""
    with postgres_server.database() as url, psycopg.connect(url, autocommit=True) as connection:
        assert connection.execute(ROLES, [list(LOGINS)]).fetchall() == [], "the server has such roles already"
        set_up(url, folder)
        yield url
        connection.execute("DROP OWNED BY analyst, dbt, worker CASCADE")
        connection.execute("DROP ROLE analyst, dbt, worker")


def set_up(url, folder):
    """Run the script of the container against the server of the tests."""
    place = conninfo_to_dict(url)
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD"}
    environment = {variable: str(place[name]) for name, variable in names.items() if name in place}
    path = os.pathsep.join([sysconfig.get_path("scripts"), str(newest_programs()), os.environ["PATH"]])
    environment |= {"PATH": path, "PGDATABASE": name_of(url), "SQLML_SECRETS": str(folder / "secrets")}
    done = subprocess.run([ROOT / "container" / "setup"], capture_output=True, text=True, env=environment, timeout=60)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout


def as_login(url, login, folder):
    """A connection for a login, with the password of its file."""
    secret = (folder / "secrets" / login).read_text()
    return psycopg.connect(make_conninfo(url, user=login, password=secret), autocommit=True)


def test_twice_is_the_same_as_once_and_undoes_what_was_given_to_a_login_meanwhile(database, folder):
    def seen():
        with psycopg.connect(database) as connection:
            about_logins = [connection.execute(query, [list(LOGINS)]).fetchall() for query in (ROLES, MEMBERSHIPS)]
            return [*about_logins, connection.execute(PRIVILEGES).fetchall()]

    before = seen()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("ALTER ROLE worker SUPERUSER INHERIT BYPASSRLS CREATEROLE")
        connection.execute("ALTER ROLE dbt CREATEDB REPLICATION")
    assert "is up to date" in set_up(database, folder)
    assert seen() == before
    assert before[0] == [
        ("analyst", True, True, False, False, False, False, False, True, False),
        ("dbt", True, True, False, False, False, False, False, True, False),
        ("worker", True, False, False, False, False, False, False, True, False),
    ]
    assert before[1] == [
        *((login, role, False) for login in ("analyst", "dbt") for role in ("sqlml_deployer", "sqlml_trainer")),
        *(("worker", role, False) for role in ("analyst", "dbt", "sqlml_owner")),
    ]


def test_the_worker_acts_for_its_members_and_has_no_right_of_its_own(database, folder):
    with as_login(database, "worker", folder) as connection:
        for statement in (
            "SELECT * FROM sqlml.model",
            "SELECT * FROM sqlml_queue.procrastinate_jobs",
            "SELECT sqlml.take_job('x', 'y', 1)",
            "CREATE TABLE analyst.t ()",
            "CREATE TABLE public.t ()",
            "CREATE SCHEMA s",
            "CREATE ROLE r",
            "CREATE DATABASE d",
            "SET ROLE pg_read_server_files",
            "COPY (SELECT 1) TO PROGRAM 'true'",
            "SELECT pg_read_file('PG_VERSION')",
            "ALTER ROLE worker SUPERUSER",
        ):
            with pytest.raises(psycopg.Error, match=r"permission denied|must be superuser"):
                connection.execute(statement)
        for role in ("analyst", "dbt", "sqlml_owner"):
            connection.execute(f"SET ROLE {role}")
            assert connection.execute("SELECT count(*) FROM sqlml.model").fetchone() == (0,)
            connection.execute("RESET ROLE")


def test_what_the_job_makes_is_in_its_schema_and_read_by_the_analyst_and_not_by_everybody(database, folder):
    with as_login(database, "dbt", folder) as connection:
        connection.execute("CREATE TABLE made AS SELECT 1 AS n")
        assert connection.execute("SELECT 'made'::regclass = 'dbt.made'::regclass").fetchone() == (True,)
        for statement in ("CREATE TABLE analyst.t ()", "CREATE TABLE public.t ()", "DELETE FROM sqlml.model"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
    with as_login(database, "analyst", folder) as connection:
        assert connection.execute("SELECT n FROM dbt.made").fetchone() == (1,)
        for statement in ("DELETE FROM dbt.made", "DROP TABLE dbt.made", "SET ROLE sqlml_owner", "SET ROLE dbt"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
    with as_login(database, "worker", folder) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SELECT n FROM dbt.made")
