"""Towers for drawn scenes: encoders of pictures and of texts that know this world, and nothing of composing the two.

`python -m twinlens.pretraining --out DIR` makes the model `towers` that the package ships. Scenes are drawn without end
from the split "train" alone; a scene's description names its items one by one.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from twinlens.composer import Composer
from twinlens.config import Recipe
from twinlens.encoders.panels import GRID
from twinlens.progress import track
from twinlens.shapes.drawing import draw
from twinlens.shapes.edits import FAMILIES, SPOTS, Edit
from twinlens.shapes.scenes import BOX, BOXES, COLOURS, SHAPES, SIZES, Item, Scene, random_scene
from twinlens.shapes.wording import a_new, the_box
from twinlens.shapes.worlds import World, split_of
from twinlens.types import Encoded, Sample

STEPS, BATCH, RATE, SCALE = 4000, 64, 3e-3, 10.0
RECIPE = """
name = "towers"
description = "Pictures and texts of drawn scenes, trained on descriptions and on what stands in every cell."
dim = 96
[[encoders]]
name = "panels"
dim = 96
[[encoders]]
name = "ngrams"
dim = 96
vocabulary = 1000
max_tokens = 300
[fusion]
name = "sum"
"""
KINDS = [(shape, colour, size) for shape in SHAPES for colour in COLOURS for size in SIZES.values()]
TRAITS = [*SHAPES, *COLOURS, *SIZES.values()]
WORDS = list(dict.fromkeys([*SHAPES, *COLOURS, *SIZES, *BOXES, *(w for spot in SPOTS for w in spot.split()[2:])]))
_ACROSS = np.array(list(SPOTS.values()))


def pretrain(*, steps: int = STEPS, seed: int = 0, shown: bool = True) -> Composer:
    """Train both towers together by three kinds of losses; none sees an instruction beside a picture.

    Pictures: every cell's part of a panel tells by linear layers which kinds and traits of items have their middle
    there, and where in the cell, as detectors are trained. Texts: an instruction's vector tells, likewise, what kind of
    edit it asks for, which traits it speaks of and which it asks for, as parsers are trained. Both: a picture's vector
    finds its description among those of the batch, and a cell's token the phrase about its item, as CLIP is trained
    (Radford et al. 2021, batch softmax in both directions).
    """
    torch.manual_seed(seed)
    composer = Composer.build(Recipe.parse(RECIPE, source="towers"), seed=seed)
    rng = np.random.default_rng(seed)
    corpus = [Asked.of(reference, edit) for reference, edit in World("train").edits(4000, 4)]
    composer.fit([Sample("", None, text) for asked in corpus for text in (describe(rng, asked.reference), asked.text)])
    heads = nn.ModuleDict(
        {
            "cells": nn.Linear(composer.recipe.dim // len(BOXES), len(KINDS) + len(TRAITS) + 2),
            "texts": nn.Linear(composer.recipe.dim, len(FAMILIES) + 2 * len(WORDS)),
        }
    )
    optimizer = torch.optim.AdamW([*composer.parameters(), *heads.parameters()], RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps, pct_start=0.05)
    composer.train()
    for _ in track(range(steps), "pretraining", steps, unit="steps", shown=shown):
        loss = _loss(composer, heads["cells"], [_scene(rng) for _ in range(BATCH)], rng)
        loss = loss + _texts_loss(composer, heads["texts"], [corpus[n] for n in rng.integers(len(corpus), size=BATCH)])
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(composer.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return composer.eval()


@dataclass(frozen=True)
class Asked:
    """An instruction and what it means: its kind, and which of WORDS speak of what is there, which of what is to be."""

    reference: Scene
    text: str
    family: int
    spoken: NDArray[np.float32]
    wanted: NDArray[np.float32]

    @classmethod
    def of(cls, reference: Scene, edit: Edit) -> Asked:
        """What is to be is said last; an addition tells it all around the place where it goes."""
        words = [word.rstrip("s") for word in edit.instruction.split() if word.rstrip("s") in WORDS]
        if edit.family == "add":
            parts = words[3:-1], [*words[:3], words[-1]]
        else:
            last = 0 if edit.family in ("remove", "swap") else 1
            parts = words[: len(words) - last], words[len(words) - last :]
        spoken, wanted = (np.array([word in part for word in WORDS], np.float32) for part in parts)
        return cls(reference, edit.instruction, list(FAMILIES).index(edit.family), spoken, wanted)


def describe(rng: np.random.Generator, scene: Scene) -> str:
    """Every item in a phrase of its own, in random order."""
    items = list(scene.items())
    return ", ".join(phrase(place, items[n][1]) for n in rng.permutation(len(items)) for place in (items[n][0],))


def phrase(place: int, item: Item) -> str:
    """An item and where it is: "a small black circle at the top of the middle box"."""
    room = max(1, BOX - item.size)
    spot = int(np.abs(_ACROSS - np.array([item.x / room, item.y / room])).sum(1).argmin())
    return f"{a_new(item.shape, item.colour, item.size)} {list(SPOTS)[spot]} of {the_box(place)}"


def _loss(composer: Composer, heads: nn.Module, scenes: Sequence[Scene], rng: np.random.Generator) -> Tensor:
    chosen = [_pick(rng, scene) for scene in scenes]
    texts = [describe(rng, scene) for scene in scenes] + [phrase(place, item) for place, item in chosen]
    pictures = [functools.partial(draw, scene) for scene in scenes]
    lone = [None] * len(scenes)  # the phrases' pictures are the same again
    encoded = _encode(composer, [Sample("", p, t) for p, t in zip([*pictures, *lone], texts, strict=True)], len(scenes))
    tokens, words = _tokens(encoded), _words(encoded)
    cells = torch.tensor([_cell(item) for _, item in chosen])
    about = tokens[torch.arange(len(scenes)), cells]
    alike = torch.tensor([[one == other for other in texts[len(scenes) :]] for one in texts[len(scenes) :]])
    whole = _contrast(tokens.mean(1), words[: len(scenes)], torch.eye(len(scenes), dtype=torch.bool))
    return _cells_loss(heads, tokens, scenes) + whole + _contrast(about, words[len(scenes) :], alike)


def _texts_loss(composer: Composer, heads: nn.Module, asked: Sequence[Asked]) -> Tensor:
    """Cross-entropy of the kind of edit, binary cross-entropy of the words in either role."""
    samples = [Sample("", None, one.text) for one in asked]
    said: Tensor = heads(_words(_encode(composer, samples, 1)))
    family = torch.tensor([one.family for one in asked])
    roles = torch.from_numpy(np.stack([np.concatenate([one.spoken, one.wanted]) for one in asked]))
    kinds = len(FAMILIES)
    told = F.binary_cross_entropy_with_logits(said[:, kinds:], roles, reduction="none").sum(1).mean()
    return F.cross_entropy(said[:, :kinds], family) + told


def _encode(composer: Composer, samples: Sequence[Sample], pictures: int) -> Encoded:
    """All texts, and the first pictures."""
    batch = composer.stack([composer.prepare(sample) for sample in samples])
    cut = {key: tensor[:pictures] if key.startswith("0.") else tensor for key, tensor in batch.items()}
    return composer.encode(cut)


def _cells_loss(heads: nn.Module, tokens: Tensor, scenes: Sequence[Scene]) -> Tensor:
    """Binary cross-entropy of kinds and traits, and the squared error of the offsets of items that are there."""
    there, offsets, occupied = (torch.from_numpy(array) for array in _targets(scenes))
    said: Tensor = heads(tokens.reshape(*tokens.shape[:2], len(BOXES), -1))  # (B, cells, boxes, outputs)
    presence = F.binary_cross_entropy_with_logits(said[..., :-2], there, reduction="none").sum(-1).mean()
    place = ((said[..., -2:] - offsets).square().sum(-1) * occupied).mean()
    return presence + place


def _targets(scenes: Sequence[Scene]) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """What is there (B, cells, boxes, kinds + traits), where in its cell (…, 2), and in which cells one item is."""
    shape = (len(scenes), GRID[0] * GRID[1], len(BOXES))
    there, offsets = np.zeros((*shape, len(KINDS) + len(TRAITS)), np.float32), np.zeros((*shape, 2), np.float32)
    count = np.zeros(shape, np.float32)
    for row, scene in enumerate(scenes):
        for place, item in scene.items():
            at = (row, _cell(item), place)
            there[at][KINDS.index((item.shape, item.colour, item.size))] = 1
            for trait in (item.shape, item.colour, item.size):
                there[at][len(KINDS) + TRAITS.index(trait)] = 1
            offsets[at] = _middle(item) % 1 - 0.5
            count[at] += 1
    return there, offsets, (count == 1).astype(np.float32)


def _middle(item: Item) -> NDArray[np.float64]:
    """The item's middle in cells, right and down."""
    return np.array([item.x + item.size / 2, item.y + item.size / 2]) * GRID[0] / BOX


