"""Pictures per second from JPEG files to a collection, beside what bounds it and what others do, on the same cores.

The pictures are made here: 1 to 12 megapixels, with the detail of photographs; each is written several times with
another comment, so that every file is read, decoded and embedded. Networks are EfficientNet-Lite2 with its weights and
a CLIP ViT-B/32 with random ones, for its speed does not depend on them. Rates of others are of a part of the pictures.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from _results import CORES, hardware, versions, write
from numpy.typing import NDArray
from PIL import Image, ImageDraw

TITLE = "## Indexing"
PICTURES, DISTINCT = 2000, 200
PART = 160
"""Pictures that others are measured on."""
NEIGHBOURS = 10


def draw(number: int) -> Image.Image:
    """A picture of 1 to 12 megapixels: noise that falls off with frequency as in photographs, and coloured things."""
    rng = np.random.default_rng(number)
    size = 512
    fall = np.hypot(*np.meshgrid(np.fft.fftfreq(size), np.fft.rfftfreq(size), indexing="ij")) + 1 / size
    waves = np.fft.irfft2(np.exp(2j * np.pi * rng.random((4, size, size // 2 + 1))) / fall, s=(size, size))
    waves /= waves.std(axis=(1, 2), keepdims=True)
    pixels = 128 + rng.uniform(25, 45) * (waves[3] + 0.3 * waves[:3])  # most of a photograph's detail is grey
    image = Image.fromarray(pixels.transpose(1, 2, 0).clip(0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    for _ in range(rng.integers(3, 9)):
        x, y, w, h = rng.integers(0, size, 4)
        shape = pen.ellipse if rng.random() < 0.5 else pen.rectangle
        shape((x, y, x + w // 2 + 20, y + h // 2 + 20), fill=tuple(rng.integers(0, 255, 3).tolist()))
    megapixels, ratio = rng.uniform(1, 12), rng.choice([3 / 4, 4 / 3, 3 / 2, 1])
    width = int((1e6 * megapixels * ratio) ** 0.5)
    large = image.resize((width, int(width / ratio)), Image.Resampling.BICUBIC)
    grain = Image.effect_noise(large.size, 12).convert("RGB")
    return Image.blend(large, grain, 0.08)


def write_copies(folder: Path, number: int, copies: int) -> None:
    files = [folder / f"{copy:03}-{number:04}.jpg" for copy in range(copies)]
    if files[-1].exists():
        return
    image = draw(number)
    for copy, file in enumerate(files):
        image.save(file, quality=88, comment=f"{copy}".encode())


def pictures(folder: Path, count: int) -> list[Path]:
    """The files, made unless they are there; the first ones are all distinct."""
    folder.mkdir(parents=True, exist_ok=True)
    if len(list(folder.iterdir())) != count:
        with ProcessPoolExecutor(CORES) as pool:
            made = min(DISTINCT, count)
            list(pool.map(write_copies, [folder] * made, range(made), [count // made] * made))
    return sorted(folder.iterdir())


def clip(folder: Path) -> Path:
    """A CLIP ViT-B/32 with random weights, as `save_pretrained` writes it."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, PreTrainedTokenizerFast

    torch.manual_seed(0)
    config = CLIPConfig(text_config={"vocab_size": 1000, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0},
                        vision_config={"patch_size": 32})  # fmt: skip
    CLIPModel(config).save_pretrained(folder)
    CLIPImageProcessor().save_pretrained(folder)
    vocabulary = {"[PAD]": 0, "[CLS]": 1, "[SEP]": 2, "[UNK]": 3}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = [("[CLS]", 1), ("[SEP]", 2)]
    words.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[PAD]", eos_token="[SEP]").save_pretrained(folder)
    return folder


def recipe(name: str, work: Path) -> Any:
    """The recipe `offline`, or `clip` with the random checkpoint."""
    from twinlens.core.recipe import find_recipe

    found = find_recipe(name)
    if name != "clip":
        return found
    checkpoint = str(clip(work / "checkpoint"))
    encoders = [{**part.model_dump(), "checkpoint": checkpoint} for part in found.encoders]
    return type(found).model_validate({**found.model_dump(), "encoders": encoders})


