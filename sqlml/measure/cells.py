"""Two samples side by side: the counts of the reference and of a window in each bin, as rows of one relation."""

from __future__ import annotations

from sqlglot import exp

from sqlml.measure.counts import KEYS
from sqlml.measure.formula import alike, of, source
from sqlml.measure.given import Steps
from sqlml.measure.subset import Columns, all_of, cast, expression, joined, same, select

_SLICE = ("column_name", "slice_key", "slice_value")

MATCH = expression(
    "there.column_name = here.column_name AND there.slice_key IS NOT DISTINCT FROM here.slice_key "
    "AND there.slice_value IS NOT DISTINCT FROM here.slice_value"
)
"""Whether two rows are about the same column and slice, where a NULL is a value like any other."""


def given_sides(reference: exp.Table | exp.Query, current: exp.Table | exp.Query, measures: Columns) -> exp.Query:
    """The rows of both relations, told apart by ``side``: 0 the reference, whose window is NULL, 1 the current one.

    Both are read in one step, so that no other step can have the name of one of them.
    """
    texts: Columns = {key: cast(exp.column(key), "TEXT") for key in _SLICE}
    sides = [
        select({"side": str(side), "window_start": cast(start, "TIMESTAMP"), **texts, **measures}, source(relation))
        for side, start, relation in ((0, exp.null(), reference), (1, exp.column("window_start"), current))
    ]
    return all_of(sides)


def cells(reference: exp.Table | exp.Query, current: exp.Table | exp.Query) -> Steps:
    """The steps from two relations of counts to ``comparisons``, ``sizes`` and ``shares``.

    ``comparisons``: a number ``comparison`` for each window, column and slice of ``current``. ``sizes``: by comparison
    ``n_reference`` and ``n_current``, the rows of both samples in doubles; ``bins``, the number of bins that one of
    them names; ``fillable``, the rows of the reference if each of these bins held at least one. ``shares``: by
    comparison and ``bin``, of comparisons in which both samples have rows, those columns and ``reference_n``,
    ``current_n``, ``p``, ``q``: the rows in this bin and their shares of the reference and of the current sample.
    """
    rank = exp.Window(this=exp.DenseRank(), order=exp.Order(expressions=[_ordered(key) for key in KEYS]))
    numbered: Columns = {"comparison": rank, **same(*KEYS, "bin", "n")}
    here: Columns = {"comparison": "comparison", "bin": "bin", "reference_n": "0e0", "current_n": "n"}
    there: Columns = {"comparison": "here.comparison", "bin": "there.bin", "reference_n": "there.n", "current_n": "0e0"}
    matched = joined(select(there, "comparisons AS here", where=["there.side = 0"]), "given AS there", MATCH)
    totals: Columns = {name: exp.Sum(this=exp.column(name)) for name in ("reference_n", "current_n")}
    return {
        "given": given_sides(reference, current, {"bin": "bin", "n": cast(exp.column("n"), "DOUBLE")}),
        "current_counts": select(numbered, "given", where=["side = 1"]),
        "comparisons": select(same("comparison", *KEYS), "current_counts").distinct(copy=False),
        "sides": all_of([select(here, "current_counts"), matched]),
        "cells": select({**same("comparison", "bin"), **totals}, "sides", group_by=["comparison", "bin"]),
        "sizes": _sizes(),
        "shares": _shares(),
    }


def _ordered(key: str) -> exp.Ordered:
    return exp.Ordered(this=exp.column(key), nulls_first=False)


def _sizes() -> exp.Select:
    columns: Columns = {
        "comparison": "comparison",
        "n_reference": "SUM(reference_n)",
        "n_current": "SUM(current_n)",
        "fillable": "SUM(GREATEST(reference_n, 1e0))",
        "bins": "COUNT(*)",
    }
    return select(columns, "cells", group_by=["comparison"])


def _shares() -> exp.Select:
    columns: Columns = {
        **of("cells", "comparison", "bin", "reference_n", "current_n"),
        **of("sizes", "n_reference", "n_current", "fillable", "bins"),
        "p": "cells.reference_n / sizes.n_reference",
        "q": "cells.current_n / sizes.n_current",
    }
    both = ["sizes.n_reference > 0", "sizes.n_current > 0"]
    return joined(select(columns, "cells", where=both), "sizes", alike("sizes", "cells", "comparison"))
