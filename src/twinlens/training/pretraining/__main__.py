"""The command line of pretraining."""

from __future__ import annotations

import argparse
from pathlib import Path

from twinlens.core import machine
from twinlens.training.pretraining import grounding, reading, sentences, towers, words

MODELS = ("towers", "reading")


def main() -> None:
    """Make the model and write its folder."""
    parser = argparse.ArgumentParser(prog="python -m twinlens.training.pretraining", description=__doc__)
    parser.add_argument("model", nargs="?", choices=MODELS, default=MODELS[0], help="which (default: towers)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the model folder to write")
    parser.add_argument("--scenes", type=int, metavar="N", help=f"to learn from (default: towers {towers.SCENES}, "
                        f"reading {reading.SCENES})")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    of_towers = parser.add_argument_group("towers")
    of_towers.add_argument("--words-steps", type=int, default=words.STEPS, metavar="N", help="of the text's tower")
    of_towers.add_argument("--marks-steps", type=int, default=grounding.STEPS, metavar="N", help="of the marks")
    of_reading = parser.add_argument_group("reading")
    of_reading.add_argument("--steps", type=int, default=sentences.STEPS, metavar="N", help="of the network")
    of_reading.add_argument("--sentences", type=int, default=sentences.SENTENCES, metavar="N", help="to learn from")
    args = parser.parse_args()
    args.scenes = args.scenes or {"towers": towers.SCENES, "reading": reading.SCENES}[args.model]
    if args.model == "towers":
        facts = {"words_steps": args.words_steps, "marks_steps": args.marks_steps}
        made = towers.make(scenes=args.scenes, seed=args.seed, **facts)
    else:
        facts = {"steps": args.steps, "sentences": args.sentences}
        made = reading.make(scenes=args.scenes, seed=args.seed, steps=args.steps, count=args.sentences)
    about = {"scenes": args.scenes, **facts, "seed": args.seed, "environment": machine.environment("cpu")}
    made.save(args.out, provenance=about)


if __name__ == "__main__":
    main()
