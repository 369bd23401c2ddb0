"""Results on the way out: a table for a person, CSV or JSON for a program."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from sqlml.cli.failure import ReadFailed
from sqlml.cli.table import Layout, Row, record_lines, table_lines

if TYPE_CHECKING:
    import pyarrow as pa

    from sqlml.engine.duckdb.connection import Connection

FORMATS = ("table", "csv", "json")
ROWS_ON_A_TERMINAL = 40
_BATCH = 10_000

# DuckDB writes every value itself, so that no type loses a digit, a month or a time zone on the way through Python.
_AS_TEXT = "CAST(COLUMNS(*) AS VARCHAR)"
_AS_CSV = """
CASE WHEN COLUMNS(*) IS NULL THEN ''
     WHEN COLUMNS(*) = '' OR regexp_matches(COLUMNS(*), '[",\\r\\n]') THEN '"' || replace(COLUMNS(*), '"', '""') || '"'
     ELSE COLUMNS(*) END
"""
_AS_JSON = """
coalesce(CASE WHEN typeof(COLUMNS(*)) = 'JSON' THEN translate(CAST(COLUMNS(*) AS VARCHAR), chr(10) || chr(13), '  ')
              ELSE CAST(to_json(COLUMNS(*)) AS VARCHAR) END, 'null')
"""
_NUMERIC = re.compile(r"(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|UINTEGER|FLOAT|DOUBLE|DECIMAL\(.*\)|BIGNUM)")
_STRING_OR_NOT_A_NUMBER = re.compile(r'"(?:[^"\\]|\\.)*"|NaN|-?Infinity')


@dataclass(frozen=True)
class Output:
    """How results are printed. ``limit`` is the number of rows shown of each, None for all."""

    format: str = "table"
    limit: int | None = None
    width: int | None = None
    styled: bool = False


def standard_output(format: str, limit: int | None = None) -> Output:
    """The form of the output for where it goes; without a limit a terminal gets the first 40 rows of a table.

    A limit of 0 stands for all rows.
    """
    terminal = sys.stdout.isatty()
    if limit is None and terminal and format == "table":
        limit = ROWS_ON_A_TERMINAL
    width = shutil.get_terminal_size().columns if terminal else None
    return Output(format, limit or None, width, terminal and "NO_COLOR" not in os.environ)


@dataclass(frozen=True)
class Printed:
    """How many rows a result has, and how many of them were shown."""

    rows: int
    shown: int

    def __str__(self) -> str:
        counted = f"{self.rows:,} row{'' if self.rows == 1 else 's'}"
        return counted if self.shown == self.rows else f"first {self.shown:,} of {counted}, --limit 0 shows all"


def print_relation(relation: Any, output: Output) -> Printed:
    """Print the rows of a DuckDB relation."""
    return {"table": _print_table, "csv": _print_csv, "json": _print_json}[output.format](relation, output)


def print_answer(answer: Mapping[str, Any], connection: Connection, output: Output) -> None:
    """Print the one row that a procedure answers with: name by name, as CSV, or as one JSON object."""
    import pyarrow as pa

    relation = connection.from_arrow(pa.Table.from_pylist([dict(answer)]))
    if output.format == "table":
        rows = [row for batch in _batches(relation, _AS_TEXT) for row in _rows(batch)]
        _print_lines(record_lines(_layout(relation, output), rows))
    elif output.format == "json":
        _print_lines(_json_objects(relation))
    else:
        _print_csv(relation, output)


def is_number(sql_type: str) -> bool:
    """Whether values of a DuckDB type are numbers.

    >>> [is_number(name) for name in ("UBIGINT", "DECIMAL(18,3)", "INTERVAL", "INTEGER[]")]
    [True, True, False, False]
    """
    return _NUMERIC.fullmatch(sql_type) is not None


def _layout(relation: Any, output: Output) -> Layout:
    return Layout(relation.columns, [is_number(str(kind)) for kind in relation.types], output.width, output.styled)


def _print_table(relation: Any, output: Output) -> Printed:
    shown: list[Row] = []
    total = 0
    for batch in _batches(relation, _AS_TEXT):
        wanted = batch.num_rows if output.limit is None else output.limit - len(shown)
        shown += _rows(batch.slice(0, max(wanted, 0)))
        total += batch.num_rows
    _print_lines(table_lines(_layout(relation, output), shown))
    return Printed(total, len(shown))


def _print_csv(relation: Any, output: Output) -> Printed:
    import pyarrow.compute as pc

    click.echo(",".join(_csv_field(name) for name in relation.columns))
    total = 0
    for batch in _batches(_limited(relation, output).project(_AS_TEXT), _AS_CSV):
        _print_lines(pc.binary_join_element_wise(*batch.columns, ",").to_pylist())
        total += batch.num_rows
    return Printed(total, total)


def _csv_field(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if text == "" or re.search(r'[",\r\n]', text) else text


def _print_json(relation: Any, output: Output) -> Printed:
    """An array with one object a line, so that it can be read as a whole or line by line."""
    total = 0
    for line in _json_objects(_limited(relation, output)):
        sys.stdout.write(",\n" if total else "[\n")
        sys.stdout.write(line)
        total += 1
    click.echo("\n]" if total else "[]")
    return Printed(total, total)


def _json_objects(relation: Any) -> Iterator[str]:
    """Every row as a JSON object. A number that JSON cannot write is a text: "NaN", "Infinity", "-Infinity"."""
    import pyarrow.compute as pc

    for batch in _batches(relation, _AS_JSON):
        parts: list[Any] = []
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            parts += [("," if parts else "{") + json.dumps(name, ensure_ascii=False) + ":", column]
        for line in pc.binary_join_element_wise(*parts, "}", "").to_pylist():
            yield _STRING_OR_NOT_A_NUMBER.sub(_quoted, line) if "N" in line or "I" in line else line


def _quoted(token: re.Match[str]) -> str:
    text = token.group()
    return text if text.startswith('"') else f'"{text}"'


def _limited(relation: Any, output: Output) -> Any:
    return relation if output.limit is None else relation.limit(output.limit)


def _batches(relation: Any, expression: str) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    with closing(relation.project(expression).to_arrow_reader(_BATCH)) as reader:
        while True:
            try:
                batch = reader.read_next_batch()
            except StopIteration:
                return
            except (OSError, pa.ArrowException) as error:
                # Arrow passes the database's error on as one of its own kinds.
                raise ReadFailed from error
            yield batch


def _rows(batch: pa.RecordBatch) -> list[Row]:
    return list(zip(*(column.to_pylist() for column in batch.columns), strict=True))


def _print_lines(lines: Sequence[str] | Iterator[str]) -> None:
    text = "\n".join(lines)
    if text:
        click.echo(text)
