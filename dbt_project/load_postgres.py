"""Load the published flights into PostgreSQL: each Parquet file of ``data/`` becomes a table.

``python load_postgres.py [URL]`` loads them into the schema that ``FLIGHTS_SCHEMA`` names (``flights``), which is made
where it is missing; a table that is there is replaced. The URL may be left out: libpq's variables (``PGHOST``,
``PGUSER``, ``PGDATABASE``, ``PGPASSFILE``) name the server then. DuckDB reads the files as they are and needs none of
this.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pyarrow.parquet as pq
from sqlglot import exp

from sqlml.engine.postgres import opened
from sqlml.engine.postgres_session import PostgresEngine
from sqlml.engine.postgres_types import sql_type

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


if __name__ == "__main__":
    given = sys.argv[1] if len(sys.argv) > 1 else "postgresql://"
    for name, count in load(given, os.environ.get("FLIGHTS_SCHEMA", "flights")).items():
        print(f"{name}: {count} rows")
