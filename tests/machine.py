"""This machine as a container: the scripts of ``container/`` in a folder, and the user and programs that they find."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

ROOT = Path(__file__).parents[1]
LOGINS = ("analyst", "dbt", "worker")
_SQLML = '#!/bin/sh\nexec {python} -c "from sqlml.cli import main; main()" "$@"\n'
# Stops what it has started when its standard input ends: however the tests end, nothing is left that runs.
_KEEP = 'signal=$1; shift; "$@" <&- & kept=$!; read -r _; kill -"$signal" $kept 2>/dev/null; wait $kept'
_VARIABLES = """
CREATE FUNCTION pg_temp.variables() RETURNS jsonb LANGUAGE plpython3u AS $$
import json, os
return json.dumps({name: os.environ[name] for name in ("PYTHONPATH", "NUMBA_CACHE_DIR") if name in os.environ})
$$
"""


@dataclass(frozen=True)
class Machine:
    """A folder with the scripts, the environment that they run in, and as whom they run where the tests are root's."""

    folder: Path
    environment: dict[str, str]
    rights: dict[str, object]

    @property
    def container(self) -> Path:
        """Where the scripts are."""
        return self.folder / "container"

    @property
    def secrets(self) -> Path:
        """Where the passwords are."""
        return self.folder / "secrets"

    @property
    def port(self) -> str:
        """The port of the server."""
        return self.environment["PGPORT"]

    def options(self, **variables: str) -> dict[str, object]:
        """What a process is to be started with."""
        return {"env": self.environment | variables, "cwd": self.folder, **self.rights}

    def run(self, script: str, *arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a script to its end."""
        command = [self.container / script, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, **self.options(**variables))

    @contextmanager
    def running(
        self, log: str, script: str, *arguments: str | Path, stop: str = "INT", **variables: str
    ) -> Iterator[subprocess.Popen]:
        """Have a script run for as long as the context lasts; it is then sent the signal ``stop``, and waited for."""
        with (self.folder / log).open("ab") as written:
            keeper = subprocess.Popen(
                ["/bin/sh", "-c", _KEEP, "keeper", stop, self.container / script, *arguments],
                stdin=subprocess.PIPE,
                stdout=written,
                stderr=written,
                start_new_session=True,
                **self.options(**variables),
            )
        try:
            yield keeper
        finally:
            keeper.stdin.close()
            keeper.wait(timeout=30)

    @contextmanager
    def serving(self) -> Iterator[subprocess.Popen]:
        """Have the entrypoint of the server's container run, with what is different here: where it listens."""
        settings = ("listen_addresses=127.0.0.1", "fsync=off", f"unix_socket_directories={self.folder}")
        arguments = ["-p", self.port, *(word for setting in settings for word in ("-c", setting))]
        with self.running("server.log", "server", *arguments) as keeper:
            wait_until(self.is_open, keeper, self.folder / "server.log")
            yield keeper

    def as_superuser(self, statement: str) -> str:
        """What a statement gives that the user of the server runs through the socket."""
        command = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", "sqlml", "-c", statement]
        done = subprocess.run(command, capture_output=True, text=True, **self.options())
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def is_open(self) -> bool:
        """Whether the server takes connections from the network."""
        asked = ["pg_isready", "--quiet", "--host", "127.0.0.1"]
        return subprocess.run(asked, **self.options()).returncode == 0

    def connect(self, login: str, password: str | None = None, **options: str) -> psycopg.Connection:
        """A connection over the network, by default with the password that is in the login's file."""
        password = (self.secrets / login).read_text() if password is None else password
        place = {"host": "127.0.0.1", "port": self.port, "dbname": "sqlml", **options}
        return psycopg.connect(user=login, password=password, autocommit=True, **place)


def wait_until(is_so, keeper: subprocess.Popen, log: Path, seconds: float = 30) -> None:
    """Wait until something is so; fails, with what was said, where the process ends before."""
    deadline = time.monotonic() + seconds
    while not is_so():
        said = log.read_text(errors="replace")[-2000:] if log.exists() else ""
        assert keeper.poll() is None, said
        assert time.monotonic() < deadline, said
        time.sleep(0.05)


def machine_in(folder: Path, programs: Path, python: dict[str, str]) -> Machine:
    """A machine in a new folder, whose user is not root."""
    owner = pwd.getpwnam("postgres") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    rights = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if os.getuid() == 0 else {}
    (folder / "bin").mkdir()
    shutil.copytree(ROOT / "container", folder / "container", ignore=shutil.ignore_patterns("__pycache__"))
    environment = {
        "PATH": os.pathsep.join(map(str, (folder / "bin", programs, "/usr/bin", "/bin"))),
        "LANG": "C.UTF-8",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "PYTHONPATH": os.pathsep.join([str(ROOT), sysconfig.get_path("purelib")]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "NUMBA_CACHE_DIR": str(folder / "numba"),
        "PGDATA": str(folder / "data"),
        "PGHOST": str(folder),
        "PGPORT": str(free_port()),
        "SQLML_SECRETS": str(folder / "secrets"),
    } | python
    for path in (folder, *folder.rglob("*")):
        os.chown(path, owner.pw_uid, owner.pw_gid)
    machine = Machine(folder, environment, rights)
    interpreter = _python_for(machine)
    (folder / "bin" / "sqlml").write_text(_SQLML.format(python=interpreter))
    (folder / "bin" / "sqlml").chmod(0o755)
    for name in ("python", "python3"):
        (folder / "bin" / name).symlink_to(interpreter)
    return machine


def _python_for(machine: Machine) -> str:
    """An interpreter of this version that the machine's user may run, and that finds sqlml and its packages."""
    here = f"python{sys.version_info.major}.{sys.version_info.minor}"
    candidates = [sys.executable, getattr(sys, "_base_executable", sys.executable), f"/usr/bin/{here}"]
    for candidate in candidates:
        try:
            found = subprocess.run([candidate, "-c", "import sqlml, psycopg, numpy"], **machine.options())
        except OSError:
            continue
        if found.returncode == 0:
            return candidate
    raise AssertionError(f"none of {', '.join(candidates)} can be run by the user of the server and imports sqlml")


def python_of(server) -> dict[str, str]:
    """Whence the Python in the server of the tests imports, and where it caches; its user is the machine's."""
    if "SQLML_TEST_POSTGRES" in os.environ:
        return {}
    with server.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute("CREATE EXTENSION IF NOT EXISTS plpython3u")
        connection.execute(_VARIABLES)
        return connection.execute("SELECT pg_temp.variables()").fetchone()[0]


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
