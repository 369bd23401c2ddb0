"""A dbt project in a folder of its own, and what a run of it says."""

import re
import subprocess
import sys
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

import sqlml

PACKAGE = Path(__file__).parents[2] / "macros"

PROJECT = """
name: {name}
version: 1.0.0
profile: {name}
flags: {{send_anonymous_usage_stats: false}}
"""

PROFILE = """
{name}:
  target: dev
  outputs:
    dev:
      type: duckdb
      path: "{path}"
      threads: 2
      plugins:
        - module: sqlml.integrations.dbt
"""


@dataclass(frozen=True)
class Run:
    """What one dbt command said: whether it succeeded, its lines, and by node the status and the message."""

    success: bool
    text: str
    nodes: dict[str, tuple[str, str]]

    def status(self, node):
        return self.nodes[node][0]

    def message(self, node):
        return " ".join(self.nodes[node][1].split())


class Job:
    """A project with the package installed from this repository, over one DuckDB file."""

    def __init__(self, root, name="shop"):
        self.root = Path(root)
        self.path = self.root / f"{name}.duckdb"
        self.write("packages.yml", f'packages: [{{local: "{PACKAGE}"}}]\n')
        if not (self.root / "dbt_project.yml").exists():
            self.write("dbt_project.yml", PROJECT.format(name=name))
            self.write("profiles.yml", PROFILE.format(name=name, path=self.path))

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def model(self, name, text):
        self.write(f"models/{name}.sql", text)

    @contextmanager
    def added(self, **models):
        """Models that are part of the project for a while."""
        for name, text in models.items():
            self.model(name, text)
        try:
            yield
        finally:
            for name in models:
                (self.root / "models" / f"{name}.sql").unlink()

    def dbt(self, *arguments):
        """Run a command in this process."""
        said = []
        runner = dbtRunner(callbacks=[lambda event: event.info.level == "debug" or said.append(event.info.msg)])
        folders = ["--project-dir", str(self.root), "--profiles-dir", str(self.root)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # dbt leaves its log file open
            done = runner.invoke([*arguments, *folders, "--quiet"])
        found = getattr(done.result, "results", None) or []
        nodes = {one.node.name: (str(one.status), one.message or "") for one in found}
        text = re.sub(r"\x1b\[\d*m", "", "\n".join([*said, str(done.exception or "")]))
        return Run(done.success, text, nodes)

    def release(self):
        """Let go of the file, which dbt keeps open for the next command in the same process."""
        DuckDBConnectionManager.close_all_connections()

    def process(self, *arguments):
        """Start a command in a process of its own, as a scheduler does."""
        self.release()
        return subprocess.Popen(
            [str(Path(sys.executable).parent / "dbt"), "--no-use-colors", *arguments],
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def sql(self, statement):
        """Run a statement on the file, with sqlml, in this process; gives its rows."""
        with sqlml.connect(self.path) as con:
            return con.execute(statement).fetchall()

    def insert(self, table, rows):
        """Add rows to a table."""
        names = [f"column_{index}" for index in range(len(rows[0]))]
        columns = pa.table({name: list(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)})
        with sqlml.connect(self.path) as con:
            con.register("rows_to_insert", columns)
            con.execute(f"INSERT INTO {table} SELECT * FROM rows_to_insert")
