"""The files are plain SQL: psql applies them one by one, and makes what the installer makes."""

import shutil
import subprocess

from sqlml.engine.postgres.client import opened
from sqlml.install import pending_migrations, shipped_folder, sql_files, verify


def test_psql_makes_what_the_installer_makes(postgres, server):
    psql = shutil.which("psql")
    assert psql, "psql is part of PostgreSQL's client package"
    with opened(postgres) as engine:
        queue = [file for file in pending_migrations(engine) if not file.name.startswith("migrations/")]
    for folder in ("migrations", "routines", "inline"):
        for file in sql_files("postgres", folder):
            path = shipped_folder("udfs") / "postgres" / file.name
            run(psql, postgres, "-f", str(path))
        if folder == "migrations":
            for file in queue:
                run(psql, postgres, "-f", "-", text=file.text)
    with opened(postgres) as engine:
        generated = {name for (name,) in server.rows("SELECT routine FROM sqlml.routine WHERE file = 'compiled:'")}
        expected = {name: entry for name, entry in server.catalog().items() if name not in generated}
        assert generated
        assert engine.catalog() == expected
        assert {difference.state for difference in verify(engine)} == {"behind", "missing", "extra"}


def run(psql, url, *arguments, text=None):
    command = [psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url, *arguments]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if "already exists, skipping" not in line]
    assert (done.returncode, said) == (0, [])
