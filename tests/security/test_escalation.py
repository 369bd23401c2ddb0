"""Ways to more rights than a role has, each tried and denied."""

import json

import psycopg
import pytest
from attacked import LOGINS

FORBIDDEN = {
    "run a program": "COPY (SELECT 1) TO PROGRAM 'true'",
    "write a file": "COPY (SELECT 1) TO '/pwned'",
    "read a file": "COPY public.canary FROM '/etc/passwd'",
    "read a file by a function": "SELECT pg_read_file('/etc/passwd')",
    "list a folder": "SELECT pg_ls_dir('.')",
    "import a large object": "SELECT lo_import('/etc/passwd')",
    "export a large object": "SELECT lo_export(1, '/pwned')",
    "create an extension": "CREATE EXTENSION plperlu",
    "drop the extension": "DROP EXTENSION plpython3u CASCADE",
    "create a function in PL/Python": "CREATE FUNCTION pg_temp.f() RETURNS integer LANGUAGE plpython3u AS 'return 1'",
    "run PL/Python": "DO LANGUAGE plpython3u 'pass'",
    "create a function in C": "CREATE FUNCTION pg_temp.f() RETURNS integer LANGUAGE c AS 'libc', 'abort'",
    "create a language": "CREATE LANGUAGE plpwned HANDLER plpython3_call_handler",
    "load a library": "LOAD 'plpython3'",
    "create an event trigger": "CREATE EVENT TRIGGER t ON sql_drop EXECUTE FUNCTION sqlml.queue_job()",
    "create a table in our schema": "CREATE TABLE sqlml.mine (a integer)",
    "create a function in our schema": "CREATE FUNCTION sqlml.predict(a integer) RETURNS integer LANGUAGE sql RETURN 1",
    "create a type in our schema": "CREATE TYPE sqlml.mine AS ENUM ('a')",
    "create an operator in our schema": "CREATE OPERATOR sqlml.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = "
    "texteq)",
    "create a function in the schema of all": "CREATE FUNCTION public.predict(a text, b text) RETURNS integer LANGUAGE "
    "sql RETURN 1",
    "create a function in the system's schema": "CREATE FUNCTION pg_catalog.mine() RETURNS integer LANGUAGE sql RETURN "
    "1",
    "create a table in the queue": "CREATE TABLE sqlml_queue.mine (a integer)",
    "move a table into our schema": "CREATE TABLE mine (a integer); ALTER TABLE mine SET SCHEMA sqlml",
    "move a function out of our schema": "ALTER FUNCTION sqlml.as_owner SET SCHEMA atk_all",
    "replace a function": "CREATE OR REPLACE FUNCTION sqlml.require_execute(verb text) RETURNS void LANGUAGE sql AS ''",
    "change the path of a definer function": "ALTER FUNCTION sqlml.as_owner SET search_path = atk_all",
    "make a function run as its caller": "ALTER FUNCTION sqlml.as_owner SECURITY INVOKER",
    "rename a function": "ALTER FUNCTION sqlml.require_execute RENAME TO other",
    "drop a function": "DROP FUNCTION sqlml.require_execute",
    "drop the schema": "DROP SCHEMA sqlml CASCADE",
    "rename the schema": "ALTER SCHEMA sqlml RENAME TO mine",
    "own the schema": "ALTER SCHEMA sqlml OWNER TO CURRENT_USER",
    "own a table": "ALTER TABLE sqlml.model OWNER TO CURRENT_USER",
    "own a function": "ALTER FUNCTION sqlml.as_owner OWNER TO CURRENT_USER",
    "give a function to the owner": "CREATE FUNCTION f() RETURNS integer LANGUAGE sql SECURITY DEFINER RETURN 1; ALTER "
    "FUNCTION f OWNER TO sqlml_owner",
    "give a table to the owner": "CREATE TABLE mine (a integer); ALTER TABLE mine OWNER TO sqlml_owner",
    "take over what the owner has": "REASSIGN OWNED BY sqlml_owner TO CURRENT_USER",
    "drop what the owner has": "DROP OWNED BY sqlml_owner",
    "be the owner": "SET ROLE sqlml_owner",
    "be the owner by another name": "SELECT set_config('role', 'sqlml_owner', false)",
    "be somebody else": "SET SESSION AUTHORIZATION postgres",
    "be a member of the owner": "GRANT sqlml_owner TO CURRENT_USER",
    "make a member": "GRANT sqlml_trainer TO atk_public",
    "be a superuser": "ALTER ROLE CURRENT_USER SUPERUSER",
    "let the owner log in": "ALTER ROLE sqlml_owner LOGIN PASSWORD 'x'",
    "set the owner's path": "ALTER ROLE sqlml_owner SET search_path = atk_all",
    "set everybody's path": "ALTER DATABASE {database} SET search_path = atk_all",
    "create a role": "CREATE ROLE pwned",
    "grant by default": "ALTER DEFAULT PRIVILEGES FOR ROLE sqlml_owner GRANT ALL ON TABLES TO PUBLIC",
    "write a model": "INSERT INTO sqlml.model VALUES ('pwned', 'binary', 'y', NULL, 'me', now())",
    "write a version": "UPDATE sqlml.model_version SET artifact = '{{}}'",
    "write what is live": "UPDATE sqlml.deployment SET version = 2",
    "write what is compiled": "UPDATE sqlml.compiled SET sql = 'DROP TABLE public.canary'",
    "write what is installed": "INSERT INTO sqlml.routine SELECT * FROM sqlml.routine",
    "write a grant": "INSERT INTO sqlml.model_grant VALUES ('other', 'atk_public'::regrole, now(), 'me')",
    "write a migration": "DELETE FROM sqlml.migration",
    "hold a lock": "INSERT INTO sqlml.lock VALUES ('model buyer')",
    "lock a table": "SELECT 1; LOCK TABLE sqlml.model IN SHARE MODE",
    "listen at the queue": "SELECT * FROM sqlml_queue.procrastinate_jobs",
    "ask the queue": "SELECT sqlml.defer_job('x')",
    "take a job": "SELECT sqlml.take_job('x', 'me', 1)",
    "finish a job": "SELECT sqlml.finish_job('x', 1, '{{}}')",
    "use a trigger of ours": "CREATE TABLE mine (run_id text); CREATE TRIGGER t AFTER INSERT ON mine FOR EACH ROW "
    "EXECUTE FUNCTION sqlml.queue_job()",
    "give a job another caller": "INSERT INTO sqlml.job (verb, arguments, asked_by) VALUES ('check', '{{}}', "
    "'postgres')",
    "give a job another caller's number": "INSERT INTO sqlml.job (verb, arguments, asked_by_oid) VALUES ('check', "
    "'{{}}', 10)",
    "give a job another path": "INSERT INTO sqlml.job (verb, arguments, search_path) VALUES ('check', '{{}}', "
    "'atk_all')",
    "give a job a name": "INSERT INTO sqlml.job (verb, arguments, run_id) VALUES ('check', '{{}}', 'x')",
    "change a job": "UPDATE sqlml.job SET arguments = '{{}}'",
    "drop a job": "DELETE FROM sqlml.job",
    "see all jobs": "ALTER TABLE sqlml.job DISABLE ROW LEVEL SECURITY",
    "call the owner's door": "SELECT sqlml.as_owner('0123456789abcdef0123456789abcdef')",
    "call it with nothing": "SELECT sqlml.as_owner(NULL)",
    "call what only the installer calls": "SELECT sqlml.server_python('[]')",
    "pass a model on": "GRANT EXECUTE ON FUNCTION sqlml.predict_buyer TO atk_public",
    "put sqlml on the path": "CALL sqlml.put_on_search_path()",
    "switch triggers off": "SET session_replication_role = replica",
    "preload a library": "SET session_preload_libraries = 'plpython3'",
    "allow system tables": "SET allow_system_table_mods = on",
    "end somebody's session": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'",
    "write the server's settings": "ALTER SYSTEM SET work_mem = 1",
    "subscribe": "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p",
    "read with rights of others": "GRANT pg_read_all_data TO CURRENT_USER",
}
"""What no member of any role of sqlml can do; all of them together cannot either."""


