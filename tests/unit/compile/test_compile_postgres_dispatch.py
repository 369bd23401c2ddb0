"""``predict(model, features)`` in PostgreSQL: who is asked, what is said where nobody is meant, and who may ask."""

import json

import psycopg
import pytest
from postgres_oracle import dispatch, install
from test_compile_postgres_rows import add_version, refusal

from sqlml.compile import created_routines, dispatchers, dispatchers_lock, routines, script
from sqlml.spec import Column, Constant, Feature, Model, Tree, Trees

STUMP = Tree((0,), (0.5,), (False,), (-1,), (-2,), (None,), (0.25, 0.75))
COLUMNS, FEATURES = (Column("x", "number"),), (Feature("x", "number"),)
REGRESSION = Model("regression", COLUMNS, FEATURES, Trees(1, (STUMP,)), "identity")
BINARY = Model("binary", COLUMNS, FEATURES, Trees(1, (STUMP,)), "logistic", ("no", "yes"))
MULTICLASS = Model("multiclass", COLUMNS, FEATURES, Trees(3, (STUMP,) * 3), "softmax", ("a", "b", "c"))


def ask(connection, function, address, features="'{\"x\": 1}'::jsonb"):
    query = f"SELECT sqlml.{function}(%s, {features})"
    return connection.execute(query, [address]).fetchone()[0]


@pytest.mark.parametrize("count", [0, 1, 4, 5, 9, 40])
def test_every_live_model_answers_for_itself(pg, count):
    names = [f"model_{place * 7919 % 1000}" for place in range(count)]
    live = dict.fromkeys(names, "regression")
    for place, name in enumerate(names):
        install(pg, name, 1, Model("regression", COLUMNS, FEATURES, Constant((float(place),)), "identity"))
    dispatch(pg, live)
    assert [ask(pg, "predict", name) for name in names] == [float(place) for place in range(count)]
    assert refusal(pg, "SELECT sqlml.predict('model_x', '{}'::jsonb)")[0] == "ML010"


def put_live(connection, name, task, versions, live):
    connection.execute("INSERT INTO sqlml.model VALUES (%s, %s, 'y', NULL, 'me', now())", [name, task])
    for version in versions:
        add_version(connection, name, version)
    for alias, version in live.items():
        connection.execute(
            "INSERT INTO sqlml.deployment (model, alias, version, role, traffic, valid_from, action, actor, run_id) "
            "VALUES (%s, %s, %s, 'champion', 1, now(), 'deploy', 'me', 'r')",
            [name, alias, version],
        )


@pytest.fixture(scope="module")
def served(postgres_server, bare_database):
    with postgres_server.database(bare_database) as url, psycopg.connect(url, autocommit=True) as connection:
        serve(connection)
        yield connection


def serve(pg):
    for version, score in ((1, 1.5), (2, 2.5)):
        model = Model("regression", COLUMNS, FEATURES, Constant((score,)), "identity")
        install(pg, "price", version, model, scope="live" if version == 1 else "version")
    put_live(pg, "price", "regression", (1, 2), {"champion": 1, "next": 2})
    install(pg, "late", 1, BINARY)
    put_live(pg, "late", "binary", (1,), {"champion": 1})
    install(pg, "kind", 1, MULTICLASS)
    put_live(pg, "kind", "multiclass", (1,), {"champion": 1})
    put_live(pg, "idle", "binary", (1, 2), {})
    dispatch(pg, {"price": "regression", "late": "binary", "kind": "multiclass"})


def test_a_model_an_alias_and_a_version(served):
    found = {each: ask(served, "predict", f"price{each}") for each in ("", "@champion", "@1", "@2", "@next")}
    assert found == {"": 1.5, "@champion": 1.5, "@1": 1.5, "@2": 2.5, "@next": 2.5}


@pytest.mark.parametrize("address", ["late", "late@1", "late@champion"])
def test_all_functions_of_a_binary_model(served, address):
    share = ask(served, "predict", address)
    assert share == pytest.approx(0.6791786991753929, rel=1e-15)
    assert ask(served, "predict_label", address) == "yes"
    assert ask(served, "predict_proba", address) == {"no": 1.0 - share, "yes": share}
    assert ask(served, "raw_score", address) == [0.75]
    text = served.execute("SELECT sqlml.predict_proba(%s, '{\"x\": 1}'::jsonb)::text", [address]).fetchone()[0]
    assert text == json.dumps({"no": 1.0 - share, "yes": share})


