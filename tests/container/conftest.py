"""The scripts of the containers, run on this machine as they run there."""

import shutil
import tempfile
from pathlib import Path

import pytest
from machine import machine_in, python_of
from postgres import newest_programs


@pytest.fixture(scope="module")
def machine(postgres_server):
    """A folder with the scripts, their passwords, and nothing else yet; see :class:`machine.Machine`."""
    folder = Path(tempfile.mkdtemp(prefix="sqlml_container_"))
    try:
        machine = machine_in(folder, newest_programs(), python_of(postgres_server))
        made = machine.run("secrets", machine.secrets)
        assert made.returncode == 0, made.stderr
        yield machine
    finally:
        shutil.rmtree(folder)
