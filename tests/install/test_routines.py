"""What PostgreSQL's routines answer by themselves is what Python answers, and what they refuse they refuse alike."""

import random
import re
from datetime import datetime

import psycopg
import pytest

from sqlml.engine.postgres.client import opened
from sqlml.errors import ERRORS, ModelNotFound, SqlmlError
from sqlml.fit.algorithm import ALGORITHMS
from sqlml.fit.names import unknown_name
from sqlml.install import sql_files
from sqlml.lifecycle.describe import feature_importance, training_info
from sqlml.registry.model import resolve


@pytest.fixture
def buyers(trained):
    """A superuser's engine on a database with two versions of model ``buyer``."""
    with opened(trained) as engine:
        yield engine


def test_the_listed_algorithms_are_those_that_there_are(server):
    listed = server.rows("SELECT algorithm, description FROM sqlml.algorithm")
    assert sorted(listed) == sorted((name, algorithm.description) for name, algorithm in ALGORITHMS.items())


@pytest.mark.parametrize("engine", ["duckdb", "postgres"])
def test_every_code_of_an_error_is_one_of_ours(engine):
    texts = [file.text for folder in ("migrations", "routines", "inline") for file in sql_files(engine, folder)]
    codes = {code for text in texts for code in re.findall(r"ML\d{3}", text)}
    assert codes
    assert codes <= ERRORS.keys()


def test_what_is_close_to_a_name_is_what_python_finds_close(server):
    chosen = random.Random(7)

    def name():
        letters = chosen.choice(["ab", "abc_", "flight_laecuso"])
        return "".join(chosen.choice(letters) for _ in range(chosen.randint(1, 12)))

    cases = [(name(), list(dict.fromkeys(name() for _ in range(chosen.randint(0, 8))))) for _ in range(300)]
    cases.append(("m", [f"m{number}" for number in range(50)]))
    for asked, known in cases:
        listed = "{" + ",".join(known) + "}"
        ((said,),) = server.rows("SELECT sqlml.unknown_name($asked, $known::text[])", {"asked": asked, "known": listed})
        assert said == unknown_name(asked, known), (asked, known)


ADDRESSES = [
    "byer",
    "buyer@7",
    "buyer@silver",
    "buyer@",
    "Buyer",
    "",
    "it's",
    'a"b',
    "' and \"",
    "a\\b",
    "a\nb",
    "idle",
]


def test_an_address_that_names_nothing_is_refused_as_python_refuses_it(buyers):
    buyers.script("""
        INSERT INTO sqlml.model (model, task, target, owner, created_at) VALUES ('idle', 'binary', 'y', 'me', now());
        CREATE TEMPORARY TABLE idle AS SELECT * FROM sqlml.model_version;
        UPDATE idle SET model = 'idle';
        INSERT INTO sqlml.model_version SELECT * FROM idle;
    """)
    for address in ADDRESSES:
        with pytest.raises(SqlmlError) as in_python:
            resolve(buyers, address)
        with pytest.raises(SqlmlError) as in_sql:
            buyers.rows("SELECT * FROM sqlml.addressed($address)", {"address": address})
        assert str(in_sql.value) == str(in_python.value)


def test_what_sql_reads_of_a_version_is_what_python_reads(buyers):
    for address in ("buyer", "buyer@2"):
        asked = {"address": address}
        in_sql = buyers.rows("SELECT feature, importance FROM sqlml.feature_importance($address)", asked)
        assert in_sql == [tuple(row.values()) for row in feature_importance(buyers, address)]
        in_sql = buyers.rows("SELECT property, value FROM sqlml.training_info($address)", asked)
        assert in_sql == [tuple(row.values()) for row in training_info(buyers, address)]
    with pytest.raises(ModelNotFound, match="there is no model 'byer'; closest: buyer"):
        buyers.rows("SELECT * FROM sqlml.training_info('byer')")


@pytest.mark.parametrize("style", ["ISO", "German", "SQL, DMY"])
def test_a_point_in_time_comes_in_any_form(buyers, style):
    buyers.execute(f"SET datestyle = {style}")
    buyers.execute("SET timezone = 'Asia/Tokyo'")
    times = (
        "TIMESTAMP '2999-01-01'",
        "DATE '2999-01-01'",
        "TIMESTAMPTZ '2999-01-01 00:00+01'",
        "'2999-01-01'",
        "now()",
    )
    for time in times:
        assert buyers.rows(f"SELECT alias, version FROM sqlml.live_at('buyer', {time})") == [("champion", 1)]


def test_a_time_with_a_zone_is_that_moment(buyers):
    ((moment,),) = buyers.rows("SELECT valid_from FROM sqlml.deployment")
    for zone, offset in (("Asia/Tokyo", 0), ("UTC", 0), ("America/New_York", -1)):
        buyers.execute(f"SET timezone = '{zone}'")
        found = buyers.rows(f"""
            SELECT count(*) FROM sqlml.live_at('buyer', TIMESTAMPTZ '{moment}+00' + INTERVAL '{offset} microseconds')
        """)
        assert found == [(1 + offset,)]


