"""The network of `reading` for sentences that the grammar does not read, taught on sentences whose truth is executed.

A sentence of `shapes` or of the grammar is executed on the drawn scenes of the facts, and the network learns the
direction that ridge regression gives it. Some kinds of sentence are held out, so that it shows how far it generalises.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from twinlens.core.progress import bar
from twinlens.reading import drawing
from twinlens.reading.facts import FactSpace, quantise
from twinlens.reading.grammar.say import say
from twinlens.reading.table import Table
from twinlens.reading.words import WordNetwork, grams
from twinlens.shapes.sentences import FAMILIES, random_sentence

STEPS = 12_000
SENTENCES = 60_000
HELD_OUT = ("box_pair", "n_boxes", "no_box", "all_sized", "none_touching", "box_wall", "tower_height_and_end")
"""Families of `shapes.sentences` that the network never meets."""
HELD_OUT_DRAWN = ("box_two_kinds", "box_edge", "every", "box_every", "tower_height_and_more", "two_statements")
"""Families of `reading.drawing` that mean the like."""
DRAWN_SHARE = 0.3
"""Share of sentences that are drawn from the grammar; the others are those of `shapes`."""
LEAST_SHARE = 0.01
"""Least share of scenes of which a sentence is true, and of which it is false."""
BATCH, RATE, DROPOUT = 256, 3e-3, 0.1
_AT_ONCE = 1024  # sentences whose directions are computed together


class Layers(nn.Module):
    """The network while it is trained; `reading.words.WordNetwork` has the equation."""

    def __init__(self, vocabulary: int, hidden: int, width: int) -> None:
        super().__init__()
        self.into = nn.EmbeddingBag(vocabulary + 1, hidden, mode="sum", padding_idx=0)
        nn.init.normal_(self.into.weight[1:], std=0.1)
        self.bias = nn.Parameter(torch.zeros(hidden))
        self.out = nn.Linear(hidden, width, bias=False)

    def forward(self, numbers: Tensor) -> Tensor:
        """Return directions (B, d) of n-grams (B, L), numbered from 1 on and padded with 0."""
        count = (numbers > 0).sum(1, keepdim=True).clamp(min=1)
        hidden = F.relu(self.into(numbers) / torch.sqrt(count) + self.bias)
        directions: Tensor = self.out(F.dropout(hidden, DROPOUT, self.training))
        return directions


class Settings(NamedTuple):
    """Steps of training, the number of sentences to learn from, and the sizes of the network."""

    steps: int
    sentences: int
    vocabulary: int
    hidden: int


def train(space: FactSpace, settings: Settings, *, seed: int, progress: bool = True) -> WordNetwork:
    """Train the network: the loss is one minus the cosine with the direction of the sentence."""
    rng = np.random.default_rng([seed, *b"sentences"])
    with bar("sentences", settings.sentences, unit="sentences", progress=progress) as advance:
        texts, targets = _taught(rng, space, settings.sentences, advance)
    counts = Counter(gram for text in texts for gram in grams(text))
    known = sorted(counts, key=lambda gram: (-counts[gram], gram))[: settings.vocabulary]
    numbers = _numbered(texts, known)
    torch.manual_seed(seed)
    layers = Layers(settings.vocabulary, settings.hidden, targets.shape[1])
    optimizer = torch.optim.Adam(layers.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=RATE, total_steps=max(settings.steps, 2))
    with bar("training", settings.steps, unit="steps", progress=progress) as advance:
        for _ in range(settings.steps):
            rows = torch.from_numpy(rng.integers(len(texts), size=BATCH))
            loss = 1 - F.cosine_similarity(layers(numbers[rows]), targets[rows]).mean()
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
            advance(1)
    return _rounded(layers, known, settings.vocabulary)


def _taught(
    rng: np.random.Generator, space: FactSpace, count: int, advance: Callable[[int], object]
) -> tuple[list[str], Tensor]:
    """Draw sentences, and compute their directions on the drawn scenes: texts and targets (count, d)."""
    of_grammar = round(DRAWN_SHARE * count)
    of_shapes = shapes_sentences(rng, Table.from_arrays(space.scenes), training_families())
    pairs = chain(islice(_drawn(rng, space), of_grammar), islice(of_shapes, count - of_grammar))
    texts, targets = list[str](), torch.empty(count, space.examples.shape[1])
    while some := list(islice(pairs, _AT_ONCE)):
        directions = space.directions(np.stack([truth for _, truth in some]))
        targets[len(texts) : len(texts) + len(some)] = torch.from_numpy(directions[:, : targets.shape[1]])
        texts += [text for text, _ in some]
        advance(len(some))
    return texts, targets


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


def _drawn(rng: np.random.Generator, space: FactSpace) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield sentences that say meanings of the grammar, with their truth on the drawn scenes (M,)."""
    families = [family for name, family in drawing.FAMILIES.items() if name not in HELD_OUT_DRAWN]
    drawer = drawing.Drawer(rng)
    while True:
        meaning = drawer.pick(families)(drawer)
        truth = space.truths([meaning])[0]
        if LEAST_SHARE <= truth.mean() <= 1 - LEAST_SHARE:
            yield say(meaning), truth


def _numbered(texts: Sequence[str], known: Sequence[str]) -> Tensor:
    """Number the known n-grams of each text from 1 on: (N, L), padded with 0."""
    numbers = {gram: number for number, gram in enumerate(known, start=1)}
    found = [[numbers[gram] for gram in grams(text) if gram in numbers] for text in texts]
    padded = torch.zeros(len(texts), max(map(len, found)), dtype=torch.int64)
    for row, of_text in zip(padded, found, strict=True):
        row[: len(of_text)] = torch.tensor(of_text, dtype=torch.int64)
    return padded


def _rounded(layers: Layers, known: Sequence[str], vocabulary: int) -> WordNetwork:
    """Round the weights to whole numbers."""
    weights = layers.into.weight.detach().numpy()[1 : vocabulary + 1]
    into, into_scale = quantise(weights)
    out, out_scale = quantise(layers.out.weight.detach().numpy().T)
    return WordNetwork(tuple(known), into, into_scale, layers.bias.detach().numpy(), out, out_scale)
