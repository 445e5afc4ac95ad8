"""Families of sentences by name: each draws a sentence together with its meaning."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from twinlens.shapes.scenes import pick
from twinlens.shapes.sentences import boxes, pictures, quantifiers, towers
from twinlens.shapes.sentences.grammar import Meaning, Sentence, Speaker, Trait

Family: TypeAlias = Callable[[Speaker], Sentence]
Quantifier: TypeAlias = Callable[[Speaker, str, Trait, Meaning], tuple[str, Meaning]]

_QUANTIFIERS: tuple[Quantifier, ...] = (
    quantifiers.some,
    quantifiers.some,
    quantifiers.exactly,
    quantifiers.two_or_more,
    quantifiers.every,
    quantifiers.none,
)


def _of_boxes(family: str, trait: Callable[[Speaker], Trait], *choices: Quantifier) -> Family:
    def speak(say: Speaker) -> Sentence:
        thing = say.pick("box", "box", "grey box", "grey square")
        quantify = pick(say.rng, choices or _QUANTIFIERS)
        return Sentence(
            family, *quantify(say, thing, trait(say), lambda t: np.ones(t.occupied.shape[:2], dtype=np.bool_))
        )

    return speak


def _of_towers(family: str, trait: Callable[[Speaker], Trait]) -> Family:
    def speak(say: Speaker) -> Sentence:
        quantify = pick(say.rng, _QUANTIFIERS)
        return Sentence(family, *quantify(say, "tower", trait(say), lambda t: t.height > 0))

    return speak


FAMILIES: dict[str, Family] = {
    "count": pictures.count,
    "sized": pictures.sized,
    "absent": pictures.absent,
    "touching_edge": pictures.touching_edge,
    "touching_corner": pictures.touching_corner,
    "touching_side": pictures.touching_side,
    "not_touching": pictures.not_touching,
    "all_touching": pictures.all_touching,
    "none_touching": pictures.none_touching,
    "all_coloured": pictures.all_coloured,
    "all_shaped": pictures.all_shaped,
    "all_sized": pictures.all_sized,
    "compared": pictures.compared,
    "together": pictures.together,
    "spread": pictures.spread,
    "some_box": _of_boxes("some_box", boxes.holding, quantifiers.some),
    "n_boxes": _of_boxes("n_boxes", boxes.holding, quantifiers.exactly, quantifiers.two_or_more),
    "each_box": _of_boxes("each_box", boxes.holding, quantifiers.every),
    "no_box": _of_boxes("no_box", boxes.holding, quantifiers.none),
    "box_size": _of_boxes("box_size", boxes.item_count),
    "box_colours": _of_boxes("box_colours", boxes.colours),
    "box_shapes": _of_boxes("box_shapes", boxes.shapes),
    "box_only": _of_boxes("box_only", boxes.only),
    "box_alike": _of_boxes("box_alike", boxes.alike),
    "box_pair": _of_boxes("box_pair", boxes.pair),
    "box_above": _of_boxes("box_above", boxes.above),
    "box_wall": _of_boxes("box_wall", boxes.against_wall),
    "box_size_and_item": _of_boxes("box_size_and_item", boxes.size_and_item),
    "blocks": pictures.blocks,
    "tower_heights": pictures.tower_heights,
    "tower_height": _of_towers("tower_height", towers.height),
    "tower_blocks": _of_towers("tower_blocks", towers.blocks),
    "tower_top": _of_towers("tower_top", towers.top),
    "tower_base": _of_towers("tower_base", towers.base),
    "tower_second": _of_towers("tower_second", towers.second),
    "tower_colours": _of_towers("tower_colours", towers.block_colours),
    "tower_only": _of_towers("tower_only", towers.only_blocks),
    "tower_stacked": _of_towers("tower_stacked", towers.stacked),
    "tower_height_and_end": _of_towers("tower_height_and_end", towers.height_and_end),
}
"""Families by name; their order decides what a seed draws."""
