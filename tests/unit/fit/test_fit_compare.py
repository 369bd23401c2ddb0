"""Differences of two models and their intervals: brute force, resampling and simulation as oracles."""

import math

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score, root_mean_squared_error

from sqlml.errors import InvalidArgument, InvalidData
from sqlml.fit.compare import compare
from sqlml.fit.metric import METRICS, higher_is_better, metric_value, primary_metric

Z = 1.959963984540054


def binary_case(random, n=300, shift=0.6):
    target = (random.random(n) < 0.35).astype(float)
    signal = target + random.normal(size=n)
    candidate = np.round(1 / (1 + np.exp(-signal - shift * random.normal(size=n))), 2)
    reference = np.round(1 / (1 + np.exp(-0.5 * signal - random.normal(size=n))), 2)
    return target, candidate, reference


def multiclass_case(random, n=300):
    target = random.integers(0, 3, n).astype(float)
    candidate = random.dirichlet([1, 1, 1], n) + 1.5 * np.eye(3)[target.astype(int)]
    reference = random.dirichlet([1, 1, 1], n) + 1.2 * np.eye(3)[target.astype(int)] * random.random((n, 1))
    return target, candidate / candidate.sum(1, keepdims=True), reference / reference.sum(1, keepdims=True)


def regression_case(random, n=300):
    target = random.normal(size=n)
    common = random.normal(size=n)
    return (
        target,
        target + 0.5 * common + 0.2 * random.normal(size=n),
        target + 0.6 * common + 0.3 * random.normal(size=n),
    )


CASES = {"binary": binary_case, "multiclass": multiclass_case, "regression": regression_case}
ORACLES = {"binary": roc_auc_score, "multiclass": log_loss, "regression": root_mean_squared_error}


def half_width(found):
    assert found.ci_high - found.difference == pytest.approx(found.difference - found.ci_low, abs=1e-12)
    return (found.ci_high - found.ci_low) / 2


def delong_error(target, candidate, reference):
    """DeLong's covariance by comparing every positive with every negative."""
    parts = []
    for scores in (candidate, reference):
        above = scores[target == 1][:, None] - scores[target == 0][None, :]
        wins = (above > 0) + 0.5 * (above == 0)
        parts.append((wins.mean(1), wins.mean(0)))
    contrast = np.array([1.0, -1.0])
    covariances = [np.cov(np.array([one[side], two[side]])) for one, two in [parts] for side in (0, 1)]
    sizes = [(target == 1).sum(), (target == 0).sum()]
    return math.sqrt(sum(contrast @ cov @ contrast / size for cov, size in zip(covariances, sizes, strict=True)))


@pytest.mark.parametrize("seed", range(5))
def test_the_interval_of_roc_auc_is_that_of_delong(seed):
    target, candidate, reference = binary_case(np.random.default_rng(seed))
    found = compare("binary", target, candidate, reference)
    assert half_width(found) == pytest.approx(Z * delong_error(target, candidate, reference), rel=1e-9)


@pytest.mark.parametrize("task", CASES)
def test_the_difference_is_that_of_the_metric_and_positive_where_the_candidate_is_better(task):
    target, candidate, reference = CASES[task](np.random.default_rng(1))
    found = compare(task, target, candidate, reference)
    values = [ORACLES[task](target, output) for output in (candidate, reference)]
    assert [found.candidate, found.reference] == pytest.approx(values, rel=1e-12)
    assert found.difference == pytest.approx(abs(values[0] - values[1]), rel=1e-12)
    assert (found.metric, found.n) == (primary_metric(task), 300)
    back = compare(task, target, reference, candidate)
    assert (back.difference, back.ci_low, back.ci_high) == pytest.approx(
        (-found.difference, -found.ci_high, -found.ci_low)
    )


@pytest.mark.parametrize("task", CASES)
def test_the_interval_is_as_wide_as_a_bootstrap_says(task):
    random = np.random.default_rng(2)
    target, candidate, reference = CASES[task](random, n=500)
    found = compare(task, target, candidate, reference)
    differences = []
    for _ in range(200):
        chosen = random.integers(0, 500, 500)
        values = [metric_value(found.metric, target[chosen], output[chosen]) for output in (candidate, reference)]
        differences.append(values[0] - values[1])
    assert half_width(found) == pytest.approx(Z * np.std(differences), rel=0.15)


@pytest.mark.parametrize("task", CASES)
def test_the_interval_covers_the_true_difference(task):
    random = np.random.default_rng(3)
    target, candidate, reference = CASES[task](random, n=50_000)
    true = compare(task, target, candidate, reference).difference
    covered = 0
    for _ in range(200):
        found = compare(task, *CASES[task](random, n=150))
        covered += found.ci_low <= true <= found.ci_high
    assert 0.92 <= covered / 200 <= 0.99


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_the_interval_is_as_wide_as_the_jackknife_says(task):
    target, candidate, reference = CASES[task](np.random.default_rng(4), n=150)
    found = compare(task, target, candidate, reference)
    left = []
    for row in range(150):
        kept = np.arange(150) != row
        values = [metric_value(found.metric, target[kept], output[kept]) for output in (candidate, reference)]
        left.append(values[0] - values[1])
    error = math.sqrt(149 / 150 * np.sum((np.array(left) - np.mean(left)) ** 2))
    assert half_width(found) == pytest.approx(Z * error, rel=0.03)


