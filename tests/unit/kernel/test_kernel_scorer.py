"""Linear and constant models, links, classes, and the scorer as a whole."""

import math
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from operator import add

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from sqlml.errors import FeatureMismatch, InvalidArgument
from sqlml.kernel.forest import fits_masks
from sqlml.kernel.links import LINKS, labels, probabilities
from sqlml.kernel.scorer import ROWS_PER_THREAD, WALKED_ROWS, scorer
from sqlml.spec import LINKS as SPEC_LINKS
from sqlml.spec import CategoryTerm, Column, Constant, Feature, Linear, Model, NumericTerm, Tree, Trees


def binary(estimator, features=(), columns=()):
    return Model("binary", columns, features, estimator, "logistic", ("no", "yes"))


def multiclass(estimator, features=(), columns=()):
    return Model("multiclass", columns, features, estimator, "softmax", ("a", "b", "c"))


def regression(estimator, link="identity", features=(), columns=()):
    return Model("regression", columns, features, estimator, link)


def same_bits(ours, theirs):
    np.testing.assert_array_equal(ours.view(np.int64), np.asarray(theirs, dtype=np.float64).view(np.int64))


def random_linear(random, outputs):
    features = (*(Feature("x", "number", impute=0.0) for _ in range(5)), Feature("c", "category", ("a", "b", "c")))
    numeric = [NumericTerm(at, tuple(random.normal(size=outputs) * 10.0 ** random.integers(-8, 8))) for at in range(5)]
    weights = tuple(map(tuple, random.normal(size=(3, outputs))))
    terms = (*numeric[:3], CategoryTerm(5, weights, tuple(random.normal(size=outputs))), *numeric[3:], numeric[0])
    columns = (Column("x", "number"), Column("c", "text"))
    return Linear(tuple(random.normal(size=outputs)), terms), features, columns


class TestLinear:
    @pytest.mark.parametrize("outputs", [1, 3])
    @pytest.mark.parametrize("order", ["C", "F"])
    def test_every_addition_in_order_and_rounded(self, outputs, order):
        random = np.random.default_rng(outputs)
        estimator, features, columns = random_linear(random, outputs)
        matrix = np.array(random.normal(size=(500, 6)) * 1e3, order=order)
        matrix[:, 5] = random.choice([0.0, 1.0, 2.0, np.nan], 500)
        model = (binary if outputs == 1 else multiclass)(estimator, features, columns)
        expected = np.empty((500, outputs))
        for row, values in enumerate(matrix.tolist()):
            for output in range(outputs):
                raw = estimator.intercepts[output]
                for term in estimator.terms:
                    value = values[term.feature]
                    if isinstance(term, NumericTerm):
                        raw = raw + term.coefficients[output] * value
                    else:
                        weights = term.missing if math.isnan(value) else term.weights[int(value)]
                        raw = raw + weights[output]
                expected[row, output] = raw
        same_bits(scorer(model).raw(matrix), expected)

    def test_the_same_bits_as_sql(self):
        random = np.random.default_rng(7)
        rows = pa.table({name: random.normal(size=2000) for name in "xyz"})
        terms = tuple(NumericTerm(at, (coefficient,)) for at, coefficient in enumerate((0.1, -0.7, 1 / 3)))
        features = tuple(Feature(name, "number", impute=0.0) for name in "xyz")
        columns = tuple(Column(name, "number") for name in "xyz")
        with duckdb.connect() as connection:
            sql = "0.2::DOUBLE + 0.1::DOUBLE * x + (-0.7)::DOUBLE * y + 0.3333333333333333::DOUBLE * z"
            theirs = connection.sql(f"SELECT {sql} AS raw FROM rows").to_arrow_table()["raw"].to_numpy()
        ready = scorer(regression(Linear((0.2,), terms), features=features, columns=columns))
        same_bits(ready.raw_rows({name: rows[name] for name in "xyz"})[:, 0], theirs)

    def test_infinite_features_are_quiet(self):
        estimator = Linear((0.0,), (NumericTerm(0, (0.0,)), NumericTerm(0, (1.0,))))
        model = regression(estimator, features=(Feature("x", "number", impute=0.0),), columns=(Column("x", "number"),))
        assert np.isnan(scorer(model).raw(np.array([[math.inf]]))).all()
        assert scorer(model).raw(np.array([[1e308]])).tolist() == [[1e308]]

    def test_a_code_that_is_no_category_counts_as_missing(self):
        estimator = Linear((0.0,), (CategoryTerm(0, ((1.0,), (2.0,)), (9.0,)),))
        model = regression(estimator, features=(Feature("x", "category", ("a", "b")),), columns=(Column("x", "text"),))
        assert scorer(model).raw(np.array([[0.0], [1.0], [2.0], [-1.0], [np.nan]])).ravel().tolist() == [1, 2, 9, 9, 9]


