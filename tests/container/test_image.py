"""What the services of the compose file run, with the packages that their image brings, and with no others."""

import re
import shutil
import subprocess

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml
from image import environment
from machine import ROOT, wait_until

IN_IMAGE = "/opt/sqlml/"
SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
EXAMPLES = re.compile(r"^COPY (\w+) /opt/sqlml/example/\1$", re.MULTILINE)
LEFT_BY_DBT = shutil.ignore_patterns("target", "logs", "dbt_packages", "*.duckdb*", "package-lock.yml")


@pytest.fixture(scope="module")
def client(machine):
    """The variables of a process in the client's image, which has the example."""
    for name in EXAMPLES.findall((ROOT / "container" / "Dockerfile").read_text()):
        shutil.copytree(ROOT / name, machine.folder / "example" / name, ignore=LEFT_BY_DBT)
    return in_image(machine, "build-client") | {"PGHOST": "127.0.0.1"}


def in_image(machine, stage):
    """The variables by which a process finds what a stage installs, and nothing else of this machine's Python."""
    return {"PATH": f"{environment(machine, stage)}:{machine.environment['PATH']}", "PYTHONPATH": ""}


def command_of(service, machine):
    """What the entrypoint of a service is told to run."""
    return [word.replace(IN_IMAGE, f"{machine.folder}/") for word in SERVICES[service]["command"]]


def defaults(service):
    """The variables of a service where nothing else is said: of ``${NAME:-value}`` and ``${NAME-value}`` the value."""
    variables = SERVICES[service]["environment"]
    return {name: re.sub(r"\$\{\w+:?-(.*?)\}", r"\1", str(value)) for name, value in variables.items()}


def test_the_server_has_what_sqlml_imports_and_no_dbt(machine):
    variables = in_image(machine, "build")
    imports = "import sqlml.server, sqlml.lifecycle.call, sqlml.cli.commands.install, sqlml.engine.postgres.client"
    done = subprocess.run(["python", "-c", imports], capture_output=True, text=True, **machine.options(**variables))
    assert (done.returncode, done.stderr) == (0, "")
    assert shutil.which("dbt", path=variables["PATH"].split(":")[0]) is None


def test_the_worker_and_the_job_of_the_compose_file_do_their_work(machine, client):
    fewer_flights(machine.folder / "example" / "dbt_project" / "data" / "flights.parquet")
    places = {"JOB_PROJECT": str(machine.folder / "example" / "dbt_project"), "JOB_STATE": str(machine.folder / "job")}
    last, log = machine.folder / "job" / "last", machine.folder / "job.log"
    work, worker_log = command_of("worker", machine), machine.folder / "worker.log"
    with machine.serving():
        with machine.running(worker_log.name, "login", *work, **client) as keeper:
            wait_until(lambda: "worker started" in worker_log.read_text(), keeper, worker_log)
        job = defaults("job") | client | places
        with machine.running(log.name, "login", *command_of("job", machine), stop="TERM", **job) as keeper:
            wait_until(last.exists, keeper, log, seconds=110)
        assert last.read_text() == "done\n", log.read_text()
        assert machine.run("healthy").returncode == 0
        again = [machine.container / "login", "dbt", "python", f"{places['JOB_PROJECT']}/load_postgres.py", "--missing"]
        loaded = subprocess.run(again, capture_output=True, text=True, **machine.options(**job))
        assert (loaded.returncode, loaded.stdout, loaded.stderr) == (0, "", "")
        with machine.connect("analyst") as connection:
            found = "SELECT count(*), count(DISTINCT version), min(prediction) > 0 FROM dbt.flight_predictions"
            ((rows, versions, are_shares),) = connection.execute(found).fetchall()
    assert (rows > 1000, versions, are_shares) == (True, 1, True)


def fewer_flights(file):
    """Keep what one job needs of the published flights, of one airport, so that it takes some seconds only."""
    flights = pq.read_table(file)
    of_portland = pc.and_(pc.equal(flights["origin"], "PDX"), pc.equal(flights["year"], 2016))
    pq.write_table(flights.filter(of_portland), file)
