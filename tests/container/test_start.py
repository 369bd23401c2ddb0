"""The start of the server's container: the first, the next, and one that cannot be."""

import os

import psycopg
import pytest


@pytest.fixture(scope="module", autouse=True)
def killed_before(machine):
    """An initdb was killed here: what it had made is in the way."""
    leftover = machine.folder / "data.new"
    leftover.mkdir()
    (leftover / "PG_VERSION").write_text("15")
    owner = machine.folder.stat()
    for path in (leftover, leftover / "PG_VERSION"):
        os.chown(path, owner.st_uid, owner.st_gid)


def test_a_second_start_keeps_what_is_there_and_takes_new_passwords(machine):
    before = (machine.secrets / "analyst").read_text()
    with machine.serving(), machine.connect("analyst") as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
    machine.run("secrets", machine.secrets)
    assert (machine.secrets / "analyst").read_text() == before, "a password that is there is kept"
    (machine.secrets / "analyst").unlink()
    machine.run("secrets", machine.secrets)
    with machine.serving():
        with machine.connect("analyst") as connection:
            assert connection.execute("SELECT n FROM kept").fetchone() == (1,)
        with pytest.raises(psycopg.OperationalError):
            machine.connect("analyst", password=before)
        assert machine.run("healthy").returncode == 0


def test_a_start_without_a_password_ends_and_says_which_is_missing(machine):
    secret = machine.secrets / "worker"
    secret.unlink()
    done = machine.run("server", "-p", machine.port, "-k", str(machine.folder))
    assert done.returncode != 0
    assert f"worker has no password: [Errno 2] No such file or directory: '{secret}'" in done.stderr
    assert "container/secrets makes" in done.stderr
    assert not (machine.folder / "data" / "postmaster.pid").exists(), "it has stopped in order"
