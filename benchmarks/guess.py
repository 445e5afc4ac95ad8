"""How long the model `reading` guesses at a sentence, beside the products of its network's weights alone.

    python benchmarks/guess.py

One thread; both take turns, so that the ratio of pairs means something on a busy machine too.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from _results import hardware, versions, write
from startup import in_turns
from threadpoolctl import threadpool_limits

from twinlens.models.composer import Composer
from twinlens.reading.programs import symbols
from twinlens.reading.words import WordNetwork

TITLE = "## A guess at a sentence"
SENTENCES = (
    "None of the grey boxes has a blue circle and a big yellow thing",
    "Some tower there got a yellow base",
    "At least one of the boxes holds no more than two black things close to its bottom",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200, help="runs of each (200)")
    args = parser.parse_args()
    network: Any = Composer.load("reading").encoders[0].network
    with threadpool_limits(1):
        rows = [measured(network, sentence, args.rounds) for sentence in SENTENCES]
    table = [
        "| sentence | words | symbols written | products alone | guess | ratio of pairs |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    text = f"""{TITLE}

`python benchmarks/guess.py`, medians of {args.rounds} runs in turns, one thread. {hardware()}; {versions("numpy")}.

"""
    print(text + "\n".join([*table, *rows]))
    write(TITLE, text + "\n".join([*table, *rows]))


def measured(network: WordNetwork, sentence: str, rounds: int) -> str:
    guess = network(sentence)
    if guess is None:
        raise SystemExit(f"nothing is guessed of: {sentence}")
    read, written = len(network.numbers(sentence.split())), len(symbols(guess))
    alone, ours = products(network.weights, read, written), lambda: network(sentence)
    pairs = in_turns(rounds, partial(took, alone), partial(took, ours))
    first, second = (1000 * statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(b / a for a, b in pairs)
    return f"| {sentence} | {read - 2} | {written} | {first:.2f} ms | {second:.2f} ms | {ratio:.1f} |"


def products(weights: Any, read: int, written: int) -> Callable[[], None]:
    """Return what multiplies as often as a guess: two readers of `read` words, and a writer of `written` symbols."""
    each_word = [weights[f"{name}_{part}"] for name in ("forward", "backward") for part in ("input", "state")]
    each_symbol = [weights[name] for name in ("writer_input", "writer_state", "attention", "joint", "next")]
    factors = [
        (np.ones(len(matrix), np.float32), matrix)
        for matrix in read * each_word + [weights["first"]] + written * each_symbol
    ]

    def multiply() -> None:
        for vector, matrix in factors:
            vector @ matrix

    return multiply


def took(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
