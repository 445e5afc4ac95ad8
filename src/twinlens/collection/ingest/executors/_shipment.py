"""Model and work on their way to a worker of a Ray cluster."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from twinlens.collection.ingest.decoding import Decoder, Job
from twinlens.collection.ingest.executors._batch import embed_batch
from twinlens.collection.ingest.options import Options
from twinlens.core.plugins import Carried
from twinlens.core.types import Embedder, TwinlensError
from twinlens.models import runtime, serving

COLUMN = "batch"
"""Name of the only column of datasets."""


@dataclass(frozen=True)
class Shipment:
    """A model on its way to workers. folder: where it lies, as `digest`; files: its content, for machines without it.

    plugins: those that `--allow-plugin` allows here run there. model: the model itself where it lies nowhere.
    """

    folder: Path | None
    digest: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)
    plugins: Carried = field(default_factory=Carried, compare=False)
    model: Embedder | None = None

    @classmethod
    def of(cls, model: Embedder, *, abroad: bool) -> Shipment:
        """Pack a model; abroad: for machines that may lack its folder."""
        folder = getattr(model, "folder", None)
        if folder is None:
            return cls(None, model=model)
        paths = [path for path in sorted(Path(folder).rglob("*")) if path.is_file()] if abroad else []
        files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
        return cls(Path(folder), str(getattr(model, "digest", "")), files)

    def unpack(self) -> Embedder:
        """Load the model on a worker. Raises TwinlensError where it is damaged."""
        if self.model is not None:
            return self.model
        if self.folder is not None:
            with suppress(TwinlensError, OSError):
                found = _loaded(self.folder)
                if getattr(found, "digest", None) == self.digest:
                    return found
        folder = Path(tempfile.mkdtemp(prefix="twinlens-")) / self.digest  # the runtime expects a folder of this name
        for name, content in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        return _loaded(folder)


def _loaded(folder: Path) -> Embedder:
    """Load a model as a collection's own is, or from a folder of another name."""
    with suppress(TwinlensError):
        return cast("Embedder", runtime.load(folder))
    return cast("Embedder", runtime.accelerated(serving.load(folder)))


@dataclass(frozen=True)
class Batch:
    """Jobs on their way to a worker, or their results on the way back: a column's value that Ray takes as it is."""

    parts: Sequence[Any]


class Worker:
    """A worker of the cluster: decodes in one process with limits, which lives as long as it does, and embeds."""

    def __init__(self, shipment: Sequence[Any], options: Options) -> None:
        import ray

        self.model: Embedder = ray.get(shipment[0]).unpack()
        workers = 1 if options.workers is None else min(1, options.workers)
        # Never left: Ray ends the process of a worker, and a decoder ends with it.
        self.decoder = Decoder(self.model, workers=workers, limits=options.limits).__enter__()

    def __call__(self, row: Mapping[str, Batch]) -> dict[str, Batch]:
        """Embed the jobs of a row in one pass."""
        jobs: Sequence[Job] = row[COLUMN].parts
        return {COLUMN: Batch(embed_batch(self.model, list(self.decoder.map(jobs))))}
