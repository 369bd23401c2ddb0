"""What a version is, for a person or another tool: importance, training facts, SQL of any dialect."""

from __future__ import annotations

import json
from typing import Any

from sqlml.compile.statement import select_sql
from sqlml.engine import Engine
from sqlml.registry.model import facts, load, resolve


def feature_importance(engine: Engine, model: str) -> list[dict[str, Any]]:
    """The share of each column in what the model learned, largest first; rows of ``feature, importance``.

    For trees it is the gain of the splits on the column, for a linear model the size of the standardised
    coefficients. The shares add up to 1, or are all 0 where nothing was learned.
    """
    spec, _ = load(engine, resolve(engine, model))
    shares = spec.importance or (0.0,) * len(spec.columns)
    rows = [{"feature": column.name, "importance": share} for column, share in zip(spec.columns, shares, strict=True)]
    return sorted(rows, key=lambda row: (-row["importance"], row["feature"]))


def training_info(engine: Engine, model: str) -> list[dict[str, Any]]:
    """How a version was trained, as rows of ``property, value``."""
    known = facts(engine, resolve(engine, model))
    return [{"property": name, "value": _as_text(value)} for name, value in known.items()]


def to_sql(engine: Engine, model: str, dialect: str = "duckdb") -> list[dict[str, Any]]:
    """One SELECT that scores the rows of a relation named ``features``; one row with the column ``sql``."""
    spec, _ = load(engine, resolve(engine, model))
    return [{"sql": select_sql(spec, dialect)}]


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, (dict, list)) else str(value)
