"""The owner and the grants that an object of the database should have, and how to give them back to it."""

from __future__ import annotations

import re
from collections.abc import Collection

from sqlglot import exp

from sqlml.engine import CatalogEntry, Engine
from sqlml.registry.routine import COMPILED, RecordedRoutine

_SCORERS = "sqlml_scorer"
_OWNER = re.compile(r"^owner (.+)\Z", re.MULTILINE)
_RIGHT = re.compile(r"(?P<privilege>\w+)(?: \((?P<column>.+)\))? to (?P<role>.+?)(?P<option> with grant option)?")

Grants = list[tuple[str, str]]
"""Pairs of a model and a role to which it is granted."""


def model_grants(engine: Engine, catalog: Collection[str]) -> Grants | None:
    """The models that are granted to roles; None in an engine without roles."""
    if "sqlml.granted_model" not in catalog:
        return None
    granted = exp.select("model", "role").from_(exp.table_("granted_model", db="sqlml"))
    return [(str(model), str(role)) for model, role in engine.rows(granted.sql(engine.dialect))]


def expected_rights(recorded: RecordedRoutine, grants: Grants | None) -> str:
    """The grants that an object should have: as recorded, or as the grants of models bring them with them."""
    if grants is None or not recorded.file.startswith(COMPILED):
        return recorded.rights
    model = recorded.file.removeprefix(COMPILED).partition("@")[0]
    roles = {_SCORERS, *(role for name, role in grants if model in ("", name))}
    return "\n".join(sorted(f"EXECUTE to {role}" for role in roles))


def without_owner(definition: str) -> str:
    r"""A definition of the catalog without the line that says to whom the object belongs.

    >>> without_owner("value text not null\nowner sqlml_owner")
    'value text not null'
    """
    return _OWNER.sub("", definition).rstrip("\n")


def restore_rights(engine: Engine, routine: str, definition: str, entry: CatalogEntry, rights: str) -> bool:
    """Give an object the owner that it had when it was recorded, and the grants that it should have.

    Returns
    -------
    Whether it had others.
    """
    name, kind = exp.Var(this=routine), entry.kind.upper()
    owner, found = _OWNER.search(definition), _OWNER.search(entry.definition)
    before, after = set(entry.rights.splitlines()), set(rights.splitlines())
    statements: list[exp.Expression] = []
    if owner and found and owner[1] != found[1]:
        new_owner = exp.Var(this=f"OWNER TO {exp.to_identifier(owner[1], quoted=True).sql(engine.dialect)}")
        statements.append(exp.Alter(this=name, kind=kind, actions=[new_owner]))
    statements += [_statement(exp.Revoke, line, name, kind) for line in sorted(before - after)]
    statements += [_statement(exp.Grant, line, name, kind) for line in sorted(after - before)]
    for statement in statements:
        engine.execute(statement.sql(engine.dialect))
    return bool(statements)


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
    )
