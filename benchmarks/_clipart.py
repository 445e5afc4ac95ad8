"""Clip arts of Debian's packages openclipart-png and openclipart-svg: pictures, and what their authors say of them."""

from __future__ import annotations

import argparse
import html
import random
import re
from dataclasses import dataclass
from pathlib import Path

from _results import skip

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


def arguments(about: str, count: int) -> argparse.Namespace:
    """Parse --clipart, --count and --seed of a script; skip it where there are no clip arts."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--clipart", type=Path, default=DATA, metavar="DIR", help=f"has the folders png and svg ({DATA})"
    )
    parser.add_argument("--count", type=int, default=count, help="pictures; another number is not recorded")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if not (given.clipart / "png").is_dir() or not (given.clipart / "svg").is_dir():
        skip(f"{given.clipart} lacks png or svg; {INSTALL}, or give --clipart DIR")
    return given


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