@pytest.mark.parametrize("attempt", FORBIDDEN)
def test_forbidden_to_a_member_of_every_role(unchanged, attempt):
    notices = []
    with psycopg.connect(unchanged.url("atk_all"), autocommit=True) as connection:
        connection.add_notice_handler(lambda each: notices.append(each.message_primary))
        try:
            connection.execute(FORBIDDEN[attempt].format(database=unchanged.database))
        except psycopg.Error as error:
            refusal = error.sqlstate
        else:
            # Of a grant by somebody who has nothing to grant PostgreSQL only warns.
            refusal = "42501" if notices and notices[0].startswith("no privileges were granted") else None
    # No right; a system schema; a file that is not there for this user; a setting that is fixed.
    assert refusal in ("42501", "0A000", "58P01", "55P02")


@pytest.mark.parametrize("login", [login for login, groups in LOGINS.items() if groups])
def test_jobs_of_others_are_not_seen(fresh, login):
    asks = "CALL sqlml.run_verb('check', '{}', 'worker', NULL, wait => false)"
    ((answer,),) = fresh.rows("atk_trainer", asks)
    seen = fresh.rows(login, "SELECT asked_by FROM sqlml.job")
    assert seen == ([("atk_trainer",)] if login in ("atk_trainer", "atk_auditor", "atk_all", "atk_two") else [])
    if not seen:
        refusal = fresh.outcome(login, "CALL sqlml.wait_for(%s)", [answer["run_id"]])
        assert "is no job of yours" in refusal[1]


