"""False adoptions and power of the rule by which `train --collection` adopts a fusion, simulated.

Under the null a trained fusion finds no more than what it is compared with: the mean difference over all groups that
could have been drawn is 0, exactly, while those of the sample are skewed and sparse, and groups are of unequal sizes.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable

import numpy as np
from _results import hardware, versions, write
from numpy.typing import NDArray
from scipy import stats

from twinlens.adaptation.bounds import TOTAL_LEVEL, level_of, p_value

TITLE = "## False adoption"
Values = NDArray[np.float64]
Draw = Callable[[np.random.Generator, NDArray[np.int64]], Values]
GROUPS = (20, 50, 100, 200)
REPEATS, SEQUENCES, ATTEMPTS, RESAMPLES = 10_000, 2500, 10, 1000
MORE = 4
"""Times as many runs of the rule in use as of the others."""
KEPT = 0.8
"""Share of the groups in which the next attempt's fusion does exactly as the one that it varies."""
GAINS = (0.02, 0.05, 0.1, 0.2)
CHUNK = 2000


# Group differences of mean 0 ------------------------------------------------------------------------------------------


def symmetric(rng: np.random.Generator, sizes: NDArray[np.int64]) -> Values:
    """A Laplace effect of the group, of deviation .07, and the noise of its queries."""
    noise = rng.uniform(-0.3, 0.3, sizes.shape) / np.sqrt(sizes)
    return rng.laplace(0, 0.05, sizes.shape).clip(-0.7, 0.7) + noise


def long_losses(rng: np.random.Generator, sizes: NDArray[np.int64]) -> Values:
    """Exponential losses below a small gain, of deviation .1."""
    most = 0.95
    mean = 0.1 * (1 - np.exp(-most / 0.1))
    noise = rng.uniform(-0.05, 0.05, sizes.shape) / np.sqrt(sizes)
    return np.asarray(mean - rng.exponential(0.1, sizes.shape).clip(max=most) + noise)


def long_gains(rng: np.random.Generator, sizes: NDArray[np.int64]) -> Values:
    return -long_losses(rng, sizes)


def beta_losses(rng: np.random.Generator, sizes: NDArray[np.int64]) -> Values:
    """Most groups gain a little, and losses have a heavy tail: .05 − Beta(.05, .95)."""
    return 0.05 - rng.beta(0.05, 0.95, sizes.shape)


def rare_losses(rng: np.random.Generator, sizes: NDArray[np.int64]) -> Values:
    """One group in fifty loses half, the others gain .01."""
    return np.where(rng.random(sizes.shape) < 0.02, -0.49, 0.01)


def sparse_hits(rng: np.random.Generator, sizes: NDArray[np.int64]) -> Values:
    """hit@1 of queries that differ independently: −1 in one of twenty, +1 in one of twenty, else 0."""
    changed = rng.binomial(sizes, 0.1)
    return (2 * rng.binomial(changed, 0.5) - changed) / sizes


def hits_lost_together(rng: np.random.Generator, sizes: NDArray[np.int64]) -> Values:
    """hit@1 where one group in fifty loses every hit, and a query in 49 of the others gains one."""
    return np.where(rng.random(sizes.shape) < 0.02, -1.0, rng.binomial(sizes, 1 / 49) / sizes)


def hardest(rng: np.random.Generator, sizes: NDArray[np.int64], *, level: float = TOTAL_LEVEL) -> Values:
    """A total loss so rare that samples lack it as often as the level allows; the other groups gain what it takes."""
    share = 1 - (0.99 * level) ** (1 / sizes.shape[-1])
    return np.where(rng.random(sizes.shape) < share, -1.0, share / (1 - share))


NULLS: dict[str, Draw] = {
    "symmetric": symmetric,
    "exponential gains": long_gains,
    "exponential losses": long_losses,
    "beta losses": beta_losses,
    "rare large losses": rare_losses,
    "hit@1, sparse": sparse_hits,
    "hit@1, lost by whole groups": hits_lost_together,
    "the hardest for one attempt": hardest,
    "the hardest for the first of ten": functools.partial(hardest, level=level_of(1)),
}


