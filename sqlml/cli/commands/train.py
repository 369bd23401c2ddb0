"""``sqlml train``."""

from __future__ import annotations

from typing import Any

import click

from sqlml.cli.options import file_argument, format_option, model_argument
from sqlml.cli.output import print_answer, standard_output
from sqlml.cli.progress import progress_bar
from sqlml.cli.relation import data_file, relation_argument
from sqlml.cli.session import engine_on, exists
from sqlml.cli.taught import Taught

NOT_DEPLOYED = 3


@click.command(
    cls=Taught,
    short_help="Train a version of a model; it goes live if it earns that.",
    examples=(
        "sqlml train shop.duckdb churn --relation customers --target has_left",
        "sqlml train shop.duckdb churn --relation customers.csv --target has_left --key-column id",
        "sqlml train shop.duckdb churn --relation \"SELECT * FROM customers WHERE country = 'AT'\" \\",
        "    --target has_left --time-column joined_at --hyperparams '{\"num_leaves\": 15}'",
        "sqlml train shop.duckdb churn --relation customers --target has_left \\",
        '    --search random --search-space \'{"num_leaves": [7, 15, 31], "learning_rate": [0.05, 0.1]}\'',
    ),
)
@file_argument
@model_argument
@click.option(
    "--relation",
    required=True,
    metavar="TABLE|SELECT|FILE",
    help="The rows: a table or view, one SELECT, or a CSV or Parquet file.",
)
@click.option("--target", required=True, metavar="NAME", help="The column to predict.")
@click.option(
    "--task",
    default="auto",
    show_default=True,
    metavar="TASK",
    help="binary, multiclass or regression; auto goes by the target's type and values.",
)
@click.option(
    "--algorithm",
    default="lightgbm",
    show_default=True,
    metavar="NAME",
    help="lightgbm (boosted trees), linear, or baseline (a constant).",
)
@click.option(
    "--hyperparams",
    default="{}",
    show_default=True,
    metavar="JSON",
    help="An object, in the words of the library.",
)
@click.option(
    "--preprocess",
    default="{}",
    show_default=True,
    metavar="JSON",
    help="By column, how to impute, encode and scale it; kept with the version.",
)
@click.option(
    "--features",
    metavar="JSON",
    help="An array of the columns to learn from.  [default: all but those named here otherwise]",
)
@click.option("--key-column", metavar="NAME", help="The column that names a row; nothing is learned from it.")
@click.option("--time-column", metavar="NAME", help="The column that orders the rows; the latest rows test.")
@click.option("--weight-column", metavar="NAME", help="The column that says how much a row counts.")
@click.option("--group-column", metavar="NAME", help="The column whose equal values stay on one side of the split.")
@click.option(
    "--split",
    default="auto",
    show_default=True,
    metavar="HOW",
    help="time, group or random (stratified by class); auto goes by the columns named.",
)
@click.option(
    "--test-size", type=float, default=0.25, show_default=True, metavar="SHARE", help="Rows held out to test, 0 to 1."
)
@click.option("--search", metavar="HOW", help="grid or random: search for hyperparameters.  [default: none]")
@click.option("--search-space", default="{}", show_default=True, metavar="JSON", help="By hyperparameter, what to try.")
@click.option("--trials", type=int, default=20, show_default=True, metavar="N", help="Most trials of a random search.")
@click.option("--seed", type=int, default=42, show_default=True, metavar="N", help="The same seed, the same model.")
@click.option(
    "--deploy",
    default="gated",
    show_default=True,
    metavar="WHEN",
    help="gated: live if it beats the baseline and the live version on the rows held out; never; always.",
)
@click.option("--require-deployed", is_flag=True, help="Exit with 3 where the version did not go live, for jobs.")
@format_option
def train(
    file: str, model: str, relation: str, target: str, require_deployed: bool, format: str, **arguments: Any
) -> int:
    """Train a version of MODEL from rows of FILE, measure it, and put it live if it earns that.

    Part of the rows is held out. On it the new version is measured beside the simplest baseline and beside the
    version that is live now. Version, metrics and the verdict are kept in FILE; ask sqlml.model_version and
    sqlml.metric. The answer says whether it went live, and why. FILE is created where --relation is a data file
    or a SELECT.
    """
    from sqlml.lifecycle.train import train as train_version

    _refuse_missing_database(file, relation)
    with engine_on(file) as (engine, connection):
        rows = relation_argument(engine, relation)
        with progress_bar() as report:
            answer = train_version(engine, model, rows, target, report=report, **arguments)
        print_answer(answer, connection, standard_output(format))
    return NOT_DEPLOYED if require_deployed and not answer["deployed"] else 0


def _refuse_missing_database(file: str, relation: str) -> None:
    """A table cannot be in a file that is not there: a name was mistyped, and must not become a new database."""
    if not exists(file) and data_file(relation) is None and " " not in relation.strip():
        raise click.UsageError(
            f"there is no file {file!r}, so no table {relation!r} in it; 'sqlml init {file}' makes one"
        )
