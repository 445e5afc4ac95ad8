"""Pretraining of the text tower: parsing instructions, and matching phrases with cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from twinlens.core.progress import track
from twinlens.core.types import Sample
from twinlens.encoders.panels import cell_of
from twinlens.encoders.referring import Referring
from twinlens.reading.world import BOX, BOXES, COLOURS, SHAPES, SIZES, Item
from twinlens.shapes.edits import FAMILIES, SPOTS, Edit
from twinlens.shapes.wording import a_new, the_box
from twinlens.training.pretraining.corpus import Corpus, spoken, stacked

STEPS, BATCH, RATE, SCALE = 2000, 64, 1e-2, 10.0
TERMS = [*SHAPES, *COLOURS, *SIZES, *(f"{name} box" for name in BOXES), *SPOTS]
_ACROSS = np.array(list(SPOTS.values()))


def teach(encoder: Referring, corpus: Corpus, *, steps: int = STEPS, progress: bool = True) -> None:
    """Train the words of an encoder, in place, by two kinds of losses; the picture's side is a constant.

    An instruction's vector tells, by a linear layer, what kind of edit it asks for, which traits it speaks of and which
    it asks for, as parsers are trained. A phrase about an item finds its cell among those of the batch, while only the
    words move (Zhai et al. 2022, "LiT: zero-shot transfer with locked-image text tuning").
    """
    rng = np.random.default_rng(0)
    roles = [Roles.of(edit) for edit in corpus.edits]
    instructions = stacked(encoder.words, [Sample("", None, edit.instruction) for edit in corpus.edits])
    head = nn.Linear(encoder.words.dim, len(FAMILIES) + 2 * len(TERMS))
    optimizer = torch.optim.AdamW([*encoder.words.parameters(), *head.parameters()], RATE, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps, pct_start=0.05)
    encoder.words.train()
    for _ in track(range(steps), "words", steps, unit="steps", progress=progress):
        few = rng.integers(len(roles), size=BATCH).tolist()
        asked = encoder.words({key: tensor[few] for key, tensor in instructions.items()}).text.vector
        loss = _parsed(head(asked), [roles[n] for n in few]) + _matched(encoder, corpus, few, rng)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
    encoder.words.eval()


@dataclass(frozen=True)
class Roles:
    """The meaning of an instruction: its kind, and which of TERMS describe the present item, which the wanted one."""

    family: int
    there: NDArray[np.float32]
    wanted: NDArray[np.float32]

    @classmethod
    def of(cls, edit: Edit) -> Roles:
        """Read the roles: the wanted item is named last; by an addition, first."""
        text = edit.instruction
        mentioned = sorted((term for term in TERMS if term in text), key=text.rindex)
        new = mentioned[:3] if edit.family == "add" else [] if edit.family in ("remove", "swap") else mentioned[-1:]
        there, wanted = (
            np.array([term in mentioned and (term in new) is is_new for term in TERMS], np.float32)
            for is_new in (False, True)
        )
        return cls(list(FAMILIES).index(edit.family), there, wanted)


def phrase(place: int, item: Item) -> str:
    """Describe an item and its place: "a small black circle at the top of the middle box"."""
    room = max(1, BOX - item.size)
    spot = int(np.abs(_ACROSS - np.array([item.x / room, item.y / room])).sum(1).argmin())
    return f"{a_new(item.shape, item.colour, item.size)} {list(SPOTS)[spot]} of {the_box(place)}"


def _parsed(asked: Tensor, roles: Sequence[Roles]) -> Tensor:
    """Return the cross-entropy of the kind of edit, and the binary cross-entropy of the words in either role."""
    family = torch.tensor([one.family for one in roles])
    words = torch.from_numpy(np.stack([np.concatenate([one.there, one.wanted]) for one in roles]))
    kinds = len(FAMILIES)
    loss_of_words = F.binary_cross_entropy_with_logits(asked[:, kinds:], words, reduction="none").sum(1).mean()
    return F.cross_entropy(asked[:, :kinds], family) + loss_of_words


def _matched(encoder: Referring, corpus: Corpus, few: Sequence[int], rng: np.random.Generator) -> Tensor:
    """Return the batch softmax in both directions of cells and phrases about their items."""
    items = [list(corpus.references[n].items()) for n in few]
    chosen = [found[int(rng.integers(len(found)))] for found in items]
    phrases = [phrase(place, item) for place, item in chosen]
    cells = [cell_of(item.x + item.size / 2, item.y + item.size / 2) for _, item in chosen]
    same = torch.tensor([[one == other for other in phrases] for one in phrases])
    return _contrast(corpus.maps[corpus.rows[few], cells], spoken(encoder, phrases), same)


def _contrast(one: Tensor, other: Tensor, same: Tensor) -> Tensor:
    """Return the batch softmax of (B, D) × (B, D); all pairs that are the `same` (B, B) count as positive."""
    scores = SCALE * F.normalize(one, dim=-1) @ F.normalize(other, dim=-1).T
    wanted = same.float() / same.sum(1, keepdim=True)
    return (F.cross_entropy(scores, wanted) + F.cross_entropy(scores.T, wanted)) / 2
