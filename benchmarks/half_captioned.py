"""What words find among clip arts of which a part is captioned: with their own titles, and with those of others.

The pictures are Debian's package openclipart-png, their titles and keywords those of openclipart-svg (`apt-get install
openclipart-png openclipart-svg`), under the recipe `offline`, scored as a collection scores them. Keywords, which are
not shown to the model, ask for the pictures that have them; titles ask for their own picture. Means over draws of the
captioned part. Intervals are 95 % bootstrap intervals: of a mAP over words (unpaired); of a difference over words, each
with itself (paired); of a share of captioned pictures over words and draws, each resampled on its own (Owen 2007); and
of found captions over pictures.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from _clipart import arguments, arts
from _embedded import Embedded, embedded, with_interval
from _results import hardware, versions, write
from numpy.typing import NDArray

from twinlens import metrics
from twinlens.calibration import Calibration
from twinlens.collection.search.reference import reference
from twinlens.collection.search.scoring import LinearScorer
from twinlens.collection.store import Vectors
from twinlens.models import pretrained

TITLE = "## Half-captioned collections"
COUNT, DRAWS, REPEATED, FIRST, RESAMPLES = 1600, 8, 100, 10, 2000
SHARES = (0.0, 0.002, 0.01, 0.03, 0.1, 0.5, 1.0)
Scores = NDArray[np.float64]
Counts = NDArray[np.int64]


class Measured:
    """The clip arts, and how any part of their captions ranks them."""

    def __init__(self, of: Embedded, known: Vectors, seed: int) -> None:
        self.of, self.known, self.seed = of, known, seed
        self.relevant = of.has_word
        self.titles = of.channel("text")

    def draws(self, share: float, *, others: bool) -> Iterator[tuple[NDArray[np.bool_], Vectors]]:
        """Masks of the captioned, and the vectors then. others: each has the caption of another."""
        count, width = len(self.of.arts), self.titles.entry
        for draw in range(DRAWS if share < 1 else 1):
            rng = np.random.default_rng((self.seed, draw))
            captioned = np.zeros(count, dtype=bool)
            captioned[rng.permutation(count)[: round(share * count)]] = True
            vectors = self.of.vectors.copy()
            if others:
                vectors[:, width] = vectors[rng.permutation(count), width]
            vectors[~captioned, self.titles.missing] = np.linalg.norm(vectors[0, width])
            vectors[~captioned, width] = 0
            yield captioned, vectors

    def scores(self, vectors: Vectors, queries: Vectors) -> Scores:
        """Score queries (Q, D) as a collection does: (Q, N)."""
        calibration = Calibration(self.of.channels, vectors, len(vectors))
        if calibration.has_few_captions():
            calibration = Calibration(self.of.channels, vectors, len(vectors), self.known)
        every = (calibration.directions(query) for query in queries)
        return np.stack([
            LinearScorer(calibration, directions, [query]).scores(vectors)
            for query, directions in zip(queries, every, strict=True)
            if directions is not None
        ])  # fmt: skip

    def words(self, share: float, *, others: bool) -> tuple[NDArray[np.float64], Counts]:
        """Average precision of every word (W,), and of every draw and word the first ten that are wrong: (T, W, 2).

        Those that are captioned, and all.
        """
        precision, wrong = [], []
        for captioned, vectors in self.draws(share, others=others):
            scores = self.scores(vectors, self.of.asked)
            precision.append(metrics.per_query(scores.astype(np.float32), self.relevant)["map"])
            first = np.argsort(-scores, axis=1, kind="stable")[:, :FIRST]
            of_none = ~np.take_along_axis(self.relevant, first, axis=1)
            wrong.append(np.stack([(captioned[first] & of_none).sum(axis=1), of_none.sum(axis=1)], axis=1))
        return np.mean(precision, axis=0), np.stack(wrong)

    def repeated(self, share: float) -> tuple[list[bool], list[int]]:
        """Captions that, asked, find a picture with this caption first, and the row of each."""
        found, asked = list[bool](), list[int]()
        for captioned, vectors in self.draws(share, others=False):
            rows = np.flatnonzero(captioned)[:REPEATED]
            queries = np.zeros((len(rows), vectors.shape[1]), dtype=np.float32)
            queries[:, self.titles.query] = vectors[rows][:, self.titles.entry]
            best = self.scores(vectors, queries).argmax(axis=1)
            titles = [art.title.casefold() for art in self.of.arts]
            found += [bool(captioned[b]) and titles[b] == titles[row] for b, row in zip(best, rows, strict=True)]
            asked += rows.tolist()
        return found, asked


def share_of(counts: Counts, seed: int) -> str:
    """The captioned part of the wrong ones, with its interval over draws and words: counts (T, W, 2)."""
    draws, words, _ = counts.shape
    rng = np.random.default_rng(seed)
    weights = (rng.multinomial(n, [1 / n] * n, size=RESAMPLES).astype(float) for n in (draws, words))
    captioned, every = np.einsum("rt,rw,twc->cr", *weights, counts.astype(float), optimize=True)
    low, high = np.quantile(captioned / every, [0.025, 0.975])
    captioned_of_all = counts[..., 0].sum() / counts[..., 1].sum()
    return f"{captioned_of_all:.1%} ({low:.1%}–{high:.1%})"


def found_first(measured: Measured, share: float) -> str:
    """The part of captions that find their picture, with its interval over pictures."""
    found, asked = measured.repeated(share)
    return with_interval(np.array(found, dtype=float), list(map(str, asked)), measured.seed)


def lines(measured: Measured) -> Iterator[str]:
    nothing, _ = measured.words(0.0, others=False)
    for share in SHARES:
        cells = [f"{share:.1%}", str(round(share * len(measured.of.arts)))]
        for others in (False, True):
            precision, wrong = measured.words(share, others=others)
            cells.append(with_interval(precision, measured.of.words, measured.seed))
            change = metrics.paired_difference(precision, nothing, measured.of.words, seed=measured.seed)
            cells.append(f"{change.mean:+.3f} ({change.ci95[0]:+.3f} to {change.ci95[1]:+.3f})")
            cells.append(share_of(wrong, measured.seed))
        cells.append(found_first(measured, share) if share else "")
        yield f"| {' | '.join(cells)} |"


def main() -> None:
    args = arguments(__doc__ or "", COUNT)
    of = embedded(arts(args.clipart, args.count, args.seed), args.seed)
    measured = Measured(of, reference(pretrained.ready("offline")), args.seed)
    text = [
        TITLE,
        "",
        f"`python benchmarks/half_captioned.py --count {args.count} --seed {args.seed}` on {hardware()};"
        f" {versions('numpy', 'torch')}.",
        "",
        f"{len(of.arts)} clip arts, {len(of.words)} keywords that ask for those that have them. Of the wrong pictures"
        f" among the first {FIRST}, as large a share should be captioned as of all; with another's titles nearly every"
        " captioned one is wrong, and their share is larger by that.",
        "",
        f"Means of {DRAWS} draws of the captioned part; 95 % bootstrap intervals: of a mAP over words, unpaired; of a"
        " difference over words, paired; of a captioned share over words and draws; of titles found over pictures.",
        "",
        "| share captioned | pictures | mAP, own titles | less none | captioned of the wrong | mAP, another's titles"
        " | less none | captioned of the wrong | a title finds its picture first |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
        *lines(measured),
    ]
    print("\n".join(text))
    if args.count == COUNT:
        write(TITLE, "\n".join(text))


if __name__ == "__main__":
    main()
