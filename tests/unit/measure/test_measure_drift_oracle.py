"""Drift of binned columns against numpy and scipy: the values, the p-values, and the distribution without drift."""

import math

import numpy as np
import pytest
from drift_rows import DAY, drift
from scipy import stats
from scipy.spatial.distance import jensenshannon

from sqlml.measure.drift import drift_metrics

RANDOM = np.random.default_rng(11)


def psi(reference, current):
    p, q = (np.maximum(side / side.sum(), 1e-4) for side in (reference, current))
    return np.sum((q - p) * np.log(q / p))


def jensen_shannon(reference, current):
    return jensenshannon(reference / reference.sum(), current / current.sum(), base=2)


def taken_together(reference, current):
    """The table of the chi-square test, group by group, as its definition says."""
    n, both, smaller = reference.sum(), reference.sum() + current.sum(), min(reference.sum(), current.sum())
    order = sorted(range(len(reference)), key=lambda index: (reference[index], index))
    new = [index for index in order if not reference[index] and current[index] * smaller >= 10 * both]
    order = [index for index in order if index not in new]
    least, so_far = [], 0
    while order and so_far * smaller < 10 * n:
        least.append(order.pop(0))
        so_far += reference[least[-1]]
    rare = sorted(index for index in order if reference[index] * smaller < 10 * n)
    groups = [[index] for index in (*new, *order) if index not in rare]
    total = reference[rare].sum()
    parts = int(total * smaller // (10 * n))
    slices = [[] for _ in range(parts)]
    place = 0
    for index in rare:
        if parts:
            slices[math.floor((place + reference[index] / 2) * parts / total)].append(index)
        else:
            least.append(index)
        place += reference[index]
    table = [(reference[group].sum(), current[group].sum()) for group in (least, *slices, *groups) if group]
    return np.array([row for row in table if sum(row)]).T


def chi_square(reference, current):
    return stats.chi2_contingency(taken_together(reference, current), correction=False).statistic


ORACLES = {"psi": psi, "jensen_shannon_distance_base2": jensen_shannon, "chi_square": chi_square}

CASES = {
    "about even": (RANDOM.multinomial(1_000, np.full(10, 0.1)), RANDOM.multinomial(200, np.full(10, 0.1))),
    "thirty bins": (RANDOM.multinomial(1_000, np.full(30, 1 / 30)), RANDOM.multinomial(100, np.full(30, 1 / 30))),
    "skewed": (RANDOM.multinomial(5_000, stats.zipf.pmf(range(1, 25), 1.4) / 2 + 0.0001), np.arange(24) + 1),
    "two bins": (np.array([700, 300]), np.array([60, 40])),
    "far apart": (np.array([500, 500, 0, 0]), np.array([0, 0, 300, 300])),
    "bins empty in one": (np.array([400, 0, 300, 300]), np.array([40, 30, 0, 50])),
    "a bin empty in both": (np.array([400, 0, 300]), np.array([40, 0, 50])),
    "a small window": (np.array([100] * 9 + [0]), np.array([3, 0, 1, 2, 0, 4, 2, 1, 0, 2])),
    "rather small": (np.array([400, 300, 200, 60, 40]), np.array([22, 13, 9, 6, 0])),
    "a small reference": (np.array([3, 5, 8, 4]), np.array([100, 200, 300, 100])),
    "millions": (
        RANDOM.multinomial(5_000_000, np.full(12, 1 / 12)),
        RANDOM.multinomial(3_000_000, np.full(12, 1 / 12)),
    ),
    "a constant that changes": (np.array([500, 0]), np.array([0, 100])),
    "new and full": (np.array([400, 300, 300, 0]), np.array([40, 30, 30, 60])),
    "alike": (np.array([100, 200, 300]), np.array([10, 20, 30])),
}


@pytest.fixture(scope="module")
def found():
    import duckdb

    reference = [(name, None, None, i, int(n)) for name, (side, _) in CASES.items() for i, n in enumerate(side)]
    current = [(DAY, name, None, None, i, int(n)) for name, (_, side) in CASES.items() for i, n in enumerate(side)]
    with duckdb.connect() as connection:
        return {(row["column_name"], row["metric"]): row for row in drift(connection, reference, current)}


def test_every_metric_of_counts_has_an_oracle():
    assert set(ORACLES) == {metric.name for metric in drift_metrics("counts")}


@pytest.mark.parametrize("metric", ORACLES)
@pytest.mark.parametrize("case", CASES)
def test_every_value_is_the_oracles(found, case, metric):
    row = found[case, metric]
    reference, current = CASES[case]
    assert row["value"] == pytest.approx(ORACLES[metric](reference, current), rel=1e-9, abs=1e-15)
    assert (row["n_reference"], row["n_current"]) == (reference.sum(), current.sum())


@pytest.mark.parametrize("case", CASES)
def test_chi_square_has_scipys_p_value_and_critical_value(found, case):
    wanted = stats.chi2_contingency(taken_together(*CASES[case]), correction=False)
    row = found[case, "chi_square"]
    assert row["p_value"] == pytest.approx(wanted.pvalue, rel=1e-9, abs=0)
    limit = pytest.approx(stats.chi2.ppf(0.95, wanted.dof), rel=1e-9) if wanted.dof else None
    assert row["threshold"] == limit


def test_where_no_bin_is_rare_chi_square_is_that_of_the_whole_table(found):
    wanted = stats.chi2_contingency(np.array(CASES["about even"]), correction=False)
    assert found["about even", "chi_square"]["value"] == pytest.approx(wanted.statistic, rel=1e-9)


def test_few_bins_are_taken_together_and_no_more_than_needed():
    assert taken_together(np.array([0, *[100] * 10, 0]), np.full(12, 10)).shape == (2, 10)
    assert taken_together(np.array([0, *[33] * 30, 0]), np.array([0, *[3] * 33][:32])).shape[1] in (8, 9)


def law_of(term, a, filled, n, m, odds, without_empty):
    """Of one bin: its probability, and the cumulants of its term and its count, count by count."""
    law = stats.nbinom(a, 1 / (1 + odds))
    y = np.arange(int(without_empty and filled > 0), int(law.ppf(1 - 1e-15)) + 50)
    mass = law.pmf(y).sum()
    w = law.pmf(y) / mass
    g, s = term(np.full(len(y), filled / n), y / m), y - a * odds
    d, t = g - w @ g, s - w @ s
    return np.array([math.log(mass), w @ g, w @ d**2, w @ s, w @ t**2, w @ (d * t), w @ (d * t * t)])


def moments_of(law):
    mean, variance, at, spread, linear, quadratic = law
    second = spread + at * at
    crossed = quadratic + 2 * at * linear + mean * second
    return np.array([mean, variance + mean * mean, at, second, linear + mean * at, crossed])


def cumulants_of(moments):
    mean, second, at, square, crossed, twice = moments
    quadratic = twice - 2 * at * crossed + 2 * at * at * mean - mean * square
    return mean, second - mean**2, at, square - at**2, crossed - mean * at, quadratic


def law_without_drift(metric, reference, m):
    """The parts of the law of a divergence: weights and gamma distributions."""
    a = np.maximum(reference, 1.0)
    odds = m / a.sum()
    every, filled = (
        np.sum(
            [
                law_of(TERMS[metric][0], *pair, reference.sum(), m, odds, without_empty)
                for pair in zip(a, reference, strict=True)
            ],
            axis=0,
        )
        for without_empty in (False, True)
    )
    p = math.exp(filled[0])
    laws = [(1.0, every[1:])]
    if metric == "psi" and 1e-3 < p < 1 - 1e-9:
        emptied = (moments_of(every[1:]) - p * moments_of(filled[1:])) / (1 - p)
        laws = [(p, filled[1:]), (1 - p, cumulants_of(emptied))]
    parts = []
    for probability, (mean, variance, at, spread, linear, quadratic) in laws:
        z, slope, bend = -at / math.sqrt(spread), linear / math.sqrt(spread), quadratic / (2 * spread)
        mean, variance = mean + slope * z + bend * (z * z - 1), variance - slope**2 - 2 * bend**2
        density = probability * math.exp(-z * z / 2) / math.sqrt(spread)
        parts.append((density, stats.gamma(mean**2 / variance, scale=variance / mean)))
    total = sum(density for density, _ in parts)
    return [(density / total, law) for density, law in parts]


def tail(parts, x):
    return sum(weight * law.sf(x) for weight, law in parts)


def psi_term(p, q):
    p, q = np.maximum(p, 1e-4), np.maximum(q, 1e-4)
    return (q - p) * np.log(q / p)


def jensen_shannon_term(p, q):
    middle = (p + q) / 2
    logs = [np.log(np.where(side > 0, side, 1) / np.where(side > 0, middle, 1)) for side in (p, q)]
    return (p * logs[0] + q * logs[1]) / 2


TERMS = {
    "psi": (psi_term, lambda value: value),
    "jensen_shannon_distance_base2": (jensen_shannon_term, lambda value: value**2 * math.log(2)),
}


SMALL = ["thirty bins", "two bins", "bins empty in one", "a bin empty in both", "a small window", "rather small"]


@pytest.mark.parametrize("metric", TERMS)
@pytest.mark.parametrize("case", SMALL)
def test_p_value_and_threshold_are_those_of_the_law_without_drift(found, case, metric):
    """Counts up to 128 are taken one by one, so the moments are exact there."""
    reference, current = CASES[case]
    parts = law_without_drift(metric, reference, current.sum())
    row, statistic = found[case, metric], TERMS[metric][1]
    assert row["p_value"] == pytest.approx(tail(parts, statistic(row["value"])), rel=1e-7)
    assert tail(parts, statistic(row["threshold"])) == pytest.approx(0.05, rel=1e-7 if len(parts) == 1 else 3e-3)


def test_only_psi_has_a_law_of_two_parts():
    reference, current = CASES["rather small"]
    assert {metric: len(law_without_drift(metric, reference, current.sum())) for metric in TERMS} == {
        "psi": 2,
        "jensen_shannon_distance_base2": 1,
    }


@pytest.mark.parametrize("metric", TERMS)
@pytest.mark.parametrize("case", ["skewed", "a small reference"])
def test_many_counts_are_taken_in_steps(found, case, metric):
    reference, current = CASES[case]
    threshold = TERMS[metric][1](found[case, metric]["threshold"])
    assert tail(law_without_drift(metric, reference, current.sum()), threshold) == pytest.approx(0.05, rel=0.02)


@pytest.mark.parametrize("metric", TERMS)
def test_large_samples_have_the_chi_square_threshold(found, metric):
    """The published critical value of PSI, chi2(B - 1, .95) (1/n + 1/m), and an eighth of it for the other."""
    reference, current = CASES["millions"]
    limit = stats.chi2.ppf(0.95, len(reference) - 1) * (1 / reference.sum() + 1 / current.sum())
    factor = 1 if metric == "psi" else 1 / 8
    assert TERMS[metric][1](found["millions", metric]["threshold"]) == pytest.approx(limit * factor, rel=1e-3)


@pytest.mark.parametrize("metric", TERMS)
def test_the_law_without_drift_is_that_of_a_simulation(metric):
    reference, m = np.array([0, *[50] * 10, 0]), 60
    counts = RANDOM.multinomial(m, RANDOM.dirichlet(np.maximum(reference, 1), size=40_000))
    p = np.broadcast_to(reference / reference.sum(), counts.shape)
    simulated = TERMS[metric][0](p, counts / m).sum(axis=1)
    parts = law_without_drift(metric, reference, m)
    for level, tolerance in ((0.5, 0.05), (0.8, 0.05), (0.95, 0.01)):
        assert tail(parts, np.quantile(simulated, level)) == pytest.approx(1 - level, abs=tolerance)