@pytest.mark.parametrize("task", CASES)
def test_equal_weights_change_nothing_and_rows_of_weight_zero_do_not_count(task):
    target, candidate, reference = CASES[task](np.random.default_rng(5))
    plain = compare(task, target, candidate, reference)
    same = compare(task, target, candidate, reference, np.full(300, 2.5))
    some = np.arange(300) % 3 > 0
    masked = compare(task, target, candidate, reference, some.astype(float))
    dropped = compare(task, target[some], candidate[some], reference[some])
    for one, two in ((plain, same), (masked, dropped)):
        assert (one.difference, one.ci_low, one.ci_high) == pytest.approx((two.difference, two.ci_low, two.ci_high))


@pytest.mark.parametrize("task", CASES)
def test_weighted_intervals_are_as_wide_as_a_bootstrap_says(task):
    random = np.random.default_rng(6)
    target, candidate, reference = CASES[task](random, n=600)
    weight = random.exponential(size=600)
    found = compare(task, target, candidate, reference, weight)
    differences = []
    for _ in range(200):
        at = random.integers(0, 600, 600)
        values = [metric_value(found.metric, target[at], output[at], weight[at]) for output in (candidate, reference)]
        differences.append(values[0] - values[1])
    assert half_width(found) == pytest.approx(Z * np.std(differences), rel=0.15)


@pytest.mark.parametrize("task", CASES)
def test_a_model_is_not_better_than_itself(task):
    target, candidate, _ = CASES[task](np.random.default_rng(7))
    found = compare(task, target, candidate, candidate)
    assert (found.difference, found.ci_low, found.ci_high) == (0.0, 0.0, 0.0)


def test_a_perfect_regression_has_a_root_of_zero():
    target = np.arange(10.0)
    found = compare("regression", target, target, target + np.tile([1.0, 2.0], 5))
    assert found.candidate == 0.0
    assert found.difference == pytest.approx(math.sqrt(2.5))
    assert 0 < found.ci_low < found.difference < found.ci_high


def test_probabilities_of_zero_and_one_are_clipped_as_scikit_learn_does():
    target = np.array([0.0, 1.0, 2.0] * 4)
    certain = np.eye(3)[[0, 1, 1] * 4]
    found = compare("multiclass", target, np.full((12, 3), 1 / 3), certain)
    assert found.reference == pytest.approx(-math.log(np.finfo(float).eps) / 3)
    assert found.ci_low < found.difference < found.ci_high


def test_one_row_of_a_class_gives_no_interval():
    target = np.array([1.0] + [0.0] * 20)
    found = compare("binary", target, np.linspace(1, 0, 21), np.linspace(0, 1, 21))
    assert (found.difference, found.ci_low, found.ci_high) == (1.0, -math.inf, math.inf)


def test_what_cannot_be_compared_is_refused():
    target = np.array([1.0, 0.0, 1.0])
    with pytest.raises(InvalidData, match="needs rows of both classes"):
        compare("binary", np.ones(3), target, target)
    with pytest.raises(InvalidData, match="needs rows of both classes"):
        compare("binary", target, target, target, np.array([1.0, 0.0, 1.0]))
    with pytest.raises(InvalidArgument, match="one entry for each row"):
        compare("binary", target, target, target[:2])
    with pytest.raises(InvalidArgument, match="'rank' is unknown"):
        compare("rank", target, target, target)


def test_metrics_are_those_of_scikit_learn_with_weights():
    random = np.random.default_rng(8)
    weight = random.exponential(size=300)
    for task, case in CASES.items():
        target, output, _ = case(random)
        found = metric_value(primary_metric(task), target, output, weight)
        assert found == pytest.approx(ORACLES[task](target, output, sample_weight=weight), rel=1e-12)


def test_every_metric_knows_its_direction():
    assert {name: higher_is_better(name) for name in METRICS} == {"roc_auc": True, "log_loss": False, "rmse": False}
    with pytest.raises(InvalidArgument, match="'auc' is unknown; closest: roc_auc"):
        higher_is_better("auc")


def test_log_loss_counts_classes_that_no_row_has():
    target, output = np.array([0.0, 0.0]), np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]])
    assert metric_value("log_loss", target, output) == pytest.approx(-(math.log(0.5) + math.log(0.25)) / 2)
    assert metric_value("log_loss", np.array([0.0, 1.0]), np.array([0.5, 0.5])) == pytest.approx(math.log(2))
