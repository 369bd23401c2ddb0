"""The routines of the versions of models, out of the statements that are kept with their proof."""

from __future__ import annotations

from sqlml.engine import Session
from sqlml.registry.queries import query
from sqlml.registry.routine import COMPILED, RecordedRoutine, text_hash


def is_of_version(recorded: RecordedRoutine) -> bool:
    """Whether a version of a model brought it; what answers for every model is made from the models that are live."""
    return recorded.file.startswith(COMPILED) and recorded.file != COMPILED


def kept_statements(session: Session, recorded: RecordedRoutine) -> dict[str, str]:
    """By routine, in the order in which to run them, the statements that created the routines of the same version.

    There are none where what ``sqlml.compiled`` keeps is not what the routines were made from.
    """
    model, _, version = recorded.file.removeprefix(COMPILED).partition("@")
    found = session.rows(query("compiled"), {"model": model, "version": int(version), "dialect": session.dialect})
    if not found or text_hash(str(found[0][0])) != recorded.file_hash:
        return {}
    # Imported here: what compiles models is not needed to see that nothing is to be done.
    from sqlml.compile.compiled import created_routines, statements

    kept = statements(str(found[0][0]))
    return {name: statement for statement in kept for name in created_routines(statement)}
