"""The change to another model: everything is embedded beside the vectors that serve, then it serves at once."""

from __future__ import annotations

from twinlens.collection.ingest import Options, Report, reembed
from twinlens.collection.model import Model
from twinlens.collection.store import Generation, Store
from twinlens.collection.writer import adopt
from twinlens.core.types import TwinlensError
from twinlens.models.runtime import tuned


def change_model(store: Store, serving: Generation, model: Model, options: Options) -> tuple[Report, Generation | None]:
    """Embed everything with a model and let it serve; return its generation too, None where it does not serve now.

    Raises TwinlensError, and the old model stays, where none of the pictures can be read.
    """
    new = adopt(store, model)
    if new == serving:
        return Report(), None
    count = store.counts(serving.number)[0]
    report = reembed(store, new, lambda: tuned(model, count, progress=options.progress), options)
    if report.stopped:
        return report, None
    if count and not store.counts(new.number)[0]:
        raise TwinlensError("none of the pictures could be read for the new model; the old one stays")
    with store.change():
        store.switch(new)
    store.commit()
    return report, new
