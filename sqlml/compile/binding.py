"""Giving a name to a value inside a DuckDB expression, so that it is computed once however often it is used."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp


def bound(name: str, value: exp.Expr, body: exp.Expr) -> exp.Expr:
    """``body`` in which ``name`` is ``value``: a lambda over the list of that one value.

    >>> print(bound("r", exp.column("a"), exp.column("r") * exp.column("r")).sql("duckdb"))
    LIST_EXTRACT(LIST_TRANSFORM([a], LAMBDA r : r * r), 1)
    """
    return list_item(transformed(exp.Array(expressions=[value]), [name], body), 1)


def transformed(values: exp.Expr, names: Sequence[str], body: exp.Expr) -> exp.Expr:
    """The list of ``body`` for each value of a list; the names are those of the value and, if asked, its position."""
    function = exp.Lambda(this=body, expressions=[exp.to_identifier(name) for name in names], colon=True)
    return exp.Anonymous(this="LIST_TRANSFORM", expressions=[values, function])


def list_item(values: exp.Expr, position: int | exp.Expr) -> exp.Expr:
    """The value at a position of a list, from 1."""
    at = exp.Literal.number(position) if isinstance(position, int) else position
    return exp.Anonymous(this="LIST_EXTRACT", expressions=[values, at])


def typed_list(values: Sequence[exp.Expr], item_type: str) -> exp.Expr:
    """A list of a type; one without values would have none."""
    return exp.cast(exp.Array(expressions=list(values)), exp.DataType.build(f"{item_type}[]", dialect="duckdb"))
