"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from sqlml.cli.output import FORMATS
from sqlml.cli.session import exists

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _existing(context: click.Context, parameter: click.Parameter, value: str) -> str:
    if not exists(value):
        raise click.BadParameter(f"there is no file {value!r}; 'sqlml init {value}' makes one", context, parameter)
    return value


def file_argument(command: _Command) -> _Command:
    """The database file, which may be new."""
    return click.argument("file", help="The DuckDB file; it is created where there is none.")(command)


def existing_file_argument(command: _Command) -> _Command:
    """The database file, which must exist: a name that was mistyped must not become a new database."""
    return click.argument("file", callback=_existing, help="The DuckDB file.")(command)


def model_argument(command: _Command) -> _Command:
    """The name of a model."""
    return click.argument("model", help="The model's name: small letters, digits and _, 48 at most.")(command)


def format_option(command: _Command) -> _Command:
    """How results are printed."""
    return click.option(
        "--format",
        type=click.Choice(FORMATS),
        default="table",
        show_default=True,
        help="How the answer is printed.",
    )(command)
