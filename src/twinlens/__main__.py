"""`python -m twinlens` is the command line."""

from __future__ import annotations

from twinlens.cli import entry

entry()
