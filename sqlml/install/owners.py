"""To whom the objects of sqlml belong: to one role, by definition, and how that role gets back what was given away."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from sqlglot import exp

from sqlml.engine import CatalogEntry, Engine
from sqlml.errors import InstallError
from sqlml.registry.queries import query
from sqlml.registry.routine import recorded_routines

WITH_OWNERS = {"postgres"}
"""The engines whose objects belong to roles, which the catalog tells in the last line of a definition."""

OWNER = "sqlml_owner"
"""The role to which everything of ours belongs."""

_LINE = re.compile(r"^owner (.+)\Z", re.MULTILINE)

# Whoever owned a schema could put anything into it. What belonged to a role that may act as sqlml_owner is as good as
# what belongs to sqlml_owner. Only tables are looked for: to read a view of somebody else would run what is in it.
_GIVEN_AWAY = """
SELECT count(*) = 2
FROM pg_catalog.pg_class AS kept JOIN pg_catalog.pg_namespace AS place ON place.oid = kept.relnamespace
JOIN pg_catalog.pg_roles AS ours ON ours.rolname = 'sqlml_owner'
WHERE place.nspname = 'sqlml' AND kept.relname IN ('migration', 'routine') AND kept.relkind = 'r'
  AND pg_catalog.pg_has_role(place.nspowner, ours.oid, 'MEMBER')
  AND pg_catalog.pg_has_role(kept.relowner, ours.oid, 'MEMBER')
"""

_MAY_ACT = "SELECT pg_catalog.pg_has_role(pg_catalog.to_regrole($owner), 'sqlml_owner', 'MEMBER')"
_TO_OWNER = exp.Var(this="OWNER TO sqlml_owner")


def is_given_away(engine: Engine) -> bool:
    """Whether the schema of sqlml belongs to somebody else now, as ``REASSIGN OWNED`` does it.

    A schema of that name that was never ours is none, nor one of somebody who may not act as our owner.
    """
    if engine.owns("sqlml") or engine.rows(_GIVEN_AWAY) != [(True,)]:
        return False
    return any(name.startswith("migrations/") for name, _ in engine.rows(query("recorded_migrations")))


def without_owner(definition: str) -> str:
    r"""A definition of the catalog without the line that says to whom the object belongs.

    >>> without_owner("value text not null\nowner sqlml_owner")
    'value text not null'
    """
    return _LINE.sub("", definition).rstrip("\n")


def as_owned(engine: Engine, definition: str) -> str:
    """A definition of the catalog as it is when the object belongs to whom it should, where objects have owners."""
    return _LINE.sub(f"owner {OWNER}", definition) if engine.name in WITH_OWNERS else definition


def refuse_stranger(engine: Engine) -> None:
    """Refuse a schema of our name that belongs to somebody else.

    Raises
    ------
    InstallError
        With the owner, and what to do.
    """
    schema = engine.catalog({"sqlml"}).get("sqlml")
    if schema is None or engine.owns("sqlml"):
        return
    owner = _LINE.search(schema.definition)
    raise InstallError(
        f"schema sqlml belongs to {owner[1] if owner else 'somebody'} and not to {OWNER}; rename or drop that schema, "
        f"then install. Where sqlml was installed in it and it was given away, a superuser first looks at what is in "
        f"it, and gives it back: ALTER SCHEMA sqlml OWNER TO {OWNER}, and each object in it likewise"
    )


def of_others(engine: Engine, catalog: Mapping[str, CatalogEntry]) -> dict[str, str]:
    """By object of ours the role to which it belongs, where that is another one than ours."""
    if engine.name not in WITH_OWNERS:
        return {}
    names = [routine.routine for routine in recorded_routines(engine) if routine.routine in catalog]
    owners = {name: _LINE.search(catalog[name].definition) for name in names}
    return {name: found[1] for name, found in owners.items() if found and found[1] != OWNER}


def give_back(engine: Engine) -> list[str]:
    """Give the objects of ours to the role to which they should belong; gives what is to be told of it.

    Raises
    ------
    InstallError
        Where somebody owned one who may not act as our owner, and could have put code into it that runs as soon as it
        is touched. Nothing was changed then.
    """
    catalog = engine.catalog()
    others = of_others(engine, catalog)
    for owner in sorted(set(others.values())):
        if engine.rows(_MAY_ACT, {"owner": owner}) != [(True,)]:
            theirs = ", ".join(sorted(name for name, each in others.items() if each == owner)[:5])
            raise InstallError(
                f"{owner} owns objects of sqlml, such as {theirs}, may not act as {OWNER}, and could have put anything "
                f"into them; look at them as a superuser, and ALTER ... OWNER TO {OWNER}, or install in a new database"
            )
    for name in others:
        change = exp.Alter(this=exp.Var(this=name), kind=catalog[name].kind.upper(), actions=[_TO_OWNER])
        engine.execute(change.sql(engine.dialect))
    return [f"owner {OWNER} of {counted(catalog[name].kind for name in others)}"] if others else []


def counted(kinds: Iterable[str]) -> str:
    """How many there are of each kind of object, in words.

    >>> counted(["view", "table", "function", "table"])
    '1 function, 2 tables and 1 view'
    """
    words = [f"{n} {kind}{'s' if n > 1 else ''}" for kind, n in sorted(Counter(kinds).items())]
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
