"""Showing a picture in the terminal, where it can."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from twinlens.core.types import TwinlensError


def show(picture: Path, args: argparse.Namespace) -> None:
    """Show a picture unless that is not wanted or not possible. Raises TwinlensError if it is asked for in vain."""
    from twinlens.media import images
    from twinlens.report import terminal

    if args.preview is False:
        return
    kind = terminal.protocol(os.environ) if sys.stdout.isatty() else None
    if kind is not None:
        import shutil

        sys.stdout.write(terminal.encoded(images.load(picture), kind, shutil.get_terminal_size().columns))
    elif args.preview:
        raise TwinlensError("--preview needs a terminal that shows pictures (kitty, iTerm2, WezTerm, Ghostty, foot)")
