"""The origin of a dataset, as `twinlens data` prints it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """A dataset's download, as its authors publish it.

    homepage: the authors' page. licence: of annotations and of pictures. size: approximate. files: one line per
    download, "path under the root: address".
    """

    homepage: str
    licence: str
    size: str
    files: tuple[str, ...]
