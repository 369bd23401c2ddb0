"""Sees the calls on a PostgreSQL server of the tests' own: its log, its counts of calls, and a profiler of PL/pgSQL.

The server counts what it calls (``track_functions``). A function in SQL may be gone before that, written out into the
statement that names it (wiki.postgresql.org/wiki/Inlining_of_SQL_functions); so it counts as called where a statement
of PL/pgSQL that ran, or the text of another such function, names it. plpgsql_check tells which statements ran. The log
has what clients sent: the calls that are direct, and the tests that were using a database.
"""

from __future__ import annotations

import json
import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from postgres import PostgresServer, name_of

from routines.names import calls, routine
from routines.seen import Seen

SETTINGS = {
    "shared_preload_libraries": "plpgsql,plpgsql_check",
    "plpgsql_check.profiler": "on",
    "plpgsql_check.profiler_max_shared_chunks": "100000",
    "track_functions": "all",
    "log_statement": "all",
    "log_min_messages": "error",
    "log_checkpoints": "off",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_timezone": "UTC",
    "logging_collector": "on",
    "log_destination": "jsonlog",
    "log_directory": "log",
    "log_filename": "statements",
    "log_rotation_size": "0",
    "log_rotation_age": "0",
}
"""What a server has to be started with so that it tells what it runs."""

_ALONE = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_CALLED = """
SELECT 'sqlml.' || proname FROM pg_proc JOIN pg_namespace AS n ON n.oid = pronamespace
WHERE nspname = 'sqlml' AND pg_stat_get_function_calls(pg_proc.oid) IS NOT NULL
"""
_IN_SQL = """
SELECT 'sqlml.' || proname, coalesce(pg_get_function_sqlbody(p.oid), prosrc)
FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = pronamespace JOIN pg_language AS l ON l.oid = prolang
WHERE nspname = 'sqlml' AND lanname = 'sql'
"""
_PROFILER = """
DROP EXTENSION IF EXISTS plpgsql_check CASCADE;
CREATE SCHEMA routines_of_tests;
CREATE EXTENSION plpgsql_check SCHEMA routines_of_tests
"""
_RAN = """
SELECT 'sqlml.' || proname, prosrc, array_agg(lineno ORDER BY lineno), array_agg(exec_stmts ORDER BY lineno)
FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = pronamespace
JOIN routines_of_tests.plpgsql_profiler_functions_all() AS profile ON profile.funcoid = p.oid,
  routines_of_tests.plpgsql_profiler_function_tb(p.oid) AS line
WHERE nspname = 'sqlml' AND stmt_lineno IS NOT NULL
GROUP BY p.oid
"""
_FORGET = """
SELECT routines_of_tests.plpgsql_profiler_reset(funcoid) FROM routines_of_tests.plpgsql_profiler_functions_all()
"""
_OPTIONS = "-c log_statement=none -c search_path=pg_catalog"
_END = "the tests have ended"


@dataclass(frozen=True)
class ServerWatch:
    """What a server has told so far: by database the routines that were called, and the statements that ran."""

    seen: Seen
    called: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def read_database(self, url: str) -> None:
        """Note what was called in a database; who is connected to it is sent away, so that all is counted."""
        with psycopg.connect(url, autocommit=True, options=_OPTIONS) as connection:
            connection.execute(_ALONE)
            called = self.called[name_of(url)]
            called |= {name for (name,) in connection.execute(_CALLED)}
            connection.execute(_PROFILER)
            named = set()
            for name, text, lines, counts in connection.execute(_RAN):
                ran = dict(zip(lines, counts, strict=True))
                if routine(name) == name:
                    self.seen.add_lines(name, text, ran)
                named |= _named(text, ran)
            connection.execute(_FORGET)
            called |= _written_out(named, called, dict(connection.execute(_IN_SQL).fetchall()))

    def read_log(self, server: PostgresServer, began: Sequence[tuple[float, str]]) -> None:
        """Note the calls of the statements that clients sent; ``began`` has when each test began, by Unix time."""
        users: dict[str, set[str]] = defaultdict(set)
        # The log has whole milliseconds.
        times, tests = [at - 0.001 for at, _ in began], [test for _, test in began]
        for at, database, sql in _sent(_log_entries(server)):
            test = tests[max(bisect_right(times, at) - 1, 0)]
            users[database].add(test)
            self.seen.add("postgres", calls(sql, "postgres"), [test], direct=True)
        for database, called in self.called.items():
            self.seen.add("postgres", called, users[database], direct=False)


def _named(text: str, ran: Mapping[int, int]) -> set[str]:
    """The routines that the statements name which ran; a declaration belongs to the block that it stands before."""
    lines, begins, found = text.split("\n"), sorted(ran), set()
    for place, begin in enumerate(begins):
        if ran[begin]:
            first = 0 if place == 0 else begin - 1
            behind = begins[place + 1] - 1 if place + 1 < len(begins) else len(lines)
            # Statement by statement: those that models have in common are read once.
            found |= calls("\n".join(lines[first:behind]), "postgres")
    return found


def _written_out(named: set[str], called: Iterable[str], in_sql: Mapping[str, str]) -> set[str]:
    """The functions in SQL among the names, and those that their texts name, and so on."""
    found: set[str] = set()
    waiting = (named | set(called)) & in_sql.keys()
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= calls(in_sql[name], "postgres") & in_sql.keys() - found
    return found


def _log_entries(server: PostgresServer) -> Iterator[dict[str, Any]]:
    """The entries of the log up to now. Another process writes them, so one of our own has to be there first."""
    with server.connect() as connection:
        connection.execute(f"SELECT '{_END}'")
    log = Path(server.folder, "data", "log", "statements.json")
    _wait_for_end(log)
    with log.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.endswith("\n"):
                yield json.loads(line)


def _wait_for_end(log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with log.open("rb") as written:
            written.seek(max(log.stat().st_size - 10_000, 0))
            if _END.encode() in written.read():
                return
        time.sleep(0.02)
    raise TimeoutError(f"the last statement did not arrive in {log}")


def _sent(entries: Iterable[Mapping[str, Any]]) -> Iterator[tuple[float, str, str]]:
    """When, in which database, and what was sent; without that which failed before anything of ours ran.

    An error of class ML is ours, so what raised it ran.
    """
    waiting: dict[str, tuple[float, str, str]] = {}
    for entry in entries:
        session, severity, message = entry["session_id"], entry["error_severity"], entry.get("message", "")
        if severity == "ERROR" and not entry.get("state_code", "").startswith("ML"):
            waiting.pop(session, None)
        elif severity == "LOG" and message.startswith(("statement: ", "execute ")):
            if session in waiting:
                yield waiting.pop(session)
            at = datetime.fromisoformat(entry["timestamp"].replace(" UTC", "+00:00")).timestamp()
            waiting[session] = (at, entry.get("dbname", ""), message.partition(": ")[2])
    yield from waiting.values()
