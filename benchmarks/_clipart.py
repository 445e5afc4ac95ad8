"""Clip arts of Debian's packages openclipart-png and openclipart-svg: pictures, and what their authors say of them."""

from __future__ import annotations

import html
import random
import re
from dataclasses import dataclass
from pathlib import Path

DATA = Path("/usr/share/openclipart")
INSTALL = "install them with: apt-get install openclipart-png openclipart-svg"


@dataclass(frozen=True)
class Art:
    """A clip art: its file, its folder below the root, and what its author says of it."""

    file: Path
    folder: str
    title: str
    keywords: frozenset[str]

    @property
    def all_words(self) -> str:
        return " ".join((self.title, *self.keywords, self.folder.replace("_", " "))).lower()


def arts(root: Path, count: int, seed: int) -> list[Art]:
    """Titled clip arts, drawn by the seed."""
    files = sorted((root / "png").rglob("*.png"))
    random.Random(seed).shuffle(files)
    found = []
    for file in files:
        place = file.relative_to(root / "png")
        drawing = (root / "svg" / place).with_suffix(".svg")
        said = drawing.read_text("utf-8", errors="replace") if drawing.is_file() else ""
        titles = [title for title in _texts("(?:dc:)?title", said) if title]
        if titles:
            keywords = frozenset(word.lower() for word in _texts("rdf:li", said) if word.isalpha())
            found.append(Art(file, str(place.parent), titles[0], keywords))
        if len(found) == count:
            break
    return found


def _texts(tag: str, said: str) -> list[str]:
    return [" ".join(html.unescape(text).split()) for text in re.findall(rf"<{tag}[^>]*>([^<]*)</{tag}>", said)]
