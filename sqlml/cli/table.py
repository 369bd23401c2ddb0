"""Rows as text for a person: a table where it fits, one record below the other where it does not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import click

Row = Sequence[str | None]

_NULL = "NULL"
_NARROWEST = 12
_UNSEEN = (*range(32), *range(127, 160), *range(0x2028, 0x202F), *range(0x2066, 0x206A))
_CONTROLS = {code: f"\\u{code:04x}" for code in _UNSEEN} | {ord("\n"): "\n", ord("\r"): "\\r", ord("\t"): "    "}


@dataclass(frozen=True)
class Layout:
    """``right``: which columns stand at their right edge; ``width``: cells that a line has, None for any number."""

    names: Sequence[str]
    right: Sequence[bool]
    width: int | None = None
    styled: bool = False


def table_lines(layout: Layout, rows: Sequence[Row]) -> Iterator[str]:
    """A header, a rule and the rows; the widest columns are cut where the line would be too long.

    >>> for line in table_lines(Layout(["name", "n"], [False, True]), [["a", "1"], ["bc", None]]):
    ...     print(line)
     name │    n
    ──────┼──────
     a    │    1
     bc   │ NULL
    """
    cells = [[_cell_lines(value) for value in row] for row in rows]
    names = [_shown(name).replace("\n", " ") for name in layout.names]
    widths = [
        max(_width(name), *(_width(line) for row in cells for line in row[column]), 0)
        for column, name in enumerate(names)
    ]
    fitting = _fitting(widths, layout.width)
    if fitting is None:
        yield from record_lines(layout, rows)
        return
    heads = [_aligned(*each) for each in zip(names, fitting, layout.right, strict=True)]
    yield _line([_styled(layout, head, bold=True) for head in heads])
    yield "─" + "─┼─".join("─" * width for width in fitting) + "─"
    for row, texts in zip(rows, cells, strict=True):
        for parts in zip_longest(*texts, fillvalue=""):
            aligned = [_aligned(*each) for each in zip(parts, fitting, layout.right, strict=True)]
            yield _line([_dimmed(layout, text, value) for text, value in zip(aligned, row, strict=True)])


def record_lines(layout: Layout, rows: Sequence[Row]) -> Iterator[str]:
    """One line per column, one block per row.

    >>> for line in record_lines(Layout(["name", "n"], [False, True]), [["a", "1"]]):
    ...     print(line)
    name  a
    n     1
    """
    names = [_shown(name).replace("\n", " ") for name in layout.names]
    widest = max(map(_width, names), default=0)
    for number, row in enumerate(rows, start=1):
        if len(rows) > 1:
            yield _styled(layout, f"── {number} ──", dim=True)
        for name, value in zip(names, row, strict=True):
            first, *rest = _cell_lines(value)
            head = _styled(layout, _aligned(name, widest, False), bold=True)
            yield f"{head}  {_dimmed(layout, first, value)}".rstrip()
            yield from (" " * (widest + 2) + line for line in rest)


def _shown(text: str) -> str:
    """A text that cannot move the cursor or change the colours of a terminal."""
    return text.translate(_CONTROLS)


def _cell_lines(value: str | None) -> list[str]:
    return [_NULL] if value is None else _shown(value.replace("\r\n", "\n").rstrip("\n")).split("\n")


def _width(text: str) -> int:
    """The cells of a terminal that a text takes; a wide character takes two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _aligned(text: str, width: int, right: bool) -> str:
    if _width(text) > width:
        text = _cut(text, width)
    padding = " " * (width - _width(text))
    return padding + text if right else text + padding


def _cut(text: str, width: int) -> str:
    while _width(text) > width - 1:
        text = text[: -max(1, (len(text) - width) // 2)]
    return text + "…"


def _fitting(widths: list[int], line: int | None) -> list[int] | None:
    """Widths of columns that fit into a line, the widest ones cut; None where they would become too narrow."""
    room = None if line is None else line - 3 * len(widths) + 1
    if room is None or sum(widths) <= room or len(widths) == 1:
        return widths
    for widest in range(max(widths), _NARROWEST - 1, -1):
        cut = [min(width, widest) for width in widths]
        if sum(cut) <= room:
            return cut
    return None


def _line(parts: Sequence[str]) -> str:
    return (" " + " │ ".join(parts)).rstrip()


def _styled(layout: Layout, text: str, bold: bool | None = None, dim: bool | None = None) -> str:
    return click.style(text, bold=bold, dim=dim) if layout.styled else text


def _dimmed(layout: Layout, text: str, value: str | None) -> str:
    return _styled(layout, text, dim=True) if value is None else text
