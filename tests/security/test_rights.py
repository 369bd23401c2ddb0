"""Every right of every role on every object, held against one table, and each of them tried."""

import re

import psycopg
import pytest
from psycopg import sql

READERS = {"reader", "scorer", "trainer", "approver", "deployer", "auditor"}
SCORERS, TRAINERS, DEPLOYERS, NOBODY = {"scorer", "trainer"}, {"trainer"}, {"deployer"}, set()
CALLERS, WITH_BUYER = READERS | {"granted"}, {"scorer", "trainer", "granted"}
ROLES = sorted(CALLERS | {"public"})
"""``granted`` is granted model ``buyer`` and is else nobody, ``public`` is nobody."""

SELECT = {
    **dict.fromkeys(
        (
            *("model", "model_version", "run", "metric", "trial", "deployment", "compiled", "prediction_table"),
            *("model_grant", "granted_model", "migration", "routine", "reference_profile", "reference_count"),
            *("reference_metric", "check_definition", "check_result", "monitored_window", "profile_metric"),
            *("drift_metric", "performance_metric", "alert", "job", "algorithm", "latest_drift", "latest_profile"),
            "latest_performance",
        ),
        READERS,
    ),
    "address": CALLERS,
    "ground_truth": SCORERS,
    "reference_row": TRAINERS,
    "lock": NOBODY,
}
"""Who may read a table or view; nobody may do anything else to one."""

COLUMNS = {
    **{("SELECT", "model", column): CALLERS for column in ("model",)},
    **{("SELECT", "model_version", column): CALLERS for column in ("model", "version")},
    **{("SELECT", "deployment", column): CALLERS for column in ("model", "alias", "version", "valid_to")},
    **{("INSERT", "job", column): SCORERS | DEPLOYERS for column in ("verb", "arguments")},
}
"""Who may do what to some columns only."""

EXECUTE = {
    **dict.fromkeys(
        (
            *(
                "addressed",
                "unknown_address",
                "unknown_name",
                "in_quotes",
                "folded",
                "matching_characters",
                "missing_columns",
            ),
            *(
                "typed_layout",
                "row_table",
                "read_row",
                "row_columns",
                "adapted_layout",
                "has_column",
                "plain_row",
                "names_by_case",
                "real_in_row",
                "char_in_row",
                "is_readable",
                "plain_value",
                "type_facts",
                "type_remedy",
            ),
            *("known_number", "float_sum", "float_product", "float_quotient", "number_in_json"),
        ),
        CALLERS,
    ),
    **dict.fromkeys(
        (
            *("evaluate", "confusion_matrix", "roc_curve", "calibration", "feature_importance", "training_info"),
            *("live_at", "to_sql", "read_verb", "run_verb", "call_inline", "as_owner", "require_execute", "wait_for"),
            *("has_worker", "inline_obstacle", "refusal_to_commit", "double_in_json"),
        ),
        READERS,
    ),
    **dict.fromkeys(("predict", "predict_label", "predict_proba", "raw_score"), WITH_BUYER),
    **dict.fromkeys(("score", "record_truth"), SCORERS),
    **dict.fromkeys(("train", "check", "monitor"), TRAINERS),
    **dict.fromkeys(("deploy", "rollback", "grant_model", "revoke_model"), DEPLOYERS),
    **dict.fromkeys(
        (
            *(
                "put_on_search_path",
                "server_python",
                "defer_job",
                "take_job",
                "finish_job",
                "fail_job",
                "give_back_job",
            ),
            *("requeue_stalled", "queue_job", "check_job", "grant_compiled", "lock_grants"),
        ),
        NOBODY,
    ),
}
"""Who may call a routine of schema sqlml; those of a compiled model are in :func:`callers_of`."""

TABLE_RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")

