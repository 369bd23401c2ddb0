"""The wheel holds all that it needs: installed elsewhere, it works and finds its SQL files."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """An interpreter that has the wheel, and the libraries of this one, but not the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, cwd=folder)
    (wheel,) = folder.glob("*.whl")
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
print(len(list((folder / "data").glob("*.parquet"))), len(list((folder / "flights").glob("*.sql"))) > 0)
"""
    assert run(python, "-c", text, cwd=tmp_path) == "5 True\n"
