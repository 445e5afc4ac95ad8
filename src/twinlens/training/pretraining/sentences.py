"""The network of `reading` for sentences that the grammar does not read, taught on sentences whose meaning is known.

Sentences of `shapes`, and of the grammar in other words, are taught with the symbols of their meaning. Some kinds of
sentence are held out (`forms`), so that it shows how far the network generalises.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from twinlens.core.progress import bar, track
from twinlens.core.types import TwinlensError
from twinlens.reading.drawing import random_meaning
from twinlens.reading.grammar.parse import parse
from twinlens.reading.grammar.say import say
from twinlens.reading.meanings import Meaning
from twinlens.reading.programs import MEANING, SLOTS, Slots, after, fits, symbols
from twinlens.reading.table import Table
from twinlens.reading.words import FIRST_WORD, PADDING, UNKNOWN, Sizes, WordNetwork, words
from twinlens.shapes.sentences import FAMILIES, random_sentence
from twinlens.training.pretraining.crossing import Crossing
from twinlens.training.pretraining.forms import HELD_OUT, has_held_out_form
from twinlens.training.pretraining.rewording import reworded
from twinlens.training.pretraining.writer import Layers

STEPS = 5000
SENTENCES = 120_000
SHAPES_SHARE = 0.3
"""Share of sentences that are those of `shapes`; the others say meanings of the grammar."""
CROSSED_SHARE = 0.8
"""Share of these meanings that are crossed at random; the others are of the kinds that people write."""
REWORDED_SHARE = {"shapes": 0.3, "grammar": 0.8}
"""Shares of sentences that are said in other words."""
LONGEST = 30
"""Symbols of the longest meaning that is taught."""
LEAST_COUNT = 5
"""Sentences that a word must stand in to be known."""
LEAST_SHARE = 0.01
"""Least share of scenes of which a measured sentence is true, and of which it is false."""
BATCH, RATE, MOST_NORM = 128, 3e-3, 1.0
UNKNOWN_SHARE = 0.04
"""Share of words that are made unknown."""
FORGOTTEN_SHARE = 0.35
"""Share of symbols that the writer is not told after it has written them, so that it looks at the words instead."""
LENGTH_SPREAD = 4.0  # sentences of about equal length share a batch
Taught = tuple[list[str], list[str]]
"""The words of a sentence and the symbols of its meaning."""


class Settings(NamedTuple):
    """Steps of training, the number of sentences to learn from, and the sizes of the network."""

    steps: int
    sentences: int
    sizes: Sizes


class Lesson(NamedTuple):
    """A taught sentence in numbers: words (L,), symbols (R,), and the slots that these fill (R,)."""

    words: Tensor
    symbols: Tensor
    slots: Tensor


def train(settings: Settings, *, seed: int, progress: bool = True) -> WordNetwork:
    """Train the network: the loss is the cross-entropy of each symbol among those that fit its slot."""
    rng = np.random.default_rng([seed, *b"sentences"])
    drawn = islice(taught(rng), settings.sentences)
    pairs = list(track(drawn, "sentences", settings.sentences, unit="sentences", progress=progress))
    network = _unfitted(pairs, settings.sizes)
    lessons = _lessons(pairs, network, rng)
    torch.manual_seed(seed)
    layers = Layers(settings.sizes)
    optimizer = torch.optim.Adam(layers.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=max(settings.steps, 2), pct_start=0.1)
    allowed = _allowed(network, settings.sizes)
    with bar("training", settings.steps, unit="steps", progress=progress) as advance:
        for _ in range(settings.steps):
            start = int(rng.integers(max(1, len(lessons) - BATCH + 1)))
            loss = _loss(layers, lessons[start : start + BATCH], allowed, rng)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(layers.parameters(), MOST_NORM)
            optimizer.step()
            schedule.step()
            advance(1)
    return WordNetwork(network.words, network.symbols, layers.weights())


def taught(rng: np.random.Generator) -> Iterator[Taught]:
    """Yield sentences of no held-out form, with their meanings."""
    of_shapes, of_grammar = _of_shapes(rng), _of_grammar(rng)
    while True:
        source, name = (of_shapes, "shapes") if rng.random() < SHAPES_SHARE else (of_grammar, "grammar")
        text, meaning = next(source)
        plain = words(text)
        if rng.random() < REWORDED_SHARE[name]:
            plain = reworded(plain, rng)
            read = parse(" ".join(plain))
            # The grammar is right about what it reads: another wording may mean something else after all.
            if read is not None and read != meaning:
                meaning = read
                if has_held_out_form(meaning):
                    continue
        row = symbols(meaning)
        if len(row) <= LONGEST:
            yield plain, row


def training_families() -> list[str]:
    """List the families of `shapes.sentences` that the network is taught."""
    return [name for name in FAMILIES if name not in HELD_OUT]


def shapes_sentences(
    rng: np.random.Generator, table: Table, families: Sequence[str]
) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield sentences of these families in turn, with their truth on N scenes (N,), neither rare nor common."""
    while True:
        for family in families:
            sentence = random_sentence(rng, family)
            truth = sentence.truths(table)
            if LEAST_SHARE <= truth.mean() <= 1 - LEAST_SHARE:
                yield sentence.text, truth


