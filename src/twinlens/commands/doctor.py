"""`twinlens doctor`: check this machine, and tell what to do where something is missing."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from twinlens.commands import _common

HELP = "check this machine: device, memory, caches, extras, and the checkpoints that recipes would fetch"
EXAMPLES = """
twinlens doctor
twinlens doctor --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: the command has no arguments."""


def run(args: argparse.Namespace) -> Mapping[str, object]:
    """Check everything, a line each."""
    from twinlens.models import doctor

    checks = doctor.examine()
    if _common.shows_view(args):
        width = max(len(check.name) for check in checks)
        for check in checks:
            _common.say(f"{'ok  ' if check.ok else 'hint'}  {check.name:<{width}}  {check.finding}")
            if check.hint:
                _common.say(f"{'':{width + 6}}  → {check.hint}")
    return {"checks": [{**vars(check), "ok": check.ok} for check in checks]}
