"""The named statements of ``queries.sql``."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files


@cache
def named_queries() -> dict[str, str]:
    """Every block of ``queries.sql`` by its name."""
    text = (files("sqlml.registry") / "queries.sql").read_text(encoding="utf-8")
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)[1:]
    return {name: sql.strip() for name, sql in zip(parts[::2], parts[1::2], strict=True)}


def query(name: str) -> str:
    """The text of one block.

    >>> query("model_names")
    'SELECT model FROM sqlml.model ORDER BY model COLLATE "C"'
    """
    return named_queries()[name]