def _of_shapes(rng: np.random.Generator) -> Iterator[tuple[str, Meaning]]:
    families = training_families()
    while True:
        for family in families:
            text = random_sentence(rng, family).text
            meaning = parse(text)
            if meaning is not None:
                yield text, meaning


def _of_grammar(rng: np.random.Generator) -> Iterator[tuple[str, Meaning]]:
    crossing = Crossing(rng)
    while True:
        meaning = crossing.statement() if rng.random() < CROSSED_SHARE else random_meaning(rng)
        if has_held_out_form(meaning):
            continue
        try:
            yield say(meaning), meaning
        except TwinlensError:  # some of what is crossed has no words
            continue


def _unfitted(pairs: Sequence[Taught], sizes: Sizes) -> WordNetwork:
    """Collect the words and symbols that a network is to know."""
    counts = Counter(word for of_text, _ in pairs for word in dict.fromkeys(of_text))
    common = [word for word, count in counts.items() if count >= LEAST_COUNT]
    known = sorted(common, key=lambda word: (-counts[word], word))[: sizes.vocabulary]
    written = sorted({symbol for _, row in pairs for symbol in row})
    if len(written) > sizes.symbols:
        raise TwinlensError(f"the sentences have {len(written)} symbols; raise the option symbols of the encoder facts")
    return WordNetwork(tuple(known), tuple(written), {})


def _lessons(pairs: Sequence[Taught], network: WordNetwork, rng: np.random.Generator) -> list[Lesson]:
    """Number all sentences, in the order of about their length."""
    number = {symbol: place for place, symbol in enumerate(network.symbols, start=1)}
    lessons = [
        Lesson(*map(torch.tensor, (network.numbers(of_text), [number[symbol] for symbol in row], _slots(row))))
        for of_text, row in pairs
    ]
    lengths = np.array([len(lesson.symbols) for lesson in lessons]) + LENGTH_SPREAD * rng.random(len(lessons))
    return [lessons[place] for place in np.argsort(lengths)]


def _slots(row: Sequence[str]) -> list[int]:
    """Number the slots that the symbols of a row fill."""
    slots: Slots = (MEANING,)
    found = []
    for symbol in row:
        found.append(SLOTS.index(slots[-1]))
        slots = after(slots, symbol)
    return found


def _allowed(network: WordNetwork, sizes: Sizes) -> Tensor:
    """Mark the symbols that fit each slot: (slots, 1 + symbols)."""
    allowed = torch.zeros(len(SLOTS), 1 + sizes.symbols, dtype=torch.bool)
    for place, slot in enumerate(SLOTS):
        allowed[place, 1 : 1 + len(network.symbols)] = torch.tensor([fits(one, slot) for one in network.symbols])
    return allowed


def _loss(layers: Layers, lessons: Sequence[Lesson], allowed: Tensor, rng: np.random.Generator) -> Tensor:
    """Return the mean cross-entropy over the symbols of a batch."""
    given, wanted, slots = (
        nn.utils.rnn.pad_sequence(list(part), batch_first=True, padding_value=PADDING)
        for part in zip(*lessons, strict=True)
    )
    lost = torch.from_numpy(rng.random(given.shape) < UNKNOWN_SHARE) & (given >= FIRST_WORD)
    before = F.pad(wanted, (1, -1))
    before[torch.from_numpy(rng.random(before.shape) < FORGOTTEN_SHARE)] = 0
    chances = layers(given.masked_fill(lost, UNKNOWN), before, slots)
    real = wanted > 0
    return F.cross_entropy(chances.masked_fill(~allowed[slots], -1e9)[real], wanted[real])
