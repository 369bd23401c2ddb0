"""From nothing to ``predict()``: what docs/postgres.md says of your own server runs as it stands there.

On a cluster as Debian makes it: the user who runs the server comes in through the socket without a password, others by
the network with one. What stands for ``sudo -u postgres`` is that user, and for ``/opt/sqlml`` this environment.
"""

import os
import re
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import duckdb
import psycopg
import pytest
from machine import free_port, machine_in, python_of, wait_until
from postgres import newest_programs
from psycopg import sql
from test_documents import ROOT, SNIPPET

import sqlml

GUIDE = (ROOT / "docs" / "postgres.md").read_text()
AUTHENTICATION = ("--auth-local=peer", "--auth-host=scram-sha-256")
PASSWORD = "of-anns-own-choice"


@pytest.fixture(scope="module")
def own_server(postgres_server):
    """A running cluster of a user of its own, with nothing in it."""
    folder = Path(tempfile.mkdtemp(prefix="sqlml_guide_"))
    try:
        machine = machine_in(folder, newest_programs(), python_of(postgres_server))
        with running(machine, "data", machine.port):
            yield machine
    finally:
        shutil.rmtree(folder)


@contextmanager
def running(machine, data, port):
    """A server in a folder, which is made where it is not there."""
    programs, folder, log = newest_programs(), machine.folder / data, f"{data}.log"
    if not folder.exists():
        create = [programs / "initdb", "-N", "-E", "UTF8", "--locale=C.UTF-8", *AUTHENTICATION, "-D", folder]
        subprocess.run(create, check=True, capture_output=True, **machine.options())
    settings = ("listen_addresses=localhost", "fsync=off", f"unix_socket_directories={machine.folder}")
    arguments = ["-D", folder, "-p", port, *(word for setting in settings for word in ("-c", setting))]
    ready = ["pg_isready", "--quiet"]
    with machine.running(log, programs / "postgres", *arguments) as keeper:
        is_ready = lambda: subprocess.run(ready, **machine.options(PGPORT=port)).returncode == 0  # noqa: E731
        wait_until(is_ready, keeper, machine.folder / log)
        yield


