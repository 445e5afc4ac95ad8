"""Measurement of the network of `reading` on families of sentences that it was taught, and on those held out.

python -m twinlens.training.pretraining.held_out prints one row for each family of `shapes.sentences`. The grammar is
left aside: each sentence is read by the network alone, and its direction ranks drawn scenes of split "test".
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from twinlens.core.progress import track
from twinlens.encoders.facts import Facts
from twinlens.metrics import Summary, bootstrap_ci
from twinlens.models.composer import Composer
from twinlens.reading.grammar.parse import parse
from twinlens.reading.table import Mask, Table
from twinlens.shapes.scenes import NLVR_ITEMS, NLVR_TOWER_SHARE
from twinlens.shapes.sentences import FAMILIES
from twinlens.shapes.worlds import World
from twinlens.training.pretraining.forms import HELD_OUT
from twinlens.training.pretraining.sentences import shapes_sentences, training_families

SEEDS, SCENES, SENTENCES = 3, 500, 60
"""Draws of scenes and sentences, scenes of each, and sentences of each family and draw."""


class Finding(NamedTuple):
    """A sentence: the share of pairs whose true scene ranks first, and whether the guess is what the grammar reads."""

    family: str
    seed: int
    text: str
    in_order: float
    exact: bool


class Row(NamedTuple):
    """A row of the table: mean and interval of the shares of pairs over sentences, and the share of exact guesses."""

    name: str
    in_order: Summary
    exact: float


def findings(encoder: Facts, seed: int, *, scenes: int = SCENES, sentences: int = SENTENCES) -> Iterator[Finding]:
    """Rank drawn scenes by what the network makes of sentences of every family."""
    table = Table.of(World("test", seed, NLVR_ITEMS, NLVR_TOWER_SHARE).scenes(scenes))
    vectors, rng = encoder.space.vectors(table), np.random.default_rng([seed, *b"held out"])
    for family in FAMILIES:
        for text, truth in islice(shapes_sentences(rng, table, [family]), sentences):
            guess = encoder.network(text)
            scores = np.zeros(scenes) if guess is None else vectors @ encoder.space.direction(guess)
            yield Finding(family, seed, text, in_order(scores, truth), guess == parse(text))


def in_order(scores: NDArray[np.floating[Any]], truth: Mask) -> float:
    """Compute the share of (true, false) pairs whose true one scores higher; equal scores count one half."""
    good, bad = scores[truth][:, None], scores[~truth][None]
    return float(((good > bad) + 0.5 * (good == bad)).mean())


def rows(found: Sequence[Finding]) -> list[Row]:
    """Summarise the held-out families and their mean first, then those that were taught."""
    taught = training_families()
    table = list[Row]()
    for title, families in (("held out, mean", HELD_OUT), ("taught, mean", taught)):
        of_group = [one for one in found if one.family in families]
        table.append(_row(title, of_group))
        table += [_row(name, [one for one in of_group if one.family == name]) for name in families]
    return table


def _row(name: str, found: Sequence[Finding]) -> Row:
    summary = bootstrap_ci([one.in_order for one in found], [one.text for one in found])
    return Row(name, summary, float(np.mean([one.exact for one in found])))


def main() -> None:
    """Measure a model and print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m twinlens.training.pretraining.held_out", description=(__doc__ or "").split("\n", 1)[0]
    )
    parser.add_argument("--model", type=Path, metavar="DIR", help="a model folder (default: the one that ships)")
    parser.add_argument("--seeds", type=int, default=SEEDS, metavar="N", help=f"draws of scenes (default: {SEEDS})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sentence and its figures")
    args = parser.parse_args()
    model = Composer.load(args.model or "reading")
    encoder = cast(Facts, model.encoders[0])
    total = args.seeds * len(FAMILIES) * SENTENCES
    drawn = (one for seed in range(args.seeds) for one in findings(encoder, seed))
    found = list(track(drawn, "sentences", total, unit="sentences"))
    print("| family | true above false | guess exact |\n|---|---|---|")
    for name, summary, exact in rows(found):
        low, high = summary.ci95 or (summary.mean, summary.mean)
        print(f"| {name} | {summary.mean:.3f} ({low:.3f}–{high:.3f}) | {exact:.2f} |")
    if args.json:
        args.json.write_text(json.dumps([one._asdict() for one in found], indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
