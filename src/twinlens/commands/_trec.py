"""Files of `evaluate --trec`: qrels, and a run of the composed queries."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from twinlens.core.types import TwinlensError

if TYPE_CHECKING:
    import argparse

    from twinlens.core.types import Dataset
    from twinlens.evaluation.judgements import Judgements
    from twinlens.metrics import Scores


NAMES = ("qrels.trec", "composed.run", "two_stage.run")
"""Files that a folder may hold afterwards."""


class Runs:
    """Writer of qrels, and of a run for each matrix of scores; `files` are their paths."""

    def __init__(self, folder: Path, tag: str) -> None:
        self.folder, self.tag, self.files = folder, tag, list[Path]()

    def __call__(self, name: str, judgements: Judgements, scores: Scores) -> None:
        """Write the run of "composed" or "two_stage" queries, before the first one the qrels."""
        from twinlens.evaluation import trec

        if not self.files:
            self.files.append(trec.write_qrels(judgements, self.folder))
        self.files.append(trec.write_run(judgements, scores, self.folder / f"{name}.run", tag=f"{self.tag}-{name}"))


def check(args: argparse.Namespace) -> None:
    """Raise TwinlensError where `--trec` has not one model's rankings, or would write over files."""
    if args.trec is None:
        return
    if args.model is None or args.protocol == "paper":
        raise TwinlensError("--trec writes the rankings of one model: give --model, and not protocol paper")
    if args.trec.exists() and not args.trec.is_dir():
        raise TwinlensError(f"--trec wants a folder, and {args.trec} is a file")
    if there := next((args.trec / name for name in NAMES if (args.trec / name).exists()), None):
        raise TwinlensError(f"{there} is there already; move it away, or give another folder to --trec")


def check_answers(args: argparse.Namespace, dataset: Dataset) -> None:
    """Raise TwinlensError where `--trec` has no right answers to write."""
    if args.trec is not None and not dataset.relevant:
        raise TwinlensError(f"--trec needs right answers, and the split {args.split} of {args.dataset} has none")
