"""Marks on the cells that an instruction refers to, trained with both sides frozen."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from twinlens.core.progress import track
from twinlens.encoders.panels import cell_of
from twinlens.encoders.referring import Referring
from twinlens.shapes.scenes import Scene
from twinlens.training.pretraining.corpus import Corpus, spoken

STEPS, BATCH, RATE = 3000, 64, 5e-3


def ground(encoder: Referring, corpus: Corpus, *, steps: int = STEPS, progress: bool = True) -> None:
    """Train the marks of an encoder, in place.

    Binary cross-entropy: an item of this panel, with its middle in this cell, is not there any more, or not like that,
    after the edit. That is all that pretraining knows of targets; what takes an item's place, and where, is not told.
    """
    parts = corpus.maps.reshape(*corpus.maps.shape[:2], encoder.count, -1)
    with torch.no_grad():
        words = spoken(encoder, [edit.instruction for edit in corpus.edits])
    wanted = _wanted(corpus.references, [edit.target for edit in corpus.edits], *parts.shape[1:3])
    towers = {id(p) for tower in (encoder.visual, encoder.words) for p in tower.parameters()}
    optimizer = torch.optim.AdamW([p for p in encoder.parameters() if id(p) not in towers], RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps, pct_start=0.1)
    encoder.norm.train()
    for _ in track(range(steps), "marks", steps, unit="steps", progress=progress):
        few = torch.randint(len(wanted), (BATCH,))
        logits = encoder.marks(parts[corpus.rows[few]], words[few])
        loss = F.binary_cross_entropy_with_logits(logits, wanted[few], reduction="none").flatten(1).sum(1).mean()
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
    encoder.norm.eval()


def _wanted(before: Sequence[Scene], after: Sequence[Scene], cells: int, panels: int) -> Tensor:
    """Return the wanted marks (Q, cells, panels, 1)."""
    marks = torch.zeros(len(before), cells, panels, 1)
    for row, (one, other) in enumerate(zip(before, after, strict=True)):
        for panel, item in set(one.items()) - set(other.items()):
            marks[row, cell_of(item.x + item.size / 2, item.y + item.size / 2), panel] = 1
    return marks
