"""The plugin of dbt-duckdb that gives dbt's connection the SQL of sqlml.

In ``profiles.yml``::

    plugins:
      - module: sqlml.integrations.dbt

dbt then sees what :func:`sqlml.connect` gives: the routines are installed or brought up to date, ``CALL sqlml.train``
and ``predict('model', row)`` work, and an error of sqlml reaches dbt's output as its own text.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin
from dbt_common.exceptions import DbtRuntimeError

from sqlml.connection import attach, connect
from sqlml.errors import SqlmlError


class Plugin(BasePlugin):
    """What dbt-duckdb looks for in a module that is named as a plugin."""

    def update_connection_config(self, creds: Any, config: dict[str, Any]) -> None:
        """Open the file once before dbt does, which would print a traceback where another job holds it.

        With ``retries`` in the profile dbt opens it again and again, and nothing is done here.
        """
        if not creds.retries and not creds.is_motherduck and creds.path != ":memory:":
            with _errors_for_dbt():
                connect(creds.path, config=config).close()

    def configure_connection(self, conn: Any) -> None:
        """Attach the connection that dbt has opened; dbt makes its cursors from it and closes it."""
        with _errors_for_dbt():
            attach(conn)


@contextmanager
def _errors_for_dbt() -> Iterator[None]:
    """Raise an error of ours as the only kind of which dbt shows the text alone."""
    try:
        yield
    except SqlmlError as error:
        raise DbtRuntimeError(str(error)) from error