ASKED = {
    "schema": """
        SELECT nspname::text, right_, has_schema_privilege(%(role)s, oid, right_)
        FROM pg_namespace, unnest(ARRAY['USAGE', 'CREATE']) AS right_ WHERE nspname ~ '^sqlml'
    """,
    "table": """
        SELECT relnamespace::regnamespace || '.' || relname, right_, has_table_privilege(%(role)s, oid, right_)
        FROM pg_class, unnest(%(rights)s::text[]) AS right_
        WHERE relnamespace::regnamespace::text ~ '^sqlml' AND relkind IN ('r', 'v', 'm', 'f', 'p')
    """,
    "column": """
        SELECT relnamespace::regnamespace || '.' || relname || '.' || attname, right_,
               has_column_privilege(%(role)s, attrelid, attnum, right_)
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid,
             unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) AS right_
        WHERE relnamespace::regnamespace::text ~ '^sqlml' AND relkind IN ('r', 'v') AND attnum > 0 AND NOT attisdropped
    """,
    "sequence": """
        SELECT relname::text, right_, has_sequence_privilege(%(role)s, oid, right_)
        FROM pg_class, unnest(ARRAY['USAGE', 'SELECT', 'UPDATE']) AS right_
        WHERE relnamespace::regnamespace::text ~ '^sqlml' AND relkind = 'S'
    """,
    "routine": """
        SELECT pronamespace::regnamespace || '.' || proname, 'EXECUTE', has_function_privilege(%(role)s, oid, 'EXECUTE')
        FROM pg_proc WHERE pronamespace::regnamespace::text ~ '^sqlml'
    """,
    "type": """
        SELECT typname::text, 'USAGE', has_type_privilege(%(role)s, oid, 'USAGE') FROM pg_type
        WHERE typnamespace::regnamespace::text ~ '^sqlml' AND typtype <> 'c' AND typelem = 0
    """,
}
"""By kind of object the rights of a role: the name of the object, the right, and whether the role has it."""


def callers_of(name):
    """Who may call a routine of schema sqlml."""
    if name in EXECUTE:
        return EXECUTE[name]
    model = re.fullmatch(
        r"(?:(\w+)@(?:\d+|live)_\w+)|(?:(?:predict|predict_label|predict_proba|raw_score)_(buyer|other|plans))", name
    )
    return WITH_BUYER if "buyer" in model.groups() else SCORERS


def expected(kind, name, right):
    """The roles that have a right on an object."""
    schema, _, rest = name.partition(".")
    if kind == "schema":
        return CALLERS if (name, right) == ("sqlml", "USAGE") else NOBODY
    if schema == "sqlml_queue" or kind in ("sequence", "type"):
        return NOBODY
    if kind == "routine":
        return callers_of(rest)
    table, _, column = rest.partition(".")
    if kind == "column" and (right, table, column) in COLUMNS:
        return COLUMNS[right, table, column]
    return SELECT[table] if right == "SELECT" else NOBODY


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("kind", ASKED)
def test_a_role_has_the_rights_in_the_table_and_no_others(attacked, kind, role):
    found = attacked.rows(None, ASKED[kind], {"role": f"atk_{role}", "rights": list(TABLE_RIGHTS)})
    assert found
    wrong = [(name, right, has) for name, right, has in found if has != (role in expected(kind, name, right))]
    assert wrong == []


ATTEMPTS = {
    "SELECT": "SELECT FROM {table} LIMIT 0",
    "INSERT": "INSERT INTO {table} DEFAULT VALUES",
    "UPDATE": "UPDATE {table} SET {column} = DEFAULT",
    "DELETE": "DELETE FROM {table}",
    "TRUNCATE": "TRUNCATE {table} CASCADE",
    "REFERENCES": "CREATE TABLE mine (a text REFERENCES {table})",
    "TRIGGER": "CREATE TRIGGER mine AFTER INSERT ON {table} EXECUTE FUNCTION suppress_redundant_updates_trigger()",
}
OWNERS_ATTEMPTS = {
    "rule": "CREATE RULE mine AS ON INSERT TO {table} DO NOTHING",
    "policy": "CREATE POLICY mine ON {table}",
    "index": "CREATE INDEX ON {table} ({column})",
    "alter": "ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
    "owner": "ALTER TABLE {table} OWNER TO CURRENT_USER",
    "grant": "GRANT ALL ON {table} TO CURRENT_USER WITH GRANT OPTION",
    "lock": "LOCK TABLE {table} IN EXCLUSIVE MODE",
    "drop": "DROP TABLE {table} CASCADE",
}


