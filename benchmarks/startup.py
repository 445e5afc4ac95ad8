"""A query from the command line, beside importing ONNX Runtime and loading the same networks and nothing else.

    python benchmarks/startup.py

Both run in processes of their own, in turns, so that the ratios of pairs mean something on a busy machine too. Models:
`offline`, and a CLIP of the size of ViT-B/32 with random weights in the layout of Immich, which torch makes here.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from _results import hardware, versions, write
from PIL import Image

TITLE = "## A query from the command line"
LOADS = """
import sys
import onnxruntime
for file in sys.argv[1:]:
    onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
"""
PICTURES = 200
ENVIRONMENT = {**os.environ, "HF_HUB_OFFLINE": "1"}
ENVIRONMENT.pop("PYTHONDONTWRITEBYTECODE", None)  # the command would be compiled each time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="runs of each (15)")
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        pictures = drawn(Path(folder) / "pictures")
        for name, make in (("`offline`", offline), ("CLIP ViT-B/32", clip)):
            rows += measured(name, make(Path(folder) / "model"), pictures, Path(folder) / name.strip("`"), args.rounds)
    table = [
        "| model | query | networks alone | `twinlens search --json` | ratio of pairs |",
        "|---|---|---:|---:|---:|",
    ]
    text = f"""{TITLE}

`python benchmarks/startup.py`, medians of {args.rounds} runs in turns, {PICTURES} pictures of 1024 × 768 in the
collection. {hardware()}; {versions("onnxruntime", "numpy")}.

"""
    write(TITLE, text + "\n".join([*table, *rows]))


def drawn(folder: Path) -> Path:
    folder.mkdir()
    for n in range(PICTURES):
        coarse = np.random.default_rng(n).integers(0, 255, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((1024, 768), Image.Resampling.BICUBIC).save(folder / f"{n:03}.jpg")
    return folder


def offline(_: Path) -> list[str]:
    """Options of `index` for the model `offline`, exported."""
    return ["--recipe", "offline"]


def clip(folder: Path) -> list[str]:
    """Options of `index` for a CLIP with random weights, exported here as Immich does."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from tests.exports import immich

    return [
        "--recipe",
        "clip",
        "--checkpoint",
        immich(folder, checkpoint(folder.with_name("torch")), size=224, length=77),
    ]


def checkpoint(folder: Path) -> str:
    """A CLIP of transformers' own standard size, that of ViT-B/32, with a vocabulary as large as CLIP's."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import CLIPConfig, CLIPModel, PreTrainedTokenizerFast

    config = CLIPConfig()
    CLIPModel(config).save_pretrained(folder)
    words = {f"word{n}": n for n in range(config.text_config.vocab_size - 1)} | {
        "<pad>": config.text_config.vocab_size - 1
    }
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="word0"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>").save_pretrained(folder)
    return str(folder)


def measured(name: str, options: Sequence[str], pictures: Path, folder: Path, rounds: int) -> list[str]:
    twinlens = [str(Path(sys.executable).with_name("twinlens"))]
    collection = ["--collection", str(folder)]
    subprocess.run([*twinlens, "index", str(pictures), *options, *collection], check=True, capture_output=True)
    graphs = [str(next(folder.glob(f"model/*/encoder-{n}/*.onnx"))) for n in (0, 1)]
    picture, words = ["--image", str(pictures / "007.jpg")], ["--text", "a dog at night"]
    rows = []
    for what, query, loaded in (
        ("a picture", picture, graphs[:1]),
        ("words", words, graphs[1:]),
        ("a picture and words", [*picture, *words], graphs),
    ):
        alone = [sys.executable, "-c", LOADS, *loaded]
        ours = [*twinlens, "search", *query, "--json", *collection]
        pairs = in_turns(rounds, partial(run, alone), partial(run, ours))
        ratio = statistics.median(b / a for a, b in pairs)
        first, second = (statistics.median(times) for times in zip(*pairs, strict=True))
        rows.append(f"| {name} | {what} | {first:.2f} s | {second:.2f} s | {ratio:.2f} |")
        print(rows[-1], flush=True)
    return rows


def in_turns(rounds: int, one: Callable[[], float], other: Callable[[], float]) -> list[tuple[float, float]]:
    one(), other()
    return [(one(), other()) for _ in range(rounds)]


def run(command: Sequence[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=ENVIRONMENT)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
