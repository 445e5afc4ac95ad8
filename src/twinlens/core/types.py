"""The only things that travel between rooms. Nothing here imports a heavy library at run time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image
    from torch import Tensor

Picture: TypeAlias = "Path | Image | Callable[[], Image]"
"""A file, a picture in memory, or a picklable function that draws one when it is needed."""
Arrays: TypeAlias = "Mapping[str, NDArray[np.generic]]"
"""What one sample is after everything on the CPU; the key names the array, no batch dimension."""
Similarity: TypeAlias = "Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]"
"""Scores (Q, N) of queries' vectors (Q, D) with entries' (N, D)."""
Batch: TypeAlias = "Mapping[str, Tensor]"
"""Arrays of many samples stacked along a first dimension B."""
NEAR_DUPLICATE = 0.98
"""Cosine from which two pictures are the same to people: another size, another compression."""


class TwinlensError(Exception):
    """The user can mend this: the message is one line that says what is wrong and how; the exit code is 2."""

    code = 2


class Different(TwinlensError):  # noqa: N818 - it is an answer
    """No mistake, but the answer that two things differ, in one line; the exit code is 1, as `diff` has it."""

    code = 1


@dataclass(frozen=True)
class Sample:
    """A query and a gallery entry alike: a picture, a text, or both. `id` never reaches a model."""

    id: str
    image: Picture | None
    text: str = ""


@dataclass(frozen=True)
class Features:
    """One side (picture or text) of B samples, as a network describes it.

    vector (B, D); tokens (B, L, D) are words, regions or the cells of a map; mask (B, L) is True where a token counts;
    grid (H, W) says that the L = H·W tokens are a map in row-major order; present (B,) is False where this side of a
    sample is missing (None: all are there); boxes (B, L, 4) are where the tokens lie in the picture: x0, y0, x1, y1 in
    0..1 of its width and height, the first token being the whole picture.
    """

    vector: Tensor
    tokens: Tensor | None = None
    mask: Tensor | None = None
    grid: tuple[int, int] | None = None
    present: Tensor | None = None
    boxes: Tensor | None = None


@dataclass(frozen=True)
class Encoded:
    """What an encoder makes of a batch: the picture's side, the text's side, or both."""

    image: Features | None = None
    text: Features | None = None


@dataclass(frozen=True)
class Dataset:
    """Queries, a gallery, and what is known about them; no metric ever asks which dataset it is looking at.

    relevant: query id → ids of gallery entries that answer it. rejected: query id → ids known not to (hard negatives).
    ignore: query id → ids left out of that query's ranking. groups: id of a query or a gallery entry → its leak-free
    group; no group may stand on both sides of a split. parts: query id → the part of a benchmark whose figure is the
    plain mean over its parts; nothing where there is but one.
    """

    queries: tuple[Sample, ...]
    gallery: tuple[Sample, ...]
    relevant: Mapping[str, frozenset[str]]
    ignore: Mapping[str, frozenset[str]] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    rejected: Mapping[str, frozenset[str]] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ranking:
    """The gallery as one query orders it: best first, scores descending."""

    query_id: str
    ids: tuple[str, ...]
    scores: tuple[float, ...]


class Preparer(Protocol):
    """The part of a model that runs in workers."""

    def prepare(self, sample: Sample) -> Arrays:
        """Everything on the CPU for one sample."""


class Embedder(Preparer, Protocol):
    """The part of a model that turns samples into vectors."""

    def embed_prepared(self, prepared: Sequence[Arrays], /) -> NDArray[np.float32]:
        """Unit vectors (B, D) of prepared samples."""


@dataclass(frozen=True)
class Hit:
    """One answer to a query: a gallery entry, its score, and what every door shows of it.

    The score is the cosine, −1 to 1, or, for models that compare several sides, in standard deviations above the mean
    of the collection. duplicates: ids of near-duplicates that it stands for. rank: from 1 on. hash: the content hash of
    the picture's file, hexadecimal. why: reasons for its place, by stage, as JSON.
    """

    sample: Sample
    score: float
    duplicates: tuple[str, ...] = ()
    rank: int = 0
    metadata: Mapping[str, Any] = field(default_factory=dict)
    hash: str = ""
    why: Mapping[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> Picture | None:
        """Return where the picture is."""
        return self.sample.image

    @property
    def caption(self) -> str:
        """Return the picture's caption, empty where there is none."""
        return self.sample.text
