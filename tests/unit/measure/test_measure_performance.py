"""The table of metrics, the shape of its query, and rows that cannot be measured."""

import math
from pathlib import Path

import pyarrow as pa
import pytest
from performance_in_sql import SUMS, performance_select
from sqlglot import exp

from sqlml.errors import InvalidArgument
from sqlml.measure.performance import METRICS, TASKS, metric_row, metrics_select
from sqlml.measure.subset import DIALECTS

GOLDEN = Path(__file__).parents[2] / "fixtures" / "measure"
COLUMNS = {
    "binary": {"truth": [1, 0, 1], "score": [0.9, 0.2, 0.4], "weight": [1.0, 2.0, 3.0]},
    "multiclass": {"truth": [1, 0, 2], "label": [1, 0, 0], "truth_score": [0.9, 0.6, 0.1], "weight": [1.0, 2.0, 3.0]},
    "regression": {"truth": [1.5, 0.0, -2.0], "score": [1.0, 0.5, -1.0], "weight": [1.0, 2.0, 3.0]},
}


def rows(connection, task, relation="predicted"):
    return connection.execute(performance_select(task, exp.to_table(relation), "duckdb").sql("duckdb")).fetchall()


def registered(connection, task, **changes):
    connection.register("predicted", pa.table({**COLUMNS[task], **changes}))
    return rows(connection, task)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("task", SUMS)
def test_golden_query(golden, task, dialect):
    query = performance_select(task, exp.to_table("predicted"), dialect)
    golden(f"performance_{task}.{dialect}.sql", query.sql(dialect, pretty=True))


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_golden_metric(golden, metric, dialect):
    texts = [f"-- {task}\n{metric_row(metric, task).sql(dialect, pretty=True)};" for task in metric.tasks]
    golden(f"metric_{metric.name}.{dialect}.sql", "\n".join(texts))


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_each_metric_is_defined_and_has_its_golden_files(metric):
    assert metric.tasks
    assert set(metric.tasks) <= set(SUMS) == set(TASKS)
    assert metric.definition == metric.definition.strip()
    assert len(metric.definition) > 20
    assert "\n" not in metric.definition
    assert all((GOLDEN / f"metric_{metric.name}.{dialect}.sql").exists() for dialect in DIALECTS)


def test_no_golden_file_is_left_over():
    wanted = {f"metric_{metric.name}.{dialect}.sql" for metric in METRICS for dialect in DIALECTS}
    assert {path.name for path in GOLDEN.glob("metric_*")} == wanted


def test_names_of_metrics_are_unique_and_sort_alike_in_every_collation():
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names)
    assert sorted(names) == sorted(names, key=lambda name: name.replace("_", ""))


@pytest.mark.parametrize("task", SUMS)
def test_rows_are_those_of_the_table_ordered_and_typed(connection, task):
    found = registered(connection, task)
    assert [name for name, *_ in found] == sorted(metric.name for metric in METRICS if task in metric.tasks)
    query = performance_select(task, exp.to_table("predicted"), "duckdb").sql("duckdb")
    described = connection.execute(query).description
    assert [(name, str(type_)) for name, type_, *_ in described] == [
        ("metric", "VARCHAR"),
        ("value", "DOUBLE"),
        ("n", "BIGINT"),
    ]


NOT_MEASURED = [
    ("binary", {"score": [0.9, 0.2, math.nan]}),
    ("binary", {"score": [0.9, 0.2, 1.0000000000000002]}),
    ("binary", {"score": [0.9, -1e-300, 0.4]}),
    ("binary", {"truth": [1, 2, 0]}),
    ("binary", {"weight": [1.0, -1.0, 3.0]}),
    ("binary", {"weight": [1.0, math.nan, 3.0]}),
    ("binary", {"weight": [1.0, math.inf, 3.0]}),
    ("binary", {"weight": [1.0, 1e300, 1e300]}),
    ("binary", {"weight": [0.0, 0.0, 0.0]}),
    ("binary", {"weight": [1e-60, 0.0, 1e-300]}),
    ("multiclass", {"truth_score": [0.9, math.nan, 0.1]}),
    ("multiclass", {"truth_score": [0.9, 1.5, 0.1]}),
    ("multiclass", {"weight": [1.0, -1.0, 3.0]}),
    ("multiclass", {"weight": [0.0, 0.0, 0.0]}),
    ("multiclass", {"weight": [1e-60, 0.0, 1e-300]}),
    ("regression", {"truth": [1.5, math.nan, 0.0]}),
    ("regression", {"score": [1.5, -math.inf, 0.0]}),
    ("regression", {"score": [1.5, 1e300, 0.0]}),
    ("regression", {"weight": [1.0, math.inf, 3.0]}),
    ("regression", {"weight": [0.0, 0.0, 0.0]}),
    ("regression", {"weight": [1e-60, 0.0, 1e-300]}),
]


