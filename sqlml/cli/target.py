"""A PostgreSQL database that a command works on, named by a URL that may hold a password."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from sqlml.errors import InstallError

if TYPE_CHECKING:
    from sqlml.engine.postgres.engine import PostgresEngine

VARIABLE = "SQLML_TARGET"
_Command = TypeVar("_Command", bound=Callable[..., Any])


def target_option(required: bool) -> Callable[[_Command], _Command]:
    """The server's database, from the command line or the environment."""
    return click.option(
        "--target",
        envvar=VARIABLE,
        required=required,
        metavar="URL",
        help="The PostgreSQL database: postgresql://user@host:port/database, or host=... dbname=... as libpq has it. A "
        f"password is best left to ~/.pgpass or PGPASSWORD.  [default: the variable {VARIABLE}]",
    )


@contextmanager
def engine_at(target: str) -> Iterator[tuple[PostgresEngine, str]]:
    """An engine on the database, and its name without the password, as it may be shown.

    Raises
    ------
    EngineError
        Where the URL is none, or the server refuses it; without the password.
    InstallError
        Where the driver is not installed.
    """
    try:
        from sqlml.engine.postgres.client import SYSTEM_PATH, database_of, opened
    except ImportError as error:
        raise InstallError("PostgreSQL takes a driver: pip install 'sqlml[postgres]'") from error
    shown = database_of(target)
    # Those who install and verify may do more than others, who may have put functions into a schema on their path.
    with opened(target, path=SYSTEM_PATH) as engine:
        yield engine, shown
