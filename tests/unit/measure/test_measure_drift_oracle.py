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


def null_moments(term, reference, current_n):
    """Mean and variance of a divergence without drift, count by count, with scipy's negative binomials."""
    n = reference.sum()
    a = np.maximum(reference, 1.0)
    odds = current_n / a.sum()
    total = current_n * (1 + odds)
    mean = variance = linear = quadratic = 0.0
    for shape, filled in zip(a, reference, strict=True):
        law = stats.nbinom(shape, 1 / (1 + odds))
        y = np.arange(int(law.ppf(1 - 1e-15)) + 50)
        w = law.pmf(y) / law.pmf(y).sum()
        g = term(np.full(len(y), filled / n), y / current_n)
        z = y - shape * odds
        centred = g - w @ g
        mean += w @ g
        variance += w @ centred**2
        linear += w @ (centred * z) / math.sqrt(total)
        quadratic += w @ (centred * z * z) / total
    return mean - quadratic / 2, variance - linear**2 - quadratic**2 / 2


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


@pytest.mark.parametrize("metric", TERMS)
@pytest.mark.parametrize(
    "case", ["thirty bins", "two bins", "bins empty in one", "a bin empty in both", "a small window"]
)
def test_p_value_and_threshold_are_those_of_the_null_moments(found, case, metric):
    """Counts up to 128 are taken one by one, so the moments are exact there."""
    term, statistic = TERMS[metric]
    reference, current = CASES[case]
    mean, variance = null_moments(term, reference, current.sum())
    law = stats.gamma(mean**2 / variance, scale=variance / mean)
    row = found[case, metric]
    assert row["p_value"] == pytest.approx(law.sf(statistic(row["value"])), rel=1e-7)
    assert statistic(row["threshold"]) == pytest.approx(law.isf(0.05), rel=1e-7)


@pytest.mark.parametrize("metric", TERMS)
@pytest.mark.parametrize("case", ["skewed", "a small reference"])
def test_many_counts_are_taken_in_steps(found, case, metric):
    term, statistic = TERMS[metric]
    reference, current = CASES[case]
    mean, variance = null_moments(term, reference, current.sum())
    law = stats.gamma(mean**2 / variance, scale=variance / mean)
    assert statistic(found[case, metric]["threshold"]) == pytest.approx(law.isf(0.05), rel=2e-3)


@pytest.mark.parametrize("metric", TERMS)
def test_large_samples_have_the_chi_square_threshold(found, metric):
    """The published critical value of PSI, chi2(B - 1, .95) (1/n + 1/m), and an eighth of it for the other."""
    reference, current = CASES["millions"]
    limit = stats.chi2.ppf(0.95, len(reference) - 1) * (1 / reference.sum() + 1 / current.sum())
    factor = 1 if metric == "psi" else 1 / 8
    assert TERMS[metric][1](found["millions", metric]["threshold"]) == pytest.approx(limit * factor, rel=1e-3)


@pytest.mark.parametrize("metric", TERMS)
def test_null_moments_are_those_of_a_simulation(metric):
    reference, m = np.array([0, *[50] * 10, 0]), 60
    shares = RANDOM.dirichlet(np.maximum(reference, 1), size=40_000)
    counts = RANDOM.multinomial(m, shares)
    term = TERMS[metric][0]
    simulated = term(np.broadcast_to(reference / reference.sum(), counts.shape), counts / m).sum(axis=1)
    mean, variance = null_moments(term, reference, m)
    assert mean == pytest.approx(simulated.mean(), rel=0.02)
    assert variance == pytest.approx(simulated.var(), rel=0.15)
