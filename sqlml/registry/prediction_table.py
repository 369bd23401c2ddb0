"""Tables of predictions: their columns, and the record of where they are."""

from __future__ import annotations

from collections.abc import Iterable

from sqlglot import exp

from sqlml.engine import GONE, Engine, Relation, Session
from sqlml.errors import InvalidArgument, InvalidData
from sqlml.measure.formula import quoted
from sqlml.registry.queries import query
from sqlml.registry.run import utc_now

STANDARD_COLUMNS = {
    "event_time": "TIMESTAMP",
    "predicted_at": "TIMESTAMP",
    "model": "VARCHAR",
    "version": "INTEGER",
    "alias": "VARCHAR",
    "role": "VARCHAR",
    "run_id": "VARCHAR",
    "prediction": "DOUBLE",
    "label": "VARCHAR",
    "features": "JSON",
}
"""What stands beside the key in every prediction table, with its SQL type."""

_TABLE_COMMENT = "Predictions, one row for each key, event time and version that answered; later runs add rows"

_COMMENTS = {
    "event_time": "When what the row is about happens: time_column of sqlml.score; NULL where none was given",
    "predicted_at": "When the version answered; UTC",
    "model": "The name of the model",
    "version": "The version that answered, as in sqlml.model_version",
    "alias": "The alias through which the version was asked; NULL where it was named by its number",
    "role": "champion or challenger, by the alias; NULL where the version was named by its number",
    "run_id": "The run that wrote the row, as in sqlml.run",
    "prediction": "The value of a regression, or the probability of the positive class, or of the predicted class "
    "where there are more than two",
    "label": "The class, in the words of the training data; NULL for a regression",
    "features": "The values that the version read, by column",
}
"""What a standard column says of itself to whoever reads the table without sqlml."""


def check_key_name(key_column: str) -> None:
    """Refuse a key that has the name of a standard column.

    Raises
    ------
    InvalidArgument
        With the remedy, which is to rename it.
    """
    if key_column.lower() in STANDARD_COLUMNS:
        raise InvalidArgument(
            f"key_column => {key_column!r} is the name of a standard column of a prediction table; "
            "rename it in the relation: SELECT ... AS another_name"
        )


def lacking_columns(session: Session, table: exp.Table, key_column: str) -> list[str]:
    """What a table lacks to be a prediction table with this key."""
    empty = session.arrow(exp.select("*").from_(table).limit(0).sql(session.dialect))
    return [name for name in (key_column, *STANDARD_COLUMNS) if name not in empty.column_names]


def check_prediction_table(session: Session, table: exp.Table, key_column: str) -> None:
    """Refuse a table that exists and was not made for predictions by this key.

    Raises
    ------
    InvalidData
        Where the table lacks a column.
    """
    lacking = lacking_columns(session, table, key_column)
    if lacking:
        raise InvalidData(
            f"into => {table.sql(session.dialect)} exists and is no prediction table of key {key_column!r}: it lacks "
            f"{', '.join(lacking)}. Name a new table; sqlml.score creates it"
        )


def create_prediction_table(session: Session, table: exp.Table, relation: Relation, key_column: str) -> None:
    """Create an empty prediction table whose key has the type that it has in the relation, and describe it."""
    columns = [quoted(key_column).as_(key_column, quoted=True)]
    columns += [exp.cast(exp.null(), kind).as_(name) for name, kind in STANDARD_COLUMNS.items()]
    empty = relation.select(*columns).limit(0)
    session.execute(exp.Create(this=table, kind="TABLE", expression=empty).sql(session.dialect), relation.parameters)
    session.execute(_comment("TABLE", table, _TABLE_COMMENT).sql(session.dialect))
    for name, text in ({key_column: f"The key: {key_column} of what was scored"} | _COMMENTS).items():
        column = exp.column(
            exp.to_identifier(name, quoted=True), table.this, table.args.get("db"), table.args.get("catalog")
        )
        session.execute(_comment("COLUMN", column, text).sql(session.dialect))


def _comment(kind: str, about: exp.Expression, text: str) -> exp.Comment:
    return exp.Comment(this=about, kind=kind, expression=exp.Literal.string(text))


def index_prediction_table(engine: Engine, table: exp.Table, key_column: str) -> None:
    """Let a large prediction table be read by key, as scoring does, and by time, as monitoring does.

    To be called when rows are added to those that it has: an index that is there before many rows are written makes
    that slower.
    """
    time = exp.func("coalesce", exp.column("event_time"), exp.column("predicted_at"))
    engine.index(table, [quoted(key_column), quoted("event_time")])
    engine.index(table, [time])


def remember_prediction_table(
    caller: Engine, owner: Session, model: str, table: exp.Table, key_column: str, time_column: str | None
) -> None:
    """Record once where predictions of a model are kept: by schema and table, whatever the file is called.

    A temporary table is not recorded: nobody else would find it. The record of tables that are gone, dropped or
    renamed, is dropped.
    """
    place = caller.place_of(table)
    if place is None:
        return
    keys = {relation: key for relation, key, _ in owner.rows(query("prediction_tables"), {"model": model})}
    kept = keys.pop(place, None)
    stale = _gone(caller, place, keys)
    if kept not in (None, key_column):
        # Another table stood here when that was recorded.
        stale.append(place)
    for relation in stale:
        owner.execute(query("delete_prediction_table"), {"model": model, "relation": relation})
    if kept == key_column:
        return
    owner.execute(
        query("insert_prediction_table"),
        {
            "model": model,
            "relation": place,
            "key_column": key_column,
            "time_column": time_column,
            "created_at": utc_now(),
        },
    )


def _gone(caller: Engine, place: str, recorded: Iterable[str]) -> list[str]:
    """Of what is recorded beside a place the tables that are gone, and other names of this one."""
    tables = {relation: caller.table_at(relation) for relation in recorded}
    return [
        name
        for name, table in tables.items()
        if caller.unreadable(table) == GONE or (not table.db and caller.place_of(table) == place)
    ]
