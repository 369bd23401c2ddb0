"""The grants that an object of the database should have, by the files that make it, and how to give it just these."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from sqlglot import exp

from sqlml.engine import CatalogEntry, Engine, Session
from sqlml.install.files import SqlFile, lacking_migrations, sql_files
from sqlml.install.queue import QUEUE
from sqlml.registry.routine import COMPILED, RecordedRoutine

_SCORERS = "sqlml_scorer"
_RIGHT = re.compile(r"(?P<privilege>\w+)(?: \((?P<column>.+)\))? to (?P<role>.+?)(?P<option> with grant option)?")
_GRANT = re.compile(
    r"GRANT (?P<privileges>.+?) ON (?:(?:FUNCTION|PROCEDURE|SCHEMA|TABLE) )?(?P<objects>.+?) TO (?P<roles>.+)"
)
_PRIVILEGE = re.compile(r"(\w+)(?: \(([^)]*)\))?")
_MODEL_GRANT = exp.table_("model_grant", db="sqlml")
_VOID = "NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE oid = grantee AND rolname = grantee_name)"

Grants = list[tuple[str, str]]
"""Pairs of a model and a role to which it is granted."""


@dataclass(frozen=True)
class Rights:
    """Who should have which rights: what the files state of each object, and to whom models are granted.

    ``files`` are the hashes by name of the files that ``stated`` comes from; ``models`` is None without roles.
    """

    files: Mapping[str, str]
    stated: Mapping[str, frozenset[str]]
    models: Grants | None

    def of_object(self, name: str) -> str:
        """The grants that the files state of an object of the catalog, a line each."""
        return "\n".join(sorted(self.stated.get(name.partition("(")[0], ())))

    def of_recorded(self, recorded: RecordedRoutine) -> str:
        """The grants that a recorded object should have; where its file is another one by now, those that it had."""
        if recorded.file.startswith(COMPILED) and self.models is not None:
            model = recorded.file.removeprefix(COMPILED).partition("@")[0]
            roles = {_SCORERS, *(role for name, role in self.models if model in ("", name))}
            return "\n".join(sorted(f"EXECUTE to {role}" for role in roles))
        is_stated = recorded.file.startswith(QUEUE) or self.files.get(recorded.file) == recorded.file_hash
        return self.of_object(recorded.routine) if is_stated else recorded.rights


def expected_rights(engine: Engine, catalog: Mapping[str, CatalogEntry]) -> Rights:
    """The rights that the objects of a database should have; migrations that were not applied state nothing yet."""
    pending = {file.name for file in lacking_migrations(engine)}
    files = [file for folder in ("migrations", "routines", "inline") for file in sql_files(engine.name, folder)]
    applied = [file for file in files if file.name not in pending]
    models = _model_grants(engine) if "sqlml.granted_model" in catalog else None
    return Rights({file.name: file.hash for file in applied}, stated_rights(applied), models)


def _model_grants(engine: Engine) -> Grants:
    granted = exp.select("model", "role").from_(exp.table_("granted_model", db="sqlml"))
    return [(str(model), str(role)) for model, role in engine.rows(granted.sql(engine.dialect))]


def stated_rights(files: Iterable[SqlFile]) -> dict[str, frozenset[str]]:
    """By object the grants that files state, as the catalog tells of them."""
    stated: dict[str, set[str]] = {}
    for file in files:
        if "GRANT " in file.text:
            for name, line in _stated(file):
                stated.setdefault(name, set()).add(line)
    return {name: frozenset(lines) for name, lines in stated.items()}


def _stated(file: SqlFile) -> Iterator[tuple[str, str]]:
    # Imported here: what compiles models is not needed where nothing is granted.
    from sqlml.compile.compiled import statements

    for statement in statements(file.text):
        found = _GRANT.fullmatch(" ".join(statement.split()))
        if found is None:
            continue
        for privilege, columns in _PRIVILEGE.findall(found["privileges"]):
            rights = [f"{privilege} ({column})" for column in columns.split(", ")] if columns else [privilege]
            for right, name, role in product(rights, found["objects"].split(", "), found["roles"].split(", ")):
                yield name.partition("(")[0], f"{right} to {role}"


def restore_rights(engine: Engine, routine: str, entry: CatalogEntry, rights: str) -> bool:
    """Give an object the grants that it should have, and no others.

    Returns
    -------
    Whether it had others.
    """
    if entry.rights == rights:
        return False
    name, kind = exp.Var(this=routine), entry.kind.upper()
    before, after = set(entry.rights.splitlines()), set(rights.splitlines())
    statements = [_statement(exp.Revoke, line, name, kind) for line in sorted(before - after)]
    # All of them, as what is taken back from a role may be one that it should have, with the option to grant it on.
    statements += [_statement(exp.Grant, line, name, kind) for line in sorted(after)]
    for statement in statements:
        engine.execute(statement.sql(engine.dialect))
    return True


def _statement(statement: type[exp.Grant] | type[exp.Revoke], line: str, name: exp.Var, kind: str) -> exp.Expression:
    found = _RIGHT.fullmatch(line)
    assert found is not None, line  # noqa: S101 - the catalog writes these lines
    columns = [exp.to_identifier(found["column"], quoted=True)] if found["column"] else None
    role = exp.Var(this="PUBLIC") if found["role"] == "PUBLIC" else exp.to_identifier(found["role"], quoted=True)
    return statement(
        privileges=[exp.GrantPrivilege(this=exp.Var(this=found["privilege"]), expressions=columns)],
        kind="TABLE" if kind in ("VIEW", "MATERIALIZED VIEW", "FOREIGN TABLE") else kind,
        securable=name.copy(),
        principals=[exp.GrantPrincipal(this=role)],
        # What the role has granted on is taken back, too.
        **({"cascade": "CASCADE"} if statement is exp.Revoke else {}),
    )


def void_grants(engine: Engine, catalog: Mapping[str, CatalogEntry]) -> Grants:
    """The grants of models to roles that were dropped or renamed, or that were others in the server of a copy."""
    if not _has_names(catalog):
        return []
    void = exp.select("model", "grantee_name").from_(_MODEL_GRANT).where(_VOID).order_by("model", "grantee_name")
    return [(str(model), str(role)) for model, role in engine.rows(void.sql(engine.dialect))]


def drop_void_grants(engine: Engine, owner: Session) -> list[str]:
    """Drop :func:`void_grants`; gives what is to be told of it."""
    void = void_grants(engine, engine.catalog({"sqlml.model_grant"}))
    if void:
        owner.execute(exp.delete(_MODEL_GRANT, where=_VOID).sql(engine.dialect))
    return [f"the end of the grant of model {model} to {role}" for model, role in void]


def _has_names(catalog: Mapping[str, CatalogEntry]) -> bool:
    """Whether the grants of models have the names of the roles, which a migration has brought."""
    granted = catalog.get("sqlml.model_grant")
    return granted is not None and "grantee_name text not null" in granted.definition.splitlines()
