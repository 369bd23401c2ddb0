"""A PostgreSQL server for the tests: one of our own, thrown away afterwards, or the one that is named.

The server is a child of a small shell script that waits for its standard input to end. So it is stopped, and its
folder removed, however the tests end: in order, by Ctrl-C, or killed.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
import sys
import sysconfig
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
import pyarrow as pa
from psycopg import sql

import sqlml

OLDEST = 15
REMEDY = (
    "Run .ci/postgres (or make postgres), which installs what the tests need of PostgreSQL on Debian and Ubuntu, "
    "or name a server, with a superuser, in SQLML_TEST_POSTGRES=postgresql://..."
)
CHECKER_REMEDY = "run make postgres, or .ci/postgres plpgsql_check, which installs it on Debian and Ubuntu"
_KEEP = """
"$@" <&- & server=$!
read -r _
kill -QUIT $server 2>/dev/null
wait $server
rm -rf "$FOLDER"
"""
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "100",
    "log_min_messages": "fatal",
}
# Texts sort as on most real servers, by language and not by their bytes; ICU needs no locale of the system for that.
_LOCALE = ["-E", "UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"]
_PYTHON = """
CREATE FUNCTION pg_temp.python_of_server() RETURNS text LANGUAGE plpython3u AS $$
import importlib.util, sys
missing = [name for name in ("sqlml", "pyarrow", "lightgbm") if importlib.util.find_spec(name) is None]
return " ".join(["%d.%d" % sys.version_info[:2], *missing])
$$
"""


class PostgresMissing(Exception):
    """There is no server to test with; the message says what to do."""


@dataclass(frozen=True)
class PostgresServer:
    """A running server, and a superuser's URL of its database ``postgres``.

    ``folder`` holds one of our own, with its files in ``data``; ``before_drop`` is told the URL of a database that is
    about to go.
    """

    url: str
    folder: Path | None = None
    before_drop: Callable[[str], object] = field(default=str, repr=False)

    def url_of(self, database: str, user: str | None = None) -> str:
        """The URL of another database, for another user where one is named."""
        parts = urlsplit(self.url)
        host = parts.netloc if user is None else f"{quote(user)}@{parts.netloc.rpartition('@')[2]}"
        return urlunsplit(parts._replace(netloc=host, path=f"/{database}"))

    def connect(self, **options: object) -> psycopg.Connection:
        """A superuser's connection to database ``postgres`` that commits each statement."""
        return psycopg.connect(self.url, autocommit=True, **options)

    @contextmanager
    def database(self, template: str = "template1", options: str = "") -> Iterator[str]:
        """The URL of a new database, a copy of the template, which is dropped afterwards.

        Nobody may be connected to the template; ``name_of`` gives the name of a database out of its URL. ``options``
        are those of ``CREATE DATABASE``: another locale or encoding takes ``template0``.
        """
        name = f"sqlml_test_{uuid.uuid4().hex[:12]}"
        names = {"name": sql.Identifier(name), "template": sql.Identifier(template)}
        with self.connect() as connection:
            create = sql.SQL("CREATE DATABASE {name} TEMPLATE {template} ").format(**names)
            connection.execute(create + sql.SQL(options))
        try:
            yield self.url_of(name)
            self.before_drop(self.url_of(name))
        finally:
            with self.connect() as connection:
                connection.execute(sql.SQL("DROP DATABASE {name} WITH (FORCE)").format(**names))


def name_of(url: str) -> str:
    """The name of the database in a URL."""
    return urlsplit(url).path.removeprefix("/")


@contextmanager
def running_server(
    settings: Mapping[str, str] = MappingProxyType({}), before_drop: Callable[[str], object] = str
) -> Iterator[PostgresServer]:
    """The server named in ``SQLML_TEST_POSTGRES``, or one of our own for as long as the context lasts.

    ``settings`` and ``before_drop`` are for one of our own; see :class:`PostgresServer`.

    Raises
    ------
    PostgresMissing
        Where there is none, or its PL/Python cannot run this environment's packages.
    """
    named = os.environ.get("SQLML_TEST_POSTGRES")
    if named:
        server = PostgresServer(named)
        _check(server)
        yield server
        return
    programs = newest_programs()
    folder = Path(tempfile.mkdtemp(prefix="sqlml_pg_"))
    keeper = _started(programs, folder, {**_SETTINGS, **settings})
    try:
        url = f"postgresql://postgres@/postgres?host={quote(str(folder), safe='')}"
        server = PostgresServer(url, folder, before_drop)
        _wait_for(server, keeper, folder / "log")
        _check(server)
        yield server
    finally:
        keeper.stdin.close()
        keeper.wait()
        # Copies of packages are not the keeper's to remove.
        shutil.rmtree(folder, ignore_errors=True)


def newest_programs() -> Path:
    """The folder of the newest server that has PL/Python.

    Raises
    ------
    PostgresMissing
        Where there is none of a version that sqlml knows.
    """
    found = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if path.parent.name.isdigit()]
    fit = [path for path in found if int(path.parent.name) >= OLDEST and _has_plpython(path)]
    if not fit:
        raise PostgresMissing(f"there is no PostgreSQL {OLDEST} or newer with plpython3u on this machine. {REMEDY}")
    return max(fit, key=lambda path: int(path.parent.name))


def _has_plpython(programs: Path) -> bool:
    return (programs / "initdb").exists() and (programs.parent / "lib" / "plpython3.so").exists()


