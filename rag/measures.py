"""Measures of ranked results, and whether two runs over the same questions differ: pure functions.

What is computed for a ranking comes from ir-measures, which asks trec_eval; AUROC is the Mann-Whitney statistic; the
paired test is Fisher's randomisation test (Smucker, Allan and Carterette, "A comparison of statistical significance
tests for information retrieval evaluation", 2007).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DEPTH = 10  # passages that are looked at
RESAMPLES = 10_000  # a p-value's standard error is then .002 at .05
SEED = 20_251_125  # the same numbers on every run
RANKED = ("nDCG@10", "R@1", "R@5", "all@10", "RR@10")

Numbers = NDArray[np.float64]  # (n,)


@dataclass(frozen=True, slots=True)
class Difference:
    """A measure's mean in two runs over the same questions.

    ``low`` and ``high`` bound the difference new - old, a 95 % bootstrap interval; ``p`` is two-sided.
    """

    count: int
    old: float
    new: float
    low: float
    high: float
    p: float


def ranked(found: Sequence[str], needed: Sequence[str]) -> dict[str, float]:
    """The measures of ``RANKED`` for one question: ``found`` best first, without ties; what ``needed`` shares with it
    are hits. R is the share of what is needed that was found; all@10 is 1 where that is all of it.
    """
    import ir_measures  # lazily: only an evaluation needs it
    from ir_measures import RR, R, nDCG

    if not needed:
        raise ValueError("nothing is needed, so nothing can be measured")
    values = dict.fromkeys(RANKED, 0.0)
    if not found:
        return values  # trec_eval leaves out a question without results
    judged = [ir_measures.Qrel("", name, 1) for name in needed]
    run = [ir_measures.ScoredDoc("", name, -rank) for rank, name in enumerate(found[:DEPTH])]  # higher is better
    for measured in ir_measures.iter_calc([nDCG @ DEPTH, R @ 1, R @ 5, R @ DEPTH, RR @ DEPTH], judged, run):
        name = str(measured.measure)
        if name == f"R@{DEPTH}":
            values["all@10"] = float(measured.value == 1)
        else:
            values[name] = float(measured.value)
    return values


def auroc(positive: Sequence[float], negative: Sequence[float]) -> float | None:
    """The probability that one of ``positive`` is higher than one of ``negative``, equal ones counting half."""
    if not positive or not negative:
        return None
    ordered = np.sort(np.asarray(negative, dtype=float))
    lower = np.searchsorted(ordered, positive, side="left")
    equal = np.searchsorted(ordered, positive, side="right") - lower
    return float((lower + equal / 2).sum() / (len(positive) * len(negative)))


def mean(values: Sequence[float]) -> float | None:
    """None where there is nothing to take the mean of."""
    return float(np.mean(values)) if len(values) else None


def percentile(values: Sequence[float], share: float) -> float | None:
    """By linear interpolation; None where there are no values."""
    return float(np.percentile(values, share)) if len(values) else None


def difference(old: Sequence[float], new: Sequence[float]) -> Difference:
    """The paired difference of two runs; ``old[i]`` and ``new[i]`` belong to one question. Raises ValueError."""
    if len(old) != len(new) or not len(old):
        raise ValueError(f"{len(old)} old values and {len(new)} new ones are no pairs")
    before, after = np.asarray(old, dtype=float), np.asarray(new, dtype=float)
    by = after - before
    low, high = bootstrap(by)
    return Difference(len(by), float(before.mean()), float(after.mean()), low, high, sign_flip_p(by))


def sign_flip_p(differences: Numbers) -> float:
    """How often the signs of paired differences, drawn by chance, give as large a mean either way, in (0, 1].

    Questions with no difference change nothing and are left out. With few left, every way of signs is counted.
    """
    by = differences[differences != 0]
    if len(by) == 0:
        return 1.0
    observed = abs(by.sum()) - 1e-9  # sums in another order may differ in their last bit
    if 2 ** len(by) <= RESAMPLES:
        ways = np.arange(2 ** len(by))[:, None] >> np.arange(len(by)) & 1
        return float(np.mean(np.abs((2 * ways - 1) @ by) >= observed))
    drawn = np.random.default_rng(SEED).integers(0, 2, (RESAMPLES, len(by)), dtype=np.int8)
    extreme = np.count_nonzero(np.abs((2 * drawn - 1) @ by) >= observed)
    return float((extreme + 1) / (RESAMPLES + 1))  # the observed signs are one of the ways


def bootstrap(values: Numbers, groups: Sequence[object] | None = None) -> tuple[float, float]:
    """The 95 % percentile interval of the mean; whole ``groups`` are drawn where given (``len(values)`` labels)."""
    labels = np.arange(len(values)) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    sums, counts = np.bincount(labels, weights=values), np.bincount(labels)
    random = np.random.default_rng(SEED)
    weights = random.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=RESAMPLES)
    low, high = np.percentile((weights @ sums) / (weights @ counts), [2.5, 97.5])
    return float(low), float(high)
