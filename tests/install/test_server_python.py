"""Whether the Python in a server can run sqlml, and what is said where it cannot."""

import json
from importlib import metadata

import pytest
from packaging.requirements import Requirement

from sqlml.engine.postgres.client import opened
from sqlml.errors import InstallError
from sqlml.install import install, server_python, verify


def test_the_server_tells_its_python_and_packages(server):
    ((told,),) = server.rows("SELECT sqlml.server_python($packages)", {"packages": '["numpy", "no_such_package"]'})
    told = json.loads(told)
    assert told["packages"] == {"numpy": metadata.version("numpy"), "no_such_package": None}
    assert told["python"].startswith("3.")
    assert told["environment"].startswith("/etc/postgresql/")


def test_only_the_owner_is_told(as_role):
    with pytest.raises(Exception, match="permission denied for function server_python"):
        as_role("sqlml_trainer").execute("SELECT sqlml.server_python('[]')")


def test_this_sqlml_and_all_that_it_depends_on_is_asked_for():
    needed = {each.name: str(each.specifier) for each in server_python.needed_packages()}
    assert needed["sqlml"] == f"=={metadata.version('sqlml')}"
    assert needed["lightgbm"] == "<5,>=4.6"
    assert "dbt-core" not in needed


def test_a_server_that_lacks_packages_is_refused_whole_and_told_which(postgres, monkeypatch):
    lacking = [Requirement("numpy>=999"), Requirement("no_such_package>=1,<2"), Requirement("pyarrow>=18")]
    monkeypatch.setattr(server_python, "needed_packages", lambda: lacking)
    with opened(postgres) as engine:
        with pytest.raises(InstallError) as refused:
            install(engine)
        said = str(refused.value)
        assert f"lacks numpy>=999 (it has {metadata.version('numpy')}); no_such_package<2,>=1. Install sqlml" in said
        assert "PYTHONPATH (on Debian in /etc/postgresql/" in said
        assert said.endswith("with --level plain")
        assert not engine.rows("SELECT 1 FROM pg_namespace WHERE nspname = 'sqlml'")
        install(engine, level="plain")
        assert verify(engine) == []