class TestConstant:
    def test_the_same_for_every_row(self):
        ready = scorer(multiclass(Constant((0.1, 0.2, 0.3)), columns=(Column("x", "number"),)))
        assert ready.raw_rows({"x": pa.array([1, 2])}).tolist() == [[0.1, 0.2, 0.3]] * 2
        assert ready.raw(np.empty((0, 0))).shape == (0, 3)


class TestLinks:
    def test_every_link_of_the_spec(self):
        assert set(LINKS) == set(SPEC_LINKS)

    def test_logistic_has_the_bits_of_duckdb_and_never_overflows(self):
        raw = np.concatenate([np.linspace(-800, 800, 20_001), [-math.inf, math.inf]])
        output = LINKS["logistic"](raw)
        assert output[[0, -2, -1]].tolist() == [0.0, 0.0, 1.0]
        rows = pa.table({"r": raw[np.abs(raw) < 700]})
        with duckdb.connect() as connection:
            theirs = connection.sql("SELECT 1 / (1 + exp(-r)) AS p FROM rows").to_arrow_table()["p"].to_numpy()
        same_bits(LINKS["logistic"](rows["r"].to_numpy()), theirs)
        assert math.isnan(LINKS["logistic"](np.array([math.nan]))[0])

    def test_softmax_adds_from_the_first_to_the_last(self):
        raw = np.random.default_rng(0).normal(size=(300, 7)) * 30
        powers = [[math.exp(score - max(row)) for score in row] for row in raw.tolist()]
        expected = [[power / reduce(add, row) for power in row] for row in powers]
        same_bits(LINKS["softmax"](raw), expected)
        same_bits(LINKS["softmax"](np.asfortranarray(raw)), expected)
        assert LINKS["softmax"](np.array([[1e308, -1e308]])).tolist() == [[1.0, 0.0]]

    def test_exponential_and_identity(self):
        raw = np.array([[-math.inf], [0.0], [1.0], [1000.0]])
        assert LINKS["exponential"](raw).ravel().tolist() == [0.0, 1.0, math.e, math.inf]
        assert LINKS["identity"](raw) is raw

    def test_the_scorer_applies_the_link_of_its_model(self):
        assert scorer(regression(Constant((1.0,)), "exponential")).output(np.array([[0.0]])).tolist() == [[1.0]]
        assert scorer(binary(Constant((1.0,)))).output(np.array([[0.0]])).tolist() == [[0.5]]


class TestClasses:
    def test_binary_needs_more_than_a_half(self):
        output = np.array([[0.5], [math.nextafter(0.5, 1)], [0.0], [1.0]])
        assert labels(binary(Constant((0.0,))), output).tolist() == ["no", "yes", "no", "yes"]
        assert probabilities(binary(Constant((0.0,))), np.array([[0.25]])).tolist() == [[0.75, 0.25]]

    def test_multiclass_ties_go_to_the_first(self):
        output = np.array([[0.4, 0.4, 0.2], [0.2, 0.4, 0.4], [0.1, 0.2, 0.7]])
        model = multiclass(Constant((0.0,) * 3))
        assert labels(model, output).tolist() == ["a", "b", "c"]
        assert probabilities(model, output) is output

    def test_no_rows(self):
        for model, outputs in ((binary(Constant((0.0,))), 1), (multiclass(Constant((0.0,) * 3)), 3)):
            assert labels(model, np.empty((0, outputs))).tolist() == []
            assert probabilities(model, np.empty((0, outputs))).shape == (0, len(model.classes))

    @pytest.mark.parametrize("function", [labels, probabilities])
    def test_a_regression_has_none(self, function):
        with pytest.raises(InvalidArgument, match="regression and has no classes"):
            function(regression(Constant((0.0,))), np.array([[0.0]]))


