"""The prompt of ``sqlml sql``: history, completion, highlighting, statements over several lines."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import click
import sqlglot
from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.filters import completion_is_selected
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.lexers import PygmentsLexer
from pygments.lexers.sql import PostgresLexer
from sqlglot.errors import SqlglotError

from sqlml.cli.catalog import Catalog, read_catalog
from sqlml.cli.completion import DOT_COMMANDS, SqlCompleter
from sqlml.cli.failure import StatementFailed
from sqlml.cli.output import Output
from sqlml.cli.statement import run_statement, user_errors
from sqlml.engine.duckdb.engine import DuckDBEngine
from sqlml.errors import SqlmlError
from sqlml.registry.queries import query

if TYPE_CHECKING:
    from sqlml.engine.duckdb.connection import Connection

HELP = """\
A statement ends with ; and may stand on several lines. Tab completes, arrow up goes back in what was typed.
Ctrl-C drops the line, or stops the statement that is running.

{commands}

Some statements:
  SHOW ALL TABLES;
  FROM sqlml.model;
  CALL sqlml.train(model => 'churn', relation => 'customers', target => 'has_left');
  SELECT predict('churn', c), c.* FROM customers AS c LIMIT 5;
  FROM sqlml.evaluate('churn', 'customers');
  FROM sqlml.feature_importance('churn');"""


def run_prompt(connection: Connection, file: str, output: Output) -> None:
    """Read statements from a terminal and run them until Ctrl-D or ``.quit``."""
    # DuckDB's own bar, for statements that take longer than two seconds; only a person wants it.
    connection.execute("SET enable_progress_bar = true").complete()
    catalog = _RememberedCatalog(connection)
    session = _session(file, catalog)
    click.echo(f"sqlml {version('sqlml')} on {file}. A statement ends with ; and .help says more, .quit ends.")
    while True:
        try:
            text = session.prompt().strip()
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        if text == ".quit":
            return
        if text:
            _answer(connection, text, output)
            catalog.forget()


def state_folder() -> Path:
    """Where a program keeps what it remembers of its user, by the custom of the platform."""
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "sqlml"
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "sqlml"


def is_complete(text: str) -> bool:
    """Whether Enter ends the input: a command of the prompt, nothing, or statements with the last ``;`` typed.

    >>> is_complete("SELECT 1"), is_complete("SELECT ';"), is_complete("SELECT 1; -- done"), is_complete(".help")
    (False, False, True, True)
    """
    if not text.strip() or text.lstrip().startswith("."):
        return True
    try:
        tokens = sqlglot.tokenize(text, read="duckdb")
    except SqlglotError:
        return False
    return bool(tokens) and tokens[-1].text == ";"


class _RememberedCatalog:
    """The catalog, read when it is first needed and again after a statement has run."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._catalog: Catalog | None = None

    def __call__(self) -> Catalog:
        if self._catalog is None:
            with self._connection.cursor() as cursor:
                self._catalog = read_catalog(DuckDBEngine(cursor))
        return self._catalog

    def forget(self) -> None:
        """Read the catalog again when it is next needed."""
        self._catalog = None


def _session(file: str, catalog: Callable[[], Catalog]) -> PromptSession[str]:
    name = "memory" if file.startswith(":memory:") else Path(file).stem
    return PromptSession(
        f"{name}> ",
        multiline=True,
        prompt_continuation=lambda width, _line, wrapped: " " * width if wrapped else "...> ".rjust(width),
        lexer=PygmentsLexer(PostgresLexer),
        completer=SqlCompleter(catalog),
        complete_while_typing=False,
        auto_suggest=AutoSuggestFromHistory(),
        history=_history(),
        key_bindings=_keys(),
    )


def _history() -> History:
    """What was typed before; kept for the session only where the folder of the user cannot be written."""
    path = state_folder() / "history"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
    except OSError:
        return InMemoryHistory()
    return FileHistory(path)


def _keys() -> KeyBindings:
    """Enter takes the completion that is chosen, ends a complete input, and begins a new line in any other."""
    keys = KeyBindings()

    @keys.add("enter", filter=completion_is_selected)
    def _take_completion(event: KeyPressEvent) -> None:
        event.current_buffer.complete_state = None

    @keys.add("enter", filter=~completion_is_selected)
    def _end_or_continue(event: KeyPressEvent) -> None:
        if is_complete(event.current_buffer.text):
            event.current_buffer.validate_and_handle()
        else:
            event.current_buffer.insert_text("\n")

    return keys


def _answer(connection: Connection, text: str, output: Output) -> None:
    """Run what was typed; an error is shown and the prompt goes on."""
    try:
        if text.startswith("."):
            _run_dot_command(connection, text, output)
            return
        with user_errors():
            statements = connection.extract_statements(text)
        for statement in statements:
            began = time.perf_counter()
            done = run_statement(connection, statement, output)
            click.secho(f"({done}, {time.perf_counter() - began:.2f} s)", dim=output.styled)
    except StatementFailed as error:
        click.secho(str(error.__cause__), fg="red" if output.styled else None)
    except SqlmlError as error:
        click.secho(str(error), fg="red" if output.styled else None)
    except KeyboardInterrupt:
        click.echo("\ninterrupted")


def _run_dot_command(connection: Connection, text: str, output: Output) -> None:
    if text == ".models":
        run_statement(connection, connection.extract_statements(query("models"))[0], output)
        return
    if text != ".help":
        click.echo(f"{text.split()[0]} is unknown.")
    widest = max(map(len, DOT_COMMANDS))
    click.echo(HELP.format(commands="\n".join(f"  {name:<{widest}}  {does}" for name, does in DOT_COMMANDS.items())))
