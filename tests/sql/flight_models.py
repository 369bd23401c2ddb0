"""The SQL of the example project as dbt compiles it: a SELECT for each model, over the other models by their names."""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]
DATA = ROOT / "dbt_project" / "data"
SOURCES = ("stg_flights", "stg_planes", "stg_airports", "airport_weather")
COMPUTED = ("flight", "flight_weather", "flight_features")


@cache
def compiled_models():
    """By model its SELECT, for a job that sees the whole year; it runs in any database where the others are tables."""
    with TemporaryDirectory() as folder:
        project = Path(folder) / "project"
        shutil.copytree(ROOT / "dbt_project" / "models", project / "models")
        for name in ("dbt_project.yml", "profiles.yml"):
            shutil.copy(ROOT / "dbt_project" / name, project)
        (project / "packages.yml").write_text(f'packages: [{{local: "{ROOT / "macros"}"}}]\n')
        for command in (["deps"], ["compile", "--vars", f"{{today: 2017-06-01, flights_data: '{DATA}'}}"]):
            dbt(project, *command)
        texts = {path.stem: path.read_text() for path in (project / "target" / "compiled").rglob("models/**/*.sql")}
    return {name: text.replace('"memory"."main".', "") for name, text in texts.items()}


def dbt(project, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", "from dbt.cli.main import cli; cli()", *arguments],
        cwd=project,
        env=os.environ | {"FLIGHTS_DATABASE": ":memory:", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def create(connection, name, select):
    """Make the table of a model from its SELECT."""
    connection.execute(f"CREATE OR REPLACE TABLE {name} AS {select}")


def create_all(connection, names):
    """Make the tables of these models, in this order."""
    for name in names:
        create(connection, name, compiled_models()[name])
