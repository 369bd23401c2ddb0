"""What a version was measured on: the profile of its held-out rows, with which later windows are compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
from sqlglot import exp

from sqlml.engine import Session
from sqlml.measure.bins import Bins, bin_labels, bins_json, bins_of
from sqlml.registry.model import Address
from sqlml.registry.queries import query
from sqlml.registry.run import utc_now


@dataclass(frozen=True)
class ReferenceColumn:
    """A column of the held-out rows: its bins are None where a column of its type has none."""

    name: str
    type: str
    bins: Bins | None
    n: int
    n_missing: int


@dataclass(frozen=True)
class ReferenceMetric:
    """The primary metric on the held-out rows, each counted once; the error is None where rows were too few."""

    metric: str
    value: float
    standard_error: float | None
    n: int


def add_reference(
    session: Session, address: Address, columns: Sequence[ReferenceColumn], metric: ReferenceMetric | None
) -> None:
    """Write the profile of the held-out rows of a version down."""
    key = {"model": address.model, "version": address.version}
    now = utc_now()
    for column in columns:
        profile = {
            "column_name": column.name,
            "column_type": column.type,
            "bins": None if column.bins is None else bins_json(column.bins),
            "n": column.n,
            "n_missing": column.n_missing,
            "created_at": now,
        }
        session.execute(query("insert_reference_profile"), key | profile)
    if metric is not None:
        session.execute(
            query("insert_reference_metric"),
            key
            | {
                "metric": metric.metric,
                "value": metric.value,
                "standard_error": metric.standard_error,
                "n": metric.n,
            },
        )


def add_reference_counts(
    session: Session, address: Address, counts: Sequence[tuple[str, int, int]], bins: Mapping[str, Bins]
) -> None:
    """Write down how many held-out rows fall into each bin: ``counts`` are column, bin and number."""
    labels = {column: bin_labels(each) for column, each in bins.items()}
    rows = {
        "model": [address.model] * len(counts),
        "version": pa.array([address.version] * len(counts), pa.int32()),
        "column_name": pa.array([column for column, _, _ in counts], pa.string()),
        "bin": pa.array([index for _, index, _ in counts], pa.int32()),
        "bin_label": pa.array([labels[column][index] for column, index, _ in counts], pa.string()),
        "n": pa.array([n for _, _, n in counts], pa.int64()),
    }
    if counts:
        session.append(exp.table_("reference_count", db="sqlml"), pa.table(rows))


def add_reference_rows(session: Session, address: Address, rows: exp.Query) -> None:
    """Keep a sample of the held-out rows: ``rows`` has ``prediction, label, features``."""
    columns = ("model", "version", "prediction", "label", "features")
    constants = [exp.Literal.string(address.model), exp.Literal.number(address.version)]
    sample = exp.select(*constants, *columns[2:]).from_(rows.subquery("held_out"))
    table = exp.table_("reference_row", db="sqlml")
    insert = exp.insert(sample, table, columns=[exp.to_identifier(name) for name in columns])
    session.execute(insert.sql(session.dialect))


def reference_columns(session: Session, address: Address) -> tuple[ReferenceColumn, ...]:
    """The columns of the held-out rows of a version, by name; none where it was trained without a reference."""
    found = session.rows(query("reference_profile"), {"model": address.model, "version": address.version})
    return tuple(
        ReferenceColumn(name, type_, None if bins is None else bins_of(bins), n, n_missing)
        for name, type_, bins, n, n_missing in found
    )


def reference_metric(session: Session, address: Address) -> ReferenceMetric | None:
    """The primary metric of a version on its held-out rows, where there is one."""
    found = session.rows(query("reference_metric"), {"model": address.model, "version": address.version})
    return ReferenceMetric(*found[0]) if found else None


def of_version(table: str, address: Address) -> exp.Select:
    """All columns of the rows of a version in a table of schema ``sqlml``."""
    return (
        exp.select("*")
        .from_(exp.table_(table, db="sqlml"))
        .where(
            exp.column("model").eq(exp.Literal.string(address.model)),
            exp.column("version").eq(exp.Literal.number(address.version)),
        )
    )