def forest(codes=()):
    """Two features, three trees of up to three leaves, one of them a single leaf."""
    first = Tree((0, 1), (0.5, -1.0), (True, False), (-1, -2), (1, -3), (None, codes or None), (0.1, 0.2, 0.3))
    second = Tree((1,), (0.0,), (False,), (-1,), (-2,), (None,), (0.7, 1e-9))
    single = Tree((), (), (), (), (), (), (1 / 3,))
    return Trees(1, (first, second, single))


TWO = (Feature("x", "number"), Feature("y", "number"))
TWO_COLUMNS = (Column("x", "number"), Column("y", "number"))


class TestTrees:
    def test_threads_do_not_change_a_bit_nor_the_order(self):
        matrix = np.random.default_rng(0).normal(size=(3 * ROWS_PER_THREAD + 17, 2))
        ready = scorer(regression(forest(), features=TWO, columns=TWO_COLUMNS))
        expected = ready.raw(matrix)
        for threads in (2, 3, 8):
            same_bits(ready.raw(matrix, threads=threads), expected)
        before = threading.active_count()
        ready.raw(matrix, threads=3)
        assert threading.active_count() == before

    def test_the_rows_at_which_masks_take_over(self):
        matrix = np.random.default_rng(0).choice([np.nan, -1.0, 0.0, 0.5, 2.0], (WALKED_ROWS + 1, 2))
        ready = scorer(regression(forest(), features=TWO, columns=TWO_COLUMNS))
        expected = np.vstack([ready.raw(matrix[row : row + 1]) for row in range(len(matrix))])
        for rows in (0, 1, WALKED_ROWS - 1, WALKED_ROWS, WALKED_ROWS + 1):
            same_bits(ready.raw(matrix[:rows]), expected[:rows])

    def test_categories_whose_tables_would_be_too_large_are_walked(self):
        names = tuple(map(str, range(3000)))
        stump = Tree((0,), (0.0,), (True,), (-1,), (-2,), ((0, 2999),), (1.0, 2.0))
        trees = Trees(1, (stump,) * 25_000)
        assert not fits_masks(trees)
        ready = scorer(regression(trees, features=(Feature("x", "category", names),), columns=(Column("x", "text"),)))
        values = np.array([0.0, 1.0, 2999.0, np.nan, 2998.5, -1.0, np.inf, 3000.0] * 5)
        assert (ready.raw(values[:, None]).ravel() / 25_000).tolist() == [1.0, 2.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0] * 5

    def test_several_threads_may_share_a_scorer(self):
        ready = scorer(regression(forest(), features=TWO, columns=TWO_COLUMNS))
        parts = [np.random.default_rng(seed).normal(size=(2048, 2)) for seed in range(16)]
        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(ready.raw, parts))
        fresh = scorer(ready.model)
        for part, result in zip(parts, results, strict=True):
            same_bits(result, fresh.raw(part))

    def test_rows_by_name(self):
        ready = scorer(regression(forest(), features=TWO, columns=TWO_COLUMNS))
        columns = {"y": pa.array([-1.0, None]), "x": pa.array([1, 0])}
        same_bits(ready.raw_rows(columns), ready.raw(np.array([[1.0, -1.0], [0.0, np.nan]])))

    @pytest.mark.parametrize("shape", [(2, 1), (2, 3), (2,)])
    def test_a_matrix_of_another_shape_is_refused(self, shape):
        ready = scorer(regression(forest(), features=TWO, columns=TWO_COLUMNS))
        with pytest.raises(FeatureMismatch, match=r"shape \(n, 2\) is wanted"):
            ready.raw(np.zeros(shape))

    def test_a_matrix_of_another_type_is_read_as_doubles(self):
        ready = scorer(regression(forest(), features=TWO, columns=TWO_COLUMNS))
        whole = np.array([[0, 1], [1, -1]])
        misaligned = np.frombuffer(b"\0" + whole.astype(float).tobytes(), dtype=np.uint8)[1:].view(float).reshape(2, 2)
        for matrix in (whole, whole.astype(np.float32), whole.astype(">f8"), misaligned):
            same_bits(ready.raw(matrix), ready.raw(whole.astype(float)))