def _started(programs: Path, folder: Path, settings: Mapping[str, str]) -> subprocess.Popen:
    """The keeper of a new cluster in a folder; the server runs as ``postgres`` where we are root, as it must."""
    owner = _owner()
    if owner:
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    rights = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if owner else {}
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HOME": str(folder),
        "FOLDER": str(folder),
        "NUMBA_CACHE_DIR": str(_numba_cache(owner, folder)),
        "PYTHONPATH": os.pathsep.join(map(str, _readable(_python_path(), folder, rights))),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_WAIT_POLICY": "passive",
    }
    options = {"env": environment, "cwd": folder, **rights}
    data, log = folder / "data", folder / "log"
    create = [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-N"]
    made = subprocess.run([*create, *_LOCALE], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if made.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        raise PostgresMissing(f"initdb failed: {made.stdout.strip()[-500:]}. {REMEDY}")
    options_of_server = [f"--{name}={value}" for name, value in {**settings, "unix_socket_directories": folder}.items()]
    with log.open("wb") as written:
        return subprocess.Popen(
            ["/bin/sh", "-c", _KEEP, "keeper", programs / "postgres", "-D", data, *options_of_server],
            stdin=subprocess.PIPE,
            stdout=written,
            stderr=written,
            # Ctrl-C goes to the tests, which end the server in their own time.
            start_new_session=True,
            **options,
        )


def _owner() -> pwd.struct_passwd | None:
    """The user as whom the server runs; None where that is whoever runs the tests."""
    if os.getuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        raise PostgresMissing(f"a server cannot run as root, and there is no user postgres. {REMEDY}") from None


def _numba_cache(owner: pwd.struct_passwd | None, folder: Path) -> Path:
    """Where the server keeps machine code from one run to the next; each user has a place, which must be its own."""
    user = owner.pw_uid if owner else os.getuid()
    cache = Path(tempfile.gettempdir()) / f"sqlml_numba_{user}"
    try:
        cache.mkdir(mode=0o700)
    except FileExistsError:
        found = cache.lstat()
        return cache if stat.S_ISDIR(found.st_mode) and found.st_uid == user else folder / "numba"
    if owner:
        os.chown(cache, owner.pw_uid, owner.pw_gid)
    return cache


def _python_path() -> list[Path]:
    """The folders from which this environment imports sqlml and the packages that it needs."""
    packages = [Path(sysconfig.get_path(kind)) for kind in ("purelib", "platlib")]
    return list(dict.fromkeys([Path(sqlml.__file__).parents[1], *packages]))


def _readable(paths: list[Path], folder: Path, rights: dict[str, object]) -> list[Path]:
    """The paths, where the server's user can read them; copies of them in the folder, where it cannot."""
    needed = [*paths, *(package.__file__ for package in (sqlml, pa, psycopg))]
    probe = 'for file; do test -r "$file" || exit 1; done'
    if subprocess.run(["/bin/sh", "-c", probe, "probe", *needed], **rights).returncode == 0:
        return paths
    copies = [folder / f"python{number}" for number in range(len(paths))]
    sources = [Path(sqlml.__file__).parents[1], *paths[1:]]
    for source, copy in zip(sources, copies, strict=True):
        parts = ["sqlml", "udfs"] if source == sources[0] and source not in sources[1:] else [""]
        for part in parts:
            shutil.copytree(source / part, copy / part, copy_function=_linked, symlinks=False)
    return copies


def _linked(source: str, target: str) -> str:
    """A file that everybody can read: a second name of it where it is one already, else a copy."""
    if os.stat(source).st_mode & 0o004:
        try:
            os.link(source, target)
        except OSError:
            shutil.copyfile(source, target)
    else:
        shutil.copyfile(source, target)
        os.chmod(target, 0o644)
    return target


def _wait_for(server: PostgresServer, keeper: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            server.connect().close()
        except psycopg.OperationalError as error:
            if keeper.poll() is not None or time.monotonic() > deadline:
                said = log.read_text(errors="replace")[-1000:] if log.exists() else ""
                raise PostgresMissing(f"the server did not start: {error} {said}. {REMEDY}") from error
            time.sleep(0.02)
        else:
            return


def _check(server: PostgresServer) -> None:
    """Refuse a server that is too old, or whose Python cannot run the packages of this environment."""
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    try:
        with server.connect() as connection:
            version = connection.info.server_version // 10_000
            connection.execute("BEGIN")
            connection.execute("CREATE EXTENSION IF NOT EXISTS plpython3u")
            connection.execute(_PYTHON)
            python, *missing = connection.execute("SELECT pg_temp.python_of_server()").fetchone()[0].split()
            connection.execute("ROLLBACK")
    except psycopg.Error as error:
        raise PostgresMissing(f"{server.url} cannot be used: {error}. {REMEDY}") from error
    if version < OLDEST:
        raise PostgresMissing(f"{server.url} is PostgreSQL {version}; sqlml needs {OLDEST} or newer. {REMEDY}")
    if python != here:
        raise PostgresMissing(
            f"PL/Python of PostgreSQL {version} runs Python {python}, and this environment ({sys.prefix}) has {here}: "
            f"the server cannot import its packages. Make the environment again with the system's Python: make clean, "
            f"then make test PYTHON=/usr/bin/python{python}"
        )
    if missing:
        raise PostgresMissing(
            f"PL/Python of {server.url} cannot import {', '.join(missing)}; start that server with the packages of "
            f"this environment in its PYTHONPATH: {os.pathsep.join(map(str, _python_path()))}"
        )