@pytest.mark.parametrize("address", ["kind", "kind@1"])
def test_all_functions_of_a_multiclass_model(served, address):
    assert ask(served, "predict_label", address) == "a"
    assert list(ask(served, "predict_proba", address)) == ["a", "b", "c"]
    assert ask(served, "raw_score", address) == [0.75] * 3
    assert refusal(served, f"SELECT sqlml.predict('{address}', '{{}}'::jsonb)") == (
        "ML001",
        "model 'kind@1' is multiclass and has no single value; "
        "use predict_label(model, features) or predict_proba(model, features)",
    )


@pytest.mark.parametrize("function", ["predict_label", "predict_proba"])
def test_a_regression_has_no_classes(served, function):
    for address in ("price", "price@1"):
        assert refusal(served, f"SELECT sqlml.{function}('{address}', '{{}}'::jsonb)") == (
            "ML001",
            f"{function}: model 'price@1' is a regression and has no classes; use predict",
        )


@pytest.mark.parametrize(
    ("address", "code", "message"),
    [
        ("prise", "ML010", "there is no model 'prise'; closest: price; known are: idle, kind, late, price. CALL "),
        (
            "price@7",
            "ML010",
            "model 'price' has no version or alias '7'; versions are 1, 2, aliases are champion, next",
        ),
        (
            "idle",
            "ML010",
            "model 'idle' is not live: no version is deployed. Versions are 1, 2: CALL sqlml.deploy('idle'",
        ),
        ("Price", "ML002", "'Price' is not the name of a model: write 'model', 'model@alias' or 'model@version'"),
        ("price@", "ML002", "'price@' is not the name of a model"),
        ("price@1; DROP TABLE x", "ML010", "model 'price' has no version or alias '1; DROP TABLE x'"),
        ("", "ML002", "'' is not the name of a model"),
        (None, "ML002", ""),
    ],
)
def test_nobody_is_meant(served, address, code, message):
    for function in ("predict", "predict_label", "predict_proba", "raw_score"):
        with pytest.raises(psycopg.Error) as caught:
            served.execute(f"SELECT sqlml.{function}(%s::text, '{{}}'::jsonb)", [address])
        assert caught.value.sqlstate == code
        assert caught.value.diag.message_primary.startswith(message)


def test_whoever_may_call_the_functions_of_a_model_needs_no_more_to_score(served):
    guest = f"{served.info.dbname}_guest"
    served.execute(f"CREATE ROLE {guest}; GRANT sqlml_caller TO {guest}")
    dispatching = created_routines(script(dispatchers("postgres", {})))
    of_model = created_routines(script(routines("postgres", "late", 1, BINARY)))
    served.execute("REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA sqlml FROM PUBLIC")
    served.execute(f"GRANT EXECUTE ON FUNCTION {', '.join(dispatching + of_model)} TO {guest}")
    served.execute("CREATE TABLE t AS SELECT 1.0::float8 AS x, 'NaN'::real AS y")
    served.execute(f"GRANT SELECT ON t TO {guest}")
    try:
        served.execute(f"SET ROLE {guest}")
        for source in ("t", "(SELECT * FROM t OFFSET 0) AS t", '(SELECT x AS "X" FROM t) AS t'):
            for function in ("predict", "predict_label", "predict_proba", "raw_score"):
                for address in ("late", "late@1", "late@champion"):
                    served.execute(f"SELECT sqlml.{function}('{address}', t) FROM {source}").fetchall()
        assert refusal(served, "SELECT sqlml.predict('late', t) FROM (SELECT y FROM t) AS t")[0] == "ML020"
        assert refusal(served, "SELECT sqlml.predict('later', t) FROM t")[0] == "ML010"
        for address in ("price", "kind", "price@2"):
            assert refusal(served, f"SELECT sqlml.predict_label('{address}', t) FROM t")[0] == "42501"
    finally:
        served.execute(f"RESET ROLE; DROP OWNED BY {guest}; DROP ROLE {guest}")


def test_one_deploy_at_a_time_changes_who_is_asked(pg):
    (lock,) = dispatchers_lock("postgres")
    assert dispatchers_lock("duckdb") == ()
    with psycopg.connect(pg.info.dsn) as first, psycopg.connect(pg.info.dsn) as second:
        first.execute(lock)
        second.execute("SET lock_timeout = '50ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            second.execute(lock)
        second.rollback()
        first.rollback()
        second.execute(lock)
