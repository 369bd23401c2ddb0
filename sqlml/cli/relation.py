"""What a person may write for a relation: a table, a SELECT, or the name of a data file."""

from __future__ import annotations

import os
from pathlib import PurePath
from typing import TYPE_CHECKING

from sqlml.errors import InvalidRelation

if TYPE_CHECKING:
    from sqlml.engine import Engine

READERS = {".csv": "read_csv", ".tsv": "read_csv", ".parquet": "read_parquet"}
"""By the end of a file's name, the function of DuckDB that reads it; ``.gz`` and ``.zst`` may follow for text."""


def data_file(text: str) -> str | None:
    """The function that reads the file a text seems to name; None for the name of a table and for a SELECT.

    >>> data_file("rows/march.csv.gz"), data_file("main.flights"), data_file("SELECT 1")
    ('read_csv', None, None)
    """
    name = text.strip().lower().removesuffix(".gz").removesuffix(".zst")
    return READERS.get(PurePath(name).suffix) if "\n" not in name else None


def relation_argument(engine: Engine, text: str) -> str:
    """The relation for SQL: a data file as a SELECT that reads it by its full path, anything else as it is.

    Raises
    ------
    InvalidRelation
        Where the text looks like a data file and there is neither that file nor a table of that name.
    """
    from sqlglot import exp

    reader = data_file(text)
    if reader is None:
        return text
    path = os.path.expanduser(text.strip())
    if os.path.isfile(path):
        read = exp.Anonymous(this=reader, expressions=[exp.Literal.string(os.path.abspath(path))])
        return exp.select("*").from_(read).sql(engine.dialect)
    try:
        engine.relation(text)
    except InvalidRelation as error:
        raise InvalidRelation(
            f"--relation {text!r}: there is no such file in {os.getcwd()}, and as a relation: {error.message}"
        ) from error
    return text
