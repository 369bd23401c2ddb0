"""``python -m routines FOLDER``: judge what a full run of the tests has left in a folder; the report goes beside it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from routines.installed import expansions, installed, sources
from routines.report import TITLES, Covered, covered, figures, markdown, with_expansions
from routines.seen import ENGINES, seen_in

_NOTHING = "nothing is known of what the tests call: {} has no file of a run; make test runs all tests and judges them"
_REMEDY = (
    "{}'s {} is called by no test. Write one that calls it and holds what it gives against what it should, or remove "
    "the routine"
)
_NOT_WATCHED = "{} was not watched and is not judged: only a server that the tests start themselves tells what it runs"


def judge(folder: Path) -> list[str]:
    """Write ``<folder>.md`` and ``<folder>.json``, print the figures; gives what is wrong."""
    seen = seen_in(folder)
    if not seen.engines:
        return [_NOTHING.format(folder)]
    found = covered(
        with_expansions(seen, expansions()), {engine: installed(engine) for engine in seen.engines}, sources()
    )
    folder.with_suffix(".md").write_text(markdown(found))
    folder.with_suffix(".json").write_text(json.dumps([asdict(each) for each in found], indent=1))
    print(f"{figures(found)}. See {folder.with_suffix('.md')}")
    for engine in ENGINES:
        if engine not in seen.engines:
            print(_NOT_WATCHED.format(TITLES[engine]))
    return faults(found)


def faults(found: list[Covered]) -> list[str]:
    """What is wrong about each routine that has no test."""
    return [_REMEDY.format(TITLES[each.engine], each.name) for each in found if not each.is_called]


if __name__ == "__main__":
    if wrong := judge(Path(sys.argv[1])):
        sys.exit("\n".join(wrong))
