"""Trial of every way to run a composer's parts on this machine: agreement with plain torch, then speed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from twinlens.core.machine import multiplies_bf16
from twinlens.core.progress import track
from twinlens.models.composer import Composer
from twinlens.models.runtime.export import as_way, export, modules, preparations
from twinlens.models.runtime.parts import NetworkPart, Onnx, Tower, stacked
from twinlens.models.runtime.reference import EXACT, Reference, samples

TIMED = 16
"""Samples in the timed batch."""
REPEATED, AT_MOST, LONG_ENOUGH = 3, 20, 0.25
"""Timed runs at least and at most, and the seconds after which they are enough. The fastest counts: of many short ones
one meets a moment in which nobody else computes."""
EXPORT_SECONDS, PASSES = 2.5, 8
"""Seconds of each part's export, and runs of plain torch over the timed batch, in a trial."""
CLEARLY = 1.5
"""Times faster than ONNX Runtime, from which another way repays importing torch for a sentence."""


def costs(composer: Composer) -> tuple[float, float]:
    """Estimate the seconds of a trial, from the pictures per second of plain torch, which are measured; return both."""
    composer.eval()
    pictures = [composer.prepare(sample) for sample in samples(TIMED) if sample.image is not None and not sample.text]
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
    reference = Reference(composer, TIMED)
    trial, plain = _Trial(reference, folder), reference.plain
    names = track(
        plain, "trying faster runtimes, once for this machine", len(plain), unit="networks", progress=progress
    )
    ways = {name: trial.ways(name) for name in names}
    reads = {tower.name: tower.reads for tower in reference.towers}
    prepares, pictures = preparations(composer)
    if prepares is not None:
        prepares.save(folder)
    return {
        "recipe": composer.recipe.name,
        "dim": composer.dim,
        "encoders": _labels([part.name for part in composer.recipe.encoders]),
        "channels": [channel.to_json() for channel in composer.channels],
        "by_inner_product": composer.own_similarity is None,
        "trims": reference.trims,
        "towers": [vars(tower) for tower in reference.towers],
        "parts": {name: {"chosen": _chosen(of, reads.get(name, ())), "ways": of} for name, of in ways.items()},
        "preparations": None if prepares is None else prepares.to_json(),
        "prepares_pictures": pictures,
    }


class _Trial:
    """Comparison of every way to run a part with plain torch on the same samples."""

    def __init__(self, reference: Reference, folder: Path) -> None:
        self.reference, self.folder = reference, folder
        self.towers, self.plain, self.arrays = reference.towers, reference.plain, reference.arrays

    def ways(self, name: str) -> dict[str, dict[str, Any]]:
        """Measure every way to run one part: its cosine and rate, or the reason not to trust it."""
        tower = next((tower for tower in self.towers if tower.name == name), None)
        measured: dict[str, dict[str, Any]] = {"torch": {"rate": self._rate(self.plain[name], tower)}}
        for way, made in self._candidates(name):
            if isinstance(made, str):
                measured[way] = {"why": made}
                continue
            try:
                cosine = self.reference.cosine({name: made})
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
