"""A caller's text for a relation: the name of a table or view, or one SELECT."""

from __future__ import annotations

import re

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from sqlml.errors import InvalidRelation


def table_name(text: str, dialect: str) -> exp.Table | None:
    """The table that a text names, each part quoted; None where the text is not just a name.

    PostgreSQL takes a name that is not in quotes to be in lower case.

    >>> table_name("main.flights", "duckdb").sql("duckdb")
    '"main"."flights"'
    >>> table_name('Main."Flights"', "postgres").sql("postgres")
    '"main"."Flights"'
    >>> table_name("SELECT 1", "duckdb") is None
    True
    """
    try:
        table = sqlglot.parse_one(text, into=exp.Table, dialect=dialect)
    except SqlglotError:
        return None
    parts = [table.args.get(part) for part in ("this", "db", "catalog")]
    extras = [key for key, value in table.args.items() if value and key not in ("this", "db", "catalog")]
    if extras or not all(part is None or isinstance(part, exp.Identifier) for part in parts):
        return None
    folds = dialect == "postgres"
    names = [None if part is None else exp.to_identifier(_name(part, folds), quoted=True) for part in parts]
    return exp.Table(this=names[0], db=names[1], catalog=names[2])


def _name(part: exp.Identifier, folds: bool) -> str:
    return part.name.lower() if folds and not part.args.get("quoted") else part.name


def writable_table(text: str, dialect: str, argument: str) -> exp.Table:
    """The table that a text names, to write to.

    Raises
    ------
    InvalidRelation
        Where the text is anything but a name.
    """
    table = table_name(text, dialect)
    if table is None:
        raise InvalidRelation(f"{argument} => {text!r} is not the name of a table; write it as schema.table")
    return table


_PART = re.compile(r'"(?P<quoted>(?:[^"]|"")+)"|(?P<plain>[^".]+)')


def table_at(place: str) -> exp.Table:
    """The table of a name that an engine has written, with or without its schema; any word may stand there.

    >>> table_at('main."my ""own"" table"').sql(), table_at("public.join").sql()
    ('"main"."my ""own"" table"', '"public"."join"')
    """
    names = [part["plain"] or part["quoted"].replace('""', '"') for part in _PART.finditer(place)]
    parts = [exp.to_identifier(name, quoted=True) for name in reversed(names)]
    return exp.Table(**dict(zip(("this", "db", "catalog"), parts, strict=False)))


def select_from(text: str, dialect: str) -> str:
    """``SELECT * FROM`` the table that a text names, or the text itself where it is no name."""
    if not text.strip():
        raise InvalidRelation("relation => '' is empty; give the name of a table or view, or one SELECT")
    table = table_name(text, dialect)
    return text if table is None else exp.select("*").from_(table).sql(dialect)
