"""How far the rows of a window are from the held-out rows of the version that answered them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

import pyarrow as pa
from sqlglot import exp

from sqlml.engine import Engine
from sqlml.lifecycle.monitored import in_groups, numbers_among, typed_rows, values_of
from sqlml.lifecycle.predict import LoadedVersion
from sqlml.lifecycle.window import PASSED
from sqlml.measure.bins import Bins
from sqlml.measure.counts import counts_select
from sqlml.measure.drift import drift_select, ks_select
from sqlml.measure.subset import Columns, all_of, select
from sqlml.registry.model import Address
from sqlml.registry.reference import ReferenceColumn, of_version

VALUES_COMPARED = 10_000
"""At most this many rows of a window have their values compared one by one: about as good against 2,000 as all."""


def measured_drift(
    engine: Engine,
    version: LoadedVersion,
    rows: exp.Table,
    reference: Mapping[str, ReferenceColumn],
    slices: Sequence[str],
    start: exp.Expr,
) -> Iterator[pa.Table]:
    """The drift of all rows, by the counts of all held-out rows, and of slices, by those of the sample.

    ``rows`` are those of :func:`sqlml.lifecycle.monitored.typed_rows`, ``reference`` the columns that have bins. Each
    table has the columns of ``drift_metric`` in :data:`sqlml.registry.monitoring.COLUMNS`.
    """
    bins = {name: column.bins for name, column in reference.items() if column.bins is not None}
    numbers = numbers_among({name: column.type for name, column in reference.items()})
    frozen = of_version("reference_row", version.address)
    by_chance = ("MD5(sqlml_key)", *PASSED)
    some = exp.select("*").from_(rows).order_by(*by_chance).limit(VALUES_COMPARED)
    with (
        engine.materialized(typed_rows(engine, version.model, frozen, whole=slices)) as held_out,
        engine.materialized(some) as current,
    ):
        # The columns are compared together, whatever the number that is counted at once: p-values allow for how many.
        with _counted(engine, rows, bins, None, start) as counts:
            yield _found(engine, drift_select(_reference_counts(version.address), counts, engine.dialect))
        for keys in (None, slices) if slices else (None,):
            if numbers:
                with (
                    _values(engine, held_out, numbers, start, keys) as before,
                    _values(engine, current, numbers, start, keys) as now,
                ):
                    yield _found(engine, ks_select(before, now, engine.dialect))
        if slices:
            with (
                _counted(engine, held_out, bins, slices, start) as before,
                _counted(engine, rows, bins, slices, start) as now,
            ):
                yield _found(engine, drift_select(_of_slices(before), _of_slices(now), engine.dialect))


def _found(engine: Engine, measured: exp.Query) -> pa.Table:
    return engine.arrow(measured.sql(engine.dialect, copy=False))


@contextmanager
def _counted(
    engine: Engine, relation: exp.Table, bins: Mapping[str, Bins], slices: Sequence[str] | None, start: exp.Expr
) -> Iterator[exp.Query]:
    """How many rows of a relation fall into each bin, counted once, by as many columns at once as one statement can."""
    with _together(engine, [counts_select(relation, group, slices, start) for group in in_groups(bins)]) as counts:
        yield counts


@contextmanager
def _values(
    engine: Engine, relation: exp.Table, numbers: Sequence[str], start: exp.Expr, slices: Sequence[str] | None
) -> Iterator[exp.Query]:
    """The values of columns of numbers, below each other; read by as many columns at once as one statement can."""
    groups = in_groups(dict.fromkeys(numbers))
    with _together(engine, [values_of(relation, list(group), start, slices) for group in groups]) as values:
        yield values


@contextmanager
def _together(engine: Engine, parts: Sequence[exp.Query]) -> Iterator[exp.Query]:
    """The rows of several SELECTs, each computed by itself."""
    with ExitStack() as kept:
        tables = [kept.enter_context(engine.materialized(each)) for each in parts]
        yield all_of([exp.select("*").from_(table) for table in tables])


def _reference_counts(address: Address) -> exp.Select:
    """The counts that were frozen at training, as :func:`sqlml.measure.drift.drift_select` reads them."""
    nothing = exp.cast(exp.null(), "TEXT")
    columns: Columns = {
        "column_name": "column_name",
        "slice_key": nothing,
        "slice_value": nothing.copy(),
        "bin": "bin",
        "n": "n",
    }
    return select(columns, of_version("reference_count", address).subquery("frozen"))


def _of_slices(counts: exp.Query) -> exp.Select:
    """The counts of slices only."""
    kept = exp.select("*").from_(counts.subquery("counted"))
    return kept.where(exp.not_(exp.column("slice_key").is_(exp.null())))
