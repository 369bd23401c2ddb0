"""What a check looks at, and the texts in which it compares and shows values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlglot import exp

from sqlml.measure.formula import by_bytes, formula, quoted, source

Scalar = str | int | float | bool


@dataclass(frozen=True)
class Subject:
    """A relation with the columns of it that are checked, and what else the check may know."""

    relation: exp.Table | exp.Query
    columns: tuple[str, ...]
    key: str | None
    dialect: str
    now: datetime | None
    history: exp.Table | exp.Query | None

    @property
    def column(self) -> exp.Column:
        """The one column that is checked."""
        return quoted(self.columns[0])

    @property
    def rows(self) -> exp.Table | exp.Subquery:
        """The relation, to read from."""
        return source(self.relation)


def text_of(value: exp.Expr) -> exp.Expr:
    """A value as the engine writes it, to be compared by its bytes: a collation of its column may not know LIKE."""
    return by_bytes(exp.cast(value.copy(), "TEXT"))


def number_text(value: exp.Expr) -> exp.Expr:
    """A value as text without zeros at the end of a fraction, alike in both engines: 1.0 and 1.50 as 1 and 1.5.

    DuckDB writes a DECIMAL(2, 2) without the 0 before its point.
    """
    text = text_of(value)
    digits = exp.Literal.string("^-?[0-9]*[.][0-9]+$")
    led = formula(
        "CASE WHEN x LIKE '.%' THEN CONCAT('0', x) WHEN x LIKE '-.%' THEN CONCAT('-0', SUBSTR(x, 2)) ELSE x END", x=text
    )
    trimmed = formula("RTRIM(RTRIM(x, '0'), '.')", x=led)
    return exp.case().when(exp.RegexpLike(this=text.copy(), expression=digits), trimmed).else_(text)


def is_one_of(value: exp.Expr, values: Sequence[Scalar]) -> exp.Expr:
    """Whether a value of any type is one of ``values``, NULL for NULL.

    A text is compared as text, a date also with its midnight, a number by its value.
    """
    compared = [(text_of(value), literal_texts(values)), (number_text(value), number_texts(values))]
    return exp.or_(
        *(
            exp.In(this=text, expressions=[exp.Literal.string(each) for each in texts])
            for text, texts in compared
            if texts
        )
    )


def literal_texts(values: Sequence[Scalar]) -> list[str]:
    """How the values other than numbers are written: a boolean as true or false, a date also as its midnight."""
    written = [
        str(each).lower() if isinstance(each, bool) else each for each in values if isinstance(each, (str, bool))
    ]
    midnights = [f"{each} 00:00:00" for each in written if re.fullmatch(r"\d{4}-\d\d-\d\d", each)]
    return [*written, *midnights]


def number_texts(values: Sequence[Scalar]) -> list[str]:
    """How numbers are written by either engine as integers, decimals and doubles, after :func:`number_text`.

    >>> number_texts([-1, 0.5, 1e20])
    ['-1', '0.5', '1e+20', '100000000000000000000']
    """
    numbers = [each for each in values if isinstance(each, (int, float)) and not isinstance(each, bool)]
    written: list[str] = []
    for each in numbers:
        written += [repr(each), repr(float(each)), format(Decimal(repr(each)), "f")]
    return list(dict.fromkeys(each.removesuffix(".0") for each in written))
