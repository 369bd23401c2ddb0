"""Whether the database in ``PGDATABASE`` has had all migrations of this image; libpq's variables name the server."""

from __future__ import annotations

import os
import sys

from sqlml.engine.postgres.client import SYSTEM_PATH, opened
from sqlml.errors import SqlmlError
from sqlml.install import pending_migrations


def lacking() -> list[str]:
    """The migrations that are still to come."""
    target = f"postgresql:///{os.environ.get('PGDATABASE', 'sqlml')}"
    with opened(target, path=SYSTEM_PATH) as engine:
        return [file.name for file in pending_migrations(engine)]


if __name__ == "__main__":
    try:
        names = lacking()
    except SqlmlError as error:
        sys.exit(str(error))
    sys.exit(f"the database lacks {', '.join(names)}; run sqlml install" if names else 0)