def test_a_model_that_there_is_not_was_never_live(buyers):
    with pytest.raises(ModelNotFound, match=r"there is no model 'byer'; known are: buyer$"):
        buyers.rows("SELECT * FROM sqlml.live_at('byer', now())")


@pytest.mark.parametrize(
    "call",
    [
        "train('m', 'visit', 'bought', version => 3)",
        "deploy('buyer', 1, previous_version => 1)",
        "rollback('buyer', version => 1)",
        "score('buyer', 'visit', 'p', 'visit_id', version => 1)",
        "record_truth('buyer', 'visit', 'visit_id', 'bought', run_id => 'x')",
        "\"check\"('visit', '[]', passed => 1)",
        "monitor('buyer', monitored_from => now()::timestamp)",
    ],
)
def test_what_a_procedure_gives_back_it_does_not_take(trained, call):
    with psycopg.connect(trained) as admin, pytest.raises(psycopg.Error, match="back and does not take") as refused:
        admin.execute(f"CALL sqlml.{call}")
    assert refused.value.sqlstate == "ML001"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("trials => 2.5", "trials => 2.5 must be a whole number"),
        ("seed => 0.5", "seed => 0.5 must be a whole number"),
        ("algorithm => 'xgboost'", "algorithm 'xgboost' is unknown"),
        ("hyperparams => '{'", "hyperparams => '{' is not JSON"),
        ("test_size => 2", "test_size"),
        ("runtime => 'moon'", "runtime => 'moon' is unknown"),
        ("test_size => 'NaN'", "test_size => 'NaN' must be a number"),
    ],
)
def test_arguments_reach_python_as_they_are_given(trained, arguments, said):
    with psycopg.connect(trained) as admin, pytest.raises(psycopg.Error) as refused:
        admin.execute(f"CALL sqlml.train('m', 'visit', 'bought', {arguments})")
    assert said in str(refused.value)
    assert refused.value.sqlstate.startswith("ML00")


def test_a_number_keeps_its_digits_whatever_the_session_shows(trained):
    with psycopg.connect(trained, autocommit=True) as admin:
        admin.execute("SET extra_float_digits = -15")
        admin.execute("CALL sqlml.train('quarter', 'visit', 'bought', algorithm => 'linear', test_size => 0.25)")
        held_out = "SELECT DISTINCT n FROM sqlml.metric WHERE model = 'quarter' AND dataset = 'test'"
        assert admin.execute(held_out).fetchall() == [(25,)]
        third = admin.execute("SELECT sqlml.double_in_json(1 / 3.0::double precision)::text").fetchone()
        assert third == ("0.3333333333333333",)
        with pytest.raises(psycopg.Error, match=r"traffic => 0\.96: an immediate deploy") as refused:
            admin.execute("CALL sqlml.deploy('buyer', 1, traffic => 0.96)")
    assert refused.value.sqlstate == "ML001"


@pytest.mark.parametrize("path", ["", "nowhere, neither"])
def test_a_table_without_a_place_is_refused(trained, path):
    with psycopg.connect(trained) as admin:
        admin.execute("SELECT set_config('search_path', %s, false)", (path,))
        with pytest.raises(psycopg.Error) as refused:
            admin.execute("CALL sqlml.score('buyer', 'public.visit', 'kept', key_column => 'visit_id')")
    assert refused.value.sqlstate == "ML001"
    assert refused.value.diag.message_primary == (
        f"into => 'kept' has no schema, and the search path, '{path}', names none that is there; write 'schema.table', "
        "or SET search_path"
    )


@pytest.mark.parametrize(
    "call", ["score('buyer', 'far', 'kept', 'visit_id')", "train('m', 'far', 'bought', algorithm => 'linear')"]
)
def test_a_number_beyond_a_double_is_told_in_few_digits(trained, call):
    with psycopg.connect(trained) as admin:
        admin.execute("CREATE TABLE far AS SELECT visit_id, bought, CAST(age AS numeric) AS age FROM visit")
        admin.execute("UPDATE far SET age = 1e400 WHERE visit_id = 7")
        with pytest.raises(psycopg.Error, match="leave such rows out, or make them NULL") as refused:
            admin.execute(f"CALL sqlml.{call}")
    assert refused.value.sqlstate == "ML062"
    assert refused.value.diag.message_primary.startswith('"10000000000000000000... (401 digits)" is out of range')


def test_a_window_comes_in_any_form(trained):
    with psycopg.connect(trained, autocommit=True) as admin:
        admin.execute("CALL sqlml.score('buyer', 'visit', 'p', 'visit_id')")
        for start in (
            "DATE '2020-01-01'",
            "TIMESTAMP '2020-01-01'",
            "'2020-01-01'",
            "TIMESTAMPTZ '2020-01-01 00:00+00'",
        ):
            call = f"CALL sqlml.monitor('buyer', window_start => {start}, window_end => DATE '2021-01-01')"
            *_, predictions, begins, ends, note = admin.execute(call).fetchone()
            assert (predictions, note) == (0, "there is no prediction in this window")
            assert (begins, ends) == (datetime(2020, 1, 1), datetime(2021, 1, 1))
        with pytest.raises(psycopg.Error, match="window_start => 'yesterday' is no time"):
            admin.execute("CALL sqlml.monitor('buyer', window_start => 'yesterday')")
