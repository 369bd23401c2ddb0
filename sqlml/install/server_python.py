"""Whether the Python inside a server can run sqlml, and what it lacks."""

from __future__ import annotations

import json
from importlib import metadata
from typing import Any

from packaging.requirements import Requirement

from sqlml.engine import Engine
from sqlml.errors import InstallError

OLDEST = (3, 10)


def check_server_python(engine: Engine) -> None:
    """Refuse a server whose Python is too old, or lacks a package that sqlml needs.

    Raises
    ------
    InstallError
        With everything that is missing, and how to add it.
    """
    needed = needed_packages()
    ((answer,),) = engine.rows(
        "SELECT sqlml.server_python($packages)", {"packages": json.dumps([each.name for each in needed])}
    )
    found: dict[str, Any] = json.loads(answer) if isinstance(answer, str) else answer
    wrong = missing_packages(needed, found)
    if wrong:
        here = metadata.version("sqlml")
        raise InstallError(
            f"the server's Python {found['python']} ({found['prefix']}) lacks {'; '.join(wrong)}. Install sqlml {here} "
            f"for that interpreter, or into an environment of Python {found['python'].rpartition('.')[0]} whose "
            f"site-packages the server has in its PYTHONPATH (on Debian in {found['environment']}); restart the server "
            "and run sqlml install again. Or install without Python in the server, with --level plain"
        )


def needed_packages() -> list[Requirement]:
    """What the server needs: this sqlml, and what it depends on in the versions that it names."""
    requirements = [Requirement(text) for text in metadata.requires("sqlml") or []]
    always = [each for each in requirements if each.marker is None or each.marker.evaluate({"extra": ""})]
    return [Requirement(f"sqlml=={metadata.version('sqlml')}"), *always]


def missing_packages(needed: list[Requirement], found: dict[str, Any]) -> list[str]:
    """What a server lacks of the packages needed, a phrase each.

    ``found`` has the Python of the server as ``python``, and by package its version, or null, as ``packages``.

    >>> missing_packages([Requirement("numpy>=2,<3")], {"python": "3.11.2", "packages": {"numpy": "1.26.4"}})
    ['numpy<3,>=2 (it has 1.26.4)']
    >>> missing_packages([Requirement("numpy>=2,<3")], {"python": "3.9.1", "packages": {"numpy": None}})
    ['Python 3.10 or newer', 'numpy<3,>=2']
    """
    wrong = []
    version = tuple(int(part) for part in found["python"].split(".")[:2])
    if version < OLDEST:
        wrong.append(f"Python {OLDEST[0]}.{OLDEST[1]} or newer")
    for each in needed:
        has = found["packages"].get(each.name)
        if has is None:
            wrong.append(str(each))
        elif not each.specifier.contains(has, prereleases=True):
            wrong.append(f"{each} (it has {has})")
    return wrong
