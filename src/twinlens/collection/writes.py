"""The writing half of a collection: each method locks it, writes through a connection of its own, and commits."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from twinlens.collection.engines import Engine
from twinlens.collection.model import Load, Model, check_model
from twinlens.collection.overview import Overview
from twinlens.collection.search.search import Session
from twinlens.collection.store import Generation, Store, Vectors
from twinlens.collection.writer import forget, refresh_matrix, remove, replace_model, writer
from twinlens.core.arguments import as_folder
from twinlens.core.types import GivenPicture, Hit, TwinlensError
from twinlens.models.runtime import accelerated, load

if TYPE_CHECKING:
    from twinlens.collection.adding import Given
    from twinlens.collection.ingest import Options, Report
    from twinlens.collection.repairing import Repair

FOLDER = "the folder of a collection"
RECALL = 0.99
"""Share of the nearest entries that an approximate index is to find, if nothing else is asked."""


class Writes(Overview):
    """The methods of `Collection` that change it, and the further state that they share with the others."""

    _allow_plugins: Sequence[str]
    _engine: Callable[[], Engine]
    _model: tuple[str, Model] | None
    _session: Session
    _busy: RLock

    @abstractmethod
    def _engine_of_setting(self) -> Engine:
        """Make the engine of the index that the collection is set to."""

    def set_index(self, kind: str, *, recall: float = RECALL) -> None:
        """Set how the collection is searched: "exact", "cluster_svm", "ivf", "hnsw" or "auto", or by a plug-in.

        The setting is kept in the folder. kind: as `core.plugins.use` returns it for a plug-in, a `ShortlistIndex`.
        recall: the share of the best entries that an approximate index is to find. Raises TwinlensError for others.
        """
        from twinlens.collection.index_setting import IndexSetting  # whoever searches needs none of it
        from twinlens.core import plugins

        setting = IndexSetting(kind, recall)
        setting.check_kind()
        self._allow_plugins = (*self._allow_plugins, plugins.origin("indexes", kind))  # the call names it
        with writer(self.folder):
            setting.write(self.folder)
        self._engine = self._engine_of_setting
        with self._busy:
            self._session = Session(self._store, self._engine())

    def build_index(self, *, progress: bool = False) -> dict[str, Any]:
        """Build the index that the collection is set to, where it is missing or outdated; return its description.

        Answers are exact until then; `warm_up` builds it in a thread. Raises TwinlensError where what it needs is not
        installed.
        """
        from twinlens.collection.engines.approximate import ApproximateEngine
        from twinlens.collection.index_setting import describe
        from twinlens.core.plugin_names import short
        from twinlens.core.progress import bar

        with self._busy:
            engine = self._session.engine
            state = engine.sync(self._store)
            if isinstance(engine, ApproximateEngine) and engine.is_wanted:
                with bar(f"index {short(engine.kind)}", 1, unit="index", progress=progress) as advance:
                    engine.build()
                    advance()
                engine.sync(self._store)
            return describe(self.folder, state, engine.count())

    def add(
        self,
        what: Given,
        *,
        captions: Path | str | Sequence[Path | str] = (),
        exclude: Sequence[str] = (),
        options: Options | None = None,
    ) -> Report:
        """Bring the collection up to date with folders (all pictures below them) and single files, or with items.

        Of folders what is new or changed is embedded, what moved keeps its vector, what is gone leaves. An `Item`, or a
        mapping of its fields, takes the place of the one with its id. captions: tables with paths and texts. exclude:
        patterns as in gitignore of what is left out. Can be interrupted at any time, and goes on when called again.
        Raises TwinlensError: no such folder, no picture in it, another process is writing, the disk is full.
        """
        from twinlens.collection.adding import found_in, ingest_all  # whoever searches needs none of it

        found = found_in(what, captions, exclude)
        with writer(self.folder) as store:
            report = ingest_all(store, self.generation, lambda: self.model, found, options)
            refresh_matrix(store)
        return report

    def update(
        self,
        item: str | Hit,
        *,
        image: GivenPicture | None = None,
        caption: str | Sequence[str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        options: Options | None = None,
    ) -> None:
        """Change an item, by its id or a hit; what is left out stays as it is, and only what is new is embedded.

        metadata: all of them; {} removes them, as "" does a caption. Raises TwinlensError for an unknown id, for a file
        of the user's folders, and for a picture that cannot be read; the item stays as it was.
        """
        from twinlens.collection.adding import update
        from twinlens.collection.editing import updated

        with writer(self.folder) as store:
            changed = updated(store, item, caption, metadata, image)
            update(store, self.generation, lambda: self.model, changed, options)
            refresh_matrix(store)

    def remove(self, *items: str | Hit) -> int:
        """Remove items and pictures by their ids, or by hits; return how many. Files of the user are not touched.

        Raises TwinlensError, and removes nothing, where an id is unknown.
        """
        from twinlens.collection.editing import entries_of  # whoever searches needs none of it

        with writer(self.folder) as store:
            count = remove(store, {entry.path for entry in entries_of(store, items)})
            refresh_matrix(store)
        return count

    def change_model(self, composer: Model, *, options: Options | None = None) -> Report:
        """Embed everything with another model beside the vectors that serve, then switch to it in one transaction.

        Until then, and if it is interrupted, the old model serves; called again, it goes on. Pictures that cannot be
        read now keep their rows, but are found only once their folder is indexed again. Raises TwinlensError as `add`.
        """
        from twinlens.collection.changing import change_model
        from twinlens.collection.ingest import Options

        fast = accelerated(check_model("change_model", composer))
        with writer(self.folder) as store:
            report, new = change_model(store, self.generation, fast, Options.of(options))
            if new is not None:
                self._model = new.digest, fast
                refresh_matrix(store)
        return report

    def repair(self, *, composer: Model | None = None, options: Options | None = None) -> Repair:
        """Repair the collection: salvage the database, embed damaged or missing vectors again, rebuild the matrix.

        composer: the collection's own model, to be put back where its folder is lost or damaged. Nobody else should
        use the collection during a repair. Raises TwinlensError for another model, and when the database cannot be
        read at all.
        """
        with self._busy:
            self._store.close()
            try:
                return self.mend(self.folder, load=self._load, composer=composer, options=options)
            finally:
                self._store, self._model = Store.open(self.folder), None
                self._session.engine.close()
                self._session = Session(self._store, self._engine())

    @staticmethod
    def mend(
        folder: Path | str, *, load: Load = load, composer: Model | None = None, options: Options | None = None
    ) -> Repair:
        """Repair a collection that need not open any more; see `repair`."""
        from twinlens.collection.ingest import Options
        from twinlens.collection.repairing import repair

        model = None if composer is None else check_model("repair", composer)
        return repair(as_folder(FOLDER, folder), load, model, Options.of(options))

    def forget(self, *what: Path | str) -> int:
        """Remove the entries of pictures, of all below folders, or of ids; return how many. No picture is touched.

        Raises TwinlensError, and removes nothing, for what the collection does not have.
        """
        with writer(self.folder) as store:
            count = forget(store, what)
            refresh_matrix(store)
        return count

    def replace_model(self, was: Generation, model: Model, convert: Callable[[Vectors], Vectors]) -> None:
        """Switch, in one transaction, to a model whose vectors (M, D') `convert` computes from the present ones (M, D).

        For a model with the same encoders as the one that `was` there and another fusion: no picture is read. Raises
        TwinlensError as `add`, and where yet another model serves by now.
        """
        with writer(self.folder) as store:
            if self.generation != was:
                raise TwinlensError(
                    f"the model of the collection {self.folder} was changed by another process; try again"
                )
            new = replace_model(store, was, model, convert)
            # One in a folder is read again from the collection's own, since that folder may go.
            self._model = None if getattr(model, "folder", None) else (new.digest, accelerated(model))
            refresh_matrix(store)