def tried(connection, statement):
    """What a statement that is undone afterwards ends with: None, or a SQLSTATE and a message."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(statement)
    except psycopg.Error as error:
        return error.sqlstate, error.diag.message_primary
    return None


def is_denied(found):
    """Whether the server has refused something; what comes from behind the door speaks of sqlml."""
    sqlstate, message = found or (None, "")
    return sqlstate == "42501" and "sqlml." not in message


def may_do(role, schema, table, right):
    """Whether a role may do something to a table, or to some of its columns."""
    in_part = any(role in roles for key, roles in COLUMNS.items() if key[:2] == (right, table))
    return role in expected("table", f"{schema}.{table}", right) or (schema == "sqlml" and in_part)


@pytest.mark.parametrize("role", ROLES)
def test_every_right_on_a_table_is_tried(attacked, role):
    tables = """
        SELECT nspname, relname, min(attname), relkind FROM pg_class
        JOIN pg_namespace ON pg_namespace.oid = relnamespace JOIN pg_attribute ON attrelid = pg_class.oid AND attnum = 1
        WHERE nspname ~ '^sqlml' AND relkind IN ('r', 'v') GROUP BY 1, 2, 4
    """
    connection, wrong, count = attacked.connection(f"atk_{role}"), [], 0
    for schema, table, column, kind in attacked.rows(None, tables):
        for right, text in (ATTEMPTS | OWNERS_ATTEMPTS).items():
            names = {"table": sql.Identifier(schema, table), "column": sql.Identifier(column)}
            found = tried(connection, sql.SQL(text).format(**names))
            may = right in ATTEMPTS and may_do(role, schema, table, right)
            # What no view can do is refused before the rights are asked for; the right itself was looked at above.
            denied = found is not None and (is_denied(found) or kind == "v" or right == "REFERENCES")
            # PostgreSQL warns, and grants nothing, where somebody grants what is not theirs to grant.
            if right == "grant" and found is None:
                denied = not attacked.rows(
                    None, "SELECT has_table_privilege(%s, %s, 'INSERT')", [f"atk_{role}", f"{schema}.{table}"]
                )[0][0]
            count += 1
            if denied == may:
                wrong.append((table, right, found))
    assert wrong == []
    assert count > 500


@pytest.mark.parametrize("role", ROLES)
def test_every_routine_is_called(attacked, role):
    routines = """
        SELECT nspname, proname, prokind, array_to_string(ARRAY(
                 SELECT 'NULL::' || CASE format_type(type, NULL) WHEN 'anyelement' THEN 'jsonb'
                          WHEN 'anycompatible' THEN 'text' ELSE format_type(type, NULL) END
                 FROM unnest(proargtypes) AS type), ', '), prorettype = 'trigger'::regtype
        FROM pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace WHERE nspname ~ '^sqlml'
    """
    connection, wrong, count = attacked.connection(f"atk_{role}"), [], 0
    for schema, name, kind, arguments, is_trigger in attacked.rows(None, routines):
        call = sql.SQL("CALL {}({})" if kind == "p" else "SELECT {}({})")
        found = tried(connection, call.format(sql.Identifier(schema, name), sql.SQL(arguments)))
        denied = is_denied(found)
        may = schema == "sqlml" and role in callers_of(name)
        count += 1
        if denied == may and not (is_trigger and found is not None):
            wrong.append((schema, name, found))
    assert wrong == []
    assert count > 100
