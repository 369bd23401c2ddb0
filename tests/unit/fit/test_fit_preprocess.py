"""Features of training rows, with scikit-learn's imputers, scalers and encoders as the oracle."""

import datetime
import re

import numpy as np
import pyarrow as pa
import pytest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OrdinalEncoder, StandardScaler

from sqlml.errors import InvalidData, InvalidHyperparameter
from sqlml.fit.preprocess import Needs, features_for
from sqlml.fit.read import read_rows
from sqlml.fit.rows import Roles

N = 200
RANDOM = np.random.default_rng(11)
X = np.where(RANDOM.random(N) < 0.2, np.nan, RANDOM.normal(1e3, 5, N).round(1))
WORDS = ["b", "a", "a", None, "ö", "Z"]
LINEAR = Needs(complete=True, scale="standard")
TREES = Needs()


def rows_of(**columns):
    body = {"x": pa.array(X, from_pandas=True), "y": np.arange(N) % 2 == 0, **columns}
    return read_rows(pa.table(body), Roles("y"))


def one_feature(column, step, needs=LINEAR):
    rows = rows_of(c=column)
    prepared = features_for(rows, {"c": step}, needs)
    (feature,) = [each for each in prepared.features if each.column == "c"]
    return rows, feature, rows.matrix((feature,))[:, 0]


def number_column(rows, name="c"):
    return rows.table.column(name).to_pandas().to_numpy(dtype=float).reshape(-1, 1)


@pytest.mark.parametrize("strategy", ["mean", "median", "most_frequent"])
@pytest.mark.parametrize("scale", ["standard", "min_max", "none"])
def test_numbers_are_imputed_and_scaled_as_scikit_learn_does(strategy, scale):
    rows, _, values = one_feature(pa.array(X, from_pandas=True), {"impute": strategy, "scale": scale})
    scaler = {"standard": StandardScaler(), "min_max": MinMaxScaler(), "none": None}[scale]
    oracle = make_pipeline(SimpleImputer(strategy=strategy), scaler).fit_transform(number_column(rows))
    np.testing.assert_allclose(values, oracle.ravel(), rtol=1e-9, atol=1e-9)


def test_a_given_number_is_imputed_before_scaling():
    rows, feature, values = one_feature(pa.array(X, from_pandas=True), {"impute": 7})
    oracle = make_pipeline(SimpleImputer(strategy="constant", fill_value=7.0), StandardScaler())
    assert feature.impute == 7.0
    np.testing.assert_allclose(values, oracle.fit_transform(number_column(rows)).ravel(), rtol=1e-9, atol=1e-9)


def test_scaling_without_imputing_leaves_missing_values_missing():
    rows, feature, values = one_feature(pa.array(X, from_pandas=True), {"scale": "standard"}, TREES)
    assert feature.impute is None
    oracle = StandardScaler().fit_transform(number_column(rows)).ravel()
    np.testing.assert_allclose(values, oracle, rtol=1e-9, atol=1e-9)
    assert np.isnan(values).any()


def test_defaults_follow_the_needs_of_the_algorithm():
    rows = rows_of(flag=np.arange(N) % 3 == 0, word=[WORDS[i % 6] for i in range(N)])
    trees, linear = (features_for(rows, {}, needs).features for needs in (TREES, LINEAR))
    assert [(each.impute, each.center, each.scale) for each in trees] == [(None, 0.0, 1.0)] * 3
    number, flag, word = linear
    assert number.impute == pytest.approx(number.center) == pytest.approx(np.nanmean(X))
    assert (flag.impute, flag.center, flag.scale) == (0.0, 0.0, 1.0)
    assert (word.impute, word.categories) == (None, ("Z", "a", "b", "ö"))


def test_statistics_do_not_depend_on_the_order_of_rows():
    table = pa.table({"x": RANDOM.lognormal(0, 9, 1000), "y": RANDOM.random(1000) < 0.5})
    one, two = (
        features_for(read_rows(each, Roles("y")), {}, LINEAR) for each in (table, table.take(RANDOM.permutation(1000)))
    )
    assert one == two


