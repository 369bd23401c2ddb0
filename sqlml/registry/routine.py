"""What sqlml put into the catalog, from which file, as it was right after it was created."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlml.engine import CatalogEntry, Session
from sqlml.registry.queries import query
from sqlml.registry.run import utc_now

COMPILED = "compiled:"
"""The origin of routines that models bring: before an address those of a version, alone those that know every model."""


@dataclass(frozen=True)
class RecordedRoutine:
    """One object of the catalog as it was right after sqlml created it; ``catalog_hash`` is of its definition."""

    routine: str
    kind: str
    file: str
    file_hash: str
    catalog_hash: str
    rights: str
    engine_version: str

    def describes(self, entry: CatalogEntry | None, rights: str | None = None) -> bool:
        """Whether the object is still as it was recorded, with these grants where they should be others by now."""
        return (
            entry is not None
            and self.is_defined_as(entry)
            and entry.rights == (self.rights if rights is None else rights)
        )

    def is_defined_as(self, entry: CatalogEntry | None) -> bool:
        """Whether the object is there, and its definition as it was recorded."""
        return entry is not None and self.catalog_hash == text_hash(entry.definition)


def text_hash(text: str) -> str:
    """SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def recorded_routines(session: Session) -> list[RecordedRoutine]:
    """Everything that is recorded, by name."""
    return [RecordedRoutine(*row) for row in session.rows(query("recorded_routines"))]


def recorded_definition(session: Session, routine: str) -> str:
    """What the catalog reported of an object right after it was created; nothing where that was forgotten since."""
    found = session.rows(query("recorded_definition"), {"routine": routine})
    return str(found[0][0]) if found else ""


def record_routines(session: Session, names: Iterable[str], file: str, file_hash: str) -> None:
    """Record objects that were just created from one file, in the transaction that created them.

    A routine that is named without the types of its arguments stands for all routines of that name.
    """
    record_entries(session, session.catalog(set(names)), file, file_hash)


def record_entries(session: Session, entries: Mapping[str, CatalogEntry], file: str, file_hash: str) -> None:
    """Record objects as the catalog has them, in the place of what was recorded of them."""
    version, now = session.version(), utc_now()
    for name, entry in entries.items():
        forget_routine(session, name)
        session.execute(
            query("insert_routine"),
            {
                "routine": name,
                "kind": entry.kind,
                "file": file,
                "file_hash": file_hash,
                "definition": entry.definition,
                "rights": entry.rights,
                "catalog_hash": text_hash(entry.definition),
                "engine_version": version,
                "recorded_at": now,
            },
        )


def forget_routine(session: Session, name: str) -> None:
    """Drop the record of an object that is gone."""
    session.execute(query("forget_routine"), {"routine": name})
