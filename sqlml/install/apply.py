"""Apply the files that a database lacks, and record what came of each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace

from sqlglot import exp

from sqlml.engine import CatalogEntry, Engine, Session
from sqlml.errors import EngineError, InstallError, InvalidArgument, PermissionDenied
from sqlml.install.adopt import Altered, adopt, is_unrecorded, refuse_differences
from sqlml.install.compiled import is_of_version, kept_statements
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
from sqlml.install.owners import give_back, is_given_away, refuse_stranger
from sqlml.install.policies import as_ours, is_as_recorded, is_changed
from sqlml.install.rights import drop_void_grants, expected_rights, restore_rights, void_grants
from sqlml.registry.queries import query
from sqlml.registry.routine import (
    COMPILED,
    RecordedRoutine,
    forget_routine,
    record_entries,
    recorded_routines,
)
from sqlml.registry.run import utc_now

LEVELS = ("auto", "inline", "plain")
"""What may be put into a server: ``inline`` takes Python in it, ``auto`` uses that where it can be had."""

Catalog = Mapping[str, CatalogEntry]


def install(engine: Engine, repair: bool = False, level: str = "auto") -> list[str]:
    """Bring the database up to the files, in one transaction; gives the files that were applied.

    With ``repair`` the routines that were edited or dropped in the database are created again, too, and objects get
    back their owner and just the grants that the files state, which is told beside the files. The engine is that of
    whoever installs, who needs the rights to create what the files create.

    Raises
    ------
    InstallError
        Where the database was made by a newer sqlml, or from another text of a migration, the server lacks what
        ``level`` takes, or what was put there by hand differs from the files in a way that cannot be mended here.
    PermissionDenied
        Where whoever installs lacks a right.
    """
    if level not in LEVELS:
        raise InvalidArgument(f"level => {level!r} is unknown; known are: {', '.join(LEVELS)}")
    try:
        return _installed(engine, repair, level)
    except PermissionDenied as error:
        raise PermissionDenied(
            f"{error.message}. Install as a superuser, or as the owner of the database, with CREATEROLE"
        ) from error


def _installed(engine: Engine, repair: bool, level: str) -> list[str]:
    if is_installed(engine) and not _is_due(engine, repair, level):
        return []
    with engine.transaction() as owner:
        # Before the lock is taken, which is a table of ours.
        told = give_back(engine) if is_given_away(engine) or is_installed(engine) else []
        refuse_stranger(engine)
        engine.lock("sqlml.install")
        is_adopted = is_unrecorded(engine)
        told += _adopt(engine, owner) if is_adopted else []
        if repair and is_installed(engine):
            told += [*drop_void_grants(engine, owner), *_mend_rights(engine)]
        applied, _ = _apply(engine, owner, repair, level)
        if is_adopted:
            refuse_differences(engine)
        return told + applied


def _adopt(engine: Engine, owner: Session) -> list[str]:
    """Take over what was put there by hand; gives what is to be told of it."""

    def install_anew(owner: Session, level: str) -> Altered:
        return _apply(engine, owner, False, level)[1]

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
    """Whether an object was changed since it was recorded, or a routine that models brought is gone."""
    gone = [routine for routine in recorded if routine.file.startswith(COMPILED) and routine.routine not in catalog]
    return bool(gone or _drifted(engine, catalog, recorded) or void_grants(engine, catalog))


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


def _apply(engine: Engine, owner: Session, repair: bool, level: str) -> tuple[list[str], Altered]:
    """Apply what the database lacks.

    Gives the files, with the versions whose routines were created anew, and what the migrations have altered.
    """
    recorded = recorded_routines(engine) if is_installed(engine) else []
    before = engine.catalog()
    pending = pending_migrations(engine)
    made, altered = _run_migrations(engine, pending, before, {routine.routine for routine in recorded})
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
    compiled = _create_compiled(engine, owner, before, recorded) if repair else []
    _forget(engine, owner, routines + inline, recorded)
    _record(engine, owner, made, routines + inline, before, recorded)
    # Imported here: what compiles models is not needed to see that nothing is to be done.
    from sqlml.registry.compiled import create_dispatchers

    create_dispatchers(owner)
    return [file.name for file in pending + routines + inline] + compiled, altered


def _mend_rights(engine: Engine) -> list[str]:
    """Give the objects the grants that they should have; gives what is to be told of it."""
    drifted = _drifted(engine, engine.catalog(), recorded_routines(engine))
    mended = [routine for routine, entry, rights in drifted if restore_rights(engine, routine.routine, entry, rights)]
    return [f"grants of {routine.routine}" for routine in mended]


def _drifted(
    engine: Engine, catalog: Catalog, recorded: list[RecordedRoutine]
) -> list[tuple[RecordedRoutine, CatalogEntry, str]]:
    """The objects that were changed since they were recorded, with the grants that each should have."""
    expected = expected_rights(engine, catalog)
    known = [(routine, catalog.get(routine.routine), expected.of_recorded(routine)) for routine in recorded]
    return [
        (routine, entry, rights)
        for routine, entry, rights in known
        if entry is not None and is_changed(engine, routine, entry, rights)
    ]


def _run_migrations(
    engine: Engine, pending: list[SqlFile], before: Catalog, recorded: set[str]
) -> tuple[dict[str, SqlFile], Altered]:
    """Run the migrations; gives the file that made each new object, and by file what it altered.

    Roles and schemas that were there already count as made.
    """
    known = recorded | {name for name, entry in before.items() if entry.kind not in ("role", "schema")}
    made: dict[str, SqlFile] = {}
    altered: Altered = {}
    for file in pending:
        _run(engine, file)
        after = engine.catalog()
        new = after.keys() - known
        altered[file.name] = {
            name: (before[name].definition, entry.definition)
            for name, entry in after.items()
            if name in before and before[name].definition != entry.definition
        }
        made |= dict.fromkeys(new, file)
        known |= new
        before = after
    return made, altered


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
    _drop_replaced(engine, [routine for routine in recorded if routine.file in names])
    for file in files:
        _run(engine, file)


def _run(engine: Engine, file: SqlFile) -> None:
    try:
        engine.script(file.text)
    except EngineError as error:
        raise type(error)(f"{file.name} was not applied, and nothing was changed: {error.message}") from error


def _create_compiled(engine: Engine, owner: Session, catalog: Catalog, recorded: list[RecordedRoutine]) -> list[str]:
    """Create routines of versions that were edited or dropped anew, as :func:`_create` does; gives their origins."""
    others = other_versions(engine, recorded)
    changed: dict[str, list[RecordedRoutine]] = {}
    for routine in recorded:
        is_comparable = is_of_version(routine) and routine.engine_version not in others
        entry = catalog.get(routine.routine)
        if is_comparable and not (entry and is_as_recorded(engine, routine, entry)):
            changed.setdefault(routine.file, []).append(routine)
    made = []
    for file, routines in changed.items():
        names = {routine.routine for routine in routines}
        statements = [text for name, text in kept_statements(owner, routines[0]).items() if name in names]
        if statements:
            _drop_replaced(engine, routines)
            owner.script(";\n".join(statements))
            made.append(file)
    return made


def _drop_replaced(engine: Engine, routines: list[RecordedRoutine]) -> None:
    for routine in routines:
        # An engine that knows grants also knows what depends on what, and takes one transaction inside another.
        if routine.kind in ("function", "procedure") or routine.rights:
            with suppress(EngineError), engine.transaction():
                _drop(engine, routine.routine, routine.kind)


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
    after = _with_stated_rights(engine, after, origin)
    abandoned = abandoned_files(engine, recorded)
    for routine in recorded:
        name = routine.routine
        touched = routine.engine_version in others or before.get(name) != after.get(name)
        if name in after and touched and routine.file not in abandoned:
            origin.setdefault(name, (routine.file, routine.file_hash))
            after[name] = as_ours(engine, routine, after[name], before.get(name))
    for name, (file_name, file_hash) in origin.items():
        record_entries(owner, {name: after[name]}, file_name, file_hash)


def _with_stated_rights(engine: Engine, catalog: Catalog, created: Collection[str]) -> dict[str, CatalogEntry]:
    """The catalog, where what was created has just the grants that the files state.

    Default privileges of whoever has created it may have given others.
    """
    stated = expected_rights(engine, catalog)
    found = dict(catalog)
    for name in created:
        rights = stated.of_object(name)
        if restore_rights(engine, name, found[name], rights):
            found[name] = replace(found[name], rights=rights)
    return found
