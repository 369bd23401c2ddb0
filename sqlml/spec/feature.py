"""How one value of a row becomes one number that an estimator reads."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sqlml.errors import InvalidSpec

DATE_PARTS = ("year", "month", "day", "day_of_week", "day_of_year", "epoch")
"""Parts of a date: ``day_of_week`` is ISO (Monday 1 to Sunday 7), ``epoch`` is seconds since 1970-01-01."""

TIMESTAMP_PARTS = (*DATE_PARTS, "hour", "minute")
"""Parts of a timestamp without time zone."""

KINDS = ("number", "boolean", "category", *TIMESTAMP_PARTS)


@dataclass(frozen=True)
class Feature:
    """One numeric input of an estimator, computed from one column.

    The value is taken in this order: read the column as ``kind`` says; a NULL, a NaN, a category that is
    not in ``categories`` and, where ``zero_is_missing``, a number within 1e-35 of zero (as a float32) are
    missing; a missing value becomes ``impute`` where that is given; then ``(value - center) / scale``.

    ``kind``: ``number``; ``boolean`` (false 0, true 1); ``category`` (the position in ``categories``, from
    0); or a part of a date or timestamp. An infinite number stays what it is.
    """

    column: str
    kind: str
    categories: tuple[str, ...] = ()
    impute: float | None = None
    center: float = 0.0
    scale: float = 1.0
    zero_is_missing: bool = False

    def __post_init__(self) -> None:
        where = f"feature {self.kind!r} of column {self.column!r}"
        if self.kind not in KINDS:
            raise InvalidSpec(f"{where}: the kind is unknown; known are {', '.join(KINDS)}")
        if len(set(self.categories)) != len(self.categories):
            raise InvalidSpec(f"{where}: a category stands twice")
        if self.categories and self.kind != "category":
            raise InvalidSpec(f"{where}: only a category has categories")
        if not (math.isfinite(self.center) and math.isfinite(self.scale) and self.scale > 0):
            raise InvalidSpec(
                f"{where}: center {self.center} and scale {self.scale} must be finite, the scale positive"
            )
        if self.impute is not None and not math.isfinite(self.impute):
            raise InvalidSpec(f"{where}: the imputed value must be finite")
