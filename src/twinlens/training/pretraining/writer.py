"""The layers of `reading.words.WordNetwork` while they are trained."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from twinlens.reading.programs import SLOTS
from twinlens.reading.words import FIRST_WORD, PADDING, Array, Sizes

DROPOUT = 0.2


class Layers(nn.Module):
    """A reader in both directions, and a writer that attends to it; `WordNetwork` has the equations."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        width, state = sizes.embedding, 2 * sizes.hidden
        self.words = nn.Embedding(FIRST_WORD + sizes.vocabulary, width, padding_idx=PADDING)
        self.symbols = nn.Embedding(1 + sizes.symbols, width)
        self.slots = nn.Embedding(len(SLOTS), width)
        self.reader = nn.GRU(width, sizes.hidden, bidirectional=True, batch_first=True)
        self.writer = nn.GRU(width, state, batch_first=True)
        self.first = nn.Linear(state, state)
        self.attention = nn.Linear(state, state, bias=False)
        self.joint = nn.Linear(2 * state, state)
        self.next = nn.Linear(state, 1 + sizes.symbols)

    def forward(self, words: Tensor, before: Tensor, slots: Tensor) -> Tensor:
        """Return the scores (B, R, 1 + symbols) of the next symbols, from words (B, L), the symbols before each
        (B, R) and its slots (B, R).
        """
        known = words != PADDING
        lengths = known.sum(1)
        packed = nn.utils.rnn.pack_padded_sequence(
            self._dropped(self.words(words)), lengths, batch_first=True, enforce_sorted=False
        )
        read, _ = nn.utils.rnn.pad_packed_sequence(self.reader(packed)[0], batch_first=True)
        state = torch.tanh(self.first(read.sum(1) / lengths[:, None]))
        read = self._dropped(read)
        written = self._dropped(self.writer(self._dropped(self.symbols(before)) + self.slots(slots), state[None])[0])
        scores = (self.attention(written) @ read.transpose(1, 2)).masked_fill(~known[:, None], -1e9)
        joint = torch.tanh(self.joint(torch.cat([written, scores.softmax(-1) @ read], dim=-1)))
        chances: Tensor = self.next(self._dropped(joint))
        return chances

    def weights(self) -> dict[str, Array]:
        """Return the weights by the names of `Sizes.shapes`, those of two axes from inputs to outputs."""
        found = {name: getattr(self, name).weight for name in ("words", "symbols", "slots")}
        for name, unit, suffix in (
            ("forward", self.reader, "l0"),
            ("backward", self.reader, "l0_reverse"),
            ("writer", self.writer, "l0"),
        ):
            for part, there in (("input", "ih"), ("state", "hh")):
                found[f"{name}_{part}"] = getattr(unit, f"weight_{there}_{suffix}").T
                found[f"{name}_{part}_bias"] = getattr(unit, f"bias_{there}_{suffix}")
        for name in ("first", "attention", "joint", "next"):
            found[name] = getattr(self, name).weight.T
            if getattr(self, name).bias is not None:
                found[f"{name}_bias"] = getattr(self, name).bias
        return {name: weight.detach().numpy() for name, weight in found.items()}

    def _dropped(self, values: Tensor) -> Tensor:
        return F.dropout(values, DROPOUT, self.training)
