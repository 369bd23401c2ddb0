"""How many rows fall into each bin, by window, column and slice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from sqlml.errors import InvalidArgument
from sqlml.measure.bins import Bins, bin_expression
from sqlml.measure.formula import alike, of, quoted, source
from sqlml.measure.given import Steps
from sqlml.measure.subset import Columns, all_of, cast, chain, joined, same, select

KEYS = ("window_start", "column_name", "slice_key", "slice_value")
"""What a number of monitoring is about: a window of time, a column, and a slice (both NULL for all rows)."""


def counts_select(
    relation: exp.Table | exp.Query,
    columns: Mapping[str, Bins],
    slices: Sequence[str] | None = None,
    window: exp.Expr | None = None,
) -> exp.Query:
    """Rows ``window_start, column_name, slice_key, slice_value, bin, n``: in no order, one for each filled bin.

    ``columns`` are columns of ``relation`` with their bins, ``slices`` columns by whose values the rows are counted
    apart as well; the rows of all slices together have NULL as ``slice_key``, rows where the slice's column is NULL
    have NULL as ``slice_value``. ``window`` is the expression over ``relation`` of the start of a row's window, NULL
    where there is none. ``bin`` (int) is the index of :func:`sqlml.measure.bins.bin_labels`, ``n`` is bigint.
    The bins out of range of continuous columns (:meth:`NumberBins.open_bins`) stand there with ``n`` 0 where they are
    empty, for :func:`sqlml.measure.drift.drift_select` must know that rows can fall there.

    ``relation`` is read once. The text of a slice's value is the engine's own for doubles; slice by text, whole
    numbers, booleans or dates.

    Raises
    ------
    InvalidArgument
        Where there is no column.
    """
    if not columns:
        raise InvalidArgument("no column to count; name at least one with its bins")
    keys = tuple(slices or ())
    steps = _filled(relation, columns, keys, window)
    ends = [(column, index) for column, bins in columns.items() for index in bins.open_bins()]
    counted = select(same(*KEYS, "bin", "n"), "filled")
    return chain({**steps, "ends": _ends(ends)}, _with_empty_ends(counted)) if ends else chain(steps, counted)


def _filled(
    relation: exp.Table | exp.Query, columns: Mapping[str, Bins], slices: Sequence[str], window: exp.Expr | None
) -> Steps:
    """The steps to ``filled``: a row for each bin that has rows."""
    binned: Columns = {
        **sliced(relation, slices, window),
        **{
            f"bin_{index}": bin_expression(bins, quoted(column)) for index, (column, bins) in enumerate(columns.items())
        },
    }
    counted = [
        _counted(index, column, position, key)
        for index, column in enumerate(columns)
        for position, key in enumerate((None, *slices))
    ]
    return {"binned": select(binned, source(relation)), "filled": all_of(counted)}


def sliced(relation: exp.Table | exp.Query, slices: Sequence[str], window: exp.Expr | None) -> Columns:
    """The columns ``window_start`` (timestamp) and ``slice_1``, ``slice_2``, ... (text) of a relation's rows."""
    start = cast(exp.null() if window is None else window.copy(), "TIMESTAMP")
    return {
        "window_start": start,
        **{f"slice_{position}": cast(quoted(key), "TEXT") for position, key in enumerate(slices, start=1)},
    }


def _counted(index: int, column: str, position: int, key: str | None) -> exp.Select:
    """The bins of one column for one slice; a grouping set for each would read the rows more slowly in PostgreSQL."""
    bin_ = f"bin_{index}"
    grouped = ["window_start", *([] if key is None else [f"slice_{position}"]), bin_]
    columns: Columns = {
        "window_start": "window_start",
        "column_name": exp.Literal.string(column),
        "slice_key": cast(exp.null() if key is None else exp.Literal.string(key), "TEXT"),
        "slice_value": cast(exp.null(), "TEXT") if key is None else f"slice_{position}",
        "bin": bin_,
        "n": "COUNT(*)",
    }
    return select(columns, "binned", group_by=grouped)


def _ends(ends: Sequence[tuple[str, int]]) -> exp.Query:
    rows = [
        exp.select(exp.alias_(exp.Literal.string(column), "column_name"), exp.alias_(exp.Literal.number(index), "bin"))
        for column, index in ends
    ]
    return all_of(rows)


def _with_empty_ends(counted: exp.Select) -> exp.Select:
    """The counts, with 0 for the bins of ``ends`` that have no row."""
    total: Columns = {**same(*KEYS, "bin"), "n": cast(exp.Sum(this=exp.column("n")), "BIGINT")}
    both = all_of([counted, _empty_ends()]).subquery("counted", copy=False)
    return select(total, both, group_by=[*KEYS, "bin"])


def _empty_ends() -> exp.Select:
    """The bins out of range of each window, column and slice that has rows, with no row."""
    found = select(same(*KEYS), "filled").distinct(copy=False).subquery("found", copy=False)
    columns: Columns = {**of("found", *KEYS), **of("ends", "bin"), "n": "0"}
    return joined(select(columns, found), "ends", alike("ends", "found", "column_name"))
