"""The example project: it builds on a new file, again on the same file, and as its day moves on."""

import json
import shutil
from pathlib import Path

import duckdb
import pytest
from dbt_job import Job

EXAMPLE = Path(__file__).parents[2] / "dbt_project"
FILES = ("01_sources.sql", "02_flight.sql", "03_flight_features.sql")


@pytest.fixture(scope="module")
def flights(tmp_path_factory):
    """The example in a folder of its own; the data stay where they are."""
    root = tmp_path_factory.mktemp("example")
    shutil.copytree(EXAMPLE / "models", root / "models")
    for name in ("dbt_project.yml", "profiles.yml"):
        shutil.copy(EXAMPLE / name, root)
    job = Job(root, "flights")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLIGHTS_DATABASE", str(job.path))
        assert job.dbt("deps").success
        yield job


def on(day):
    return ("--vars", json.dumps({"today": day, "flights_data": str(EXAMPLE / "data")}))


def test_the_job_builds_on_a_new_file_again_and_as_its_day_moves_on(flights):
    assert flights.dbt("docs", "generate", *on("2016-11-01")).success  # compiles everything before anything is there
    new = flights.dbt("build", *on("2016-11-01"))
    assert new.success, new.text
    assert new.message("flight_late").endswith(", deployed")
    assert [status for name, (status, _) in new.nodes.items() if name.startswith("a_")] == [
        "pass",
        "pass",
    ]  # unit tests
    assert predicted(flights) == [(11, 14185, 14185)]
    check_that_nothing_was_learned_from_what_was_not_over(flights)

    again = flights.dbt("build", *on("2016-11-01"))
    assert again.success, again.text
    assert again.message("flight_late") == "version 1 kept"
    assert again.message("flight_predictions") == "0 rows added by version 1"

    later = flights.dbt("build", *on("2017-01-01"))
    assert later.success, later.text
    assert [month for month, _, _ in predicted(flights)] == [1, 11, 12]
    assert all(rows == keys for _, rows, keys in predicted(flights))
    assert flights.sql("SELECT count(*) FROM late_by_day WHERE share_late IS NOT NULL") == [(61,)]
    check_that_everything_is_described(flights)


def predicted(job):
    return job.sql(
        "SELECT month(event_time), count(*), count(DISTINCT flight_id) FROM flight_predictions GROUP BY 1 ORDER BY 1"
    )


def check_that_nothing_was_learned_from_what_was_not_over(job):
    ((rows,),) = job.sql("SELECT rows_in FROM sqlml.run WHERE kind = 'train'")
    assert job.sql(
        "SELECT count(*) FROM flight_features JOIN flight USING (flight_id) WHERE outcome_utc < TIMESTAMP '2016-11-01'"
    ) == [(rows,)]
    assert job.sql("SELECT DISTINCT share_late FROM late_by_day") == [(None,)]


def check_that_everything_is_described(job):
    manifest = json.loads((job.root / "target" / "manifest.json").read_text())
    nodes = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    assert [node["name"] for node in nodes if not node["description"]] == []
    comments = job.sql("SELECT count(*) FROM duckdb_columns() WHERE table_name = 'flight_features' AND comment IS NULL")
    assert comments == [(0,)]


def test_the_models_give_what_the_scripts_of_the_demo_give(flights):
    assert flights.dbt("run", "-s", "+flight_features", "flight_left_out", *on("2017-06-01")).success
    flights.release()
    with duckdb.connect() as con:
        con.execute(f"SET VARIABLE flights_data = '{EXAMPLE / 'data'}'")
        for file in FILES:
            con.execute((EXAMPLE / "flights" / file).read_text())
        con.execute(f"ATTACH '{flights.path}' AS built (READ_ONLY)")
        for table in ("flight", "flight_left_out", "flight_features"):
            both = (f"FROM {table} SELECT *", f"FROM built.main.{table} SELECT *")
            for one, other in (both, both[::-1]):
                assert con.execute(f"SELECT count(*) FROM ({one} EXCEPT ALL {other})").fetchall() == [(0,)], table
