"""``sqlml install``."""

from __future__ import annotations

import click

from sqlml.cli.target import engine_at, target_option
from sqlml.cli.taught import Taught


@click.command(
    cls=Taught,
    short_help="Put sqlml into a PostgreSQL database, or bring it up to date.",
    words={
        "inline": "Python runs in the server, in the transaction of whoever calls; it takes plpython3u and a superuser",
        "plain": "compiled models score in SQL; whatever takes Python is done by a worker outside",
    },
    examples=(
        "sqlml install --target postgresql://postgres@localhost/shop",
        "sqlml install --target postgresql://admin@db.example.com/shop --level plain --search-path",
        "SQLML_TARGET=postgresql://postgres@localhost/shop sqlml install && sqlml verify",
    ),
)
@target_option(required=True)
@click.option(
    "--level",
    type=click.Choice(("auto", "inline", "plain")),
    default="auto",
    show_default=True,
    help="Whether Python is put into the server: auto does so where it can be had, inline insists.",
)
@click.option(
    "--search-path",
    is_flag=True,
    help="Put sqlml on the search path of the database, so that predict() needs no schema in new sessions.",
)
def install(target: str, level: str, search_path: bool) -> None:
    """Apply the SQL files that the database lacks, or holds in another version, in one transaction.

    They are printed, one a line. What was changed or dropped in the database is created again; models, predictions
    and your own tables stay as they are. Whoever installs is a superuser, or has CREATEROLE and owns the database.
    """
    from sqlml.install import inline_obstacle
    from sqlml.install import install as apply_files

    with engine_at(target) as (engine, shown):
        applied = apply_files(engine, repair=True, level=level)
        for name in applied:
            click.echo(f"applied {name}")
        if search_path:
            ((previous, path),) = engine.rows("CALL sqlml.put_on_search_path()")
            change = path if path == previous else f"{previous} -> {path}"
            click.echo(f"search path of new sessions: {change}")
        if not applied:
            click.echo(f"{shown} is up to date")
        obstacle = inline_obstacle(engine)
        if obstacle is not None:
            click.echo(f"level plain, without Python in the server: {obstacle}")
