"""Build of the package, as pyproject.toml describes it, with the README's links made absolute for the package index.

The index shows the README alone, without the files beside it, so that only absolute links and pictures work there.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).resolve().parent
LINK = re.compile(r"(!?)(\[[^\]]*\])\((?!https?:|#)([^)\s]+)\)")


def readme() -> str:
    """Return the README with links to the repository's pages, and pictures from its files, at this version's tag."""
    home = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["urls"]["Repository"]
    (version,) = re.findall(r'__version__ = "(.+)"', (ROOT / "src/twinlens/version.py").read_text("utf-8"))

    def absolute(match: re.Match[str]) -> str:
        mark, text, path = match.groups()
        return f"{mark}{text}({home}/{'raw' if mark else 'blob'}/v{version}/{path})"

    return LINK.sub(absolute, (ROOT / "README.md").read_text("utf-8"))


setup(long_description=readme(), long_description_content_type="text/markdown")
