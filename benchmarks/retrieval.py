"""What the recipe offline finds among clip arts: by the picture, by words, by both, and how often it says "nothing".

The pictures are Debian's package openclipart-png, their titles and keywords those of openclipart-svg (`apt-get install
openclipart-png openclipart-svg`). A random part of them, drawn by the seed, is captioned with its titles. Measured are

- retrieval of the same folder: a picture with its title asks for the others of its folder;
- retrieval by a word: keywords, which are not shown to the model, ask for the pictures that have them;
- the same two by what `--rerank lexical` makes of the first answers, on a draw of its own, since its weight was chosen
  on others;
- the hint that nothing stands out: how often it comes with just one match in the collection, and with none.

Intervals are 95 % bootstrap intervals over folders, or over words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from _clipart import arguments, arts
from _embedded import FEWEST, Embedded, embedded, with_interval
from _results import hardware, write

from twinlens import metrics
from twinlens.calibration import NAMED_WEIGHT, Calibration, Channel
from twinlens.collection.search.records import DOUBTFUL
from twinlens.collection.search.request import SearchRequest
from twinlens.collection.search.rerank import Candidate
from twinlens.collection.search.rerank.lexical import Lexical
from twinlens.collection.search.scoring import LinearScorer
from twinlens.collection.store import Entry, Vectors
from twinlens.core.arguments import RERANKED
from twinlens.fusions._standardised import standardised_scores

TITLE = "## Retrieval by the recipe offline"
COUNT, ASKED = 785, 300
SIZES = (500, 100)
NEAR = 0.99
OTHER = 2
"""The draw on which `lexical` is measured; its weight was chosen on draws 0 and 1."""


def by_folder(of: Embedded, seed: int) -> list[str]:
    """Rows of a table: who shares the folder, asked in several ways."""
    folders, same = np.array(of.folders), of.same_folder
    rows = np.flatnonzero(same.any(axis=1))
    image, text = of.channel("image"), of.channel("text")
    sides = [(_unit(of.vectors[:, c.query]), _unit(of.vectors[:, c.entry])) for c in (image, text)]
    cosines = [asked[rows] @ shown.T for asked, shown in sides]
    others = of.vectors[np.random.default_rng(seed).permutation(len(of.vectors))]
    mixed = of.vectors.copy()
    mixed[:, text.query] = others[:, text.query]
    ways = {
        "the picture alone": standardised_scores(of.channels, of.alone("image")[rows], of.vectors),
        "the words alone": standardised_scores(of.channels, of.alone("text")[rows], of.vectors),
        "both, standardised and added (`calibrated`)": standardised_scores(of.channels, of.vectors[rows], of.vectors),
        "both, cosines added": cosines[0] + cosines[1],
        "both, cosines multiplied (1 + cosine each)": (1 + cosines[0]) * (1 + cosines[1]),
        "both, another's words": standardised_scores(of.channels, mixed[rows], of.vectors),
    }
    ignore = np.eye(len(folders), dtype=bool)[rows]
    groups = folders[rows].tolist()
    values = {name: metrics.per_query(scores, same[rows], ignore=ignore) for name, scores in ways.items()}
    return [
        f"{len(rows)} pictures with their titles ask for the others of their folder ({len(set(groups))} folders):",
        "",
        "| asked by | hit@1 | mAP | mAP less that of the words alone |",
        "|---|---:|---:|---:|",
        *_lines(values, "the words alone", groups, seed),
    ]


def by_word(of: Embedded, seed: int) -> list[str]:
    """Rows of a table: which pictures have a keyword, by their titles, by what the classes say, and by both."""
    relevant = of.has_word
    titles, classes = of.channel("text"), of.channel("text", crossed=True)
    ways = {
        "their titles": [titles],
        "their ImageNet classes": [classes],
        "both, with equal weights": [titles, replace(classes, weight=1.0)],
        "both, the classes with half the weight": [titles, replace(classes, weight=0.5)],
        f"both, the classes with {NAMED_WEIGHT:g} of the weight (`offline`)": [
            titles,
            replace(classes, weight=NAMED_WEIGHT),
        ],
    }
    values = {
        name: metrics.per_query(standardised_scores(channels, of.asked, of.vectors), relevant)
        for name, channels in ways.items()
    }
    return [
        f"{len(of.words)} keywords ask for the pictures that have them (at least {FEWEST} do); the model sees titles:",
        "",
        "| compared with | hit@1 | mAP | mAP less that of titles |",
        "|---|---:|---:|---:|",
        *_lines(values, "their titles", of.words, seed),
    ]


def by_lexical(of: Embedded, seed: int) -> list[str]:
    """Rows of a table: both searches with the stage of reranking that the recipe names, and without."""
    folders, same = np.array(of.folders), of.same_folder
    rows = np.flatnonzero(same.any(axis=1))
    searches = {
        "a keyword": (of.asked, list(of.words), of.has_word, None, list(of.words)),
        "a picture with its title": (
            of.vectors[rows],
            [of.arts[row].title for row in rows.tolist()],
            same[rows],
            np.eye(len(folders), dtype=bool)[rows],
            folders[rows].tolist(),
        ),
    }
    lines = list[str]()
    for asked, (vectors, texts, relevant, ignore, groups) in searches.items():
        plain = standardised_scores(of.channels, vectors, of.vectors)
        values = {
            f"{asked}, {name}": metrics.per_query(scores, relevant, ignore=ignore)
            for name, scores in {"without": plain, f"`lexical:{RERANKED}`": _reranked(of, texts, plain, ignore)}.items()
        }
        lines += _lines(values, f"{asked}, without", groups, seed)
    return [
        f"What the stage `lexical:{RERANKED}` makes of both searches; {len(of.arts)} clip arts of draw {seed}:",
        "",
        "| asked by | hit@1 | mAP | mAP less that without |",
        "|---|---:|---:|---:|",
        *lines,
    ]


def _reranked(of: Embedded, texts: Sequence[str], scores: np.ndarray, ignore: np.ndarray | None) -> np.ndarray:
    """The scores of the first answers, exchanged among them so that they have the order of the stage."""
    reranker, found = Lexical(), scores.copy()
    for query, text in enumerate(texts):
        allowed = scores[query] if ignore is None else np.where(ignore[query], -np.inf, scores[query])
        first = np.argsort(-allowed, kind="stable")[:RERANKED]
        entries = [Entry(of.arts[n].file, b"", 0, 0, of.arts[n].title, row=int(n)) for n in first]
        given = [Candidate(one, float(allowed[one.row]), of.vectors[one.row]) for one in entries]
        ranked = reranker.rerank(SearchRequest(texts=(text,)), given)
        found[query, [one.entry.row for one in ranked]] = allowed[first]
    return found


def by_chance(of: Embedded, seed: int) -> list[str]:
    """Rows of a table: how often "nothing stands out" is said with one match, and with none."""
    titles, classes = of.channel("text"), of.channel("text", crossed=True)
    lines = []
    for size in SIZES:
        for name, channels in {"titles": [titles], "ImageNet classes": [classes], "both": [classes, titles]}.items():
            lines.append(_flags(name, size, _of_words(of, channels, size, seed), seed))
        lines.append(_flags("pictures, the nearest of the folder", size, _of_pictures(of, size, seed), seed))
        lines.append(
            _flags(f"pictures, a near-duplicate (cosine {NEAR:g})", size, _of_pictures(of, size, seed, NEAR), seed)
        )
    return [
        "How often a search says that nothing stands out, in collections of N with just one match (a picture with the"
        " word in its title), and with none (the word is in no title, keyword or folder):",
        "",
        "| compared with | N | flagged with one match | flagged without |",
        "|---|---:|---:|---:|",
        *lines,
    ]


Flags = Iterator[tuple[str, bool, bool]]


def _of_words(of: Embedded, channels: Sequence[Channel], size: int, seed: int) -> Flags:
    rng = np.random.default_rng(seed)
    for word, query in zip(of.words, of.asked, strict=True):
        hits = [n for n, art in enumerate(of.arts) if word in re.findall(r"\w+", art.title.lower())]
        without = [n for n, art in enumerate(of.arts) if word.rstrip("s") not in art.all_words]
        if hits and len(without) >= size:
            rest = rng.choice(without, size, replace=False)
            one = np.append(rest[1:], rng.choice(hits))
            yield word, _flagged(channels, of.vectors[one], query), _flagged(channels, of.vectors[rest], query)


def _of_pictures(of: Embedded, size: int, seed: int, near: float | None = None) -> Flags:
    rng, image = np.random.default_rng(seed), of.channel("image")
    subjects = np.array([art.folder.partition("/")[0] for art in of.arts])
    folders, queries = np.array(of.folders), of.alone("image")
    for n in rng.choice(len(of.arts), min(ASKED, len(of.arts)), replace=False):
        same = np.flatnonzero((folders == folders[n]) & (np.arange(len(folders)) != n))
        others = np.flatnonzero(subjects != subjects[n])
        if not len(same) or len(others) < size:
            continue
        rest = of.vectors[rng.choice(others, size, replace=False)]
        match = of.vectors[same[(of.vectors[same][:, image.entry] @ queries[n][image.query]).argmax()]].copy()
        if near is not None:
            match[image.entry] = _beside(queries[n][image.query], near, rng)
        yield (
            folders[n],
            _flagged([image], np.vstack([rest[1:], match]), queries[n]),
            _flagged([image], rest, queries[n]),
        )


def _beside(vector: Vectors, cosine: float, rng: np.random.Generator) -> Vectors:
    """A vector of the same length that has this cosine with another."""
    noise = rng.normal(size=len(vector)).astype(np.float32)
    noise -= noise @ vector / (vector @ vector) * vector
    noise *= np.linalg.norm(vector) / np.linalg.norm(noise)
    return np.asarray(cosine * vector + (1 - cosine**2) ** 0.5 * noise, dtype=np.float32)


def _unit(vectors: Vectors) -> Vectors:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def _flagged(channels: Sequence[Channel], vectors: Vectors, query: Vectors) -> bool:
    """Whether a search in a collection of these vectors would say that nothing stands out."""
    calibration = Calibration(channels, vectors, len(vectors))
    directions = calibration.directions(query)
    assert directions is not None
    scorer = LinearScorer(calibration, directions)
    chance = scorer.chance(float(scorer.scores(vectors).max()), len(vectors))
    return chance is not None and chance > DOUBTFUL


def _flags(name: str, size: int, found: Flags, seed: int) -> str:
    groups, one, none = zip(*found, strict=True)
    return f"| {name} | {size} | {' | '.join(with_interval(np.array(v, float), groups, seed) for v in (one, none))} |"


def _lines(
    values: Mapping[str, Mapping[str, metrics.PerQuery]], against: str, groups: Sequence[str], seed: int
) -> Iterator[str]:
    """hit@1, mAP, and the paired difference of the latter to one of the ways."""
    for name, found in values.items():
        figures = " | ".join(with_interval(found[key], groups, seed) for key in ("hit@1", "map"))
        other = metrics.paired_difference(found["map"], values[against]["map"], groups, seed=seed)
        low, high = other.ci95
        beside = "" if name == against else f"{other.mean:+.3f} ({low:+.3f} to {high:+.3f})"
        yield f"| {name} | {figures} | {beside} |"


def main() -> None:
    given = arguments(__doc__ or "", COUNT)
    of = embedded(arts(given.clipart, given.count, given.seed), given.seed)
    other = embedded(arts(given.clipart, given.count, OTHER), OTHER)
    tables = [*by_folder(of, given.seed), "", *by_word(of, given.seed), "", *by_lexical(other, OTHER), ""]
    tables += [*by_chance(of, given.seed), ""]
    about = f"`python benchmarks/retrieval.py --seed {given.seed}` on {hardware()}."
    said = (
        f"{len(of.arts)} clip arts of Debian's openclipart-png with their titles as captions, drawn by the seed from"
        " those that have one. Means and 95 % bootstrap intervals over folders or words."
    )
    text = "\n".join([TITLE, "", about, "", said, "", *tables])
    print(text)
    if given.count == COUNT:
        write(TITLE, text)


if __name__ == "__main__":
    main()