def test_text_is_a_category_in_code_point_order():
    rows = rows_of(word=pa.array([WORDS[i % 6] for i in range(N)]).dictionary_encode())
    prepared = features_for(rows, {"x": {"impute": 0}}, TREES)
    assert prepared.categorical == (False, True)
    assert prepared.features[1].categories == ("Z", "a", "b", "ö")
    assert prepared.notes == ()


def test_ordinal_codes_are_those_of_scikit_learn():
    words = [WORDS[i % 6] for i in range(N)]
    rows, feature, values = one_feature(words, {"encode": "ordinal"}, TREES)
    assert features_for(rows, {"c": {"encode": "ordinal"}}, TREES).categorical == (False, False)
    given = np.array([np.nan if word is None else word for word in rows.table.column("c").to_pylist()], dtype=object)
    np.testing.assert_array_equal(values, OrdinalEncoder().fit_transform(given.reshape(-1, 1)).ravel())
    assert feature.impute is None
    _, complete, values = one_feature(words, {"encode": "ordinal"}, LINEAR)
    assert complete.impute == 1.0
    assert abs(values.mean()) < 1e-12


def test_the_most_frequent_categories_are_kept_and_ties_go_by_name():
    words = ["c"] * 60 + ["b"] * 40 + ["a"] * 40 + ["d"] * 30 + [None] * 30
    rows = rows_of(c=words)
    prepared = features_for(rows, {"c": {"max_categories": 2}}, TREES)
    assert prepared.features[1].categories == ("a", "c")
    assert prepared.notes == (
        "column 'c' has 4 categories in 200 training rows; the 2 most frequent are kept, 70 rows have one of the "
        "others and count as missing (max_categories)",
    )


def test_255_categories_are_kept_by_default():
    table = pa.table({"c": [str(i % 300) for i in range(600)], "y": [i % 2 for i in range(600)]})
    prepared = features_for(read_rows(table, Roles("y")), {}, TREES)
    assert len(prepared.features[0].categories) == 255
    assert "300 categories" in prepared.notes[0]


@pytest.mark.parametrize(
    ("step", "expected"), [({"impute": "a"}, 1.0), ({"impute": "most_frequent"}, 1.0), ({"impute": "ö"}, 3.0)]
)
def test_a_category_is_imputed(step, expected):
    assert one_feature([WORDS[i % 6] for i in range(N)], step)[1].impute == expected


MOMENTS = [datetime.datetime(2023, 1, 1) + datetime.timedelta(hours=7 * i) for i in range(N)]
DAYS = [moment.date() for moment in MOMENTS]


@pytest.mark.parametrize(
    ("column", "step", "parts"),
    [
        (DAYS, {}, ["month", "day", "day_of_week"]),
        (MOMENTS, {}, ["month", "day", "day_of_week", "hour"]),
        (DAYS, {"encode": ["epoch", "year"]}, ["epoch", "year"]),
        (MOMENTS, {"encode": ["minute"]}, ["minute"]),
    ],
)
def test_dates_become_parts(column, step, parts):
    prepared = features_for(rows_of(c=column), {"c": step}, LINEAR)
    assert [feature.kind for feature in prepared.features] == ["number", *parts]
    assert all(feature.impute is not None for feature in prepared.features)


def test_parts_of_a_date_have_their_own_statistics():
    rows = rows_of(c=DAYS)
    prepared = features_for(rows, {"c": {"impute": "median"}}, LINEAR)
    dates = rows.table.column("c").to_pylist()
    months, days = ([getattr(date, part) for date in dates] for part in ("month", "day"))
    assert [feature.impute for feature in prepared.features[1:3]] == [np.median(months), np.median(days)]
    assert prepared.features[2].scale == pytest.approx(np.std(days))


def test_columns_without_information_stay_harmless():
    rows = rows_of(empty=pa.array([None] * N, pa.float64()), same=[3] * N, word=pa.array([None] * N, pa.string()))
    _, empty, same, word = features_for(rows, {}, LINEAR).features
    assert (empty.impute, empty.center, empty.scale) == (0.0, 0.0, 1.0)
    assert (same.center, same.scale) == (3.0, 1.0)
    assert (word.categories, word.impute) == ((), None)
    _, ordinal, _ = one_feature(pa.array([None] * N, pa.string()), {"encode": "ordinal"})
    assert ordinal.impute == 0.0