ASKS = [("atk_scorer", "train"), ("atk_trainer", "deploy"), ("atk_deployer", "check"), ("atk_reader", "score")]


@pytest.mark.parametrize(("login", "verb"), [*ASKS, ("atk_trainer", "put_on_search_path")])
def test_no_job_is_asked_of_a_verb_that_one_may_not_call(unchanged, login, verb):
    for ask in (
        "CALL sqlml.run_verb(%s, '{}', 'worker', NULL, wait => false)",
        "INSERT INTO sqlml.job (verb, arguments) VALUES (%s, '{}')",
    ):
        assert unchanged.outcome(login, ask, [verb])[0] == "42501"


@pytest.mark.parametrize("name", ["Atk_Trainer", "atk trainer", 'atk"trainer'])
def test_a_role_with_capitals_asks_as_itself(fresh, name):
    """And not as the role of the same name in small letters, to whom its job would else belong."""
    role = psycopg.sql.Identifier(name)
    fresh.rows(None, psycopg.sql.SQL("CREATE ROLE {} LOGIN IN ROLE sqlml_trainer").format(role))
    try:
        with psycopg.connect(fresh.url(), user=name, autocommit=True) as connection:
            connection.execute("CALL sqlml.run_verb('check', '{}', 'worker', NULL, wait => false)")
            found = connection.execute(
                "SELECT asked_by, asked_by_oid = quote_ident(%s)::regrole FROM sqlml.job", [name]
            ).fetchall()
        assert found == [(name, True)]
        assert fresh.rows("atk_trainer", "SELECT * FROM sqlml.job") == []
    finally:
        fresh.rows(None, psycopg.sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(role))


VERBS = ["answer", "__class__", "live_at", "predict_buyer", "buyer@1_raw", "as_owner", "wait_for", "call_inline"]


@pytest.mark.parametrize("verb", VERBS)
def test_a_door_opens_to_verbs_only(unchanged, verb):
    refusal = unchanged.outcome("atk_all", "SELECT sqlml.read_verb(%s, '{}')", [verb])
    assert refusal[0] in ("42501", "ML000", "ML001")


ODD = [{"engine": 1}, {"report": "x"}, {"return": 1}, {"self": 1}, {"": 1}, {"suite": {"a": 1}}, [], 1, None]


@pytest.mark.parametrize("arguments", ODD, ids=json.dumps)
def test_arguments_that_are_none(unchanged, arguments):
    for door in ("SELECT sqlml.read_verb('check', %s)", "CALL sqlml.run_verb('check', %s, 'inline', NULL)"):
        assert unchanged.outcome("atk_trainer", door, [json.dumps(arguments)])[0] in ("ML000", "ML001")


OPTIONS = [
    *("session_preload_libraries=plpython3", "shared_preload_libraries=x", "local_preload_libraries=../pwned"),
    *("role=sqlml_owner", "session_authorization=postgres", "session_replication_role=replica"),
    *("dynamic_library_path=/pwned", "allow_system_table_mods=on", "log_statement=none", "jit_provider=pwned"),
]


@pytest.mark.parametrize("option", OPTIONS)
def test_no_setting_at_login_opens_a_door(unchanged, option):
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(unchanged.url("atk_all"), options=f"-c {option}").close()


def test_nobody_ends_what_another_does(fresh):
    pid = fresh.connection("atk_trainer").info.backend_pid
    for login in ("atk_public", "atk_reader", "atk_deployer"):
        for function in ("pg_cancel_backend", "pg_terminate_backend"):
            assert fresh.outcome(login, f"SELECT {function}(%s)", [pid])[0] == "42501"


def test_deployers_grant_models_and_nothing_else(unchanged):
    for role in ("sqlml_owner", "sqlml_trainer", "PUBLIC", "public", "pg_read_all_data; DROP TABLE public.canary", ""):
        assert unchanged.outcome("atk_deployer", "CALL sqlml.grant_model('other', %s)", [role])[0] == "ML001"
    assert unchanged.outcome("atk_deployer", "GRANT sqlml_caller TO atk_public")[0] == "42501"
    assert unchanged.outcome("atk_granted", "GRANT sqlml_caller TO atk_public")[0] == "42501"
