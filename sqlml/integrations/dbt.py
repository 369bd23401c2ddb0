"""The plugin of dbt-duckdb that gives dbt's connection the SQL of sqlml.

In ``profiles.yml``::

    plugins:
      - module: sqlml.integrations.dbt

dbt then sees what :func:`sqlml.connect` gives: the routines are installed or brought up to date, ``CALL sqlml.train``
and ``predict('model', row)`` work, and an error of sqlml reaches dbt's output as its own text.
"""

from __future__ import annotations

from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin
from dbt_common.exceptions import DbtRuntimeError

from sqlml.connection import attach
from sqlml.errors import SqlmlError


class Plugin(BasePlugin):
    """What dbt-duckdb looks for in a module that is named as a plugin."""

    def configure_connection(self, conn: Any) -> None:
        """Attach the connection that dbt has opened; dbt makes its cursors from it and closes it.

        Raises
        ------
        DbtRuntimeError
            Where the file cannot be used, in the words of sqlml: the only kind of error of which dbt shows the text.
        """
        try:
            attach(conn)
        except SqlmlError as error:
            raise DbtRuntimeError(str(error)) from error
