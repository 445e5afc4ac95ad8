"""Trial of every way to run a composer's parts on this machine: agreement with plain torch, then speed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from twinlens.core.machine import multiplies_bf16
from twinlens.core.progress import track
from twinlens.core.types import Arrays, Sample
from twinlens.models.composer import Composer
from twinlens.models.runtime.export import TorchPart, as_way, export, modules, preparations
from twinlens.models.runtime.parts import Network, NetworkPart, Onnx, Tower, Vectors, stacked

EXACT = {"onnx": 0.99999, "cuda": 0.9999, "bf16": 0.9999}
"""Least cosine to the vectors of plain torch, over all samples, for a way to be trusted."""
TIMED = 16
"""Samples in the timed batch."""
REPEATED, AT_MOST, LONG_ENOUGH = 3, 20, 0.25
"""Timed runs at least and at most, and the seconds after which they are enough. The fastest counts: of many short ones
one meets a moment in which nobody else computes."""
EXPORT_SECONDS, PASSES = 2.5, 8
"""Seconds of each part's export, and runs of plain torch over the timed batch, in a trial."""
CLEARLY = 1.5
"""Times faster than ONNX Runtime, from which another way repays importing torch for a sentence."""
_TEXTS = ("a red square left of a dog", "", "night", "several people walk along a street in the rain, seen from above")


def costs(composer: Composer) -> tuple[float, float]:
    """Estimate the seconds of a trial, from the pictures per second of plain torch, which are measured; return both."""
    composer.eval()
    pictures = [composer.prepare(sample) for sample in _samples(TIMED) if sample.image is not None and not sample.text]
    composer.embed_prepared(pictures[:1])
    started = time.perf_counter()
    composer.embed_prepared(pictures)
    rate = len(pictures) / max(time.perf_counter() - started, 1e-9)
    parts = modules(composer, stacked(pictures[:2], trims=False))[1]
    return EXPORT_SECONDS * len(parts) + PASSES * TIMED / rate, rate


def examine(composer: Composer, folder: Path, *, progress: bool = False) -> dict[str, Any]:
    """Export a composer's parts into a folder, test every way to run each, and return the manifest of `cache`.

    The manifest has, for every part and way, `rate` (samples/s; towers only), `cosine` (the least to plain torch in
    float32), or `why`, the reason not to trust it. `chosen` is the fastest trusted way.
    """
    composer.eval()
    samples = _samples(TIMED)
    prepared = [composer.prepare(sample) for sample in samples]
    towers, plain = modules(composer, stacked(prepared, trims=False))
    trial = _Trial(composer, towers, plain, folder, prepared)
    names = track(
        plain, "trying faster runtimes, once for this machine", len(plain), unit="networks", progress=progress
    )
    ways = {name: trial.ways(name) for name in names}
    reads = {tower.name: tower.reads for tower in towers}
    prepares, pictures = preparations(composer)
    if prepares is not None:
        prepares.save(folder)
    return {
        "recipe": composer.recipe.name,
        "dim": composer.dim,
        "encoders": _labels([part.name for part in composer.recipe.encoders]),
        "channels": [channel.to_json() for channel in composer.channels],
        "by_inner_product": composer.own_similarity is None,
        "trims": trial.trims,
        "towers": [vars(tower) for tower in towers],
        "parts": {name: {"chosen": _chosen(of, reads.get(name, ())), "ways": of} for name, of in ways.items()},
        "preparations": None if prepares is None else prepares.to_json(),
        "prepares_pictures": pictures,
    }


