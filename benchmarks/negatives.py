"""What a query with negatives finds among clip arts, by how the negatives' scores are taken away.

The pictures are Debian's package openclipart-png, their titles and keywords those of openclipart-svg (`apt-get install
openclipart-png openclipart-svg`), all captioned with their titles, under the recipe `offline`. A query asks for what
has its keyword, or is of its picture's folder, and not the negative's. Intervals are 95 % bootstrap intervals over
the queries' words or folders, of the gain over subtracting the standardised score z in full.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from _clipart import arguments, arts
from _embedded import Embedded, embedded
from _results import hardware, versions, write
from numpy.typing import NDArray

from twinlens import metrics
from twinlens.calibration import Calibration
from twinlens.collection.store import Vectors

TITLE = "## What a query stays away from"
COUNT, PAIRS, FIRST, FEWEST = 1600, 600, 10, 2
Scores = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Pair(NamedTuple):
    """The standardised scores (N,) of a query and of its negative, what each is about (N,), and the query's group."""

    query: Scores
    negative: Scores
    wanted: Mask
    unwanted: Mask
    group: str


FORMS: dict[str, Callable[[Scores, Scores], Scores]] = {
    "nothing": lambda query, _: query,
    "z": lambda query, negative: query - negative,
    "z / 2 (`--without`, `--unlike`)": lambda query, negative: query - negative / 2,
    "z less the query's own share of it": lambda q, n: q - (n - float(q @ n) / len(q) * q),
    "what exceeds the query's z": lambda query, negative: query - np.maximum(0, negative - query),
    "what exceeds 2": lambda query, negative: query - np.maximum(0, negative - 2),
    "entries above 2.5, dropped": lambda query, negative: np.where(negative > 2.5, query - 100, query),
}
FULL = "z"


class ClipArt:
    """Clip arts, their folders and keywords, and the standardised scores of queries about them."""

    def __init__(self, of: Embedded, seed: int) -> None:
        self.of, self.rng = of, np.random.default_rng(seed)
        self.calibration = Calibration(of.channels, of.vectors, len(of.vectors))
        self.folders = np.array(of.folders)
        self.has = of.has_word
        self.of_words = [self.scores(query) for query in of.asked]

    def scores(self, query: Vectors) -> Scores:
        directions = self.calibration.directions(query)
        assert directions is not None
        scores = self.calibration.scores(directions, self.of.vectors)
        return np.asarray((scores - scores.mean()) / scores.std())

    def words_without_words(self) -> Iterator[Pair]:
        """A keyword without another one that some of its pictures have."""
        for one in range(len(self.has)):
            for other in range(len(self.has)):
                both = self.has[one] & self.has[other]
                if one != other and both.sum() >= FEWEST and (self.has[one] & ~both).sum() >= FEWEST:
                    yield self._pair(self.of_words[one], self.of_words[other], self.has[one], self.has[other], one)

    def words_unlike_pictures(self) -> Iterator[Pair]:
        """A keyword without the folder of one of the pictures that have it."""
        for word, has in enumerate(self.has):
            for folder in sorted(set(self.folders[has])):
                same = self.folders == folder
                if (has & same).sum() >= FEWEST and (has & ~same).sum() >= FEWEST:
                    row = int(self.rng.choice(np.flatnonzero(has & same)))
                    yield self._without(
                        row, self._pair(self.of_words[word], self.scores(self.of.vectors[row]), has, same, word)
                    )

    def pictures_without_words(self) -> Iterator[Pair]:
        """A picture, for the others of its folder, without a keyword that some of these have."""
        alone = self.of.alone("image")
        for folder in sorted(set(self.of.folders)):
            same = self.folders == folder
            for word, has in enumerate(self.has):
                if (has & same).sum() >= FEWEST and (same & ~has).sum() > FEWEST:
                    row = int(self.rng.choice(np.flatnonzero(same & ~has)))
                    yield self._without(row, Pair(self.scores(alone[row]), self.of_words[word], same, has, folder))

    def _pair(self, query: Scores, negative: Scores, wanted: Mask, unwanted: Mask, word: int) -> Pair:
        return Pair(query, negative, wanted, unwanted, self.of.words[word])

    def _without(self, row: int, pair: Pair) -> Pair:
        """The same without one entry, which the query or its negative is."""
        kept = np.arange(len(pair.query)) != row
        query, negative, wanted, unwanted, group = pair
        return Pair(query[kept], negative[kept], wanted[kept], unwanted[kept], group)


def measured(pairs: Sequence[Pair], form: Callable[[Scores, Scores], Scores]) -> tuple[Scores, float]:
    """Average precision of what is wanted and not unwanted (P,), and the share of the first ten that is unwanted."""
    precision, share = np.empty(len(pairs)), 0.0
    for n, pair in enumerate(pairs):
        scores = form(pair.query, pair.negative)
        found = metrics.per_query(scores[None].astype(np.float32), (pair.wanted & ~pair.unwanted)[None])
        precision[n] = found["map"][0]
        share += pair.unwanted[np.argsort(-scores, kind="stable")[:FIRST]].mean() / len(pairs)
    return precision, share


def table(name: str, pairs: Sequence[Pair], seed: int) -> Iterator[str]:
    groups, full = [pair.group for pair in pairs], measured(pairs, FORMS[FULL])[0]
    yield from (f"{name} ({len(pairs)} queries):", "")
    yield from ("| subtracted | mAP | more than z | of the first ten unwanted |", "|---|---:|---:|---:|")
    for form, compute in FORMS.items():
        precision, share = measured(pairs, compute)
        gain = metrics.paired_difference(precision, full, groups, seed=seed)
        beside = "" if form == FULL else f"{gain.mean:+.3f} ({gain.ci95[0]:+.3f} to {gain.ci95[1]:+.3f})"
        yield f"| {form} | {precision.mean():.3f} | {beside} | {share:.0%} |"
    yield ""


def main() -> None:
    args = arguments(__doc__ or "", COUNT)
    art = ClipArt(embedded(arts(args.clipart, args.count, args.seed), args.seed), args.seed)
    kinds = {
        "A word without a word": list(art.words_without_words()),
        "A word unlike a picture": list(art.words_unlike_pictures()),
        "A picture without a word": list(art.pictures_without_words()),
    }
    lines = list[str]()
    for name, pairs in kinds.items():
        chosen = art.rng.permutation(len(pairs))[:PAIRS]
        lines += table(name, [pairs[n] for n in sorted(chosen)], args.seed)
    about = f"`python benchmarks/negatives.py --seed {args.seed}` on {hardware()}; {versions('numpy', 'torch')}."
    said = f"{len(art.of.arts)} clip arts with their titles, {len(art.of.words)} keywords."
    text = "\n".join([TITLE, "", about, "", said, "", *lines]).rstrip()
    print(text)
    if args.count == COUNT:
        write(TITLE, text)


if __name__ == "__main__":
    main()
