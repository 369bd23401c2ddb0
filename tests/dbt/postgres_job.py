"""A dbt project over a database of the test server, built by a login with the rights that the docs give it."""

import json
import subprocess
import sys
import uuid
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
from dbt_job import PROFILE, Job
from psycopg import sql

from sqlml.engine.postgres.client import opened
from sqlml.install import install

OUTPUT = """
    postgres:
      type: postgres
      host: "{host}"
      port: {port}
      user: {user}
      password: ""
      dbname: {database}
      schema: {user}
      threads: 2
"""


@contextmanager
def database_for_dbt(server):
    """The URLs of a new database with sqlml, for a superuser and for a login as the docs make it, with a schema."""
    login = f"dbt_{uuid.uuid4().hex[:8]}"
    name = {"login": sql.Identifier(login), "worker": sql.Identifier(f"worker_of_{login}")}
    with server.database() as admin:
        with opened(admin) as engine:
            install(engine)
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE ROLE {login} LOGIN").format(**name))
            connection.execute(sql.SQL("GRANT sqlml_trainer, sqlml_deployer TO {login}").format(**name))
            connection.execute(sql.SQL("CREATE SCHEMA {login} AUTHORIZATION {login}").format(**name))
            connection.execute(sql.SQL("CREATE ROLE {worker} LOGIN NOINHERIT").format(**name))
            connection.execute(sql.SQL("GRANT sqlml_owner, {login} TO {worker}").format(**name))
        try:
            yield admin, server.url_of(urlsplit(admin).path[1:], login)
        finally:
            with psycopg.connect(admin, autocommit=True) as connection:
                connection.execute(sql.SQL("DROP OWNED BY {login} CASCADE").format(**name))
                connection.execute(sql.SQL("DROP ROLE {worker}, {login}").format(**name))


class PostgresJob(Job):
    """A project whose target ``postgres`` is one of these databases; ``dev`` is a DuckDB file in its folder."""

    def __init__(self, root, admin, url, name="shop"):
        super().__init__(root, name)
        self.admin, self.url = admin, url
        parts = urlsplit(url)
        self.login = parts.username
        self.output = OUTPUT.format(
            host=parts.hostname or parse_qs(parts.query)["host"][0],
            port=parts.port or 5432,
            user=self.login,
            database=parts.path[1:],
        )
        self.write("profiles.yml", PROFILE.format(name=name, path=self.path) + self.output.lstrip("\n"))

    def dbt(self, *arguments, target="postgres"):
        self.release()
        return super().dbt(*arguments, *(() if arguments[0] == "deps" else ("--target", target)))

    def process(self, *arguments):
        return super().process(*arguments, "--target", "postgres")

    def sql(self, statement, target="postgres"):
        """The rows of a statement that reads; tables are looked for in the schema of the login."""
        if target == "dev":
            return super().sql(statement)
        with psycopg.connect(self.url) as connection:
            return connection.execute(statement).fetchall()

    def write_sql(self, statement):
        """Run statements that write, as the login."""
        with psycopg.connect(self.url) as connection:
            connection.execute(statement)

    def as_superuser(self, statement):
        with psycopg.connect(self.admin, autocommit=True) as connection:
            connection.execute(statement)

    @contextmanager
    def worker(self):
        """A worker in a process of its own, which may do what the login asks for."""
        command = [
            Path(sys.executable).parent / "sqlml",
            "worker",
            "--target",
            self.url.replace(self.login, "worker_of_" + self.login),
        ]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdout=pipe, stderr=subprocess.STDOUT) as started:
            try:
                yield
            finally:
                started.terminate()
                started.communicate(timeout=30)

    def printed(self, statement, target="postgres"):
        """The rows of a statement, sorted, each as text with every digit."""
        return sorted(map(repr, self.sql(statement, target)))


def variables(**given):
    """Arguments of dbt that set variables."""
    return ("--vars", json.dumps(given))
