"""Load the published flights into PostgreSQL: each Parquet file of ``data/`` becomes a table.

``python load_postgres.py [--missing] [URL]`` loads them into the schema that ``FLIGHTS_SCHEMA`` names (``flights``),
which is made where it is missing; a table that is there is replaced, or, with ``--missing``, nothing is done where all
are there. The URL may be left out: libpq's variables (``PGHOST``, ``PGUSER``, ``PGDATABASE``, ``PGPASSFILE``) name the
server then. DuckDB reads the files as they are and needs none of this.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import pyarrow.parquet as pq
from sqlglot import exp

from sqlml.engine.postgres.client import opened
from sqlml.engine.postgres.engine import PostgresEngine
from sqlml.engine.postgres.types import sql_type

DATA = Path(__file__).parent / "data"


def load(url: str, schema: str, data: Path = DATA) -> dict[str, int]:
    """Replace the tables of a schema by the files of a folder, all or none; gives the rows of each table.

    Raises
    ------
    EngineError
        Where the server cannot be reached, or the login may not create the schema or the tables.
    """
    with opened(url, owner=None) as engine, engine.transaction():
        if not engine.rows("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $name", {"name": schema}):
            engine.execute(exp.Create(this=exp.table_(schema, quoted=True), kind="SCHEMA").sql(engine.dialect))
        return {path.stem: _replaced(engine, path, schema) for path in sorted(data.glob("*.parquet"))}


def is_loaded(url: str, schema: str, data: Path = DATA) -> bool:
    """Whether the schema has a table for each file of a folder."""
    with opened(url, owner=None) as engine:
        return all(engine.has_table(exp.table_(path.stem, db=schema, quoted=True)) for path in data.glob("*.parquet"))


def _replaced(engine: PostgresEngine, path: Path, schema: str) -> int:
    rows = pq.read_table(path)
    table = exp.table_(path.stem, db=schema, quoted=True)
    columns = [
        exp.ColumnDef(
            this=exp.to_identifier(field.name, quoted=True),
            kind=exp.DataType(this=exp.DataType.Type.USERDEFINED, kind=sql_type(field.type)),
        )
        for field in rows.schema
    ]
    engine.execute(exp.Drop(tables=[table.copy()], kind="TABLE", exists=True).sql(engine.dialect))
    engine.execute(
        exp.Create(this=exp.Schema(this=table.copy(), expressions=columns), kind="TABLE").sql(engine.dialect)
    )
    engine.append(table, rows)
    engine.execute(exp.Analyze(kind="", this=table.copy()).sql(engine.dialect))
    return rows.num_rows


def main() -> None:
    """Load what the command line asks for, and say how many rows each table has."""
    parser = argparse.ArgumentParser(description="Load the published flights into PostgreSQL.")
    parser.add_argument("url", nargs="?", default="postgresql://")
    parser.add_argument("--missing", action="store_true", help="do nothing where all tables are there")
    arguments = parser.parse_args()
    schema = os.environ.get("FLIGHTS_SCHEMA", "flights")
    if arguments.missing and is_loaded(arguments.url, schema):
        return
    for name, count in load(arguments.url, schema).items():
        print(f"{name}: {count} rows")


if __name__ == "__main__":
    main()
