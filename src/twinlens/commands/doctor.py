"""`twinlens doctor`: what this machine has, and what to do where it lacks something."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from twinlens.commands import _common

HELP = "tell what this machine has: device, memory, caches, extras, and the checkpoints that recipes would fetch"
EXAMPLES = """
twinlens doctor
twinlens doctor --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None."""


def run(args: argparse.Namespace) -> Mapping[str, object]:
    """Examine, a line each."""
    from twinlens.models import doctor

    checks = doctor.examine()
    if _common.shows_view(args):
        width = max(len(check.name) for check in checks)
        for check in checks:
            _common.say(f"{'ok  ' if check.ok else 'hint'}  {check.name:<{width}}  {check.said}")
            if check.hint:
                _common.say(f"{'':{width + 6}}  → {check.hint}")
    return {"checks": [{**vars(check), "ok": check.ok} for check in checks]}
