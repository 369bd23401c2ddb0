"""What a role must be allowed in its database for our statements to work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlml.errors import EngineError

_ALLOWED = """
SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMPORARY'),
       pg_catalog.quote_ident(pg_catalog.current_database()), pg_catalog.quote_ident(current_user)
"""


def require_temporary(rows: Callable[..., list[tuple[Any, ...]]]) -> None:
    """Refuse to go on where no temporary table can be made; ``rows`` runs a statement of whoever is to make it.

    Raises
    ------
    EngineError
        With the right that is lacking.
    """
    ((allowed, database, role),) = rows(_ALLOWED)
    if not allowed:
        raise EngineError(
            f"{role} may make no temporary table in database {database}, and rows are kept in one while they are "
            f"worked on: GRANT TEMPORARY ON DATABASE {database} TO {role}"
        )
