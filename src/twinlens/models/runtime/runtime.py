"""Runtime: a composer run the way that `trial` measured to be fastest on this machine."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from twinlens.calibration import Channel
from twinlens.core import suggestions
from twinlens.core.types import Arrays, Sample, Similarity, TwinlensError
from twinlens.models.runtime import cache, fingerprint
from twinlens.models.runtime.parts import Network, NetworkPart, Onnx, Preparations, Tower, Vectors

if TYPE_CHECKING:
    from twinlens.core.recipe import Recipe
    from twinlens.models.composer import Composer
    from twinlens.models.runtime.export import TorchPart

MODES = ("auto", "torch", "onnx", "bf16")
"""As measured; plain torch in float32; ONNX Runtime, or bfloat16, for every part where it is trusted."""
BATCH = 64
REPAID = 256
"""Number of pictures below which no trial can be worth its time, and not even the rate of plain torch is measured."""
SHARE = 0.1
"""The most that a trial may cost, as a share of the time that plain torch takes for the pictures at hand."""
OTHER_WEIGHTS = "the model in the collection is not the one that made its vectors"
T = TypeVar("T")


def check_mode(mode: str) -> str:
    """Return the mode if it is one. Raises TwinlensError naming the known ones."""
    if mode not in MODES:
        raise TwinlensError(suggestions.unknown("runtime", mode, list(MODES)))
    return mode


def load(folder: Path, *, mode: str = "auto", allow_plugins: Sequence[str] = (), once: bool = False) -> Any:
    """Open the model of a collection lazily; its folder is named by the model's digest; once: as of `Onnx`.

    An export runs by ONNX Runtime alone, a composer as was measured to be best. allow_plugins: as of `Composer.load`.
    Raises TwinlensError for an unknown mode; once it is used, for another digest, and a plug-in that is not allowed.
    """
    if (folder / fingerprint.EXPORT).is_file() and check_mode(mode) in ("auto", "onnx"):
        from twinlens.models.exported import ExportedModel

        exported = ExportedModel.load(folder, allow_plugins=allow_plugins, once=once)
        if exported.digest != folder.name:
            raise TwinlensError(f"{OTHER_WEIGHTS} ({folder}); put that back: twinlens repair --model DIR")
        return exported
    return Runtime(folder=folder, digest=folder.name, mode=mode, allow_plugins=allow_plugins, once=once)


def accelerated(model: Any, *, mode: str = "auto") -> Any:
    """Wrap a composer in a `Runtime`; return any other model as it is."""
    composer = sys.modules.get("twinlens.models.composer")  # without this module, and torch, there is no composer
    return Runtime(composer=model, mode=mode) if composer and isinstance(model, composer.Composer) else model


def tuned(model: T, pictures: int, *, progress: bool = False) -> T:
    """Tune the model if it is a `Runtime` and a trial costs at most `SHARE` of embedding the pictures; return it.

    A cached measurement costs nothing; a mode other than "auto" is tried for any number. The composer is loaded
    here, before workers fork: they share it, and have too little memory to load torch on their own.
    """
    if isinstance(model, Runtime):
        model.composer  # noqa: B018
        if model.mode != "auto" or (pictures >= REPAID and model.repays(pictures)):
            model.tune(progress=progress)
    return model


class Runtime:
    """A faster `Composer` with the same vectors; plain torch until `tune` has run on this machine.

    digest: the one that the weights in the folder must have. once: as of `Onnx`.
    """

    def __init__(
        self,
        *,
        folder: Path | None = None,
        composer: Composer | None = None,
        digest: str | None = None,
        mode: str = "auto",
        allow_plugins: Sequence[str] = (),
        once: bool = False,
    ) -> None:
        self.folder, self.mode, self._allow_plugins, self.once = folder, check_mode(mode), allow_plugins, once
        self._composer, self._expected = composer, digest
        self._fingerprint = None if folder is None else fingerprint.of_folder(folder)
        self._network: Network | None = None
        self._preparations: Preparations | None = None
        self._manifest: Mapping[str, Any] | None = None
        self._plain: Mapping[str, TorchPart] | None = None
        self._tuned, self._lock = False, RLock()
        if self.mode != "torch" and self._is_genuine():
            self._take(cache.read(self.cache_key))

    @property
    def composer(self) -> Composer:
        """Return the composer, loaded at its first use."""
        with self._lock:
            if self._composer is None:
                from twinlens.models.composer import Composer

                assert self.folder is not None
                composer = Composer.load(self.folder, allow_plugins=self._allow_plugins)
                digest = composer.digest
                if self._fingerprint is not None and self._fingerprint.digest != digest:
                    self._fingerprint = None  # of the files' bytes, which are other weights than were loaded
                if self._expected not in (None, digest):
                    raise TwinlensError(f"{OTHER_WEIGHTS} ({self.folder}); put that back: twinlens repair --model DIR")
                self._composer = composer
            return self._composer

    @property
    def cache_key(self) -> str:
        """Return the name of this model in the cache, computed from its content."""
        if self._fingerprint is None:
            self._fingerprint = fingerprint.of_composer(self.composer)
        return self._fingerprint.whole

    def _is_genuine(self) -> bool:
        """Return True if the cache may be asked about this model before it is loaded."""
        if self._composer is not None:
            return True
        return self._fingerprint is not None and self._expected in (None, self._fingerprint.digest)

    @property
    def recipe(self) -> Recipe:
        """Return the recipe that the model was built from."""
        return self.composer.recipe

    @cached_property
    def rerank(self) -> str | None:
        """Return the stage of reranking that the recipe names; the networks are not loaded for it."""
        if self._composer is not None or self.folder is None:
            return self.composer.rerank
        return fingerprint.named_stage(self.folder, self._allow_plugins)

    @property
    def dim(self) -> int:
        """Return the width D of the vectors."""
        return self.composer.dim

    @property
    def channels(self) -> Sequence[Channel]:
        """Return the channels that are compared separately; empty when whole vectors are compared by cosine."""
        return (
            self.composer.channels
            if self._manifest is None
            else [Channel.from_json(c) for c in self._manifest["channels"]]
        )

    @property
    def own_similarity(self) -> Similarity | None:
        """Return the fusion's own similarity, which loads the composer, or None if an inner product gives the same."""
        by_inner_product = self._manifest is not None and self._manifest["by_inner_product"]
        return None if by_inner_product else self.composer.own_similarity

    @property
    def digest(self) -> str:
        """Return the digest of the composer's weights, whatever the folder's name."""
        return self.composer.digest

    def save(self, folder: Path | str) -> None:
        """Write the model folder."""
        self.composer.save(folder)

    def prepare(self, sample: Sample) -> Arrays:
        """Prepare one sample on the CPU, without torch where that is known to give the same."""
        return self._preparer(pictures=sample.image is not None).prepare(sample)

    def cuts(self, text: str) -> bool:
        """Return True if the model reads a text but not its end."""
        return self._preparer(pictures=False).cuts(text)

    def guesses(self, text: str) -> bool:
        """Return True if the model guesses the meaning of a text that it does not read."""
        return self._preparer(pictures=False).guesses(text)

    def embed_prepared(self, prepared: Sequence[Arrays]) -> Vectors:
        """Embed prepared samples as one batch of unit vectors (B, D)."""
        self._ready()
        return self._network(prepared) if self._network else self.composer.embed_prepared(prepared)

    def embed(self, samples: Sequence[Sample]) -> Vectors:
        """Embed samples as unit vectors (N, D), without torch where ONNX Runtime is trusted."""
        self._ready()
        parts = [samples[start : start + BATCH] for start in range(0, len(samples), BATCH)]
        vectors = [self.embed_prepared([self.prepare(sample) for sample in part]) for part in parts]
        return np.concatenate(vectors) if vectors else np.empty((0, self.dim), dtype=np.float32)

    def gate_map(self, sample: Sample) -> Vectors | None:
        """Return how far the gate is open over a sample's picture (H, W), 0 to 1; None without one."""
        if self.channels:  # sides that are kept apart pass no gate: no need to load torch
            return None
        gate = None if self._network is None else self._network.gate_map(self.prepare(sample))
        return self.composer.gate_map(sample) if gate is None else gate

    def repays(self, pictures: int) -> bool:
        """Return True if a trial costs at most `SHARE` of what plain torch takes for so many pictures, or is cached."""
        if self._manifest is not None or self._tuned:
            return True
        from twinlens.models.runtime.trial import costs

        seconds, rate = costs(self.composer)
        return seconds <= SHARE * pictures / rate

    def tune(self, *, progress: bool = False) -> None:
        """Measure the fastest way to run this model here, unless that is cached; takes seconds, once per machine.

        progress: show a progress bar. Raises TwinlensError in mode "onnx" if ONNX Runtime is not installed.
        """
        with self._lock:
            if self.mode == "torch" or self._manifest is not None or self._tuned:
                return
            if self.mode == "onnx" and find_spec("onnxscript") is None:
                raise TwinlensError("torch cannot export networks here; install with: pip install 'twinlens[export]'")
            from twinlens.models.runtime.trial import examine

            composer = self.composer  # first: it may not be what its folder's name says
            self._tuned = True
            self._take(cache.write(self.cache_key, lambda folder: examine(composer, folder, progress=progress)))

    @property
    def measurements(self) -> dict[str, Any]:
        """Return as JSON how each part is run, with each way's figures or the reason not to trust it."""
        if self._manifest is None:
            return {"mode": self.mode, "networks": {}}
        parts = {name: {**part, "runs": self._way(name)} for name, part in self._manifest["parts"].items()}
        networks = {self._manifest["encoders"][int(name)]: parts[name] for name in parts if not name.startswith("head")}
        heads = {name: part for name, part in parts.items() if name.startswith("head")}
        return {"mode": self.mode, "machine": self._manifest["machine"], "networks": networks, "heads": heads}

    def _ready(self) -> None:
        """Tune for a mode that was chosen by name, even for a single sample."""
        if self.mode not in ("auto", "torch"):
            self.tune()

    def _take(self, manifest: Mapping[str, Any] | None) -> None:
        """Run the parts according to a manifest."""
        self._manifest = manifest
        if manifest is not None:
            self._network = Network(
                [Tower.from_json(tower) for tower in manifest["towers"]], self._part, trims=manifest["trims"]
            )
            cache.used(manifest)

    def _way(self, name: str) -> str:
        """Return the way to run a part: the measured one, or the mode's own where it is trusted."""
        assert self._manifest is not None
        part: Mapping[str, Any] = self._manifest["parts"][name]
        trusted = [way for way, figures in part["ways"].items() if "why" not in figures]
        if self.mode == "auto":
            return str(part["chosen"])
        return next((way for way in (self.mode, "onnx" if self.mode == "onnx" else "torch") if way in trusted), "torch")

    def _part(self, name: str) -> NetworkPart:
        assert self._manifest is not None
        way = self._way(name)
        if way == "onnx":
            if (file := cache.file(self._manifest, f"{name}.onnx")) is not None:
                return Onnx(file, once=self.once)
            cache.forget(self._manifest)  # damaged: `tune` makes it again
        from twinlens.models.runtime.export import as_way, torch_parts

        if self._plain is None:
            self._plain = torch_parts(self.composer)
        return as_way(self._plain[name], way)

    def _preparer(self, *, pictures: bool) -> Preparations | Composer:
        """Return what prepares samples: without torch if the cache has it, which not for all models means pictures."""
        manifest = self._manifest
        if self._composer is not None or manifest is None or (pictures and not manifest["prepares_pictures"]):
            return self.composer
        if self._preparations is None and manifest["preparations"] is not None:
            names = [name for name in manifest["files"] if "/" in name]
            if all(cache.file(manifest, name) is not None for name in names):
                folder = cache.home() / str(manifest["digest"])
                self._preparations = Preparations.restore(manifest["preparations"], folder)
        return self._preparations or self.composer

    def __getstate__(self) -> dict[str, Any]:
        """Drop sessions and locks for spawned workers, which only prepare samples."""
        dropped = dict.fromkeys(("_network", "_preparations", "_manifest", "_plain", "_lock"))
        return {**self.__dict__, **dropped, "mode": "torch"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = RLock()
