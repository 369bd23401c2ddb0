"""Temporary tables of PostgreSQL: names that nobody else has, and how they are made and dropped."""

from __future__ import annotations

import uuid

from sqlglot import exp


def temporary_table() -> exp.Table:
    """A name of its own."""
    return exp.table_(f"sqlml_{uuid.uuid4().hex}", db="pg_temp")


def create_temporary(target: exp.Expression, query: exp.Query | exp.Var | None = None) -> exp.Create:
    """The statement that makes one, from its columns or from the rows of a SELECT."""
    properties = exp.Properties(expressions=[exp.TemporaryProperty()])
    return exp.Create(this=target, kind="TABLE", expression=query, properties=properties)
