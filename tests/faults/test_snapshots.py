"""A deploy that commits while somebody reads: who names the version has one, the one that the statement sees."""

import psycopg
import pytest

TRAIN = """CALL sqlml.train('buyer', 'visit', 'bought', key_column => 'visit_id', algorithm => 'linear', seed => 7,
  hyperparams => '{"C": 0.01}', deploy => 'never')"""
LIVE = "SELECT addressed_version FROM sqlml.address WHERE address = 'buyer'"
FUNCTIONS = ("predict", "predict_label", "predict_proba", "raw_score")


@pytest.fixture
def reader(url):
    with psycopg.connect(url) as connection:
        yield connection


@pytest.fixture
def admin(url):
    """Whoever deploys; there are two versions, of which the first is live, and they answer differently."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TRAIN)
        differ = "SELECT count(*) FROM visit AS v WHERE sqlml.predict('buyer@1', v) <> sqlml.predict('buyer@2', v)"
        assert connection.execute(differ).fetchone()[0] > 90
        yield connection


def answers(function, address):
    """The answer for every row, and the version that is live for the statement."""
    return f"SELECT sqlml.{function}({address}, v)::text, ({LIVE}) FROM visit AS v ORDER BY visit_id"


def by_version(connection, function, version):
    return [(text, version) for text, _ in connection.execute(answers(function, f"'buyer@{version}'")).fetchall()]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_number_and_version_belong_together_in_an_old_snapshot(reader, admin, function):
    asked = answers(function, f"'buyer@' || ({LIVE})")
    reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    assert reader.execute(asked).fetchall() == by_version(admin, function, 1)
    admin.execute("CALL sqlml.deploy('buyer', 2)")
    assert reader.execute(asked).fetchall() == by_version(admin, function, 1)
    reader.commit()
    assert reader.execute(asked).fetchall() == by_version(admin, function, 2)
    reader.commit()
    reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    assert reader.execute(asked).fetchall() == by_version(admin, function, 2)
    admin.execute("CALL sqlml.rollback('buyer')")
    assert reader.execute(asked).fetchall() == by_version(admin, function, 2)


def test_all_rows_of_a_cursor_have_one_version(reader, admin):
    reader.execute("DECLARE rows CURSOR FOR " + answers("predict", f"'buyer@' || ({LIVE})"))
    found = reader.execute("FETCH 10 FROM rows").fetchall()
    admin.execute("CALL sqlml.deploy('buyer', 2)")
    found += reader.execute("FETCH ALL FROM rows").fetchall()
    assert found == by_version(admin, "predict", 1)


def test_a_model_that_is_asked_by_its_name_answers_with_what_is_live_at_the_moment(reader, admin):
    reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    reader.execute(answers("predict", "'buyer'"))
    admin.execute("CALL sqlml.deploy('buyer', 2)")
    found = reader.execute(answers("predict", "'buyer'")).fetchall()
    assert [text for text, _ in found] == [text for text, _ in by_version(admin, "predict", 2)]
    assert {version for _, version in found} == {1}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_version_that_is_live_is_called_directly_by_its_number_too(reader, admin, function):
    """Else each row takes a statement of its own, which reads the metadata."""
    reader.execute("SET track_functions = 'all'")
    looked_up = "SELECT coalesce(pg_stat_get_xact_function_calls('sqlml.addressed(text)'::regprocedure), 0)"
    for deployed in (1, 2):
        admin.execute(f"CALL sqlml.deploy('buyer', {deployed})")
        for version in (1, 2):
            before = reader.execute(looked_up).fetchone()[0]
            reader.execute(answers(function, f"'buyer@{version}'"))
            assert reader.execute(looked_up).fetchone()[0] - before == (0 if version == deployed else 100)
