"""Functions in PL/pgSQL as trees of statements, and their text. Expressions in them are sqlglot's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlglot import exp

INDENT = "  "


@dataclass(frozen=True)
class Assign:
    """``variable := value``."""

    variable: str
    value: exp.Expr


@dataclass(frozen=True)
class If:
    """``IF condition THEN ... ELSE ... END IF``; the second part may be empty."""

    condition: exp.Expr
    then: tuple[Statement, ...]
    otherwise: tuple[Statement, ...] = ()


@dataclass(frozen=True)
class Return:
    """``RETURN value``."""

    value: exp.Expr


@dataclass(frozen=True)
class Raise:
    """An error with a code of ``sqlml.errors`` and a text."""

    code: str
    message: str


@dataclass(frozen=True)
class Execute:
    """The one value of a statement whose text is computed, put into a variable; it is given one value."""

    text: exp.Expr
    variable: str
    given: exp.Expr


Statement = Assign | If | Return | Raise | Execute


@dataclass(frozen=True)
class Function:
    """A function of schema ``sqlml`` that depends on nothing but its arguments, and may run in parallel workers.

    ``arguments`` and ``variables`` map names to types; a variable that nothing assigns is not declared. ``cost`` is
    PostgreSQL's: how many operators it is worth.
    """

    name: str
    arguments: dict[str, str]
    returns: str
    body: tuple[Statement, ...]
    cost: int
    variables: dict[str, str]
    exact_numbers: bool = False


def without_last_variable(body: tuple[Statement, ...]) -> tuple[Statement, ...]:
    """The statements without a variable that is assigned only to be returned: each step costs time per row.

    >>> returned = without_last_variable((Assign("x", exp.Literal.number(1)), Return(exp.column("x"))))
    >>> [type(statement).__name__ for statement in returned]
    ['Return']
    """
    if len(body) < 2:
        return body
    *before, last, final = body
    if isinstance(last, Assign) and isinstance(final, Return) and final.value == exp.column(last.variable):
        return (*before, Return(last.value))
    return body


def create_function(function: Function) -> str:
    """The statement that creates or replaces a function; ``exact_numbers`` pins how a number becomes text.

    >>> body = (Return(exp.column("x")),)
    >>> print(create_function(Function("same", {"x": "integer"}, "integer", body, 1, {})))
    CREATE OR REPLACE FUNCTION sqlml.same(x integer) RETURNS integer
    LANGUAGE plpgsql STABLE PARALLEL SAFE COST 1 AS $sqlml$
    BEGIN
      RETURN x;
    END
    $sqlml$
    """
    name = exp.table_(exp.to_identifier(function.name, quoted=not function.name.isidentifier()), db="sqlml")
    arguments = ", ".join(f"{argument} {kind}" for argument, kind in function.arguments.items())
    options = "LANGUAGE plpgsql STABLE PARALLEL SAFE COST " + str(function.cost)
    if function.exact_numbers:
        options += " SET extra_float_digits TO 1"
    assigned = _assigned(function.body)
    declared = [f"{INDENT}{variable} {kind};" for variable, kind in function.variables.items() if variable in assigned]
    lines = [*(["DECLARE", *declared] if declared else []), "BEGIN", *_lines(function.body, INDENT), "END"]
    body = "\n".join(lines)
    quote = _quote(body)
    return "\n".join(
        [
            f"CREATE OR REPLACE FUNCTION {name.sql('postgres')}({arguments}) RETURNS {function.returns}",
            f"{options} AS {quote}",
            body,
            quote,
        ]
    )


def _assigned(statements: Iterable[Statement]) -> set[str]:
    """The variables that some statement assigns."""
    found: set[str] = set()
    for statement in statements:
        if isinstance(statement, If):
            found |= _assigned(statement.then) | _assigned(statement.otherwise)
        elif isinstance(statement, (Assign, Execute)):
            found.add(statement.variable)
    return found


def _quote(body: str) -> str:
    """A dollar quote that the body does not hold."""
    tags = ("$sqlml$", *(f"$sqlml{number}$" for number in range(len(re.findall("[$]sqlml", body)))))
    return next(tag for tag in tags if tag not in body)


def _lines(statements: Sequence[Statement], indent: str) -> Iterable[str]:
    for statement in statements:
        yield from _statement_lines(statement, indent)


def _statement_lines(statement: Statement, indent: str) -> Iterable[str]:
    if isinstance(statement, If):
        yield f"{indent}IF ({_text(statement.condition)}) THEN"
        yield from _lines(statement.then, indent + INDENT)
        if statement.otherwise:
            yield f"{indent}ELSE"
            yield from _lines(statement.otherwise, indent + INDENT)
        yield f"{indent}END IF;"
    elif isinstance(statement, Assign):
        yield f"{indent}{statement.variable} := {_text(statement.value)};"
    elif isinstance(statement, Return):
        yield f"{indent}RETURN {_text(statement.value)};"
    elif isinstance(statement, Raise):
        code, message = (_text(_constant(part)) for part in (statement.code, statement.message))
        yield f"{indent}RAISE EXCEPTION USING ERRCODE = {code}, MESSAGE = {message};"
    else:
        given = _text(statement.given)
        yield f"{indent}EXECUTE {_text(statement.text)} INTO {statement.variable} USING {given};"


def _constant(value: str) -> exp.Expr:
    return exp.ByteString(this=value) if "\\" in value else exp.Literal.string(value)


def _text(expression: exp.Expr) -> str:
    return expression.sql("postgres")