def unequal_sizes(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Queries per group: a lognormal of median 5, 1 to 200."""
    return np.exp(rng.normal(np.log(5), 1, shape)).round().clip(1, 200).astype(np.int64)


# Rules ----------------------------------------------------------------------------------------------------------------


def gaffke(x: Values, level: float) -> NDArray[np.bool_]:
    """The rule that is used. Without a gain in the sample there is nothing to compute."""
    adopted: NDArray[np.bool_] = x.mean(-1) > 0
    rows = np.flatnonzero(adopted)
    for start in range(0, len(rows), CHUNK):
        part = rows[start : start + CHUNK]
        adopted[part] = p_value(x[part]) <= level
    return adopted


def student(x: Values, level: float) -> NDArray[np.bool_]:
    """The one-sided t bound of the groups' mean."""
    error = x.std(-1, ddof=1) / np.sqrt(x.shape[-1])
    return np.asarray(x.mean(-1) > stats.t.ppf(1 - level, x.shape[-1] - 1) * error)


def betting(x: Values, level: float) -> NDArray[np.bool_]:
    """Bets λ in [0, 1], evenly mixed: ∫ Π (1 + λ·x_g) dλ ≥ 1/level. Waudby-Smith and Ramdas, JRSS B 86, 2024."""
    nodes, weights = np.polynomial.legendre.leggauss(24)
    logs = [np.log1p((node + 1) / 2 * x).sum(-1) for node in nodes.tolist()]
    return np.tensordot(weights / 2, np.exp(logs), 1) >= 1 / level


def resampled(rng: np.random.Generator, x: Values, sizes: Values) -> Values:
    """Bootstrap means (repeats, resamples) over groups, each counted by its size."""
    count = x.shape[-1]
    weights = rng.multinomial(count, np.full(count, 1 / count), RESAMPLES).astype(np.float64)
    return ((x * sizes) @ weights.T) / (sizes @ weights.T)


def earlier(rng: np.random.Generator, x: Values, sizes: NDArray[np.int64], level: float) -> NDArray[np.bool_]:
    """The rule that was used: the percentile bootstrap of the queries' mean, resampled by group."""
    return np.quantile(resampled(rng, x, sizes.astype(np.float64)), level, axis=-1) > 0


def bca(rng: np.random.Generator, x: Values, level: float) -> NDArray[np.bool_]:
    """Bias-corrected and accelerated bootstrap bound of the groups' mean (Efron, JASA 82, 1987)."""
    means = np.sort(resampled(rng, x, np.ones_like(x)), axis=-1)
    below = (means < x.mean(-1, keepdims=True)).mean(-1).clip(1 / RESAMPLES, 1 - 1 / RESAMPLES)
    centred = x - x.mean(-1, keepdims=True)
    cubes, squares = (centred**3).sum(-1), (centred**2).sum(-1)
    acceleration = np.divide(cubes, 6 * squares**1.5, out=np.zeros_like(cubes), where=squares > 1e-15)
    bias = stats.norm.ppf(below)
    z = bias + stats.norm.ppf(level)
    place = stats.norm.cdf(bias + z / (1 - acceleration * z)) * RESAMPLES
    rows = np.arange(len(x))
    return np.asarray(means[rows, place.astype(np.int64).clip(0, RESAMPLES - 1)] > 0)


def one_attempt(rng: np.random.Generator, draw: Draw, groups: int, repeats: int) -> dict[str, float]:
    """The share of first attempts that each rule adopts, at the whole level."""
    counts: dict[str, list[float]] = {}
    for _ in range(0, repeats, CHUNK):
        sizes = unequal_sizes(rng, (CHUNK, groups))
        x = draw(rng, sizes)
        found = {
            "earlier rule": earlier(rng, x, sizes, TOTAL_LEVEL),
            "t": student(x, TOTAL_LEVEL),
            "BCa": bca(rng, x, TOTAL_LEVEL),
            "betting": betting(x, TOTAL_LEVEL),
        }
        for name, adopted in found.items():
            counts.setdefault(name, []).append(float(adopted.mean()))
    for _ in range(0, MORE * repeats, CHUNK):
        x = draw(rng, unequal_sizes(rng, (CHUNK, groups)))
        counts.setdefault("Gaffke", []).append(float(gaffke(x, TOTAL_LEVEL).mean()))
    return {name: float(np.mean(shares)) for name, shares in counts.items()}


# Sequences of attempts on one held-out part ---------------------------------------------------------------------------


def sequence(
    rng: np.random.Generator, draw: Draw, groups: int, repeats: int, *, user: str, attempts: int = ATTEMPTS
) -> float:
    """The share of sequences in which any attempt is adopted, by Gaffke's test at the levels that attempts share.

    No fusion gains anything, and all are measured on the same groups. user: "unrelated" fusions; "alike", each as the
    first in four groups of five; "greedy", each as the best so far in four groups of five.
    """
    sizes = unequal_sizes(rng, (repeats, groups))
    best = draw(rng, sizes)
    adopted = gaffke(best, level_of(1))
    for attempt in range(2, attempts + 1):
        x = draw(rng, sizes)
        if user != "unrelated":
            x = np.where(rng.random(x.shape) < KEPT, best, x)
        adopted |= gaffke(x, level_of(attempt))
        if user == "greedy":
            best = np.where((x.mean(-1) > best.mean(-1))[:, None], x, best)
    return float(adopted.mean())


def power(rng: np.random.Generator, draw: Draw, groups: int, gain: float, repeats: int) -> tuple[float, float]:
    """The share of first attempts with a true gain that t and Gaffke's test adopt, at the first attempt's level."""
    x = (draw(rng, unequal_sizes(rng, (repeats, groups))) + gain).clip(-1, 1)
    return float(student(x, level_of(1)).mean()), float(gaffke(x, level_of(1)).mean())


# Tables ---------------------------------------------------------------------------------------------------------------


def percent(share: float) -> str:
    return f"{share:.1%}".replace("%", " %")


def false_adoption(rng: np.random.Generator) -> list[str]:
    lines, users = [], ("unrelated", "alike", "greedy")
    for name, draw in NULLS.items():
        for groups in GROUPS:
            shares = list(one_attempt(rng, draw, groups, REPEATS).values())
            shares += [sequence(rng, draw, groups, SEQUENCES, user=user) for user in users]
            lines.append(f"| {name} | {groups} | " + " | ".join(map(percent, shares)) + " |")
    head = [
        "differences",
        "groups",
        "earlier rule",
        "t",
        "BCa",
        "betting",
        "Gaffke",
        *(f"ten, {user}" for user in users),
    ]
    return [f"| {' | '.join(head)} |", "|---|" + "---:|" * (len(head) - 1), *lines]


def true_gains(rng: np.random.Generator) -> list[str]:
    names = ("symmetric", "exponential losses", "hit@1, sparse")
    lines = [f"| groups | gain | {' | '.join(names)} |", "|---:|---:|" + "---:|" * len(names)]
    for groups in GROUPS:
        for gain in GAINS:
            pairs = [power(rng, NULLS[name], groups, gain, CHUNK) for name in names]
            lines.append(f"| {groups} | +{gain} | " + " | ".join(f"{t:.0%}, {g:.0%}" for t, g in pairs) + " |")
    return lines


def section() -> str:
    rng = np.random.default_rng(0)
    error = np.sqrt(TOTAL_LEVEL * (1 - TOTAL_LEVEL) / np.array([REPEATS, MORE * REPEATS, SEQUENCES]))
    lines = [TITLE, "", f"`python benchmarks/adoption.py` on {hardware()}; {versions('numpy', 'scipy')}.", ""]
    lines += [
        f"The share of runs in which a fusion is adopted that gains nothing: at most {percent(TOTAL_LEVEL)} is wanted.",
        f"One attempt at that level by five rules ({REPEATS:,} runs, {MORE * REPEATS:,} of the rule in use, Gaffke's),",
        "then ten attempts on the same held-out groups by that rule with the level shared",
        f"({SEQUENCES:,} sequences; any adoption counts). Standard errors at the level:"
        f" {error[0]:.2%}, {error[1]:.2%} and {error[2]:.2%}.",
        "The hardest differences are made so that Gaffke's test adopts .99 of a level, that of one attempt,",
        f"{0.99 * TOTAL_LEVEL:.2%}, or that of the first of ten, {0.99 * level_of(1):.2%}; the rest is chance.",
        "",
    ]
    lines += [*false_adoption(rng), ""]
    lines += [
        "The share of first attempts that are adopted with a true gain, by t and by Gaffke's test at the level of a",
        f"first attempt, {percent(level_of(1))}. Of t the figures are for context: it does not hold the level.",
        "",
    ]
    return "\n".join([*lines, *true_gains(rng), ""])


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    text = section()
    print(text)
    write(TITLE, text)


if __name__ == "__main__":
    main()
