"""What only the engines for PostgreSQL do, each from outside and from inside the server."""

import postgres_checks
import pytest

CHECKS = [check for name, check in vars(postgres_checks).items() if name.startswith("check_")]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
def test_postgres(run_on_postgres, check):
    run_on_postgres(check)
