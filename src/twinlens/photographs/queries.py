"""The photographs as files of a folder, and queries about them with the answers that a person accepts.

`pictures/metadata.jsonl` has a caption, title, author, licence and source for each picture; CREDITS.md shows the same.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from twinlens.core.atomic import whole_file
from twinlens.core.types import TwinlensError

KINDS = ("picture", "words", "both", "without")
"""Kinds of queries: a picture alone, words alone, both, and either with words that count against an answer."""
HOME = Path(__file__).parent
PICTURES = HOME / "pictures"


@dataclass(frozen=True)
class PhotographQuery:
    """A query about the photographs, and the file names that are right as its first answer.

    image: a photograph of the same folder, which is no answer itself. without: words that count against an answer.
    """

    kind: str
    image: Path | None
    text: str
    without: tuple[str, ...]
    answers: frozenset[str]


def copy_pictures(folder: Path) -> None:
    """Copy the photographs and their captions into a folder, except what it has as it is. Raises TwinlensError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for source in sorted(PICTURES.iterdir()):
            content, target = source.read_bytes(), folder / source.name
            if not target.is_file() or target.read_bytes() != content:
                with whole_file(target) as beside:
                    beside.write_bytes(content)
    except OSError as error:
        raise TwinlensError(f"cannot write the photographs to {folder}: {error.strerror}") from error


def load_queries(folder: Path) -> list[PhotographQuery]:
    """Read the queries; their pictures are files of the folder."""
    return [
        PhotographQuery(
            kind=given["kind"],
            image=folder / given["image"] if given["image"] else None,
            text=given["text"],
            without=tuple(given["without"]),
            answers=frozenset(given["answers"]),
        )
        for given in json.loads((HOME / "queries.json").read_text("utf-8"))
    ]