def test_column_names_are_found_whatever_their_case():
    assert features_for(rows_of(), {"X": {"impute": 1}}, TREES).features[0].impute == 1.0


@pytest.mark.parametrize(
    ("preprocess", "pieces"),
    [
        ([], ["must be an object by column"]),
        ({"z": {}}, ["names 'z', not a feature column", "known are: x"]),
        ({"y": {"impute": 1}}, ["names 'y'"]),
        ({"x": {}, "X": {}}, ["column 'x' twice"]),
        ({"x": "mean"}, ["column 'x' must be an object with some of impute, scale"]),
        ({"x": {"imputed": "mean"}}, ["number column 'x' has key 'imputed'", "closest: impute"]),
        ({"x": {"encode": "category"}}, ["key 'encode'", "known are: impute, scale"]),
        (
            {"x": {"impute": "mode"}},
            ["column 'x': impute is 'mode'", "'mean', 'median', 'most_frequent' or a finite number"],
        ),
        ({"x": {"impute": float("nan")}}, ["impute is nan"]),
        ({"x": {"impute": 10**400}}, ["impute is 1000"]),
        ({"x": {"impute": True}}, ["impute is True"]),
        ({"x": {"scale": "robust"}}, ["scale is 'robust'", "'standard', 'min_max', 'none'"]),
        ({"x": {"scale": ["none"]}}, ["scale is ['none']"]),
        ({"word": {"impute": 1}}, ["impute is 1", "'most_frequent' or one of its categories"]),
        ({"word": {"impute": "A"}}, ["impute is 'A', not a category", "closest: a"]),
        ({"word": {"scale": "standard"}}, ["scale is 'standard'", '"encode": "ordinal"']),
        ({"word": {"encode": "onehot"}}, ["encode is 'onehot'", "'category', 'ordinal'"]),
        ({"word": {"max_categories": 0}}, ["max_categories is 0", "from 1 to 10000"]),
        ({"word": {"max_categories": 2.0}}, ["max_categories is 2.0"]),
        ({"day": {"encode": ["hour"]}}, ["encode is ['hour']", "'year', 'month'"]),
        ({"day": {"encode": []}}, ["encode is []"]),
        ({"day": {"encode": "month"}}, ["encode is 'month'"]),
        ({"day": {"encode": ["day", "day"]}}, ["each once"]),
        ({"day": {"encode": [["day"]]}}, ["encode is [['day']]"]),
        ({"day": {"max_categories": 3}}, ["date column 'day' has key 'max_categories'"]),
        ({"flag": {"impute": "true"}}, ["impute is 'true'"]),
    ],
)
def test_steps_that_are_refused(preprocess, pieces):
    rows = rows_of(word=[WORDS[i % 6] for i in range(N)], day=DAYS, flag=np.arange(N) % 3 == 0)
    with pytest.raises(InvalidHyperparameter, match=".*".join(map(re.escape, pieces))):
        features_for(rows, preprocess, LINEAR)


def test_a_boolean_is_imputed_with_a_boolean():
    assert one_feature([None, True, False, False] * 50, {"impute": True})[1].impute == 1.0


@pytest.mark.parametrize(
    ("column", "step", "message"),
    [
        ([np.inf, 1.0] * 100, {}, "100 infinite values"),
        ([-np.inf, 1.0] * 100, {"impute": "median", "scale": "none"}, "100 infinite values"),
        ([1.7e308, -1.7e308] * 100, {}, "too far for its mean or scale"),
        ([1.7e308, 1.6e308] * 100, {"impute": "mean", "scale": "none"}, "too far for its mean or scale"),
        ([1.7e308, -1.7e308] * 100, {"scale": "min_max", "impute": 0}, "too far for its mean or scale"),
    ],
)
def test_numbers_that_have_no_statistics(column, step, message):
    with pytest.raises(InvalidData, match=f"column 'c'.*{message}"):
        one_feature(column, step)


def test_infinite_values_pass_where_nothing_is_computed():
    _, feature, values = one_feature([np.inf, 1.0] * 100, {"impute": 0}, TREES)
    assert np.isinf(values).sum() == 100
    assert feature.scale == 1.0
