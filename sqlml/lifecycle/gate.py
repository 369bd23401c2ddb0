"""Whether a candidate has earned its place: against the baseline and the live version, on the same rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sqlml.fit.compare import Difference, compare
from sqlml.lifecycle.evaluate import Judged
from sqlml.registry.run import Metric


@dataclass(frozen=True)
class Rival:
    """What a candidate is held against: its name, how it is told to a person, and its answers.

    ``judged`` is None where it cannot answer on these rows; ``obstacle`` then says why.
    """

    name: str
    title: str
    judged: Judged | None
    obstacle: str = ""
    is_baseline: bool = False


@dataclass(frozen=True)
class Verdict:
    """Whether the candidate passed, the reason in words, and the comparisons as metrics of dataset ``gate``."""

    passed: bool
    reason: str
    metrics: tuple[Metric, ...]


def verdict(candidate: Judged, rivals: list[Rival]) -> Verdict:
    """Compare the candidate with each rival by the primary metric; it passes where it is better than all.

    A constant must be beaten by more than chance: the 95 % interval of the difference (see
    :func:`sqlml.fit.compare.compare`) has to lie above zero. Against the live version the difference itself decides;
    a candidate that is exactly as good does not replace it.
    """
    passed, reasons, metrics = True, [], []
    for rival in rivals:
        if rival.judged is None:
            passed = False
            reasons.append(f"cannot be compared with {rival.title}: {rival.obstacle}")
            continue
        difference = compare(
            candidate.model.task, candidate.truth, _flat(candidate), _flat(rival.judged), candidate.weight
        )
        better = difference.difference > 0 and (difference.ci_low > 0 or not rival.is_baseline)
        passed = passed and better
        reasons.append(_in_words(difference, rival, better))
        metrics.append(_as_metric(difference, rival, len(candidate.truth)))
    return Verdict(passed, "; ".join(reasons), tuple(metrics))


def _flat(judged: Judged) -> NDArray[np.float64]:
    return judged.output if judged.model.task == "multiclass" else judged.output[:, 0]


def _in_words(difference: Difference, rival: Rival, better: bool) -> str:
    return (
        f"{difference.metric} {difference.candidate:.4f} {_verb(difference, better)} {rival.title} "
        f"{difference.reference:.4f} (gain {difference.difference:+.4f}, 95 % interval "
        f"{difference.ci_low:+.4f} to {difference.ci_high:+.4f})"
    )


def _verb(difference: Difference, better: bool) -> str:
    if better:
        return "beats"
    return "does not beat" if difference.difference <= 0 else "does not beat by more than chance"


def _as_metric(difference: Difference, rival: Rival, n: int) -> Metric:
    return Metric(
        "gate",
        difference.metric,
        difference.difference,
        n,
        slice_key="against",
        slice_value=rival.name,
        ci_low=_finite(difference.ci_low),
        ci_high=_finite(difference.ci_high),
    )


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
