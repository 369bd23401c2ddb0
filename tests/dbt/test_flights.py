"""The example project: it builds on a new file, again on the same file, and as its day moves on."""

import json
import shutil
from pathlib import Path

import pytest
from dbt_job import Job

EXAMPLE = Path(__file__).parents[2] / "dbt_project"


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


def on(day, **variables):
    return ("--vars", json.dumps({"today": day, "flights_data": str(EXAMPLE / "data"), **variables}))


@pytest.fixture(scope="module")
def first(flights):
    """The first job, on a new file."""
    assert flights.dbt("docs", "generate", *on("2016-11-01")).success  # compiles everything before anything is there
    return flights, flights.dbt("build", *on("2016-11-01"))


@pytest.fixture(scope="module")
def january(first):
    """The job of two months later: what was missed is caught up."""
    flights, _ = first
    return flights, flights.dbt("build", *on("2017-01-01"))


@pytest.fixture(scope="module")
def answered(january):
    """The job of a month later, which finds what the one before has monitored."""
    flights, _ = january
    return flights, flights.dbt("build", *on("2017-02-01"))


def test_the_job_builds_on_a_new_file(first):
    flights, new = first
    assert new.success, new.text
    assert new.message("flight_checks") == "7 passed"
    assert new.message("flight_late").endswith(", deployed")
    assert new.message("flight_monitoring") == "0 windows monitored, 0 alerts open"  # no month has begun
    units = [status for name, (status, _) in new.nodes.items() if name.startswith("a_")]
    assert units == ["pass"] * 4
    assert predicted(flights) == [(11, 14185, 14185)]


def test_nothing_was_learned_from_what_was_not_over(first):
    flights, _ = first
    ((rows,),) = flights.sql("SELECT rows_in FROM sqlml.run WHERE kind = 'train'")
    assert flights.sql(
        "SELECT count(*) FROM flight_features JOIN flight USING (flight_id) WHERE outcome_utc < TIMESTAMP '2016-11-01'"
    ) == [(rows,)]
    assert flights.sql("SELECT DISTINCT share_late FROM late_by_day") == [(None,)]


def test_the_same_job_again_adds_nothing(first):
    flights, _ = first
    again = flights.dbt("build", *on("2016-11-01"))
    assert again.success, again.text
    assert again.message("flight_late") == "version 1 kept"
    assert again.message("flight_predictions") == "0 rows added by version 1"
    assert again.message("flight_truth") == "0 truths added"


def predicted(job):
    return job.sql(
        "SELECT month(event_time), count(*), count(DISTINCT flight_id) FROM flight_predictions GROUP BY 1 ORDER BY 1"
    )


def test_a_later_job_fills_what_was_missed(january):
    flights, later = january
    assert later.success, later.text
    assert [month for month, _, _ in predicted(flights)] == [1, 11, 12]
    assert all(rows == keys for _, rows, keys in predicted(flights))
    assert flights.sql("SELECT count(*) FROM late_by_day WHERE share_late IS NOT NULL") == [(61,)]
    assert later.message("flight_monitoring").startswith("2 windows monitored, ")
    months = flights.sql(
        "SELECT month(window_start), version, predictions FROM flight_monitoring ORDER BY window_start"
    )
    assert months == [(11, 1, 14185), (12, 1, 15266)]
    assert later.message("flight_checks") == "6 passed, 1 warned"  # more than 1 % of December was cancelled
    ((known,),) = flights.sql("SELECT count(*) FROM flight WHERE outcome_utc < TIMESTAMP '2017-01-01'")
    ((truths, latest),) = flights.sql("SELECT count(*), max(observed_at) < TIMESTAMP '2017-01-01' FROM flight_truth")
    assert latest
    assert 0 < truths < known


def by_month(job, query):
    return {month: values for month, *values in job.sql(query)}


def test_the_storms_of_december_show_in_drift(january):
    flights, _ = january
    psi = by_month(
        flights,
        """
        SELECT month(window_start), max(value) FILTER (column_name = 'prediction'),
               max(value) FILTER (column_name = 'origin_overdue'), max(value) FILTER (column_name = 'visibility')
        FROM sqlml.latest_drift WHERE metric = 'psi' AND slice_key IS NULL GROUP BY 1
        """,
    )
    november, december = psi[11], psi[12]
    assert all(now > 5 * before for before, now in zip(november, december, strict=True))
    assert november[0] < 0.02 < 0.25 < december[0]
    alerts = dict(
        flights.sql("SELECT column_name, severity FROM sqlml.alert WHERE source = 'drift' AND state = 'open'")
    )
    assert (alerts["prediction"], alerts["origin_overdue"], alerts["visibility"]) == ("error", "error", "warn")


def test_the_storms_of_december_show_in_realised_performance(january):
    flights, _ = january
    loss = by_month(
        flights,
        "SELECT month(window_start), value, label_coverage FROM sqlml.latest_performance WHERE metric = 'log_loss' "
        "AND slice_key IS NULL",
    )
    assert all(coverage > 0.98 for _, coverage in loss.values())
    assert loss[12][0] > 1.3 * loss[11][0]


def test_the_day_of_the_storm_stands_out_where_days_are_monitored(january):
    flights, _ = january
    run = flights.dbt(
        "run", "-s", "flight_monitoring", *on("2016-12-11", monitor_every="day", monitor_from="2016-12-07")
    )
    assert run.message("flight_monitoring").startswith("4 windows monitored"), run.text
    share = flights.sql(
        "SELECT day(window_start) FROM sqlml.latest_performance WHERE metric = 'log_loss' AND slice_key IS NULL "
        "AND window_end = window_start + INTERVAL '1 day' ORDER BY value DESC LIMIT 1"
    )
    assert share == [(9,)]  # snow and ice in both cities; six of ten flights were late
    assert flights.dbt("run", "-s", "flight_monitoring", *on("2017-01-01")).success


def test_drift_is_answered_by_a_version_that_has_to_earn_its_place(answered):
    flights, run = answered
    assert run.success, run.text
    assert run.message("flight_late").startswith("version 2, roc_auc")
    assert run.message("flight_predictions").endswith("rows added by version 2")
    assert flights.sql(
        "SELECT version, reason LIKE '%beats champion flight_late@1%' FROM flight_late WHERE is_live"
    ) == [(2, True)]
    versions = "SELECT month(event_time), min(version), max(version) FROM flight_predictions GROUP BY 1 ORDER BY 1"
    assert flights.sql(versions) == [(1, 1, 1), (2, 2, 2), (11, 1, 1), (12, 1, 1)]


def test_everything_is_described(answered):
    flights, _ = answered
    manifest = json.loads((flights.root / "target" / "manifest.json").read_text())
    nodes = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    assert [node["name"] for node in nodes if not node["description"]] == []
    comments = flights.sql(
        "SELECT count(*) FROM duckdb_columns() WHERE table_name = 'flight_features' AND comment IS NULL"
    )
    assert comments == [(0,)]
    exposed = {name for one in manifest["exposures"].values() for name in one["depends_on"]["nodes"]}
    assert exposed >= {"model.flights.flight_monitoring", "model.flights.late_by_day", "model.flights.flight_truth"}
