"""dbt as ``sqlml demo`` runs it: the example project that is shipped, in a process of its own, on one file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sqlml.errors import InstallError, SqlmlError
from sqlml.install import shipped_folder

NEEDED = ("dbt.cli", "dbt.adapters.duckdb")
NOT_COPIED = ("data", "target", "logs", "dbt_packages", "package-lock.yml", "*.duckdb", "*.duckdb.wal")
COMMAND = (sys.executable, "-c", "from dbt.cli.main import cli; cli()", "--log-format", "json")
MOST_ERRORS = 3

Watch = Callable[[Any], AbstractContextManager[None]]
"""Surrounds work that can be ended by its method ``interrupt``, and calls that when a person wants to stop."""


@dataclass(frozen=True)
class Work:
    """A dbt command that is under way."""

    process: subprocess.Popen[str]

    def interrupt(self) -> None:
        """End it at once; what it has not committed is dropped."""
        self.process.terminate()


@dataclass(frozen=True)
class Job:
    """A copy of the example project, the database that it works on, and where its log goes when a command fails."""

    project: Path
    database: Path
    log: Path
    watch: Watch


def refuse_without_dbt() -> None:
    """Say how dbt is installed, where it is not.

    Raises
    ------
    InstallError
        Where dbt-core or dbt-duckdb cannot be imported.
    """
    if not all(_is_installed(module) for module in NEEDED):
        raise InstallError("sqlml demo runs a dbt project, and dbt is not installed: pip install 'sqlml[dbt]'")


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def copied_project(folder: Path) -> Path:
    """A copy of the example project, and of the package that it uses, in ``folder``; the data stay where they are."""
    shutil.copytree(shipped_folder("macros"), folder / "macros")
    return Path(
        shutil.copytree(
            shipped_folder("dbt_project"), folder / "dbt_project", ignore=shutil.ignore_patterns(*NOT_COPIED)
        )
    )


def run_dbt(job: Job, arguments: tuple[str, ...], show: Callable[[str], None]) -> None:
    """Run one dbt command to its end; ``show`` is told of each node that begins.

    Raises
    ------
    SqlmlError
        Where it fails, with what dbt says of it; dbt's log is then kept.
    """
    process = subprocess.Popen(  # noqa: S603 - the arguments are ours
        [*COMMAND, *arguments],
        cwd=job.project,
        env=_environment(job),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,  # a Ctrl-C reaches this process only, which then ends the other
    )
    with process:
        try:
            with job.watch(Work(process)):
                errors = list(_errors(process, show))
                process.wait()
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise _failure(job, arguments, errors)


def _environment(job: Job) -> dict[str, str]:
    """The variables of this process without those that would change what dbt does."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DBT_")}
    return kept | {
        "DBT_PROFILES_DIR": str(job.project),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "FLIGHTS_DATABASE": str(job.database),
    }


def _errors(process: subprocess.Popen[str], show: Callable[[str], None]) -> Iterator[str]:
    """What dbt prints as errors, and what it did not mean to print."""
    for line in process.stdout or ():
        try:
            event = json.loads(line)
            info, data = event["info"], event["data"]
        except (ValueError, KeyError, TypeError):
            yield line.strip()
            continue
        if info["name"] == "LogStartLine":
            show(f"{data['index']} of {data['total']}, {data['node_info']['node_name']}")
        elif info["level"] == "error" and info["msg"].strip():
            yield info["msg"].strip()


def _failure(job: Job, arguments: tuple[str, ...], errors: list[str]) -> SqlmlError:
    written = job.project / "logs" / "dbt.log"
    log = ""
    if written.exists():
        shutil.copyfile(written, job.log)
        log = f". Its log is {job.log}"
    said = "; ".join(errors[:MOST_ERRORS]) or "it says nothing of the reason"
    return SqlmlError(f"dbt {arguments[0]} failed: {said}{log}")
