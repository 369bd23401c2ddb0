"""Every object that sqlml puts into a database, as the engine itself reports it: a change of the surface shows here.

``tests/fixtures/catalog/<engine>.txt`` has tables with their columns, keys and indexes, and routines with what they
take and give, volatility, rights, owner and grants. Bodies are left to their files. Set SQLML_REGENERATE=1 to write it
anew.
"""

import os
from pathlib import Path

import pytest

from sqlml.engine.duckdb.engine import DuckDBEngine
from sqlml.install import sql_files

FOLDER = Path(__file__).parents[1] / "fixtures" / "catalog"

ROUTINES = """
SELECT 'sqlml.' || quote_ident(proname) || '(' || oidvectortypes(proargtypes) || ')',
       concat_ws(E'\\n',
         '(' || pg_get_function_arguments(p.oid) || ')',
         'returns ' || pg_get_function_result(p.oid),
         concat_ws(', ', lanname,
           CASE WHEN prokind = 'f'
                THEN CASE provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END END,
           CASE WHEN prosecdef THEN 'security definer' ELSE 'security invoker' END,
           CASE WHEN prokind = 'f'
                THEN CASE proparallel WHEN 's' THEN 'parallel safe' ELSE 'not parallel' END END,
           CASE WHEN proisstrict THEN 'strict' END, array_to_string(proconfig, ', ')),
         'owner ' || pg_get_userbyid(proowner))
FROM pg_proc AS p JOIN pg_language AS l ON l.oid = prolang
WHERE pronamespace = 'sqlml'::regnamespace
"""
MACROS = """
SELECT schema_name || '.' || function_name,
       string_agg('(' || list_aggregate(parameters, 'string_agg', ', ') || ')', chr(10) ORDER BY parameters::VARCHAR)
FROM duckdb_functions() WHERE NOT internal AND function_type IN ('macro', 'table_macro') GROUP BY ALL
"""
COLUMNS = """
SELECT 'sqlml.' || table_name,
       string_agg(column_name || ' ' || data_type || CASE WHEN is_nullable THEN '' ELSE ' not null' END, chr(10)
                  ORDER BY column_index)
FROM duckdb_columns() WHERE schema_name = 'sqlml' GROUP BY ALL
"""


@pytest.fixture
def engine(request, con):
    if request.param == "postgres":
        yield request.getfixturevalue("server")
        return
    with con.cursor() as cursor:
        yield DuckDBEngine(cursor)


@pytest.mark.parametrize("engine", ["duckdb", "postgres"], indirect=True)
def test_the_catalog_is_as_it_was_reviewed(engine):
    told = {"duckdb": (MACROS, COLUMNS), "postgres": (ROUTINES,)}[engine.name]
    described = {name: text for query in told for name, text in engine.rows(query)}
    objects = {name: entry for name, entry in engine.catalog().items() if not name.startswith("sqlml_queue")}
    listed = "\n".join(block(name, objects[name], described.get(name)) for name in sorted(objects))
    file = FOLDER / f"{engine.name}.txt"
    if os.environ.get("SQLML_REGENERATE"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(listed)
    assert listed == file.read_text()


def block(name, entry, described):
    """One object: its kind and name, then a line for each thing about it, grants last."""
    lines = (described or entry.definition).splitlines() + entry.rights.splitlines()
    return f"{entry.kind} {name.removeprefix('role ')}\n" + "".join(
        f"  {line.strip()}\n" for line in lines if line.strip()
    )


def test_both_engines_have_the_same_tables_columns_and_comments(server, con):
    """What only one engine has is listed with its reason."""
    only = {
        "duckdb": {"compiled_trees": "trees as lists, which only macros walk"},
        "postgres": {
            "model_grant": "DuckDB has no roles",
            "granted_model": "DuckDB has no roles",
            "job": "only a server has a worker",
            "lock": "DuckDB writes one transaction at a time",
        },
    }
    in_postgres = server.rows("""
        SELECT relname::text, attname::text, attnotnull, col_description(attrelid, attnum)
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace = 'sqlml'::regnamespace AND relkind IN ('r', 'v') AND attnum > 0
        ORDER BY relname COLLATE "C", attnum
    """)
    in_duckdb = con.execute("""
        SELECT table_name, column_name, NOT is_nullable, comment FROM duckdb_columns()
        WHERE schema_name = 'sqlml'
        ORDER BY table_name, column_index
    """).fetchall()
    ours = [row[:3] for row in in_postgres if row[0] not in only["postgres"]]
    assert ours == [row[:3] for row in in_duckdb if row[0] not in only["duckdb"]]
    assert {name for name, *_ in in_postgres} - {name for name, *_ in ours} == set(only["postgres"])
    assert {name for name, *_ in in_duckdb} - {name for name, *_ in ours} == set(only["duckdb"])
    assert [row[:2] for row in in_postgres if row[3] is None] == []
    in_words = {row[:2]: row[3] for row in in_duckdb}
    assert {row[:2] for row in in_postgres if in_words.get(row[:2], row[3]) != row[3]} == {
        ("routine", "rights"),
        ("routine", "routine"),
        ("routine", "kind"),
        ("compiled", "layout"),
        ("migration", "migration"),
    }


ONLY_POSTGRES = {
    "a server has roles": [
        "0000_roles",
        "0006_rights",
        "grant_compiled",
        "grant_model",
        "granted_model",
        "lock_grants",
        "revoke_model",
    ],
    "Python may be missing, and has a door": ["run_verb", "read_verb", "require_execute", "inline_obstacle"],
    "SQL itself raises our errors": [
        "addressed",
        "unknown_address",
        "unknown_name",
        "matching_characters",
        "in_quotes",
    ],
    "names are found on a search path": ["put_on_search_path"],
    "a session says how many digits a number has in JSON": ["double_in_json"],
    "a compiled model reads rows of any type in SQL": [
        "adapted_layout",
        "char_in_row",
        "float_product",
        "float_quotient",
        "float_sum",
        "folded",
        "has_column",
        "is_readable",
        "known_number",
        "missing_columns",
        "names_by_case",
        "number_in_json",
        "plain_row",
        "plain_value",
        "read_row",
        "real_in_row",
        "row_columns",
        "row_table",
        "type_facts",
        "type_remedy",
        "typed_layout",
    ],
    "only a server has a worker": [
        "0003_queue",
        "check_job",
        "defer_job",
        "fail_job",
        "finish_job",
        "give_back_job",
        "has_worker",
        "queue_job",
        "refusal_to_commit",
        "requeue_stalled",
        "take_job",
        "wait_for",
    ],
}
"""Files that only PostgreSQL has, by the reason."""
ONLY_DUCKDB = {"compiled with the models that are live": ["predict", "predict_label", "predict_proba", "raw_score"]}
"""Files that only DuckDB has, by the reason for which PostgreSQL has none."""


def test_both_engines_have_files_of_the_same_names():
    def names(engine):
        return {file.stem for folder in ("migrations", "routines") for file in sql_files(engine, folder)}

    def listed(reasons):
        return sorted(name for group in reasons.values() for name in group)

    assert sorted(names("postgres") - names("duckdb")) == listed(ONLY_POSTGRES)
    assert sorted(names("duckdb") - names("postgres")) == listed(ONLY_DUCKDB)