class _Trial:
    """Comparison of every way to run a part with plain torch on the same samples."""

    def __init__(
        self,
        composer: Composer,
        towers: Sequence[Tower],
        plain: Mapping[str, TorchPart],
        folder: Path,
        prepared: Sequence[Arrays],
    ) -> None:
        self.towers, self.plain, self.folder = towers, plain, folder
        self.kinds = [batch for batch in _kinds(prepared) if batch]
        self.wanted = [composer.embed_prepared(batch) for batch in self.kinds]
        self.trims = self._may_trim(composer, self.kinds[-1])
        self.arrays = self._arrays(prepared)

    def ways(self, name: str) -> dict[str, dict[str, Any]]:
        """Measure every way to run one part: its cosine and rate, or the reason not to trust it."""
        tower = next((tower for tower in self.towers if tower.name == name), None)
        measured: dict[str, dict[str, Any]] = {"torch": {"rate": self._rate(self.plain[name], tower)}}
        for way, made in self._candidates(name):
            if isinstance(made, str):
                measured[way] = {"why": made}
                continue
            try:
                cosine = self._cosine(name, made)
                measured[way] = {"cosine": round(cosine, 7)}
                if cosine < EXACT[way]:
                    measured[way]["why"] = f"its vectors differ from plain torch's (cosine {cosine:.5f})"
                else:
                    measured[way]["rate"] = self._rate(made, tower)
            except Exception as error:  # whatever this way raises, plain torch remains
                measured[way] = {"why": _line(error)}
        return measured

    def _candidates(self, name: str) -> Iterator[tuple[str, NetworkPart | str]]:
        """Yield each way beside plain torch with its part, or with the reason why it cannot be made."""
        part = self.plain[name]
        yield "onnx", self._exported(name)
        if multiplies_bf16() and not name.startswith("head"):
            yield "bf16", as_way(part, "bf16")
        if torch.cuda.is_available():
            yield "cuda", as_way(part, "cuda")

    def _exported(self, name: str) -> NetworkPart | str:
        file = self.folder / f"{name}.onnx"
        why = export(self.plain[name], {key: array[:3] for key, array in self.arrays[name].items()}, file)
        try:
            return why or Onnx(file)
        except Exception as error:  # ONNX Runtime is not installed, or cannot load what torch has exported
            return _line(error)

    def _may_trim(self, composer: Composer, sentences: Sequence[Arrays]) -> bool:
        """Return True if sentences keep their vectors when each is cut to its own length."""
        network = Network(self.towers, self.plain.__getitem__, trims=True)
        alone = [_least_cosine(network([one]), composer.embed_prepared([one])) for one in sentences]
        return min(alone) >= EXACT["onnx"]

    def _cosine(self, name: str, made: NetworkPart) -> float:
        """Return the least cosine to the composer over all samples when one part is run in another way."""
        parts: dict[str, NetworkPart] = {**self.plain, name: made}
        network = Network(self.towers, parts.__getitem__, trims=self.trims)
        vectors = [network(batch) for batch in self.kinds]
        return min(_least_cosine(a, b) for a, b in zip(vectors, self.wanted, strict=True))

    def _rate(self, part: NetworkPart, tower: Tower | None) -> float | None:
        """Measure the samples per second of a tower; None for a head, which is too small to time."""
        if tower is None:
            return None
        arrays = self.arrays[tower.name]
        part(arrays)
        seconds: list[float] = []
        while len(seconds) < REPEATED or (sum(seconds) < LONG_ENOUGH and len(seconds) < AT_MOST):
            started = time.perf_counter()
            part(arrays)
            seconds.append(time.perf_counter() - started)
        return round(TIMED / min(seconds), 1)

    def _arrays(self, prepared: Sequence[Arrays]) -> dict[str, Arrays]:
        """Compute the inputs of every part for the samples."""
        everything: dict[str, Any] = dict(stacked(prepared, trims=self.trims))
        for tower in self.towers:
            everything |= self.plain[tower.name](everything)
        return {name: {key: everything[key] for key in part.inputs} for name, part in self.plain.items()}


def _line(error: Exception) -> str:
    """Return the first line of an error, or its type when it has no text."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _labels(names: Sequence[str]) -> list[str]:
    """Return the encoders' names, numbered where a name occurs several times."""
    return [name if names.count(name) == 1 else f"{name}-{n}" for n, name in enumerate(names)]


def _chosen(ways: Mapping[str, Mapping[str, Any]], reads: tuple[str, ...]) -> str:
    """Choose the fastest trusted way of a part; reads: the sides that a tower takes, none for a head.

    A part that sentences need prefers ONNX Runtime, since a search by words that needs no torch starts seconds
    earlier: always where it reads no picture, and else unless another way is `CLEARLY` faster.
    """
    trusted = {way: figures["rate"] or 0.0 for way, figures in ways.items() if "why" not in figures}
    fastest = max(trusted, key=lambda way: trusted[way])
    if "onnx" not in trusted or reads == ("image",):
        return fastest
    return "onnx" if "image" not in reads or trusted[fastest] < CLEARLY * trusted["onnx"] else fastest


def _least_cosine(vectors: Vectors, reference: Vectors) -> float:
    """Return the least cosine of paired unit vectors (B, D); NaN, which no threshold rejects, counts as -1."""
    return float(np.nan_to_num(np.einsum("bd,bd->b", vectors, reference), nan=-1.0).min())


def _kinds(prepared: Sequence[Arrays]) -> tuple[Sequence[Arrays], ...]:
    """Split samples into pictures with words, pictures alone and words alone, which leave different towers idle."""
    third = len(prepared) // 3
    return prepared[:third], prepared[third : 2 * third], prepared[2 * third :]


def _samples(count: int) -> list[Sample]:
    """Make synthetic samples: picture and sentence, picture alone, sentence alone, in equal shares."""
    rng, third = np.random.default_rng(0), count // 3
    both = [Sample(str(n), _picture(rng), _TEXTS[n % len(_TEXTS)] or "a") for n in range(third)]
    pictures = [Sample(str(n), _picture(rng)) for n in range(third)]
    return [*both, *pictures, *(Sample(str(n), None, _TEXTS[n % len(_TEXTS)] or "b") for n in range(count - 2 * third))]


def _picture(rng: np.random.Generator) -> Image.Image:
    """Draw a light gradient, a few coloured boxes, and noise."""
    y, x = np.mgrid[0:240, 0:320] / 320
    pixels = (rng.uniform(60, 250, 3) * (1 - 0.6 * (x * rng.random() + y * rng.random()))[..., None]).clip(0, 255)
    for _ in range(6):
        top, left = rng.integers(0, 200), rng.integers(0, 280)
        pixels[top : top + rng.integers(20, 120), left : left + rng.integers(20, 120)] = rng.integers(0, 255, 3)
    noisy = pixels + rng.normal(0, 6, pixels.shape)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))
