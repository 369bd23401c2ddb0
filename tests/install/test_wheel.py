"""The wheel holds all that it needs: installed elsewhere, it works and finds its SQL files and its dbt package."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LEFT_BEHIND = [
    "dbt_project/target/manifest.json",
    "dbt_project/logs/dbt.log",
    "dbt_project/dbt_packages/sqlml/dbt_project.yml",
    "dbt_project/package-lock.yml",
    "dbt_project/flights.duckdb",
    "macros/target/manifest.json",
    "macros/logs/dbt.log",
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of a checkout in which dbt has been at work."""
    folder = tmp_path_factory.mktemp("wheel")
    checkout = folder / "checkout"
    for name in ("sqlml", "udfs", "macros", "dbt_project"):
        shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__", "target", "logs"))
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, checkout)
    for name in LEFT_BEHIND:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text("left behind")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(checkout)]
    subprocess.run(build, check=True, capture_output=True, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def python(wheel):
    """An interpreter that has the wheel, and the libraries of this one, but not the checkout."""
    folder = wheel.parent
    venv.create(folder / "env", with_pip=True)
    python = folder / "env" / "bin" / "python"
    subprocess.run([str(python), "-m", "pip", "install", "-q", "--no-deps", str(wheel)], check=True, cwd=folder)
    (site,) = (folder / "env" / "lib").glob("python*/site-packages")
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def run(python, *arguments, **options):
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([str(python), *arguments], capture_output=True, text=True, env=alone, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_is_the_wheel_that_is_tested(python, tmp_path):
    printed = run(python, "-c", "import sqlml; print(sqlml.__file__)", cwd=tmp_path)
    assert str(python.parent.parent) in printed


def test_it_trains_and_scores(python, tmp_path):
    text = """
import sqlml
with sqlml.connect("t.duckdb") as con:
    con.execute("CREATE TABLE t AS SELECT i % 7 AS x, i % 7 > 3 AS y FROM range(200) AS g(i)")
    con.execute("CALL sqlml.train(model => 'm', relation => 't', target => 'y')")
    print(con.execute("SELECT predict('m', {'x': 6}) > 0.5, sqlml.predict_m({'x': 1}) < 0.5").fetchall())
"""
    assert run(python, "-c", text, cwd=tmp_path) == "[(True, True)]\n"
    assert "in step" in run(python.parent / "sqlml", "verify", "t.duckdb", cwd=tmp_path)


def test_it_carries_the_flights_and_their_features(python, tmp_path):
    text = """
from sqlml.install import shipped_folder
folder = shipped_folder("dbt_project")
print(len(list((folder / "data").glob("*.parquet"))), len(list((folder / "models").rglob("*.sql"))) > 9)
"""
    assert run(python, "-c", text, cwd=tmp_path) == "5 True\n"


def test_it_carries_the_dbt_package_and_nothing_that_dbt_left_in_the_checkout(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    carried = {
        name.removeprefix("sqlml/") for name in names if name.startswith(("sqlml/macros/", "sqlml/dbt_project/"))
    }
    assert {"macros/dbt_project.yml", "macros/models/ml_model.sql", "dbt_project/packages.yml"} <= carried
    assert not carried & set(LEFT_BEHIND)
    unwanted = re.compile(r"/(target|logs|dbt_packages|__pycache__)/|\.duckdb$")
    assert [name for name in names if unwanted.search(name)] == []


MODEL = """
{{ config(materialized='ml_model', target_column='y') }} SELECT i % 7 AS x, i % 7 > 3 AS y FROM range(200) AS g(i)
"""

PROFILE = """
p: {target: dev, outputs: {dev: {type: duckdb, path: p.duckdb, plugins: [{module: sqlml.integrations.dbt}]}}}
"""


def test_a_dbt_project_needs_nothing_but_the_installed_package(python, tmp_path):
    folder = run(python.parent / "sqlml", "dbt-package", cwd=tmp_path).strip()
    assert str(python.parent.parent) in folder
    (tmp_path / "models").mkdir()
    for name, text in {
        "packages.yml": f"packages: [{{local: '{folder}'}}]",
        "dbt_project.yml": "{name: p, profile: p, flags: {send_anonymous_usage_stats: false}}",
        "profiles.yml": PROFILE,
        "models/m.sql": MODEL,
    }.items():
        (tmp_path / name).write_text(text)
    dbt = (python, "-c", "from dbt.cli.main import cli; cli()")
    run(*dbt, "deps", cwd=tmp_path)
    assert "version 1, roc_auc 1.0000, deployed" in run(*dbt, "run", cwd=tmp_path)


def test_it_carries_the_project_that_the_demo_runs_and_the_package_that_this_uses(python, tmp_path):
    text = """
import contextlib, pathlib
from sqlml.report.demo_job import Job, copied_project, run_dbt
here = pathlib.Path.cwd()
job = Job(copied_project(here), here / "t.duckdb", here / "t.log", lambda work: contextlib.nullcontext())
for command in ("deps", "parse"):
    run_dbt(job, (command,), print)
print((job.project / "target" / "manifest.json").exists())
"""
    assert run(python, "-c", text, cwd=tmp_path) == "True\n"
