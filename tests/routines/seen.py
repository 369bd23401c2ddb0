"""What one process has seen, and the files in which processes leave it."""

from __future__ import annotations

import json
import re
import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from routines.names import routine

ENGINES = ("duckdb", "postgres")


@dataclass(frozen=True)
class Seen:
    """The tests that call each routine, and the statements of PL/pgSQL that ran.

    ``direct`` has the tests by engine and routine that sent a statement with the call in it; ``indirect`` those in
    which something else called it. ``ran`` has, by routine and its text, how often each line ran on which a statement
    begins. ``engines`` are those that were watched.
    """

    engines: set[str] = field(default_factory=set)
    direct: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    indirect: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    ran: dict[tuple[str, str], dict[int, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))

    def add(self, engine: str, names: Iterable[str], tests: Iterable[str], direct: bool) -> None:
        """Note calls. A test counts without its parameters, and without its group, which pytest-xdist adds."""
        bare = {re.split(r"[\[@]", test, maxsplit=1)[0] for test in tests}
        for name in names:
            (self.direct if direct else self.indirect)[engine, routine(name)] |= bare

    def add_lines(self, name: str, text: str, counts: dict[int, int]) -> None:
        """Note how often the statements of a routine ran, by the line on which each begins."""
        for line, count in counts.items():
            self.ran[name, text][line] += count

    def write(self, folder: Path) -> None:
        """Leave what was seen in a file of its own."""
        folder.mkdir(parents=True, exist_ok=True)
        told = {
            "engines": sorted(self.engines),
            "direct": [[*key, sorted(tests)] for key, tests in self.direct.items()],
            "indirect": [[*key, sorted(tests)] for key, tests in self.indirect.items()],
            "ran": [[*key, sorted(counts.items())] for key, counts in self.ran.items()],
        }
        (folder / f"seen-{uuid.uuid4().hex}.json").write_text(json.dumps(told))


def seen_in(folder: Path) -> Seen:
    """What all processes of the runs have seen that left it in a folder."""
    seen = Seen()
    for file in sorted(folder.glob("seen-*.json")):
        told = json.loads(file.read_text())
        seen.engines.update(told["engines"])
        for part, tests_of in (("direct", seen.direct), ("indirect", seen.indirect)):
            for engine, name, tests in told[part]:
                tests_of[engine, name].update(tests)
        for name, text, counts in told["ran"]:
            seen.add_lines(name, text, dict(counts))
    return seen
