"""A routine that holds a model, or part of one, and is kept in the database."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import sqlglot
from sqlglot import TokenType

_CREATE = re.compile(r"CREATE OR REPLACE (?:MACRO|(FUNCTION)) (sqlml\.(?:\w+|\"[^\"]+\"))\(([^)]*)\)")


@dataclass(frozen=True)
class CompiledRoutine:
    """One routine of schema ``sqlml``: its name, the statement that creates or replaces it, and its layout.

    ``scope`` says how long it holds: ``version`` for one that is made with its version and kept, ``live`` for one that
    is replaced when another version goes live, ``all`` for one that answers for every model.
    """

    name: str
    sql: str
    layout: str
    scope: str = "live"


def script(routines: tuple[CompiledRoutine, ...]) -> str:
    """The statements of routines, one after the other."""
    return "".join(f"{routine.sql};\n" for routine in routines)


def statements(text: str) -> Iterator[str]:
    r"""The statements of a script, each from its first word to its last, as it is written there.

    >>> list(statements("CREATE FUNCTION f() AS $$ a; b $$;\n-- The last.\nSELECT ';'"))
    ['CREATE FUNCTION f() AS $$ a; b $$', "SELECT ';'"]
    """
    # Where words and literals end is the same in both dialects.
    first, last = None, None
    for token in sqlglot.tokenize(text, read="postgres"):
        if token.token_type != TokenType.SEMICOLON:
            first, last = token if first is None else first, token
        elif first is not None and last is not None:
            yield text[first.start : last.end + 1]
            first = None
    if first is not None and last is not None:
        yield text[first.start : last.end + 1]


def created_routines(text: str) -> tuple[str, ...]:
    """The routines that a :func:`script` creates, as the catalog names them: a function with the types it takes.

    >>> created_routines("CREATE OR REPLACE MACRO sqlml.predict_m(features) AS 1.5;")
    ('sqlml.predict_m',)
    >>> created_routines('CREATE OR REPLACE FUNCTION sqlml."m@1_core"(n0 double precision, c1 integer) RETURNS ...;')
    ('sqlml."m@1_core"(double precision, integer)',)
    """
    return tuple(_name(*found.groups()) for found in map(_CREATE.match, statements(text)) if found)


def _name(function: str | None, name: str, arguments: str) -> str:
    return f"{name}({', '.join(map(_type, arguments.split(', ')))})" if function else name


def _type(argument: str) -> str:
    """The type of an argument without its schema, which is the system's."""
    return argument.partition(" ")[2].removeprefix("pg_catalog.")