@pytest.mark.parametrize(("task", "changes"), NOT_MEASURED)
def test_what_cannot_be_measured_gives_null_and_not_a_wrong_number(connection, task, changes):
    found = registered(connection, task, **changes)
    assert {(value, n) for _, value, n in found} == {(None, 3)}


@pytest.mark.parametrize("task", SUMS)
def test_no_rows(connection, task):
    connection.register("predicted", pa.table(COLUMNS[task]).slice(0, 0))
    assert {(value, n) for _, value, n in rows(connection, task)} == {(None, 0)}


@pytest.mark.parametrize(("task", "column"), [(task, column) for task in SUMS for column in COLUMNS[task]])
def test_rows_with_a_null_are_left_out(connection, task, column):
    first_two = {name: values[:2] for name, values in COLUMNS[task].items()}
    wanted = registered(connection, task, **first_two)
    assert {n for *_, n in wanted} == {2}
    assert registered(connection, task, **{column: [*COLUMNS[task][column][:2], None]}) == wanted


def test_rows_without_weight_count_and_do_not_matter(connection):
    found = registered(connection, "regression", truth=[1.0, 3.0, 9.0], score=[2.0, 3.0, -9.0], weight=[1.0, 1.0, 0.0])
    assert found == [("mae", 0.5, 3), ("r2", 0.5, 3), ("rmse", math.sqrt(0.5), 3)]


def test_a_constant_that_no_double_holds_has_no_spread(connection):
    """The mean of equal values is not that value: 0.1 + 0.1 + 0.1 is no triple of 0.1."""
    found = registered(connection, "regression", truth=[0.1, 0.1, 0.1], score=[0.1, 0.1, 0.2], weight=[1.0, 1.0, 1.0])
    assert found[1] == ("r2", 0.0, 3)


def test_differences_below_the_smallest_are_none(connection):
    found = registered(connection, "regression", truth=[1e-160, 2e-160, 0.0], score=[3e-160, 1e-160, 0.0])
    assert [value for _, value, _ in found] == [0.0, 1.0, 0.0]


def test_whole_numbers_and_booleans_do_not_divide_as_integers(connection):
    wanted = registered(connection, "binary", truth=[1, 0, 1], score=[1.0, 1.0, 0.0], weight=[1.0, 2.0, 3.0])
    found = registered(connection, "binary", truth=[True, False, True], score=[1, 1, 0], weight=[1, 2, 3])
    assert found == wanted
    assert {name: value for name, value, _ in found}["precision"] == 1 / 3


@pytest.mark.parametrize("name", ["given", "extent", "sums", "terms", '"odd schema"."by_score"', '"wei""rd"'])
def test_a_relation_may_have_any_name(connection, name):
    connection.execute('CREATE SCHEMA "odd schema"')
    connection.register("source", pa.table(COLUMNS["binary"]))
    wanted = rows(connection, "binary", "source")
    connection.execute(f"CREATE TABLE {name} AS FROM source")
    relation = exp.maybe_parse(name, into=exp.Table, dialect="duckdb")
    found = connection.execute(performance_select("binary", relation, "duckdb").sql("duckdb")).fetchall()
    assert found == wanted


@pytest.mark.parametrize("task", SUMS)
def test_the_relation_is_read_once(connection, task):
    connection.register("source", pa.table(COLUMNS[task]))
    connection.execute("CREATE SEQUENCE reads")
    # A number taken for each row that is read, and used, so that no plan can leave it out.
    connection.execute(
        "CREATE VIEW counted AS SELECT * REPLACE (CASE WHEN nextval('reads') > 0 THEN weight END AS weight) FROM source"
    )
    rows(connection, task, "counted")
    assert connection.execute("SELECT currval('reads')").fetchall() == [(3,)]


def test_the_callers_tree_is_not_changed():
    relation = exp.to_table("main.predicted")
    performance_select("binary", relation, "duckdb")
    assert relation == exp.to_table("main.predicted")
    assert relation.parent is None


def test_unknown_task_and_dialect_are_refused():
    with pytest.raises(InvalidArgument, match=r"ML001 task 'ranking' .* binary, multiclass, regression"):
        metrics_select("ranking", {}, 0, "duckdb")
    with pytest.raises(InvalidArgument, match=r"ML001 dialect 'mysql' .* duckdb, postgres"):
        metrics_select("binary", {}, 0, "mysql")
