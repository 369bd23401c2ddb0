"""What sqlml put into the catalog, from which file, with both hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from sqlml.engine import Session
from sqlml.registry.queries import query
from sqlml.registry.run import utc_now


@dataclass(frozen=True)
class RecordedRoutine:
    """One object of the catalog as it was right after sqlml created it."""

    routine: str
    kind: str
    file: str
    file_hash: str
    catalog_hash: str
    engine_version: str


def text_hash(text: str) -> str:
    """SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def recorded_routines(session: Session) -> list[RecordedRoutine]:
    """Everything that is recorded, by name."""
    return [RecordedRoutine(*row) for row in session.rows(query("recorded_routines"))]


def record_routines(session: Session, names: Iterable[str], file: str, file_hash: str) -> None:
    """Record objects that were just created from one file, in the transaction that created them."""
    catalog = session.catalog()
    for name in names:
        entry = catalog[name]
        session.execute(query("forget_routine"), {"routine": name})
        session.execute(
            query("insert_routine"),
            {
                "routine": name,
                "kind": entry.kind,
                "file": file,
                "file_hash": file_hash,
                "catalog_hash": text_hash(entry.definition),
                "engine_version": session.version(),
                "recorded_at": utc_now(),
            },
        )
