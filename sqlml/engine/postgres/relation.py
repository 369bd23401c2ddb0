"""A caller's text for a relation, as something that can stand in a FROM clause of PostgreSQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from sqlglot import exp

from sqlml.engine.protocol import Parameters, Relation
from sqlml.engine.relation import table_name
from sqlml.errors import EngineError, InvalidRelation

_DIALECT = "postgres"


class Checks(Protocol):
    """What of :class:`sqlml.engine.postgres.statements.Statements` is asked for here."""

    def parse(self, sql: str) -> None:
        """Refuse a text that is not one statement without parameters."""

    def described(self, sql: str, parameters: Parameters | None = None) -> list[tuple[str, int, int]]:
        """The name, the number of the type and its modifier of each column of a SELECT, which is not run."""


def verbatim(sql: str, alias: str, columns: Sequence[str] = ()) -> exp.Table:
    r"""A SELECT, as it is written, as a subquery. It must be complete on its own: then it cannot leave its parentheses.

    >>> verbatim("SELECT 1 -- one", "q", ["a"]).sql("postgres")
    '(SELECT 1 -- one\n) AS q(a)'
    """
    name = exp.TableAlias(this=exp.to_identifier(alias), columns=[exp.to_identifier(column) for column in columns])
    return exp.Table(this=exp.Var(this=f"({sql}\n)"), alias=name)


_PLACE = """
SELECT pg_catalog.concat(pg_catalog.quote_ident(nspname), '.', pg_catalog.quote_ident(relname))
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.oid = pg_catalog.to_regclass($name) AND c.relpersistence <> 't'
"""


def place_of(table: exp.Table, rows: Callable[..., list[tuple[Any, ...]]]) -> str | None:
    """Where a table is, ``schema.table``; None for a temporary one, or none. ``rows`` runs a statement."""
    found = rows(_PLACE, {"name": table.sql(_DIALECT)})
    return str(found[0][0]) if found else None


def without_rows(sql: str) -> str:
    """A statement that has the columns of a SELECT and no rows."""
    return exp.select("*").from_(verbatim(sql, "q")).limit(0).sql(_DIALECT)


def renamed(sql: str, columns: int) -> str:
    """A SELECT whose columns are called ``c0``, ``c1``, ..."""
    names = [f"c{position}" for position in range(columns)]
    return exp.select("*").from_(verbatim(sql, "q", names)).sql(_DIALECT)


def checked_relation(text: str, statements: Checks) -> Relation:
    """The relation that a text names: a table, a view, or one SELECT.

    The server's own parser reads a SELECT twice: alone, where it must be one statement without parameters, and inside
    parentheses, where nothing but a query that gives columns can stand.

    Raises
    ------
    InvalidRelation
        With what the server says is wrong.
    """
    relation = _relation(text)
    try:
        statements.parse(relation.sql)
        columns = [name for name, _, _ in statements.described(relation.select().sql(_DIALECT))]
    except EngineError as error:
        raise InvalidRelation(
            f"relation => {text!r}: {error.message.rstrip('.')}. Give the name of a table or view, or one SELECT"
        ) from error
    if not columns:
        raise InvalidRelation(f"relation => {text!r} has no columns; name those to read")
    twice = [name for name, count in Counter(columns).items() if count > 1]
    if twice:
        raise InvalidRelation(
            f"relation => {text!r} has more than one column {', '.join(map(repr, twice))}; "
            "give each a name of its own with AS"
        )
    return relation


def _relation(text: str) -> Relation:
    stripped = text.strip().rstrip(";")
    if not stripped:
        raise InvalidRelation(f"relation => {text!r} is empty; give the name of a table or view, or one SELECT")
    if "\0" in text:
        raise InvalidRelation(f"relation => {text!r} holds a NUL byte, which no statement can")
    table = table_name(stripped, _DIALECT)
    if table is not None:
        return Relation(text, exp.select("*").from_(table).sql(_DIALECT), table)
    return Relation(text, stripped, verbatim(stripped, "relation"))
