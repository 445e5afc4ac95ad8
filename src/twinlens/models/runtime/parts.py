"""Parts of a composer: a tower per encoder, and a head that joins the towers' features into unit vectors.

A part maps named arrays to named arrays, so that ONNX Runtime and torch are interchangeable here. A tower is skipped
when its side is missing in every sample of a batch: a sentence alone needs no network for pictures.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from twinlens.core import variants
from twinlens.core.machine import import_onnxruntime
from twinlens.core.types import Arrays, Sample, TwinlensError, guesses

if TYPE_CHECKING:
    from twinlens.preparation import Preparation

Vectors: TypeAlias = NDArray[np.float32]
NetworkPart: TypeAlias = "Callable[[Arrays], Arrays]"
VECTORS = "vectors"
"""Name of a head's first output."""
GATE = "gate"
"""Name of its second output, the gate over a picture's map (B, H, W), where the fusion has one."""


@dataclass(frozen=True)
class Tower:
    """Network of encoder number `encoder`: the sides it reads, its input arrays and its output features.

    inputs: keys of a composer's batch ("0.pixels"). outputs: number, side and field of the features ("0.image.vector").
    """

    name: str
    encoder: int
    reads: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Tower:
        """Build a tower from its entry in a manifest."""
        return cls(entry["name"], entry["encoder"], *(tuple(entry[key]) for key in ("reads", "inputs", "outputs")))

    def idle(self, arrays: Arrays) -> bool:
        """Return True if its only side is missing in every sample of stacked arrays: marked so, or not prepared."""
        present = arrays.get(f"{self.encoder}.{self.reads[0]}_present")
        if present is None:
            return not any(name in arrays for name in self.inputs)
        return len(self.reads) == 1 and not present.any()


def head_name(towers: Iterable[Tower]) -> str:
    """Return the name of the head that joins these towers."""
    return "head-" + "-".join(tower.name for tower in towers)


class Network:
    """All parts of a composer as one network; `part` makes a part by its name at its first use.

    trims: cut padded texts to the longest of a batch, which must not change the vectors (with SigLIP it does).
    """

    def __init__(self, towers: Sequence[Tower], part: Callable[[str], NetworkPart], *, trims: bool) -> None:
        self.towers, self._make, self.trims = tuple(towers), part, trims
        self._parts: dict[str, NetworkPart] = {}
        self._making: defaultdict[str, Lock] = defaultdict(Lock)  # several parts may load at a time

    def __call__(self, prepared: Sequence[Arrays]) -> Vectors:
        """Return the unit vectors (B, D) of prepared samples."""
        return np.asarray(self._outputs(prepared)[VECTORS], dtype=np.float32)

    def gate_map(self, prepared: Arrays) -> Vectors | None:
        """Return the gate (H, W) over the picture of a prepared sample; None where the head has no such output."""
        gate = self._outputs([prepared]).get(GATE)
        return None if gate is None else np.asarray(gate[0], dtype=np.float32)

    def _outputs(self, prepared: Sequence[Arrays]) -> Arrays:
        """Return the outputs of the head for prepared samples."""
        arrays = stacked(prepared, trims=self.trims)
        running = [tower for tower in self.towers if not tower.idle(arrays)] or list(self.towers)
        features: dict[str, NDArray[np.generic]] = {}
        for tower in running:
            features |= self._part(tower.name)({key: arrays[key] for key in tower.inputs})
        return self._part(head_name(running))(features)

    def preload(self, encoders: Collection[int] | None) -> Thread | None:
        """Begin to load the networks of some encoders, None for all, in a thread; None where all are loaded.

        One after another: memory is what they wait for, and two at once take longer. What needs one waits for it.
        """
        towers = [tower.name for tower in self.towers if encoders is None or tower.encoder in encoders]
        wanted = [name for name in towers if name not in self._parts]
        if not wanted:
            return None
        # No daemon: an interpreter that ends meanwhile would take ONNX Runtime away from under the thread.
        thread = Thread(target=self._load, args=(wanted,), name="networks")
        thread.start()
        return thread

    @contextmanager
    def loading(self, encoders: Collection[int] | None) -> Iterator[None]:
        """Load the networks of some encoders, None for all, while the body runs."""
        thread = self.preload(encoders)
        try:
            yield
        finally:
            if thread is not None:
                thread.join()

    def _load(self, names: Sequence[str]) -> None:
        with suppress(Exception):  # whoever needs a part meets the fault again, and tells
            for name in names:
                self._part(name)

    def _part(self, name: str) -> NetworkPart:
        with self._making[name]:
            if name not in self._parts:
                self._parts[name] = self._make(name)
            return self._parts[name]


