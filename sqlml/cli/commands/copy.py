"""``sqlml copy``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from sqlml.cli.session import connected, exists
from sqlml.cli.target import engine_at
from sqlml.cli.taught import Taught
from sqlml.errors import PermissionDenied

if TYPE_CHECKING:
    from sqlml.engine import Engine

_DATABASE = "a DuckDB file, or postgresql://user@host:port/database"
_URL = re.compile(r"postgres(ql)?://|[a-z_]+=")


@click.command(
    cls=Taught,
    short_help="Bring a version of a model into another database.",
    examples=(
        "sqlml copy churn --from shop.duckdb --to postgresql://admin@db.example.com/shop",
        "sqlml copy churn@3 --from postgresql:///shop --to laptop.duckdb --no-deploy",
    ),
)
@click.argument("model", help="MODEL, MODEL@ALIAS or MODEL@VERSION; by default the version that is live.")
@click.option("--from", "source", required=True, metavar="DATABASE", help=f"Where it is: {_DATABASE}.")
@click.option("--to", "target", required=True, metavar="DATABASE", help="Where it goes, in the same form.")
@click.option("--deploy/--no-deploy", default=True, show_default=True, help="Put it live there.")
def copy(model: str, source: str, target: str, deploy: bool) -> None:
    """Bring a version of MODEL from one database into another, of either engine, and put it live there.

    The model is the same to the last byte, and its SQL is proved to give the same scores in the new database. It gets
    the next number that is free there. Predictions and the truth about them stay where they are.
    """
    from sqlml.lifecycle.copy import copy_version

    with _engine(source, "--from", writes=False) as origin, _engine(target, "--to", writes=True) as goal:
        _refuse_without_role(origin, "--from", "USAGE", "sqlml_trainer", "sqlml_owner")
        _refuse_without_role(goal, "--to", "MEMBER", "sqlml_owner")
        answer = copy_version(origin, goal, model, deploy)
    name, version = answer["model"], answer["version"]
    state = "is live" if answer["deployed"] else "was there already" if answer["run_id"] is None else "is kept"
    click.echo(f"{name}@{answer['source_version']} {state} as {name}@{version}, artifact {answer['artifact_hash']}")


_LACKING = """
SELECT current_user FROM pg_catalog.pg_roles WHERE rolname = ANY ($roles::text[])
GROUP BY () HAVING NOT bool_or(pg_catalog.pg_has_role(oid, $how))
"""


def _refuse_without_role(engine: Engine, option: str, how: str, *roles: str) -> None:
    """Refuse a login of a server that may not act as any of these roles.

    Raises
    ------
    PermissionDenied
        With the GRANT that is missing.
    """
    asked = {"roles": "{" + ",".join(roles) + "}", "how": how}
    for (login,) in engine.rows(_LACKING, asked) if engine.name == "postgres" else ():
        raise PermissionDenied(
            f"{option}: the login {login} is no member of {roles[0]}, with whose rights a version is "
            f"{'read' if option == '--from' else 'written'}; a superuser can say GRANT {roles[0]} TO {login}, or name "
            "another login"
        )


@contextmanager
def _engine(database: str, option: str, writes: bool) -> Iterator[Engine]:
    """An engine on a database that exists."""
    from sqlml.engine.duckdb.engine import DuckDBEngine

    if _URL.match(database):
        with engine_at(database) as (engine, _):
            yield engine
        return
    if not writes and not exists(database):
        raise click.BadParameter(f"there is no file {os.path.abspath(database)!r}", param_hint=option)
    with connected(database, read_only=not writes) as connection:
        yield DuckDBEngine(connection)