def rate(count: int, work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return count / (time.perf_counter() - started)


@contextmanager
def whole_files() -> Iterator[None]:
    """Pictures decoded in full, as a plain program decodes them."""
    from twinlens.media import images

    load = images.load
    with mock.patch.object(images, "load", lambda picture, **given: load(picture, **{**given, "near": None})):
        yield


def agreement(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """The share of top-10 lists' entries that agree, every picture asking for the others."""

    def lists(vectors: NDArray[np.float32]) -> NDArray[np.intp]:
        scores = vectors @ vectors.T
        np.fill_diagonal(scores, -np.inf)
        return np.argsort(-scores, axis=1)[:, :NEIGHBOURS]

    return float(
        np.mean([len(np.intersect1d(a, b)) / NEIGHBOURS for a, b in zip(lists(one), lists(other), strict=True)])
    )


def sentence_transformers(folder: Path, files: Sequence[Path]) -> float:
    """Pictures per second of `encode` on the same checkpoint and files."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu")
    model.encode([Image.open(files[0])])
    return rate(len(files), lambda: model.encode([Image.open(file) for file in files], batch_size=32))


def measure(name: str, work: Path, files: list[Path]) -> list[str]:
    """The lines on one recipe."""
    from twinlens.collection import Collection
    from twinlens.collection.ingest import Limits
    from twinlens.collection.ingest.decoding import Decoder, Job
    from twinlens.core.types import Sample
    from twinlens.models.composer import Composer
    from twinlens.models.runtime import accelerated

    plain = Composer.build(recipe(name, work)).eval()
    fast = accelerated(plain)
    fast.tune()
    part = files[:PART]
    prepared = [plain.prepare(Sample("", file)) for file in part]
    batches = [prepared[n : n + 64] for n in range(0, len(prepared), 64)]
    fast.embed_prepared(batches[0])
    bare = max(rate(len(part), lambda: [fast.embed_prepared(batch) for batch in batches]) for _ in range(3))
    eager = rate(64, lambda: plain.embed_prepared(batches[0]))
    with Decoder(plain, workers=CORES, limits=Limits()) as decoder:
        decoding = rate(4 * PART, lambda: list(decoder.map([Job(file, "") for file in files[: 4 * PART]])))
    with whole_files():
        simple = rate(PART // 2, lambda: plain.embed([Sample("", file) for file in part[: PART // 2]]))
        whole = plain.embed([Sample(str(file), file) for file in files[:DISTINCT]])
    same = plain.embed([Sample(str(file), file) for file in files[:DISTINCT]])
    with Collection.create(work / f"{name}.twin", fast) as collection:
        report = collection.add(files[0].parent)
        indexing = report.added / report.seconds
        store = collection._store
        rows = [entry.row for file in files[:DISTINCT] if (entry := store.at(file))]
        assert len(rows) == len(same)
        stored = store.vectors(collection.generation, np.asarray(rows))
    ceiling = 1 / (1 / bare + 1 / decoding)
    way = next(iter(fast.measurements["networks"].values()))["runs"]
    lines = [
        f"### Recipe `{name}`",
        "",
        "| | pictures/s | index is faster by |",
        "|---|---:|---:|",
        f"| `index`: read, hash, decode, embed, commit {report.added:,} files | {indexing:.1f} | 1.0× |",
        f"| the fastest runtime alone ({way}), pictures decoded before | {bare:.1f} | {indexing / bare:.2f}× |",
        f"| the decoder alone, {CORES} processes | {decoding:.1f} | {indexing / decoding:.2f}× |",
        f"| both on these cores: 1 / (1/runtime + 1/decoder) | {ceiling:.1f} | {indexing / ceiling:.2f}× |",
        f"| the network alone in eager torch | {eager:.1f} | {indexing / eager:.1f}× |",
        f"| eager torch, files decoded in full in the same process | {simple:.1f} | {indexing / simple:.1f}× |",
    ]
    if name == "clip":
        peer = sentence_transformers(work / "checkpoint", part[: PART // 2])
        lines.append(f"| sentence-transformers' `encode` | {peer:.1f} | {indexing / peer:.1f}× |")
    cosine = np.median(np.sum(stored * whole, axis=1))
    agreeing = (
        f"Top-10 lists of {DISTINCT} pictures agree with those of float32 torch in {agreement(stored, same):.1%} of "
        f"their entries; with files decoded at their whole size in {agreement(stored, whole):.1%} of them "
        f"(median cosine {cosine:.4f})."
    )
    return [*lines, "", agreeing, ""]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=PICTURES, help="fewer are not recorded")
    parser.add_argument("--recipe", action="append", help="offline, clip (both)")
    parser.add_argument("--keep", type=Path, help="a folder for the pictures, which are used again when they are there")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        os.environ.setdefault("XDG_CACHE_HOME", work)
        files = pictures((given.keep or Path(work)) / f"jpeg-{given.pictures}", given.pictures)
        size = sum(file.stat().st_size for file in files) / 1e6 / len(files)
        lines = [TITLE, "", f"`python benchmarks/index.py` on {hardware()}; "
                 f"{versions('torch', 'onnxruntime', 'pillow', 'sentence-transformers')}.", "",
                 f"{len(files):,} JPEGs of 1 to 12 megapixels, {size:.1f} MB each.", ""]  # fmt: skip
        for name in given.recipe or ["offline", "clip"]:
            lines += measure(name, Path(work), files)
    text = "\n".join(lines)
    print(text)
    if given.pictures == PICTURES and not given.recipe:
        write(TITLE, text)


if __name__ == "__main__":
    main()
