"""What travels to a worker of a Ray cluster: the model, and the work that is done there."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from twinlens.collection.ingest.decoding import Job
from twinlens.collection.ingest.executors.local import LocalExecutor
from twinlens.collection.ingest.options import Options
from twinlens.core.types import Embedder, TwinlensError
from twinlens.models import runtime, serving


@dataclass(frozen=True)
class Shipment:
    """A model on its way to workers. folder: where it lies, as `digest`; files: its content, for machines without it.

    model: the model itself where it lies nowhere.
    """

    folder: Path | None
    digest: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)
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


class Worker:
    """A worker of the cluster: does with a batch what `LocalExecutor` does, in one decoding process with its limits."""

    def __init__(self, shipment: Sequence[Any], options: Options) -> None:
        import ray

        self.model: Embedder = ray.get(shipment[0]).unpack()
        self.options = replace(options, workers=1 if options.workers is None else min(1, options.workers))

    def __call__(self, row: Mapping[str, Any]) -> dict[str, bytes]:
        """Embed the jobs of a row."""
        jobs: Sequence[Job] = pickle.loads(row["jobs"])  # noqa: S301 - Ray brings it from the process that indexes
        batches = LocalExecutor(lambda: self.model, self.options, len(jobs)).embed(iter(jobs))
        return {"results": pickle.dumps([embedded for batch in batches for embedded in batch])}
