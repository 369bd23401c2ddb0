"""Apply the files that a database lacks, and record what came of each."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from sqlglot import exp

from sqlml.engine import CatalogEntry, Engine, Session
from sqlml.errors import EngineError, InstallError, InvalidArgument
from sqlml.install.adopt import adopt, is_unrecorded, refuse_differences
from sqlml.install.files import (
    SqlFile,
    abandoned_files,
    bare_name,
    is_installed,
    other_versions,
    pending_migrations,
    sql_files,
    stale_files,
)
from sqlml.install.policies import as_ours, is_changed
from sqlml.install.rights import expected_rights, model_grants, restore_rights
from sqlml.registry.queries import query
from sqlml.registry.routine import (
    COMPILED,
    RecordedRoutine,
    forget_routine,
    record_entries,
    recorded_definition,
    recorded_routines,
)
from sqlml.registry.run import utc_now

LEVELS = ("auto", "inline", "plain")
"""What may be put into a server: ``inline`` takes Python in it, ``auto`` uses that where it can be had."""

Catalog = Mapping[str, CatalogEntry]


def install(engine: Engine, repair: bool = False, level: str = "auto") -> list[str]:
    """Bring the database up to the files, in one transaction; gives the files that were applied.

    With ``repair`` the routines that were edited or dropped in the database are created again, too, and owners and
    grants are given back, which is told beside the files. The engine is that of whoever installs, who needs the rights
    to create what the files create.

    Raises
    ------
    InstallError
        Where the database was made by a newer sqlml, the server lacks what ``level`` takes, or what was put there by
        hand differs from the files in a way that cannot be mended here.
    """
    if level not in LEVELS:
        raise InvalidArgument(f"level => {level!r} is unknown; known are: {', '.join(LEVELS)}")
    if is_installed(engine) and not _is_due(engine, repair, level):
        return []
    with engine.transaction() as owner:
        engine.lock("sqlml.install")
        is_adopted = is_unrecorded(engine)
        adopted = _adopt(engine, owner) if is_adopted else []
        mended = _mend_rights(engine) if repair and is_installed(engine) else []
        applied = [file.name for file in _apply(engine, owner, repair, level)]
        if is_adopted:
            refuse_differences(engine)
        return adopted + mended + applied


def _adopt(engine: Engine, owner: Session) -> list[str]:
    """Take over what was put there by hand; gives what is to be told of it."""

    def install_anew(owner: Session, level: str) -> None:
        _apply(engine, owner, False, level)

    differing = adopt(engine, owner, install_anew)
    taken = len({routine.file for routine in recorded_routines(engine)})
    return [f"the record of {taken} files that were run by hand", *(f"what differed: {each}" for each in differing)]


def inline_obstacle(engine: Engine) -> str | None:
    """Why Python cannot be put into the server of a database that has sqlml; None where it can be, or is."""
    if not sql_files(engine.name, "inline") or _has_inline(engine):
        return None
    ((obstacle,),) = engine.rows("SELECT sqlml.inline_obstacle()")
    return None if obstacle is None else str(obstacle)


def _is_due(engine: Engine, repair: bool, level: str) -> bool:
    """Whether there is a file to be applied to a database that has sqlml."""
    return bool(
        pending_migrations(engine)
        or stale_files(engine, "routines", repair)
        or abandoned_files(engine, recorded_routines(engine))
        or _due_inline(engine, repair, level)
        or (repair and _is_changed(engine, engine.catalog(), recorded_routines(engine)))
    )


def _is_changed(engine: Engine, catalog: Catalog, recorded: list[RecordedRoutine]) -> bool:
    """Whether an object was changed since it was recorded, or a routine that answers for every model is gone."""
    gone = [routine for routine in recorded if routine.file == COMPILED and routine.routine not in catalog]
    return bool(gone or _drifted(engine, catalog, recorded))


def _due_inline(engine: Engine, repair: bool, level: str) -> list[SqlFile]:
    stale = stale_files(engine, "inline", repair)
    if not stale or (level == "plain" and not _has_inline(engine)):
        return []
    ((obstacle,),) = engine.rows("SELECT sqlml.inline_obstacle()")
    if obstacle is None:
        return stale
    if level == "auto" and not _has_inline(engine):
        return []
    raise InstallError(f"{', '.join(file.name for file in stale)} cannot be applied: {obstacle}")


def _has_inline(engine: Engine) -> bool:
    return any(routine.file.startswith("inline/") for routine in recorded_routines(engine))


def _apply(engine: Engine, owner: Session, repair: bool, level: str) -> list[SqlFile]:
    recorded = recorded_routines(engine) if is_installed(engine) else []
    before = engine.catalog()
    pending = pending_migrations(engine)
    made = _run_migrations(engine, pending, before, {routine.routine for routine in recorded})
    for file in pending:
        row = {"migration": file.name, "file_hash": file.hash, "applied_at": utc_now()}
        owner.execute(query("insert_migration"), row)
    routines = sql_files(engine.name, "routines") if pending else stale_files(engine, "routines", repair)
    _create(engine, routines, recorded)
    inline = _due_inline(engine, repair, level)
    _create(engine, inline, recorded)
    if inline:
        # Imported here: it takes a library that only servers with Python in them need.
        from sqlml.install.server_python import check_server_python

        check_server_python(engine)
    _forget(engine, owner, routines + inline, recorded)
    _record(engine, owner, made, routines + inline, before, recorded)
    # Imported here: what compiles models is not needed to see that nothing is to be done.
    from sqlml.registry.compiled import create_dispatchers

    create_dispatchers(owner)
    return pending + routines + inline


def _mend_rights(engine: Engine) -> list[str]:
    """Give owners and grants back; comes first, as what belongs to somebody else cannot be replaced."""
    mended = []
    for routine, entry, rights in _drifted(engine, engine.catalog(), recorded_routines(engine)):
        name = routine.routine
        if restore_rights(engine, name, recorded_definition(engine, name), entry, rights):
            mended.append(f"owner and grants of {name}")
    return mended


def _drifted(
    engine: Engine, catalog: Catalog, recorded: list[RecordedRoutine]
) -> list[tuple[RecordedRoutine, CatalogEntry, str]]:
    """The objects that were changed since they were recorded, with the grants that each should have."""
    grants = model_grants(engine, catalog)
    known = [(routine, catalog.get(routine.routine), expected_rights(routine, grants)) for routine in recorded]
    return [
        (routine, entry, rights)
        for routine, entry, rights in known
        if entry is not None and is_changed(engine, routine, entry, rights)
    ]


def _run_migrations(engine: Engine, pending: list[SqlFile], before: Catalog, recorded: set[str]) -> dict[str, SqlFile]:
    """Run the migrations; gives the file that made each new object. Roles that were there already count as made."""
    known = recorded | {name for name, entry in before.items() if entry.kind != "role"}
    made: dict[str, SqlFile] = {}
    for file in pending:
        engine.script(file.text)
        new = engine.catalog().keys() - known
        made |= dict.fromkeys(new, file)
        known |= new
    return made


def _made_by(file: SqlFile, after: Catalog, before: Catalog, recorded: list[RecordedRoutine]) -> list[str]:
    """The objects that a file of a routine has created; what others have put under the same name is none of them."""
    own = {routine.routine for routine in recorded if routine.file == file.name}
    named = {name: entry for name, entry in after.items() if bare_name(name) == file.stem and entry.kind != "table"}
    return [name for name, entry in named.items() if name in own or entry != before.get(name)]


def _create(engine: Engine, files: list[SqlFile], recorded: list[RecordedRoutine]) -> None:
    """Create the routines of files anew.

    What is there is dropped first, as it may take or give something else. Where it cannot be, because objects of the
    user depend on it, it is replaced, which the engine refuses where that would break them.
    """
    names = {file.name for file in files}
    for routine in recorded:
        # An engine that knows grants also knows what depends on what, and takes one transaction inside another.
        if routine.file in names and (routine.kind in ("function", "procedure") or routine.rights):
            with suppress(EngineError), engine.transaction():
                _drop(engine, routine.routine, routine.kind)
    for file in files:
        engine.script(file.text)


def _drop(engine: Engine, name: str, kind: str) -> None:
    engine.execute(exp.Drop(tables=[exp.Var(this=name)], kind=kind.upper()).sql(engine.dialect))


def _forget(engine: Engine, owner: Session, files: list[SqlFile], recorded: list[RecordedRoutine]) -> None:
    """Drop what files that are no longer part of sqlml have created; it, and what files create anew, is forgotten."""
    catalog, applied, abandoned = engine.catalog(), {file.name for file in files}, abandoned_files(engine, recorded)
    for routine in recorded:
        if routine.file in abandoned and routine.routine in catalog:
            _drop(engine, routine.routine, routine.kind)
        if routine.file in applied | abandoned:
            forget_routine(owner, routine.routine)


def _record(
    engine: Engine,
    owner: Session,
    made: Mapping[str, SqlFile],
    files: list[SqlFile],
    before: Catalog,
    recorded: list[RecordedRoutine],
) -> None:
    """Record what was created, and anew what was altered or is told in another way by a newer engine."""
    after, others = engine.catalog(), other_versions(engine, recorded)
    origin = {name: (file.name, file.hash) for name, file in made.items()}
    for file in files:
        origin |= dict.fromkeys(_made_by(file, after, before, recorded), (file.name, file.hash))
    abandoned = abandoned_files(engine, recorded)
    for routine in recorded:
        name = routine.routine
        touched = routine.engine_version in others or before.get(name) != after.get(name)
        if name in after and touched and routine.file not in abandoned:
            origin.setdefault(name, (routine.file, routine.file_hash))
            after[name] = as_ours(engine, routine, after[name], before.get(name))
    for name, (file_name, file_hash) in origin.items():
        record_entries(owner, {name: after[name]}, file_name, file_hash)
