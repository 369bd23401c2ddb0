"""``sqlml init``."""

from __future__ import annotations

import click

from sqlml.cli.options import file_argument
from sqlml.cli.session import connected
from sqlml.cli.taught import Taught

_APPLIED_SINCE = """
SELECT migration FROM sqlml.migration WHERE applied_at >= $since
UNION
SELECT file FROM sqlml.routine WHERE recorded_at >= $since
ORDER BY 1
"""


@click.command(
    cls=Taught,
    short_help="Create a database, or bring one up to date.",
    examples=(
        "sqlml init shop.duckdb",
        "sqlml init shop.duckdb && sqlml verify shop.duckdb",
    ),
)
@file_argument
def init(file: str) -> None:
    """Create the database FILE, or bring it up to this version of sqlml.

    The SQL files of sqlml that FILE lacks, or holds in another version, are applied in one transaction and
    printed, one a line. A routine that was changed or dropped in the database is created again. Models,
    predictions and your own tables stay as they are.
    """
    from sqlml.engine.duckdb.engine import DuckDBEngine
    from sqlml.install import install
    from sqlml.registry.run import utc_now

    since = utc_now()
    with connected(file) as connection:
        # To connect has applied what was behind; what was edited or dropped in the database is left.
        engine = DuckDBEngine(connection)
        install(engine, repair=True)
        applied = [name for (name,) in engine.rows(_APPLIED_SINCE, {"since": since})]
    for name in applied:
        click.echo(f"applied {name}")
    if not applied:
        click.echo(f"{file} is up to date")
