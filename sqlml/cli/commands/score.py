"""``sqlml score``."""

from __future__ import annotations

import click

from sqlml.cli.options import existing_file_argument, format_option
from sqlml.cli.output import print_answer, standard_output
from sqlml.cli.progress import progress_bar
from sqlml.cli.relation import relation_argument
from sqlml.cli.session import engine_on
from sqlml.cli.taught import Taught


@click.command(
    cls=Taught,
    short_help="Score rows into a prediction table.",
    examples=(
        "sqlml score shop.duckdb churn --relation customers --into churn_predictions --key-column id",
        "sqlml score shop.duckdb churn@3 --relation march.parquet --into churn_predictions --key-column id",
    ),
)
@existing_file_argument
@click.argument("model", help="The model, or model@alias, or model@version.")
@click.option(
    "--relation",
    required=True,
    metavar="TABLE|SELECT|FILE",
    help="The rows: a table or view, one SELECT, or a CSV or Parquet file.",
)
@click.option("--into", required=True, metavar="TABLE", help="The prediction table; it is created where there is none.")
@click.option("--key-column", required=True, metavar="NAME", help="The column that names a row; no value twice.")
@click.option("--time-column", metavar="NAME", help="The column with the time that a row is about; kept as event_time.")
@format_option
def score(
    file: str, model: str, relation: str, into: str, key_column: str, time_column: str | None, format: str
) -> None:
    """Score every row that has no prediction of this version of MODEL yet.

    A second run for the same rows and version adds nothing. Each prediction stands beside its key, the version,
    the time and the features that it was made from.
    """
    from sqlml.lifecycle.score import score as score_rows

    with engine_on(file) as (engine, connection):
        rows = relation_argument(engine, relation)
        with progress_bar() as report:
            answer = score_rows(engine, model, rows, into, key_column, time_column, report)
        print_answer(answer, connection, standard_output(format))