class Onnx:
    """A part run by ONNX Runtime.

    kinds, rows: of its inputs by their name: the kind of number, as ONNX Runtime calls it, and the first dimension, a
    number where it is fixed. outputs: their names. once: few samples will be run; weights that are not laid out anew
    for the processor load in three quarters of the time, and each run takes somewhat longer.
    """

    def __init__(self, file: Path, *, once: bool = False) -> None:
        onnxruntime = import_onnxruntime()
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        # Threads that wait by spinning would take cores from the processes that decode the next pictures.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.disable_prepacking", str(int(once)))
        self._session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        inputs = self._session.get_inputs()
        self.kinds = {given.name: str(given.type) for given in inputs}
        self.rows = {given.name: given.shape[0] if given.shape else None for given in inputs}
        self._inputs = list(self.kinds)
        self.outputs = [given.name for given in self._session.get_outputs()]

    def __call__(self, arrays: Arrays) -> Arrays:
        """Return named outputs (B, …) of named inputs (B, …)."""
        outputs = self._session.run(self.outputs, {name: arrays[name] for name in self._inputs})
        return dict(zip(self.outputs, outputs, strict=True))


class Preparations:
    """Preparations of samples for each encoder, by its number; keys are those of `Composer.prepare`.

    made: the preparations of each encoder. Restored ones are read at their first use: a tokenizer takes a while.
    """

    def __init__(self, made: Sequence[Sequence[Preparation]]) -> None:
        self._made = dict(enumerate(made))
        self._entries = [[{"name": one.name, **one.settings()} for one in of] for of in made]
        self._folder = Path()

    @classmethod
    def restore(cls, entries: Iterable[Iterable[Mapping[str, Any]]], folder: Path) -> Self:
        """Restore what `to_json` and `save` gave. Raises TwinlensError, at the first use, for a wrong one."""
        restored = cls([])
        restored._entries, restored._folder = [[dict(entry) for entry in of] for of in entries], folder
        return restored

    def prepare(self, sample: Sample, numbers: Collection[int] | None = None) -> Arrays:
        """Prepare a sample for all encoders, or for those of some numbers; each key starts with the number."""
        chosen = range(len(self._entries)) if numbers is None else numbers
        parts = ((n, one.prepare(sample)) for n in chosen for one in self.of(n))
        return {f"{n}.{key}": array for n, arrays in parts for key, array in arrays.items()}

    def cuts(self, text: str) -> bool:
        """Return True if an encoder reads a text but not its end."""
        return any(one.cuts(text) for n in range(len(self._entries)) for one in self.of(n))

    def guesses(self, text: str) -> bool:
        """Return True if an encoder guesses the meaning of a text that it does not read."""
        return any(guesses(one, text) for n in range(len(self._entries)) for one in self.of(n))

    def to_json(self) -> list[list[dict[str, Any]]]:
        """Return name and settings of each encoder's preparations."""
        return self._entries

    def save(self, folder: Path) -> None:
        """Write the files of each into the folder of its encoder, that of a saved composer too."""
        for n in range(len(self._entries)):
            (folder / f"encoder-{n}").mkdir(parents=True, exist_ok=True)
            for one in self.of(n):
                one.save(folder / f"encoder-{n}")

    def of(self, number: int) -> Sequence[Preparation]:
        """Return the preparations of an encoder."""
        if number not in self._made:
            self._made[number] = [
                _restored(entry, self._folder / f"encoder-{number}") for entry in self._entries[number]
            ]
        return self._made[number]


def _restored(entry: Mapping[str, Any], folder: Path) -> Preparation:
    settings = dict(entry)
    kind = variants.variant_class("preparation", str(settings.pop("name", "")))
    try:
        preparation: Preparation = kind.restore(folder, **settings)
    except (TypeError, ValueError) as error:
        raise TwinlensError(f"{folder}: the settings of the preparation {kind.name} are damaged: {error}") from error
    return preparation


def stacked(prepared: Sequence[Arrays], *, trims: bool) -> Arrays:
    """Stack prepared samples into one batch (B, …); `trims`: cut padding beyond the longest text.

    Arrays of texts (B, L) are named "…words" and "…words_mask".
    """
    arrays = {key: np.stack([one[key] for one in prepared]) for key in prepared[0]}
    for name in [name for name in arrays if trims and name.endswith("words_mask")]:
        longest = max(1, int(arrays[name].sum(axis=1).max(initial=0)))
        for part in (name, name.removesuffix("_mask")):
            arrays[part] = np.ascontiguousarray(arrays[part][:, :longest])
    return arrays
