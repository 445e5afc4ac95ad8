"""Sizes on the disk of an installation without extras, and of what each extra adds to it.

    python benchmarks/install.py

Adds up the files of the distributions that are installed here, as their own lists of files have them, and of compiled
modules nothing. An environment with all extras is needed (`make test` makes one).
"""

from __future__ import annotations

import argparse
import json
import platform
import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from _results import write

TITLE = "## Sizes of installations"
NAME = "twinlens"
CUDA = ("nvidia-", "cuda-", "triton")
"""Beginnings of the names of packages that torch's builds for CUDA bring."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    args = parser.parse_args()
    core = closure(NAME, "")
    cuda = {name for extra in extras() for name in closure(NAME, extra) if name.startswith(CUDA)}
    rows = [{"extra": "", "megabytes": megabytes(core), "cuda": 0, "packages": len(core)}]
    for extra in extras():
        more = closure(NAME, extra) - core
        rows.append(
            {"extra": extra, "megabytes": megabytes(more), "cuda": megabytes(more & cuda), "packages": len(more)}
        )
    if args.json:
        print(json.dumps(rows))
        return
    lines = ["| extra | MB on the disk | of them for CUDA | packages |", "|---|---:|---:|---:|"]
    for row in rows:
        name = f"`{row['extra']}` adds" if row["extra"] else "none"
        lines.append(f"| {name} | {row['megabytes']:,} | {row['cuda']:,} | {row['packages']} |")
    about = f"Files of the installed distributions, Python {platform.python_version()}, {platform.machine()}."
    write(TITLE, "\n".join([TITLE, "", f"{about} `python benchmarks/install.py`.", "", *lines]))


def extras() -> list[str]:
    names = metadata.metadata(NAME).get_all("Provides-Extra") or []
    return [name for name in names if name not in ("all", "bench", "check", "docs", "engines", "release", "test")]


def closure(name: str, extra: str, found: set[str] | None = None) -> set[str]:
    """The distributions that one with an extra needs, by their names."""
    found = set() if found is None else found
    key = f"{normal(name)}[{extra}]"
    if key not in found:
        found.add(key)
        for other, wanted in needed(name, extra):
            for one in ("", *wanted):
                closure(other, one, found)
    return {normal(re.sub(r"\[.*", "", each)) for each in found}


def needed(name: str, extra: str) -> Iterator[tuple[str, list[str]]]:
    from packaging.requirements import Requirement

    for line in metadata.distribution(name).requires or ():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            yield requirement.name, sorted(requirement.extras)


def megabytes(names: set[str]) -> int:
    return round(sum(size(metadata.distribution(name)) for name in names) / 1e6)


def size(distribution: metadata.Distribution) -> int:
    paths = (Path(str(distribution.locate_file(file))) for file in distribution.files or ())
    if normal(distribution.metadata["Name"]) == NAME:  # its own files, wherever they are installed from
        paths = iter(Path(__file__).resolve().parents[1].joinpath("src", NAME).rglob("*"))
    return sum(path.stat().st_size for path in paths if path.is_file() and path.suffix != ".pyc")


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    main()
