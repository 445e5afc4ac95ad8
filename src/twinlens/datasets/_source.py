"""Where a dataset comes from: what `twinlens data` tells."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """A download as its authors publish it.

    homepage: the authors' page. licence: of annotations and of pictures. size: approximate. files: one line per thing
    to fetch, "place under the root: where it comes from".
    """

    homepage: str
    licence: str
    size: str
    files: tuple[str, ...]
