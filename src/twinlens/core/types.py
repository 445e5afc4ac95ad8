"""Types shared by all packages; importing them imports no heavy library."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from twinlens.core.reasons import in_words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image
    from torch import Tensor

Picture: TypeAlias = "Path | Image | Callable[[], Image]"
"""A file, a picture in memory, or a picklable function that draws one on demand."""
GivenPicture: TypeAlias = "Picture | str | bytes | bytearray | memoryview | NDArray[np.uint8]"
"""A picture as programs have it: beside those of `Picture` a path as text, the bytes of a file, or pixels."""
Arrays: TypeAlias = "Mapping[str, NDArray[np.generic]]"
"""One prepared sample: named arrays without a batch dimension."""
Similarity: TypeAlias = "Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]"
"""Function from query vectors (Q, D) and entry vectors (N, D) to scores (Q, N)."""
Batch: TypeAlias = "Mapping[str, Tensor]"
"""Arrays of B samples, stacked along the first dimension."""
NEAR_DUPLICATE = 0.98
"""Cosine from which two pictures look the same, such as another size or compression."""


class TwinlensError(Exception):
    """An error that the user can mend: one line with the fault and its cure; the exit code is 2."""

    code = 2


class Different(TwinlensError):  # noqa: N818 - it is an answer
    """The result that two things differ, in one line; the exit code is 1, as that of `diff`."""

    code = 1


@dataclass(frozen=True)
class Sample:
    """A query or a gallery entry: a picture, a text, or both. `id` never reaches a model."""

    id: str
    image: Picture | None
    text: str = ""


@dataclass(frozen=True)
class Features:
    """Encoded features of one side (picture or text) of B samples.

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
    """An encoder's output for a batch: features of the picture, of the text, or both."""

    image: Features | None = None
    text: Features | None = None


@dataclass(frozen=True)
class Dataset:
    """Queries, a gallery, and their relations, in one form for every dataset.

    relevant: query id → ids of gallery entries that answer it. rejected: query id → ids known not to (hard negatives).
    ignore: query id → ids left out of that query's ranking. groups: id of a query or a gallery entry → its leak-free
    group; no group may stand on both sides of a split. parts: query id → the part of a benchmark whose figure is the
    plain mean over its parts; nothing where there is but one. siblings: id of a query or a gallery entry → a key of the
    items that its picture shows, wherever they stand; siblings have equal keys, and counting pixels cannot tell them
    apart. judged_only: `relevant` and `rejected` hold every entry that was judged for a query, and the others are
    unknown rather than wrong, so that rankings are measured over the judged ones alone.
    """

    queries: tuple[Sample, ...]
    gallery: tuple[Sample, ...]
    relevant: Mapping[str, frozenset[str]]
    ignore: Mapping[str, frozenset[str]] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    rejected: Mapping[str, frozenset[str]] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)
    siblings: Mapping[str, str] = field(default_factory=dict)
    judged_only: bool = False


@dataclass(frozen=True)
class Ranking:
    """The gallery ranked for one query: best first, scores descending."""

    query_id: str
    ids: tuple[str, ...]
    scores: tuple[float, ...]


class Preparer(Protocol):
    """Interface of a model in worker processes."""

    def prepare(self, sample: Sample) -> Arrays:
        """Prepare one sample on the CPU."""

    def cuts(self, text: str, /) -> bool:
        """Return True if the model reads a text but not its end."""


@runtime_checkable
class Guesser(Protocol):
    """Interface of a model, or a part of one, that may guess the meaning of a text."""

    def guesses(self, text: str, /) -> bool:
        """Return True if the text is not read, and embedded as the meaning that it most likely has."""


def guesses(part: object, text: str) -> bool:
    """Ask a model, or a part of one, whether it guesses the meaning of a text; most cannot."""
    return isinstance(part, Guesser) and part.guesses(text)


class Embedder(Preparer, Protocol):
    """Interface of a model that embeds samples."""

    def embed_prepared(self, prepared: Sequence[Arrays], /) -> NDArray[np.float32]:
        """Embed prepared samples as unit vectors (B, D)."""


@dataclass(frozen=True)
class Hit:
    """One answer to a query: a gallery entry, its score, and the details that every output shows.

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
    def id(self) -> str:
        """Return the id: that of an item, else the number under which the collection has the file."""
        return self.sample.id

    @property
    def because(self) -> str:
        """Return the reasons in words, in one line; empty where there are none."""
        return in_words(self.why, self.rank) if self.why else ""

    @property
    def path(self) -> Path | None:
        """Return the picture's location; None for a picture in memory, which no collection has."""
        return self.sample.image if isinstance(self.sample.image, Path) else None

    @property
    def caption(self) -> str:
        """Return the picture's caption, empty where there is none."""
        return self.sample.text
