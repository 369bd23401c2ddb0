"""Every engine does what :mod:`sqlml.engine.protocol` says."""

import protocol_checks
import pytest

CHECKS = [check for name, check in vars(protocol_checks).items() if name.startswith("check_")]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
def test_protocol(run, check):
    run(check)