def typed(machine, line, text=None, **variables):
    """Run a line of the guide in a shell, with what is typed into it; gives what it prints."""
    as_server = line.startswith("sudo -u postgres ")
    command = line.removeprefix("sudo -u postgres ").replace("/opt/sqlml/bin/", f"{machine.folder}/bin/")
    if text is not None:
        command += " -X -q -A -t -v ON_ERROR_STOP=1"
    options = machine.options(**variables) if as_server else {"env": os.environ | {"PGPORT": machine.port} | variables}
    done = subprocess.run(command, shell=True, input=text, capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout


def part(title):
    """The snippets of a part of the guide, each with its language."""
    return SNIPPET.findall(GUIDE.partition(f"\n## {title}\n")[2].partition("\n## ")[0])


OPS = "CREATE SCHEMA ops; CREATE ROLE grafana; GRANT USAGE ON SCHEMA ops TO grafana;"
AS_SUPERUSER = "sudo -u postgres psql shop"


def ann(machine, port=None):
    """A connection of ann's."""
    place = {"host": "localhost", "port": port or machine.port, "dbname": "shop"}
    return psycopg.connect(user="ann", password=PASSWORD, autocommit=True, **place)


@pytest.fixture(scope="module")
def shop(own_server):
    """The server after the part "Your own server"; gives it, and what each line of the part printed."""
    _, (_, installing), (_, roles), (_, line), (_, work) = part("Your own server")
    *commands, as_superuser = installing.splitlines()
    assert as_superuser == AS_SUPERUSER
    printed = [typed(own_server, command) for command in commands]
    # The last is what \password does.
    typed(own_server, as_superuser, roles + sql.SQL("ALTER ROLE ann PASSWORD {}").format(PASSWORD).as_string())
    return own_server, [*printed, typed(own_server, line.strip(), work, PGPASSWORD=PASSWORD)]


def test_your_own_server_from_nothing_to_predict(shop):
    _, (_, installed, verified, worked) = shop
    assert 'search path of new sessions: "$user", public -> "$user", public, sqlml\n' in installed
    assert verified.endswith("is in step with its files\n")
    rows = worked.splitlines()
    assert rows[-1] == "churn|1|ann"
    assert [0 < float(row.split("|")[1]) < 1 for row in rows[1:4]] == [True, True, True]


def test_a_right_on_an_object_of_sqlml_is_taken_back_and_a_view_of_ones_own_stays(shop):
    machine, _ = shop
    (_, view), _ = part("Keeping it")
    typed(machine, AS_SUPERUSER, f"{OPS} {view}")
    typed(machine, AS_SUPERUSER, "GRANT SELECT ON sqlml.alert TO grafana")
    install = "sudo -u postgres /opt/sqlml/bin/sqlml install --target postgresql:///shop"
    assert typed(machine, install) == "applied grants of sqlml.alert\n"
    assert typed(machine, AS_SUPERUSER, "SET ROLE grafana; SELECT count(*) FROM ops.alert") == "0\n"
    assert typed(machine, AS_SUPERUSER, "SELECT has_table_privilege('grafana', 'sqlml.alert', 'SELECT')") == "f\n"


def test_a_procedure_of_ones_own_trains_and_scores(shop):
    machine, _ = shop
    ((_, own),) = part("Procedures of your own")
    answered = typed(machine, "psql -h localhost -U ann shop", own, PGPASSWORD=PASSWORD).splitlines()
    version, scored = answered[-1].split("|")
    with ann(machine) as connection:
        live = "SELECT version FROM sqlml.deployment WHERE model = 'churn' AND valid_to IS NULL"
        assert connection.execute(live).fetchone() == (1,)
        assert scored in {"", "800"}
        # The server's own words for what the guide says of CALL in a body.
        (said,) = re.findall(r"`(procedure parameter[^`]*)`", " ".join(GUIDE.split()))
        with pytest.raises(psycopg.Error, match=re.escape(said)):
            connection.execute("DO $$ BEGIN CALL sqlml.deploy(model => 'churn', version => 2); END $$")
        connection.execute(f"""
            DO $$
            DECLARE
              model text := 'churn'; version integer := {version}; alias text; previous integer; since timestamp;
            BEGIN
              CALL sqlml.deploy(model, version, alias, previous, since);
              ASSERT alias = 'champion' AND previous = 1;
              EXECUTE 'CALL sqlml.deploy($1, 1)' USING model;
            END
            $$
        """)


def test_who_reads_a_view_that_predicts_needs_the_model_and_nothing_else(shop):
    machine, _ = shop
    ((_, dashboard),) = part("Dashboards")
    *views, grant = dashboard.strip().splitlines()
    read = "SET ROLE t_board; SELECT count(*), count(p) FROM ops.likely_churn;"
    views = "\n".join(views).replace("grafana", "t_board")
    typed(machine, AS_SUPERUSER, f"CREATE ROLE t_board; GRANT sqlml_reader TO t_board; {views}")
    with pytest.raises(AssertionError, match="permission denied for function predict"):
        typed(machine, AS_SUPERUSER, read)
    typed(machine, AS_SUPERUSER, f"REVOKE sqlml_reader FROM t_board; {grant.replace('grafana', 't_board')}")
    assert typed(machine, AS_SUPERUSER, read) == "800|800\n"
    refreshed = (
        "CREATE MATERIALIZED VIEW ops.kept AS SELECT * FROM ops.likely_churn; GRANT SELECT ON ops.kept TO t_other;"
    )
    read_other = "SET ROLE t_other; SELECT count(p) FROM ops.kept;"
    allowed = "CREATE ROLE t_other; GRANT USAGE ON SCHEMA ops TO t_other;"
    assert typed(machine, AS_SUPERUSER, f"{allowed} {refreshed} {read_other}") == "800\n"


def test_psql_leaves_the_context_out_and_a_literal_needs_its_type(shop):
    machine, _ = shop
    (setting,) = re.findall(r"`(\\set SHOW_CONTEXT [^`]*)`", GUIDE)
    wrong = "CALL sqlml.deploy('churn', 99);\nSELECT sqlml.predict('churn', '{}');"
    printed = [printed_by_psql(machine, text) for text in (wrong, f"{setting}\n{wrong}")]
    assert ["CONTEXT" in text for text in printed] == [True, False]
    assert all("could not determine polymorphic type because input has type unknown" in text for text in printed)


def printed_by_psql(machine, text):
    """What psql says to a superuser who goes on after errors."""
    done = subprocess.run("psql -X shop", shell=True, input=text, capture_output=True, text=True, **machine.options())
    return done.stderr


def test_what_is_taken_out_is_gone_and_can_be_put_in_again(own_server):
    install, verify = (
        f"sudo -u postgres /opt/sqlml/bin/sqlml {words} --target postgresql:///shop"
        for words in ("install --search-path", "verify")
    )
    _, _, (_, roles), _, (_, work) = part("Your own server")
    (_, schemas), (_, of_cluster), _ = part("Taking it out")
    with running(own_server, "emptied", port := str(free_port())):

        def run(line, text=None):
            return typed(own_server, line, text, PGPORT=port)

        run("sudo -u postgres createdb shop")
        before = run(AS_SUPERUSER, EVERYTHING)
        run(install)
        run(AS_SUPERUSER, roles + work)
        run(AS_SUPERUSER, "CREATE VIEW likely AS SELECT predict('churn', c) AS p FROM customer AS c")
        run(AS_SUPERUSER, schemas)
        run(AS_SUPERUSER, of_cluster)
        left = "DROP TABLE customer, churn_prediction; DROP SCHEMA ann; DROP ROLE ann;"
        assert run(AS_SUPERUSER, f"SELECT count(*) FROM churn_prediction; {left}") == "800\n"
        assert run(AS_SUPERUSER, EVERYTHING) == before
        run(install)
        assert run(verify).endswith("is in step with its files\n")


EVERYTHING = """
SELECT 'role', rolname FROM pg_roles UNION ALL
SELECT 'schema', nspname FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp_' UNION ALL
SELECT 'relation', oid::regclass::text FROM pg_class WHERE relnamespace = 'public'::regnamespace UNION ALL
SELECT 'function', oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace UNION ALL
SELECT 'extension', extname FROM pg_extension UNION ALL
SELECT 'setting', setconfig::text FROM pg_db_role_setting UNION ALL
SELECT 'default rights', defaclacl::text FROM pg_default_acl
ORDER BY 1, 2;
"""


def test_what_is_taken_out_of_a_file_is_gone_and_can_be_put_in_again(con, tmp_path):
    con.execute("CREATE TABLE t AS SELECT i AS id, i % 9 AS x, i % 9 > 4 AS y FROM range(100) AS g(i)")
    con.execute("CALL sqlml.train('m', 't', 'y', algorithm => 'linear', deploy => 'always')")
    con.close()
    *_, (_, taking_out) = part("Taking it out")
    with duckdb.connect(tmp_path / "test.duckdb") as plain:
        plain.execute(taking_out)
        named = "SELECT schema_name FROM duckdb_schemas() WHERE NOT internal AND schema_name <> 'main'"
        assert plain.execute(named).fetchall() == []
        assert plain.execute("SELECT count(*) FROM duckdb_functions() WHERE NOT internal").fetchone() == (0,)
    with sqlml.connect(tmp_path / "test.duckdb") as again:
        assert again.execute("SELECT count(*) FROM sqlml.model").fetchone() == (0,)


def test_temporary_tables_are_a_right_that_training_takes(shop):
    machine, _ = shop
    train = "CALL sqlml.train('churn', 'customer', 'churned', algorithm => 'linear')"
    (remedy,) = re.findall(r"`(GRANT TEMPORARY[^`]*)`", GUIDE)
    typed(machine, AS_SUPERUSER, "REVOKE TEMPORARY ON DATABASE shop FROM PUBLIC")
    with ann(machine) as connection:
        connection.execute("SELECT predict('churn', c) FROM customer AS c")
        with pytest.raises(psycopg.Error, match=r"GRANT TEMPORARY ON DATABASE shop TO (ann|sqlml_owner)"):
            connection.execute(train)
        typed(machine, AS_SUPERUSER, remedy)
        assert connection.execute(train).fetchone()[0] == "churn"


ON_A_STANDBY = (
    "SELECT predict('churn', c), predict('churn@1', c), predict_label('churn', c) FROM one AS c",
    "SELECT sqlml.predict_churn(c) FROM one AS c",
    "SELECT version FROM sqlml.deployment",
    "SELECT * FROM sqlml.live_at('churn', TIMESTAMP '2999-01-01')",
    "SELECT * FROM sqlml.feature_importance('churn')",
    "SELECT * FROM sqlml.training_info('churn')",
    "SELECT * FROM sqlml.to_sql('churn', 'snowflake')",
)


def test_a_standby_server_answers_what_the_guide_says(shop):
    machine, _ = shop
    with ann(machine) as connection:
        connection.execute("CREATE VIEW one AS SELECT * FROM customer WHERE customer_id = 7")
        expected = [connection.execute(statement).fetchall() for statement in ON_A_STANDBY]
    typed(machine, f"sudo -u postgres pg_basebackup --checkpoint=fast -R -D {machine.folder}/standby")
    port = str(free_port())
    with running(machine, "standby", port), ann(machine, port) as connection:
        assert connection.execute("SELECT pg_is_in_recovery()").fetchone() == (True,)
        assert [connection.execute(statement).fetchall() for statement in ON_A_STANDBY] == expected
        for refused in ("CALL sqlml.train('churn', 'customer', 'churned')", "CALL sqlml.deploy('churn', 1)"):
            with pytest.raises(psycopg.Error, match="in a read-only transaction"):
                connection.execute(refused)


def test_a_backup_is_restored_elsewhere_with_rights_models_and_jobs(shop):
    machine, _ = shop
    (backup,) = (text for language, text in part("Keeping it") if language == "console")
    saving, restoring = (lines.splitlines() for lines in backup.split("\n\n"))
    port = str(free_port())
    with ann(machine) as connection:
        connection.execute("CALL sqlml.train('later', 'customer', 'churned', runtime => 'worker', wait => false)")
        asked = "SELECT customer_id, predict('churn', c) FROM customer AS c ORDER BY customer_id LIMIT 20"
        expected = connection.execute(asked).fetchall()
    for line in saving:
        typed(machine, line)
    with running(machine, "second", port):
        typed(machine, "sudo -u postgres psql postgres", "CREATE ROLE of_another_number", PGPORT=port)
        printed = [typed(machine, line, PGPORT=port) for line in restoring]
        with ann(machine, port) as connection:
            assert connection.execute(asked).fetchall() == expected
            assert connection.execute("SELECT verb, asked_by, status FROM sqlml.job").fetchall() == [
                ("train", "ann", "queued")
            ]
            connection.execute("CALL sqlml.train('churn', 'customer', 'churned', algorithm => 'linear')")
    assert printed[-1].endswith("is in step with its files\n")
