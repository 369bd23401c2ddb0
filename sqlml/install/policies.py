"""Row-level security that the owner of a database has put on our tables: a setting of theirs, and no edit of ours."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace

from sqlml.engine import CatalogEntry, Engine
from sqlml.install.owners import as_owned
from sqlml.registry.routine import RecordedRoutine, recorded_definition

_POLICY = re.compile(r"policy .+ [rawd*] [tf] \{.*")
_STORAGE = re.compile(r"(?P<storage>persistence .*?)(?P<on> row security)?(?P<forced> forced)?")


def policies(definition: str) -> frozenset[str]:
    r"""The policies in what the catalog tells of a table, and whether they hold, and hold for the owner too.

    >>> sorted(policies("a text\npolicy p r t {0} true check\npersistence p options row security\nowner ann"))
    [' row security', 'policy p r t {0} true check']
    """
    lines = definition.splitlines()
    storage = [found for found in map(_STORAGE.fullmatch, lines) if found]
    held = {found[part] for found in storage for part in ("on", "forced") if found[part]}
    return frozenset(held | {line for line in lines if _POLICY.fullmatch(line)})


def without_policies(definition: str, some: Collection[str]) -> str:
    r"""A definition without some of its :func:`policies`.

    >>> without_policies("a text\npersistence p options row security forced", {" forced"})
    'a text\npersistence p options row security'
    """
    kept = [line for line in definition.splitlines() if line not in some]
    return "\n".join(_without_flags(line, some) for line in kept)


def _without_flags(line: str, some: Collection[str]) -> str:
    found = _STORAGE.fullmatch(line)
    if found is None:
        return line
    flags = [found[part] for part in ("on", "forced") if found[part]]
    return found["storage"] + "".join(flag for flag in flags if flag not in some)


def as_ours(
    engine: Engine, recorded: RecordedRoutine, entry: CatalogEntry, before: CatalogEntry | None = None
) -> CatalogEntry:
    """An object without the policies that were put on it since it was recorded, where it is a table.

    With ``before``, what it was before we changed it: those are not ours then, and what we have added is.
    """
    if entry.kind != "table":
        return entry
    ours = policies(recorded_definition(engine, recorded.routine))
    theirs = policies((before or entry).definition) - ours
    return replace(entry, definition=without_policies(entry.definition, theirs)) if theirs else entry


def is_changed(engine: Engine, recorded: RecordedRoutine, entry: CatalogEntry, rights: str) -> bool:
    """Whether an object was changed since it was recorded, or its owner or grants are not what they should be."""
    is_owned = entry.definition == as_owned(engine, entry.definition)
    return not (is_owned and entry.rights == rights and is_as_recorded(engine, recorded, entry))


def is_as_recorded(engine: Engine, recorded: RecordedRoutine, entry: CatalogEntry) -> bool:
    """Whether an object is still defined as it was recorded, whoever owned it then."""
    if recorded.is_defined_as(entry) or recorded.is_defined_as(as_ours(engine, recorded, entry)):
        return True
    found, known = as_ours(engine, recorded, entry).definition, recorded_definition(engine, recorded.routine)
    return as_owned(engine, found) == as_owned(engine, known)
