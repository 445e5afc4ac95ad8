"""The result grid as one HTML file with embedded pictures, no external requests, and light and dark colours."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from twinlens.core.escaping import escaped, shortened, shortened_within
from twinlens.core.types import Hit, Sample, TwinlensError
from twinlens.report._cards import WIDE, sentence, thumbnail, usual_shape
from twinlens.report.grid import Details, ResultRow, details, legend, link
from twinlens.version import __version__

TITLE = 200
"""Characters of a title."""
FOLDER = 44
"""Characters of a folder below a picture; its tooltip has them all."""
THUMBNAIL = 480
"""Longest side in pixels of a picture on the page."""
_DRAWING_COLORS = 256  # pictures with no more colours than this are drawings: PNG keeps them sharp, and is smaller


@dataclass(frozen=True)
class _Entry:
    """One query or hit for the template. percent: the length of the score's bar."""

    sample: Sample
    file: Details = field(default_factory=Details)
    score: float = 0.0
    percent: int = 0
    is_right: bool = False
    notes: tuple[str, ...] = ()
    because: str = ""

    @cached_property
    def image(self) -> Image.Image | str | None:
        """The picture, the reason why it cannot be read, or None."""
        return None if self.sample.image is None else thumbnail(self.sample.image, THUMBNAIL)

    @property
    def words(self) -> str:
        return sentence(self.sample)

    @property
    def name(self) -> str:
        """The shortest text that names the entry."""
        return self.words or self.file.name or escaped(self.sample.id)

    @property
    def folder(self) -> str:
        return shortened_within(self.file.folder, FOLDER)

    @property
    def link(self) -> str:
        return link(self.sample)

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


def result_page(
    rows: Sequence[ResultRow],
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
    entries = [(_asked(row), [_answer(row, hit, right(row.query, hit)) for hit in row.hits]) for row in rows]
    images = [entry.image for _, answers in entries for entry in answers]
    shape = usual_shape(image for image in images if isinstance(image, Image.Image))
    environment = Environment(loader=PackageLoader("twinlens", "report"), autoescape=True, undefined=StrictUndefined)
    html = environment.get_template("page.html").render(
        rows=entries,
        title=escaped(shortened(title, TITLE)),
        legend=legend(rows),
        version=__version__,
        tile_shape=f"{min(4.0, max(0.75, shape)):.3f}",
        card_width="18rem" if shape >= WIDE else "13rem",
    )
    try:
        path.write_text(html, encoding="utf-8")
    except OSError as error:
        raise TwinlensError(f"cannot write {path}: {error.strerror}") from error


def _asked(row: ResultRow) -> _Entry:
    return _Entry(row.query, notes=tuple(map(escaped, row.notes)))


def _answer(row: ResultRow, hit: Hit, is_right: bool) -> _Entry:
    return _Entry(
        hit.sample,
        details(hit),
        hit.score,
        round(100 * row.share(hit)),
        is_right,
        because=escaped(hit.because),
    )
