"""The model `towers`: a tower for texts, then marks on the cells of a picture that a text refers to."""

from __future__ import annotations

from typing import cast

import torch

from twinlens.core.recipe import Recipe
from twinlens.core.types import Sample
from twinlens.encoders.referring import Referring
from twinlens.models.composer import Composer
from twinlens.training.pretraining import grounding, words
from twinlens.training.pretraining.corpus import Corpus

SCENES = 6000
RECIPE = """
name = "towers"
description = "Drawn scenes and instructions: what stands in every cell of a picture, and what of it a text speaks of."
dim = 39
[[encoders]]
name = "referring"
[encoders.visual]
name = "panels"
[encoders.words]
name = "ngrams"
dim = 36
longest = 3
vocabulary = 1500
[fusion]
name = "sum"
"""


def make(
    *,
    scenes: int = SCENES,
    words_steps: int = words.STEPS,
    marks_steps: int = grounding.STEPS,
    seed: int = 0,
    progress: bool = True,
) -> Composer:
    """Train the words, then the marks, on the edits of so many scenes."""
    torch.manual_seed(seed)
    composer = Composer.build(Recipe.parse(RECIPE, source="towers"), seed=seed)
    encoder = cast(Referring, composer.encoders[0])
    corpus = Corpus.of(encoder.visual, scenes, progress=progress)
    composer.fit([Sample("", None, edit.instruction) for edit in corpus.edits])
    words.teach(encoder, corpus, steps=words_steps, progress=progress)
    grounding.ground(encoder, corpus, steps=marks_steps, progress=progress)
    return composer.eval()
