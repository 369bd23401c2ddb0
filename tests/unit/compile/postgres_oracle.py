"""Putting models and rows into PostgreSQL, for tests against the oracle."""

from pathlib import Path

from compile_oracle import bits
from psycopg import sql

from sqlml.compile import dispatchers, routines, script

UDFS = Path(__file__).parents[3] / "udfs" / "postgres"

CALLED = (
    *("in_quotes", "folded", "matching_characters", "known_number", "float_sum", "float_product", "float_quotient"),
    *(
        "number_in_json",
        "type_facts",
        "is_readable",
        "typed_layout",
        "row_table",
        "has_column",
        "adapted_layout",
        "row_columns",
        "plain_value",
        "missing_columns",
    ),
    *("names_by_case", "real_in_row", "char_in_row", "plain_row"),
    *("type_remedy", "read_row", "unknown_name", "unknown_address", "address", "addressed"),
)
"""The routines that compiled models and those that answer for every model call, each behind what it calls itself."""

TYPES = {
    "boolean": "boolean",
    "integer": "bigint",
    "number": "double precision",
    "text": "text",
    "date": "date",
    "timestamp": "timestamp",
}


def create_schema(connection):
    """Roles, metadata tables, and those routines: all in SQL and PL/pgSQL."""
    files = [*sorted((UDFS / "migrations").glob("000[012]_*.sql"))]
    for file in (*files, *(UDFS / "routines" / f"{name}.sql" for name in CALLED)):
        connection.execute(file.read_text(encoding="utf-8"))


def install(connection, name, version, model, scope="live"):
    """Create the functions of a version, and the live ones where they are asked for."""
    made = routines("postgres", name, version, model)
    connection.execute(script(tuple(routine for routine in made if scope == "live" or routine.scope == scope)))


def dispatch(connection, live):
    """Create the functions that answer for every model."""
    connection.execute(script(dispatchers("postgres", live)))


def create_rows(connection, table, model, rows):
    """A table of rows with their position in ``row number``."""
    columns = [sql.SQL('"row number" integer')]
    columns += [
        sql.SQL("{} {}").format(sql.Identifier(column.name), sql.SQL(TYPES[column.type])) for column in model.columns
    ]
    name = sql.Identifier(table)
    connection.execute(sql.SQL("CREATE TABLE {} ({})").format(name, sql.SQL(", ").join(columns)))
    with connection.cursor() as cursor, cursor.copy(sql.SQL("COPY {} FROM STDIN").format(name)) as copy:
        for position, row in enumerate(rows):
            copy.write_row([position, *(row[column.name] for column in model.columns)])


WAYS = {
    "typed": ("t", "{} AS t"),
    "jsonb": ("to_jsonb(t)", "{} AS t"),
    "anonymous": ("t", "(SELECT * FROM {} OFFSET 0) AS t"),
}
"""The ways in which a row can be given: what is passed, and where it comes from."""


def answers(connection, function, table, way):
    """What a function gives for every row of a table, in order."""
    given, source = WAYS[way]
    query = f'SELECT {function}({given}) FROM {source.format(table)} ORDER BY t."row number"'
    return [row[0] for row in connection.execute(query).fetchall()]


def as_list(value):
    return value if isinstance(value, list) else [value]


def score_bits(scores, way):
    """The bits of raw scores; JSON has no negative zero."""
    found = [bits(score) for score in as_list(scores)]
    return found if way == "typed" else [0 if each == bits(-0.0) else each for each in found]
