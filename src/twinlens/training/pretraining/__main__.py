"""The command line of pretraining."""

from __future__ import annotations

import argparse
from pathlib import Path

from twinlens.core import machine
from twinlens.training.pretraining import grounding, towers, words


def main() -> None:
    """Make the model and write its folder."""
    parser = argparse.ArgumentParser(prog="python -m twinlens.training.pretraining", description=towers.__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the model folder to write")
    parser.add_argument("--scenes", type=int, default=towers.SCENES, metavar="N", help="to learn from")
    parser.add_argument("--words-steps", type=int, default=words.STEPS, metavar="N", help="of the text's tower")
    parser.add_argument("--marks-steps", type=int, default=grounding.STEPS, metavar="N", help="of the marks")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    args = parser.parse_args()
    facts = {key: value for key, value in vars(args).items() if key != "out"}
    provenance = {**facts, "environment": machine.environment("cpu")}
    towers.make(**facts).save(args.out, provenance=provenance)


if __name__ == "__main__":
    main()
