"""The result grid as one HTML file with embedded pictures, no external requests, and light and dark colours."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from twinlens.core.escaping import escaped, shortened
from twinlens.core.types import Hit, Sample, TwinlensError
from twinlens.report._cards import WIDE, caption, sentence, thumbnail, usual_shape
from twinlens.version import __version__

TITLE = 200
"""Characters of a title."""
THUMBNAIL = 480
"""Longest side in pixels of a picture on the page."""
_DRAWING_COLORS = 256  # pictures with no more colours than this are drawings: PNG keeps them sharp, and is smaller


@dataclass(frozen=True)
class _Entry:
    """One query or hit for the template. image: its picture, the reason why that cannot be read, or None."""

    sample: Sample
    image: Image.Image | str | None
    score: float = 0.0
    is_right: bool = False

    @classmethod
    def of(cls, sample: Sample, score: float = 0.0, *, is_right: bool = False) -> Self:
        image = None if sample.image is None else thumbnail(sample.image, THUMBNAIL)
        return cls(sample, image, score, is_right)

    @property
    def words(self) -> str:
        return sentence(self.sample)

    @property
    def caption(self) -> str:
        return caption(self.sample)

    @cached_property
    def picture(self) -> str:
        """The picture as a data URI: a PNG for drawings, else a JPEG; empty without a picture."""
        if not isinstance(self.image, Image.Image):
            return ""
        kind = "png" if self.image.getcolors(_DRAWING_COLORS) else "jpeg"
        buffer = io.BytesIO()
        self.image.save(buffer, format=kind, optimize=True, quality=82)
        return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"

    @property
    def trouble(self) -> str:
        return self.image if isinstance(self.image, str) else ""

    @property
    def percent(self) -> int:
        """The length of the score's bar."""
        return round(100 * min(1.0, max(0.0, self.score)))


def result_page(
    rows: Sequence[tuple[Sample, Sequence[Hit]]],
    path: Path,
    *,
    title: str = "Pictures found by twinlens",
    is_right: Callable[[Sample, Hit], bool] | None = None,
) -> None:
    """Write queries and their hits, best first, as one self-contained page.

    A picture that cannot be read is replaced by the reason. is_right: as in `result_grid`. Raises TwinlensError when
    there are no queries or the file cannot be written.
    """
    if not rows:
        raise TwinlensError("there is no query to show")
    right = is_right or (lambda _query, _hit: False)
    entries = [
        (_Entry.of(query), [_Entry.of(hit.sample, hit.score, is_right=right(query, hit)) for hit in hits])
        for query, hits in rows
    ]
    images = [entry.image for _, answers in entries for entry in answers]
    shape = usual_shape(image for image in images if isinstance(image, Image.Image))
    environment = Environment(loader=PackageLoader("twinlens", "report"), autoescape=True, undefined=StrictUndefined)
    html = environment.get_template("page.html").render(
        rows=entries,
        title=escaped(shortened(title, TITLE)),
        version=__version__,
        tile_shape=f"{min(4.0, max(0.75, shape)):.3f}",
        card_width="18rem" if shape >= WIDE else "13rem",
    )
    try:
        path.write_text(html, encoding="utf-8")
    except OSError as error:
        raise TwinlensError(f"cannot write {path}: {error.strerror}") from error
