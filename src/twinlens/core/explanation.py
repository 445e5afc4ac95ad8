"""Explanations: the reasons for an answer's score as every door shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

PARTS = ("picture", "caption", "names", "words", "both", "same words", "without", "unlike")
"""Names of shares, in the order in which they are shown."""


@dataclass(frozen=True)
class Share:
    """The share of a score that one comparison has.

    part: "picture" (the query's picture with the entry's), "caption" (words with the caption), "names" (words with the
    names that the picture's vector carries), "words" (words with the picture), "both" (the query as the model composes
    it), "same words" (for a caption that repeats the words), "without" and "unlike" (for being like these).
    """

    part: str
    score: float


@dataclass(frozen=True)
class WordEffect:
    """The score less the one without this word; where: "text" or "without"."""

    word: str
    effect: float
    where: str = "text"


@dataclass(frozen=True)
class GateMap:
    """The gate of a fusion over the cells of the query's picture: row-major values, from 0 (closed) to 1 (open)."""

    rows: int
    columns: int
    values: tuple[float, ...]


@dataclass(frozen=True)
class Explanation:
    """The reasons for an entry's score.

    rank: among the answers, None for an entry that is none of them. score, unit: as of a hit. shares: add up to the
    score. words: in the order of the sentences, a word that occurs twice stands twice; unmeasured: how many words
    beyond the limit were not measured. facts: the statements that decided a stage `truth`. why: the reasons of all
    stages. gate: None with the reason in `no_gate`.
    """

    id: str
    rank: int | None
    score: float
    unit: str
    shares: tuple[Share, ...]
    words: tuple[WordEffect, ...] = ()
    unmeasured: int = 0
    facts: tuple[Mapping[str, Any], ...] = ()
    why: Mapping[str, Any] = field(default_factory=dict)
    gate: GateMap | None = None
    no_gate: str | None = None

    def strongest(self, count: int = 3) -> Sequence[WordEffect]:
        """Return the words that moved the score most, up or down."""
        return sorted(self.words, key=lambda word: -abs(word.effect))[:count]

    def to_json(self) -> dict[str, Any]:
        """Return the record, the same for `--json` and the service."""
        return asdict(self)
