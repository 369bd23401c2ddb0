"""Watches a run of the tests: which test is running, and what is called in it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from postgres import CHECKER_REMEDY, PostgresMissing, PostgresServer, newest_programs, running_server

from routines import watch_duckdb
from routines.seen import Seen
from routines.watch_postgres import SETTINGS, ServerWatch

NAME = "routines"
"""The plugin's name."""


class Watch:
    """A plugin that leaves what this process has seen in a folder, when its tests have ended."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen = Seen({"duckdb"})
        self.began: list[tuple[float, str]] = []
        self.patch = pytest.MonkeyPatch()
        watch_duckdb.watch(self.patch, self._called_in_duckdb)

    def _called_in_duckdb(self, names: frozenset[str], direct: bool) -> None:
        if self.began:
            self.seen.add("duckdb", names, [self.began[-1][1]], direct)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Note when a test begins."""
        self.began.append((time.time(), item.nodeid))
        return (yield)

    def pytest_unconfigure(self) -> None:
        """Leave what was seen; the process that only hands tests out to others has seen nothing."""
        self.patch.undo()
        if self.began:
            self.seen.write(self.folder)

    @contextmanager
    def server(self) -> Iterator[PostgresServer]:
        """A server that is watched, where it is one of our own.

        Raises
        ------
        PostgresMissing
            Where there is none, or it cannot be watched.
        """
        if os.environ.get("SQLML_TEST_POSTGRES"):
            with running_server() as server:
                yield server
            return
        if not (newest_programs().parent / "lib" / "plpgsql_check.so").exists():
            raise PostgresMissing(f"--routines needs plpgsql_check beside PostgreSQL: {CHECKER_REMEDY}")
        watch = ServerWatch(self.seen)
        with running_server(SETTINGS, watch.read_database) as server:
            yield server
            self.seen.engines.add("postgres")
            watch.read_log(server, self.began)
