"""A routine that holds a model, or part of one, and is kept in the database."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CREATED = re.compile(r"^CREATE OR REPLACE (?:MACRO|(FUNCTION)) (sqlml\.(?:\w+|\"[^\"]+\"))\(([^)]*)\)", re.MULTILINE)


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


def created_routines(text: str) -> tuple[str, ...]:
    """The routines that a :func:`script` creates, as the catalog names them: a function with the types it takes.

    >>> created_routines("CREATE OR REPLACE MACRO sqlml.predict_m(features) AS 1.5;")
    ('sqlml.predict_m',)
    >>> created_routines('CREATE OR REPLACE FUNCTION sqlml."m@1_core"(n0 double precision, c1 integer) RETURNS ...;')
    ('sqlml."m@1_core"(double precision, integer)',)
    """
    return tuple(
        f"{name}({', '.join(map(_type, arguments.split(', ')))})" if function else name
        for function, name, arguments in _CREATED.findall(text)
    )


def _type(argument: str) -> str:
    """The type of an argument without its schema, which is the system's."""
    return argument.partition(" ")[2].removeprefix("pg_catalog.")
