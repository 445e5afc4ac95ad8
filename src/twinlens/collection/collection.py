"""The facade of a collection: store, model and search behind one class."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from twinlens.collection.engines import Engine
from twinlens.collection.engines.local import LocalEngine
from twinlens.collection.model import Load, Model, chosen
from twinlens.collection.search.records import Hits
from twinlens.collection.search.request import Pictures, SearchRequest, Texts
from twinlens.collection.search.search import Session, search_many
from twinlens.collection.store import DATABASE, PICTURES, Generation, Store
from twinlens.collection.store.layout import INDEX_SETTING
from twinlens.collection.writer import create, follow_moved
from twinlens.collection.writes import FOLDER, Writes
from twinlens.core import system
from twinlens.core.arguments import as_folder, as_kind, as_names
from twinlens.core.types import Hit, TwinlensError
from twinlens.models.runtime import accelerated, load

if TYPE_CHECKING:
    from twinlens.collection.search.many import Query
    from twinlens.core.explanation import Explanation


class Collection(Writes):
    """A searchable folder of pictures: rows and vectors, a copy of the model, and caches.

    Several threads may use it. While one process writes, others read, and each search sees what is committed by then.
    """

    def __init__(
        self,
        folder: Path,
        store: Store,
        load: Load,
        engine: Callable[[], Engine] | None = None,
        allow_plugins: Sequence[str] = (),
    ) -> None:
        self.folder, self._load, self._allow_plugins = folder, load, allow_plugins
        if allow_plugins:  # a `load` of the caller's own may know no such argument
            self._allow_plugins = as_names(allow_plugins)
            self._load = partial(load, allow_plugins=self._allow_plugins)  # type: ignore[call-arg]
        self._store, self._engine = store, engine or self._engine_of_setting
        self._model: tuple[str, Model] | None = None
        self._session = Session(store, self._engine())
        self._busy = RLock()

    @classmethod
    def create(
        cls,
        folder: Path | str,
        composer: Model | Path | str | None = None,
        *,
        recipe: str | None = None,
        load: Load = load,
        allow_plugins: Sequence[str] = (),
    ) -> Self:
        """Create an empty collection for the vectors of a model, a copy of which is kept in its folder.

        composer: a model, or the folder of one. recipe: the name of one that needs no training; "auto" where neither is
        given. load: how a model folder is read again. allow_plugins: as of `open`.
        Raises TwinlensError when there is a collection already.
        """
        path = as_folder(FOLDER, folder)
        model = chosen(composer, recipe, allow_plugins)
        store, generation = create(path, model)
        collection = cls(path, store, load, allow_plugins=allow_plugins)
        collection._model = generation.digest, accelerated(model)
        return collection

    @classmethod
    def open(
        cls,
        folder: Path | str,
        *,
        load: Load = load,
        engine: Callable[[], Engine] | None = None,
        allow_plugins: Sequence[str] = (),
    ) -> Self:
        """Open a collection; its model is loaded once needed. Raises TwinlensError when there is none.

        load: how a model folder is read. engine: makes what holds the vectors and answers (see `engines`); by default
        the one of the index that the collection is set to (see `set_index`). allow_plugins: names of plug-ins that its
        model and its index may run; `load` is called with them if there are any.
        """
        if engine is not None and not callable(engine):
            raise TwinlensError(f"engine wants what makes an engine, such as LocalEngine, not {engine!r}")
        store = Store.open(path := as_folder(FOLDER, folder))
        try:
            if os.path.lexists(path / PICTURES):
                follow_moved(store)
            opened = None if store.serving() is None else cls(path, store, load, engine, allow_plugins)
        except BaseException:
            store.close()
            raise
        if opened is None:
            store.close()
            raise TwinlensError(f"the collection {folder} is empty; fill it with: twinlens index DIR")
        return opened

    @staticmethod
    def exists(folder: Path | str) -> bool:
        """Return True if there is a collection that `open` can open."""
        if not os.path.lexists((path := as_folder(FOLDER, folder)) / DATABASE):
            return False
        with closing(Store.open(path)) as store:
            return store.serving() is not None

    def _engine_of_setting(self) -> Engine:
        if not os.path.lexists(self.folder / INDEX_SETTING):
            return LocalEngine()
        from twinlens.collection.index_setting import IndexSetting  # few collections are set to another index

        setting = IndexSetting.read(self.folder)
        return setting.engine(lambda: self.model.channels, self.folder, self._allow_plugins)

    def close(self) -> None:
        """Close the files, and the engine."""
        self._session.engine.close()
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __len__(self) -> int:
        """Return the number of pictures that can be found."""
        return self._store.counts(self.generation.number)[0]

    @property
    def is_exact(self) -> bool:
        """Return True if the engine finds the best answers always; False where an index may miss some."""
        return self._session.engine.exact

    @property
    def generation(self) -> Generation:
        """Return the serving generation: its model's digest, its recipe's name, its width."""
        serving = self._store.serving()
        if serving is None:
            raise TwinlensError(f"the collection {self.folder} has lost its model; index its pictures again")
        return serving

    @property
    def model(self) -> Model:
        """Return the serving model, loaded at the first use."""
        with self._busy:
            digest = self.generation.digest
            if self._model is None or self._model[0] != digest:
                self._model = digest, self._load(self._store.found_model(digest))
            return self._model[1]

    # Reading ---------------------------------------------------------------------------------------------------------

    def search(self, image: Pictures = None, text: Texts = "", k: int = 10, **options: Any) -> Hits:
        """Return the k pictures that suit a picture, a sentence, or several of either, best first.

        options: `where`, `within`, `near`, `without`, `unlike`, `weights`, `balance`, `distinct`, `rerank`,
        `with_self`, `negative_weight`; see `SearchRequest`. The query's own picture is no answer unless `with_self`.
        The answer is exact unless `Hits.recall` says otherwise. The ids of hits stay the same while a file's content
        does. Raises TwinlensError for a query without picture and text, a condition or an id that is wrong, a picture
        that cannot be read.
        """
        return self.answer(SearchRequest.of(image, text, k, **options))

    def search_many(self, queries: Iterable[Query], k: int = 10, **options: Any) -> list[Hits]:
        """Answer many queries in one pass, each as `search` does; the vectors are read once for all without a filter.

        queries: text is a sentence, a mapping has arguments of `search`, a SearchRequest stands for itself, all else is
        a picture. k, options: of the queries that do not name their own. Raises TwinlensError as `search` does.
        """
        from twinlens.collection.search.many import requests  # whoever asks one thing needs none of it

        return self._answers(requests(queries, k, options))

    def answer(self, request: SearchRequest) -> Hits:
        """Answer a search request; see `search`."""
        return self._answers([as_kind("answer", request, SearchRequest, "give SearchRequest.of(image, text, k)")])[0]

    def explain(
        self, request: SearchRequest, ids: Sequence[str], *, hits: Sequence[Hit] | None = None
    ) -> list[Explanation]:
        """Explain the scores of some entries for a request: shares, effects of words, facts, and the gate's map.

        ids: those of hits, or of other entries. hits: the answers that `answer` gave to this request, which saves the
        search. Raises TwinlensError for an unknown id, and as `search` does.
        """
        from twinlens.collection.search.explaining import as_ids, explain  # whoever searches needs none of it

        as_kind("explain", request, SearchRequest, "give SearchRequest.of(image, text)")
        listed = as_ids(ids)
        with self._busy, system.computing():
            while listed:  # another model may begin to serve between the two
                found = explain(request, listed, self._session, self.generation, self.model, hits=hits)
                if found is not None:
                    return found
        return []

    def _answers(self, asked: Sequence[SearchRequest]) -> list[Hits]:
        with self._busy, system.computing():
            while asked:  # another model may begin to serve between the two
                found = search_many(asked, self._session, self.generation, self.model)
                if found is not None:
                    return found
        return []

    def warm_up(self) -> bool:
        """Load the networks and the vectors, so that the first search is as fast as later ones.

        Returns True if the collection answers words alone. Raises TwinlensError where the model cannot be loaded.
        """
        from twinlens.collection.warming import warm_up

        reads_words = warm_up(self.model, self.answer)
        with self._busy, system.computing():
            self._session.engine.warm_up()
        return reads_words

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read everything inside from one state, whatever another process commits; other threads wait."""
        with self._busy, self._store.snapshot():
            yield
