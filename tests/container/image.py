"""What is in an image: the packages that the extras in its Dockerfile bring, in an environment of their own."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path

from hatchling.metadata.core import ProjectMetadata
from hatchling.plugin.manager import PluginManager
from machine import ROOT, Machine
from packaging.requirements import Requirement

_EXTRAS = re.compile(r"sqlml-\*\.whl\)\[([\w,-]+)\]")
_SCRIPT = "#!{python}\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n"


def extras_of(stage: str) -> set[str]:
    """The extras of sqlml that a stage of the Dockerfile installs."""
    text = (ROOT / "container" / "Dockerfile").read_text()
    (extras,) = _EXTRAS.findall(text[text.index(f" AS {stage}\n") :].split("\nFROM ")[0])
    return set(extras.split(","))


def brought_by(extras: set[str]) -> dict[str, Distribution]:
    """All distributions that ``sqlml[extras]`` needs, by their own word, sqlml included; as they are installed here."""
    # Of sqlml the project's file is asked: what an editable installation knows may be older.
    sqlml = ProjectMetadata(str(ROOT), PluginManager()).core
    found = {"sqlml": distribution("sqlml")}
    waiting = sqlml.dependencies + [line for extra in extras for line in sqlml.optional_dependencies[extra]]
    asked = set()
    while waiting:
        need = Requirement(waiting.pop())
        key = (canonical(need.name), frozenset(need.extras))
        if key not in asked and (need.marker is None or need.marker.evaluate()):
            asked.add(key)
            found[key[0]] = distribution(need.name)
            waiting += list(_needed_by(found[key[0]], need.extras))
    return found


def canonical(name: str) -> str:
    """A distribution's name as all write it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _needed_by(wanted: Distribution, extras: set[str]) -> Iterator[str]:
    for line in wanted.requires or []:
        marker = Requirement(line).marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras | {""}):
            yield line.partition(";")[0]


def environment(machine: Machine, stage: str) -> Path:
    """The programs of a new virtual environment with what a stage installs; sqlml itself is this checkout."""
    folder = machine.folder / stage
    made = [machine.folder / "bin" / "python", "-m", "venv", "--without-pip", folder]
    subprocess.run(made, check=True, **machine.options(PYTHONPATH=""))
    (packages,) = (folder / "lib").glob("python*/site-packages")
    (packages / "checkout.pth").write_text(f"{ROOT}\n")
    brought = brought_by(extras_of(stage))
    _link(brought, packages)
    for wanted in brought.values():
        _write_scripts(wanted, folder / "bin")
    return folder / "bin"


def _link(brought: dict[str, Distribution], packages: Path) -> None:
    """Link files and folders; those of a folder in which others have something too, such as dbt/, one by one."""
    others = {
        file.parts[0] for known in distributions() if canonical(known.name) not in brought for file in known.files or []
    }
    for wanted in brought.values():
        for file in wanted.files or []:
            part = file if file.parts[0] in others else type(file)(file.parts[0])
            link = packages / part
            if file.parts[0] not in ("..", "__pycache__") and file.suffix != ".pth" and not link.exists():
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(wanted.locate_file(part))


def _write_scripts(wanted: Distribution, programs: Path) -> None:
    for point in wanted.entry_points:
        if point.group == "console_scripts":
            script = programs / point.name
            script.write_text(_SCRIPT.format(python=programs / "python", module=point.module, function=point.attr))
            script.chmod(0o755)
