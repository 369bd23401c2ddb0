"""Finding what a caller named: columns and keywords, and what to say where there is no such thing."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

_SHOWN = 40


def unknown_name(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the closest known names, and all of them.

    >>> unknown_name("lightgmb", ["baseline", "lightgbm"])
    'closest: lightgbm; known are: baseline, lightgbm'
    """
    names = list(known)
    folded = {each.lower(): each for each in names}
    close = [folded[each] for each in difflib.get_close_matches(str(name).lower(), folded, n=3)]
    shown = ", ".join(names[:_SHOWN]) + (f", and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    known_text = f"known are: {shown}" if names else "there are none"
    return f"closest: {', '.join(close)}; {known_text}" if close else known_text


def found_column(name: str, columns: Sequence[str]) -> str | None:
    """The column that ``name`` means: an exact match first, then one that differs by case only.

    >>> found_column("AGE", ["id", "age"])
    'age'
    >>> found_column("Age", ["AGE", "age"]) is None
    True
    """
    if name in columns:
        return name
    folded = [column for column in columns if column.lower() == name.lower()]
    return folded[0] if len(folded) == 1 else None
