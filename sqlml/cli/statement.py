"""Statements of the user: taken apart, run one after the other, and printed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from sqlml.cli.failure import ReadFailed, StatementFailed
from sqlml.cli.interrupt import interruptible
from sqlml.cli.output import Output, Printed, print_relation
from sqlml.errors import SqlmlError

if TYPE_CHECKING:
    from sqlml.engine.duckdb.connection import Connection

_LINE = re.compile(r"^LINE (\d+):", re.MULTILINE)
_SELECT_LIKE = ("SELECT", "EXPLAIN")


@dataclass(frozen=True)
class Done:
    """What a statement came to: rows that were printed, rows that were changed, or neither."""

    printed: Printed | None = None
    changed: int | None = None

    def __str__(self) -> str:
        if self.changed is not None:
            return f"{self.changed:,} row{'' if self.changed == 1 else 's'} changed"
        return "done" if self.printed is None else str(self.printed)


def run_script(connection: Connection, text: str, output: Output, name: str | None = None) -> None:
    """Run statement after statement up to the first error; a text that does not parse is not begun.

    ``name`` is the file that the text is from; an error then begins with it and the line of the statement.

    Raises
    ------
    StatementFailed
        In DuckDB's own words.
    SqlmlError
        Where sqlml refused.
    """
    line = 1
    try:
        with user_errors():
            statements = connection.extract_statements(text)
        end = 0
        for statement in statements:
            begin = max(text.find(statement.query, end), end)
            end = begin + len(statement.query)
            line = text.count("\n", 0, begin + len(statement.query) - len(statement.query.lstrip())) + 1
            done = run_statement(connection, statement, output)
            if done.printed and output.format == "table":
                click.echo(f"({done})")
    except (StatementFailed, SqlmlError) as error:
        if name is None:
            raise
        parsed = _LINE.search(str(error.__cause__)) if "Parser Error" in str(error) else None
        raise StatementFailed(f"{name}:{parsed.group(1) if parsed else line}: {error}") from error.__cause__


def run_statement(connection: Connection, statement: Any, output: Output) -> Done:
    """Run one statement and print its rows, if it has any."""
    with interruptible(connection), user_errors():
        relation = connection.sql(_without_end(statement.query))
        if relation is None:
            return Done()
        shape = [(name, str(kind)) for name, kind in zip(relation.columns, relation.types, strict=True)]
        if statement.type.name not in _SELECT_LIKE and shape == [("Success", "BOOLEAN")]:
            return Done()
        if statement.type.name not in _SELECT_LIKE and shape == [("Count", "BIGINT")]:
            counts = relation.fetchall()
            return Done(changed=counts[0][0] if counts else None)
        return Done(printed=print_relation(relation, output))


def _without_end(query: str) -> str:
    """A statement without its semicolon and what stands behind that: DuckDB's relations take no comment there."""
    import sqlglot
    from sqlglot.errors import SqlglotError

    try:
        tokens = sqlglot.tokenize(query, read="duckdb")
    except SqlglotError:
        return query
    return query[: tokens[-1].start] if tokens and tokens[-1].text == ";" else query


@contextmanager
def user_errors() -> Iterator[None]:
    """Raise what DuckDB says of a user's statement in its own words, and an error of sqlml's as it is."""
    from sqlml.engine.duckdb.engine import error_of, first_line, wrapped_errors

    try:
        with wrapped_errors():
            yield
    except (SqlmlError, ReadFailed) as error:
        cause: Any = error.__cause__
        own = error if isinstance(error, SqlmlError) else error_of(cause)
        if cause is None or own.code in str(cause):
            raise own from None
        raise StatementFailed(first_line(cause)) from cause