def _cell(item: Item) -> int:
    across, down = (min(GRID[0] - 1, int(side)) for side in _middle(item))
    return down * GRID[1] + across


def _contrast(one: Tensor, other: Tensor, same: Tensor) -> Tensor:
    """Batch softmax in both directions (B, D) × (B, D); pairs that are the `same` (B, B) all count as right."""
    scores = SCALE * F.normalize(one, dim=-1) @ F.normalize(other, dim=-1).T
    wanted = same.float() / same.sum(1, keepdim=True)
    return (F.cross_entropy(scores, wanted) + F.cross_entropy(scores.T, wanted)) / 2


def _tokens(encoded: Encoded) -> Tensor:
    if encoded.image is None or encoded.image.tokens is None:
        raise ValueError("towers need an encoder that gives a map")
    return encoded.image.tokens


def _words(encoded: Encoded) -> Tensor:
    if encoded.text is None:
        raise ValueError("towers need an encoder of texts")
    return encoded.text.vector


def _scene(rng: np.random.Generator) -> Scene:
    while True:
        scene = random_scene(rng, tower_share=0.1)
        if split_of(scene) == "train":
            return scene


def _pick(rng: np.random.Generator, scene: Scene) -> tuple[int, Item]:
    items = list(scene.items())
    return items[int(rng.integers(len(items)))]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m twinlens.pretraining", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the model folder to write")
    parser.add_argument("--steps", type=int, default=STEPS, metavar="N")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    args = parser.parse_args()
    composer = pretrain(steps=args.steps, seed=args.seed)
    composer.save(args.out, provenance={"steps": args.steps, "seed": args.seed})


if __name__ == "__main__":
    main()
