"""One-sided lower bounds of a mean gain over few, skewed groups, and the sharing of their level among attempts.

The differences of groups are many near 0 and a few large ones. A loss that one group in fifty has may be missing from
the sample, and neither the t distribution nor a bootstrap allows for what the sample lacks; benchmarks/adoption.py
has the figures. Gaffke's test does: it is a Bayesian bootstrap with one more group, at the worst difference possible.

With groups x₁ … x_G in [−1, 1] and weights W = (W₀, …, W_G) from the flat Dirichlet distribution, the p-value of
"the mean is at most c" is p(c) = P(−W₀ + Σ W_g·x_g ≤ c), and the bound at a level α is the largest c with p(c) ≤ α.
N. Gaffke, Three test statistics for a nonparametric one-sided hypothesis on the mean of a nonnegative variable,
Mathematical Methods of Statistics 14, 2005; E. Learned-Miller and P. Thomas, A new confidence interval for the mean of
a bounded random variable, 2019 (arXiv 1905.06208), conjecture it to hold for every distribution and find no exception.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Values = NDArray[np.float64]
TOTAL_LEVEL = 0.025
"""Greatest probability that any of a collection's attempts, however many, adopts a fusion that finds no more."""
WORST = -1.0
"""The lowest difference that a group can have: metrics lie between 0 and 1."""
STEPS = 48
"""Halvings of an interval of length 2, to the last digits of a float."""
NEGLIGIBLE = 1e-13
"""Share of its greatest value below which the integrand is left out."""
NODES = np.arange(81) * 0.125
"""Places of the trapezoidal rule, after a substitution by sinh: up to sinh(10) ≈ 11,000 widths of the integrand."""


def level_of(attempt: int) -> float:
    """Return the level of an attempt, counted from 1: α_i = .025 · 6 / (π²·i²), whose sum over all i is .025.

    Alpha-spending: the Bonferroni correction for a sequence without an end (D. Foster and R. Stine, Alpha-investing,
    JRSS B 70, 2008; J. Tian and A. Ramdas, Online control of the familywise error rate, SMMR 30, 2021).
    """
    return TOTAL_LEVEL * 6 / (math.pi * attempt) ** 2


def group_means(values: ArrayLike, groups: Sequence[str]) -> Values:
    """Return the mean of the values (Q,) of each group (G,): groups are independent, and each counts once."""
    _, members = np.unique(np.asarray(groups), return_inverse=True)
    sums = np.bincount(members, np.asarray(values, dtype=np.float64))
    return np.asarray(sums / np.bincount(members), dtype=np.float64)


def p_value(differences: ArrayLike, least: float = 0.0) -> Values:
    """Return Gaffke's p-value (…,) of "the mean is at most `least`" for groups' differences (…, G) in [−1, 1].

    Weights of the flat Dirichlet distribution are exponential variables E_j over their sum, so that
    p = P(Σ E_j·y_j ≤ 0), y = (−1 − least, x − least). With K(z) = −Σ log(1 − z·y_j), the logarithm of the moment
    generating function of Σ E_j·y_j, p = 1/(2πi) ∫ exp(K(z)) / (−z) dz along any vertical line at −1/|y₀| < Re z < 0.
    The line is the one through the saddle point, along which the integrand falls fastest: few nodes are enough.
    """
    found = np.asarray(differences, dtype=np.float64) - least
    worst = np.full((*found.shape[:-1], 1), WORST - least)
    y = np.concatenate([worst, found], axis=-1)
    z = -_saddle(y)[..., None]
    tilted = y / (1 - z * y)
    width = 1 / np.sqrt((tilted**2).sum(-1, keepdims=True) + 1 / z**2)
    total = np.zeros(y.shape[:-1])
    for node in NODES.tolist():
        t = width * math.sinh(node)
        turned = tilted * t
        size = np.exp(-0.5 * np.log1p(turned**2).sum(-1))
        if not (size > NEGLIGIBLE).any():
            break
        value = size * np.exp(1j * np.arctan(turned).sum(-1)) / -(z + 1j * t)[..., 0]
        total += value.real * math.cosh(node) * (0.5 if node == 0 else 1.0)
    scale = np.exp(-np.log1p(-z * y).sum(-1)) * width[..., 0] * NODES[1] / np.pi
    return np.asarray((scale * total).clip(0.0, 1.0), dtype=np.float64)


def lower_bound(differences: ArrayLike, level: float) -> float:
    """Return the largest c for which p(c) ≤ level: with probability 1 − level the mean is higher."""
    found = np.asarray(differences, dtype=np.float64)
    low, high = WORST, float(found.mean())
    if high <= WORST:
        return WORST
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if p_value(found, middle) <= level else (low, middle)
    return low


def smallest_gain(groups: int, level: float) -> float:
    """Return the gain that so many groups, all with the same one, must exceed for a lower bound above 0.

    Were one group in so many to lose all, the sample would lack it with probability (1 + gain)^−G.
    """
    return float(level ** (-1 / groups) - 1)


def _saddle(y: Values) -> Values:
    """Return w = −Re z (…,) at which exp(K(z)) / (−z) is least on the real axis, nearly; 0 < w < 1/|y₀|.

    The derivative of the logarithm, Σ y_j/(1 + w·y_j) + 1/w, falls as w grows.
    """
    low, high = np.zeros(y.shape[:-1]), 1 / np.abs(y[..., 0])
    for _ in range(16):
        middle = (low + high) / 2
        is_below = (y / (1 + middle[..., None] * y)).sum(-1) + 1 / middle > 0
        low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
    return (low + high) / 2
