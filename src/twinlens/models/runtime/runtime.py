"""The model that a collection works with: a composer, and what `trial` found out about running it here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from twinlens.calibration import Channel
from twinlens.core import suggestions
from twinlens.core.types import Arrays, Sample, Similarity, TwinlensError
from twinlens.models.runtime import cache
from twinlens.models.runtime.parts import Network, NetworkPart, Onnx, Tower, Vectors
from twinlens.models.runtime.texts import ABSENT, Texts

if TYPE_CHECKING:
    from twinlens.core.recipe import Recipe
    from twinlens.models.composer import Composer
    from twinlens.models.runtime.export import TorchPart

MODES = ("auto", "torch", "onnx", "bf16")
"""As measured; plain torch in float32; ONNX Runtime, or bfloat16, for every part for which it is trusted."""
BATCH = 64
REPAID = 256
"""Pictures from which finding out takes less time than it saves."""
T = TypeVar("T")


def check_mode(mode: str) -> str:
    """The mode, if it is one. Raises TwinlensError that names the known ones."""
    if mode not in MODES:
        raise TwinlensError(suggestions.unknown("runtime", mode, list(MODES)))
    return mode


def load(folder: Path, *, mode: str = "auto") -> Runtime:
    """The model in a folder that is named by the model's digest, as a collection has it; loaded once it is needed.

    Raises TwinlensError for an unknown mode.
    """
    return Runtime(folder.name, folder=folder, mode=mode)


def accelerated(model: Any, *, mode: str = "auto") -> Any:
    """A composer as a `Runtime`; any other model as it is."""
    from twinlens.models.composer import Composer

    return Runtime(model.digest, composer=model, mode=mode) if isinstance(model, Composer) else model


def tuned(model: T, pictures: int, *, progress: bool = False) -> T:
    """The model, made to run as fast as this machine can where it is a `Runtime` and so many pictures repay the time.

    What is known from earlier costs nothing; a mode that was asked for by its name is found out about in any case. The
    composer is loaded here and now: forked workers share it, and have too little memory to load torch on their own.
    """
    if isinstance(model, Runtime):
        model.composer  # noqa: B018
        if pictures >= REPAID or model.mode != "auto":
            model.tune(progress=progress)
    return model


def measurements(model: Any) -> dict[str, Any]:
    """How a model is run, as JSON knows it: the mode, and of each network the way it runs and what all ways gave."""
    return model.measurements if isinstance(model, Runtime) else {"mode": "torch", "networks": {}}


def describe(said: Mapping[str, Any]) -> str:
    """What `measurements` gave in a line."""
    if not said["networks"]:
        return "plain torch" if said["mode"] == "torch" else "plain torch (no other way measured on this machine yet)"
    lines = []
    for name, network in said["networks"].items():
        rates = {way: found["rate"] for way, found in network["ways"].items() if found.get("rate")}
        here, plain = rates.get(network["runs"]), rates["torch"]
        faster = f", {here / plain:.1f}× plain torch" if here and network["runs"] != "torch" else ""
        lines.append(f"{name}: {network['runs']}{faster}")
    return "; ".join(lines)


class Runtime:
    """Embeds as `Composer` does, only faster. Until `tune` has been called on this machine it is plain torch."""

    def __init__(
        self, known_as: str, *, folder: Path | None = None, composer: Composer | None = None, mode: str = "auto"
    ) -> None:
        self.known_as, self.folder, self.mode = known_as, folder, check_mode(mode)
        self._composer = composer
        self._network: Network | None = None
        self._texts: Texts | None = None
        self._said: Mapping[str, Any] | None = None
        self._plain: Mapping[str, TorchPart] | None = None
        self._tried = False
        self._busy = RLock()
        if self.mode != "torch":
            self._take(cache.read(known_as))

    @property
    def composer(self) -> Composer:
        """The composer itself, loaded when it is asked for first."""
        with self._busy:
            if self._composer is None:
                from twinlens.models.composer import Composer

                assert self.folder is not None
                self._composer = Composer.load(self.folder)
            return self._composer

    @property
    def recipe(self) -> Recipe:
        """The recipe that the model was built from."""
        return self.composer.recipe

    @property
    def dim(self) -> int:
        """Width D of the vectors."""
        return self.composer.dim

    @property
    def channels(self) -> Sequence[Channel]:
        """How the vectors are compared; none: whole, by their cosine."""
        return self.composer.channels if self._said is None else [Channel.from_json(c) for c in self._said["channels"]]

    @property
    def own_similarity(self) -> Similarity | None:
        """How the vectors are compared where that is no inner product; needs the composer itself then."""
        known = self._said is not None and self._said["by_inner_product"]
        return None if known else self.composer.own_similarity

    @property
    def digest(self) -> str:
        """The digest of the composer's own weights, whatever the folder is called."""
        return self.composer.digest

    def save(self, folder: Path | str) -> None:
        """Write the model folder."""
        self.composer.save(folder)

    def prepare(self, sample: Sample) -> Arrays:
        """Everything on the CPU for one sample."""
        return self.composer.prepare(sample)

    def embed_prepared(self, prepared: Sequence[Arrays]) -> Vectors:
        """Unit vectors (B, D) of prepared samples as one batch."""
        self._ready()
        return self._network(prepared) if self._network else self.composer.embed_prepared(prepared)

    def embed(self, samples: Sequence[Sample]) -> Vectors:
        """Unit vectors (N, D) of samples; sentences alone need no torch where that is trusted."""
        self._ready()
        spoken = all(sample.image is None and sample.text.strip() for sample in samples)
        texts = self._sentences() if spoken else None
        parts = [samples[start : start + BATCH] for start in range(0, len(samples), BATCH)]
        vectors = [
            self.embed_prepared([texts.prepare(s.text) if texts else self.prepare(s) for s in part]) for part in parts
        ]
        return np.concatenate(vectors) if vectors else np.empty((0, self.dim), dtype=np.float32)

    def tune(self, *, progress: bool = False) -> None:
        """Find out how this model runs fastest here, unless that is known; takes some seconds, once per machine.

        progress: with a progress bar. Raises TwinlensError where `onnx` was asked for and is not installed.
        """
        with self._busy:
            if self.mode == "torch" or self._said is not None or self._tried:
                return
            if self.mode == "onnx" and not all(map(find_spec, ("onnxruntime", "onnxscript"))):
                raise TwinlensError("ONNX Runtime is not installed; install with: pip install 'twinlens[runtime]'")
            from twinlens.models.runtime.trial import examine

            self._tried = True
            self._take(cache.write(self.known_as, lambda folder: examine(self.composer, folder, progress=progress)))

    @property
    def measurements(self) -> dict[str, Any]:
        """How each part is run, and for each way what was measured or why it is not trusted; as JSON knows it."""
        if self._said is None:
            return {"mode": self.mode, "networks": {}}
        parts = {name: {**part, "runs": self._way(name)} for name, part in self._said["parts"].items()}
        networks = {self._said["encoders"][int(name)]: parts[name] for name in parts if not name.startswith("head")}
        heads = {name: part for name, part in parts.items() if name.startswith("head")}
        return {"mode": self.mode, "machine": self._said["machine"], "networks": networks, "heads": heads}

    def _ready(self) -> None:
        """A way that was asked for by its name is found out about, even for a single sample."""
        if self.mode not in ("auto", "torch"):
            self.tune()

    def _take(self, said: Mapping[str, Any] | None) -> None:
        """Run as a manifest says."""
        self._said = said
        if said is not None:
            self._network = Network(
                [Tower.from_json(tower) for tower in said["towers"]], self._part, trims=said["trims"]
            )
            cache.used(said)

    def _way(self, name: str) -> str:
        """How a part is run: as measured, or as the mode wants it where that is trusted."""
        assert self._said is not None
        part: Mapping[str, Any] = self._said["parts"][name]
        trusted = [way for way, found in part["ways"].items() if "why" not in found]
        if self.mode == "auto":
            return str(part["chosen"])
        return next((way for way in (self.mode, "onnx" if self.mode == "onnx" else "torch") if way in trusted), "torch")

    def _part(self, name: str) -> NetworkPart:
        assert self._said is not None
        way = self._way(name)
        if way == "onnx":
            if (file := cache.file(self._said, f"{name}.onnx")) is not None:
                return Onnx(file)
            cache.forget(self._said)  # damaged: `tune` makes it again
        from twinlens.models.runtime.export import as_way, torch_parts

        if self._plain is None:
            self._plain = torch_parts(self.composer)
        return as_way(self._plain[name], way)

    def _sentences(self) -> Texts | None:
        """What makes sentences ready without torch, if the model allows it."""
        if self._texts is None and self._said is not None and self._said["texts"]:
            names = [ABSENT, *(f"words-{n}.json" for n in self._said["texts"])]
            files = {name: file for name in names if (file := cache.file(self._said, name))}
            if len(files) == len(names):
                self._texts = Texts.read(self._said["texts"], files)
        return self._texts

    def __getstate__(self) -> dict[str, Any]:
        """For workers on systems that cannot fork: they prepare samples, and need neither sessions nor locks."""
        left = dict.fromkeys(("_network", "_texts", "_said", "_plain", "_busy"))
        return {**self.__dict__, **left, "mode": "torch"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._busy = RLock()
