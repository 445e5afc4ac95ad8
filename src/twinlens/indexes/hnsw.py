"""Approximate nearest neighbours by a graph of neighbours (faiss)."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, get_args

import numpy as np

from twinlens.core.arguments import as_choice, as_count
from twinlens.indexes import Rows, Vectors
from twinlens.indexes import _faiss as parts
from twinlens.indexes._faiss_index import FaissIndex
from twinlens.indexes._file import Array, IndexFile, Late
from twinlens.indexes._graph import close, hidden, links_within

MIN_ROWS = 10_000
"""Rows below which all are scanned."""
MOST = 4096
"""The widest beam of a search."""
TRAINED = 100_000
"""Rows from which the ranges of codes are taken."""


class Hnsw(FaissIndex):
    """Hierarchical navigable small worlds (Malkov & Yashunin, TPAMI 2020), and float32 distances to the best rows.

    links: neighbours of a row in the upper layers, half of those in the lowest. build, search: width of the beam while
    rows are added and when they are searched (efConstruction and efSearch); see `_recall.calibrated`. codes: rows as
    8-bit numbers ("sq8") or as they are ("flat"). Galleries of fewer than `MIN_ROWS` rows are scanned. Needs the extra
    `faiss`.
    """

    def __init__(self, *, links: int = 16, build: int = 150, search: int = 64, codes: parts.Codes = "sq8") -> None:
        super().__init__()
        self.links, self.build = as_count("links", links, least=2), as_count("build", build)
        self.codes = as_choice("codes", codes, get_args(parts.Codes))
        self.effort = self.beam = as_count("search", search)
        self._held: Any = None  # what the graph is mapped from

    @property
    def options(self) -> dict[str, Any]:
        """Return the arguments of the constructor, and the effort."""
        return {"links": self.links, "build": self.build, "search": self.beam, "codes": self.codes,
                "effort": self.effort}  # fmt: skip

    @property
    def most_effort(self) -> int:
        """Return the widest beam."""
        return 0 if self.structure is None else min(MOST, len(self.vectors))

    def _parameters(self, count: int) -> Any:
        return parts.beaming(max(parts.with_spare(count, len(self.vectors)), self._effort_for(count)))

    def without(self, rows: Rows) -> AbstractContextManager[Rows]:
        """Hide rows of a graph that was built here; of one that was mapped, which is read-only, none."""
        if self.structure is None or self._held is not None:
            return super().without(rows)
        return hidden(self.structure, rows)

    def _learn(self, vectors: Vectors) -> None:
        self.structure = self._held = None
        if len(vectors) < MIN_ROWS:
            return
        faiss, width = parts.faiss(), vectors.shape[1]
        if self.codes == "flat":
            index = faiss.IndexHNSWFlat(width, self.links, faiss.METRIC_L2)
        else:
            index = faiss.IndexHNSWSQ(width, faiss.ScalarQuantizer.QT_8bit, self.links, faiss.METRIC_L2)
        index.hnsw.efConstruction = self.build
        index.train(parts.sample(vectors, TRAINED, seed=0))
        parts.add(index, vectors)
        close(index)
        self.structure = index

    # faiss reads the graph where its bytes lie, without a copy. The checksums of what its parser goes by were compared
    # before; links, which it refuses where they lead to no row, and codes, which it writes last, are checked late.

    def _arrays(self) -> tuple[dict[str, Array], Late]:
        if self.structure is None:
            return {}, None
        faiss = parts.faiss()
        writer = faiss.VectorIOWriter()
        faiss.write_index(self.structure, writer)
        graph = faiss.vector_to_array(writer.data)
        codes = len(graph) - len(self.vectors) * self.structure.storage.sa_code_size()
        spans = [links_within(self.structure, graph), (codes, len(graph))]
        return {"graph": graph}, [("graph", first, end) for first, end in spans]

    def _restore(self, file: IndexFile) -> None:
        if "graph" not in file.arrays:
            return
        faiss, graph = parts.faiss(), np.asarray(file.arrays["graph"])
        reader = faiss.ZeroCopyIOReader(faiss.swig_ptr(graph), graph.nbytes)
        index = faiss.read_index(reader)
        if index.ntotal != len(self.vectors) or index.d != self.vectors.shape[1]:
            raise ValueError("of other vectors")
        self.structure, self._held = index, (file, graph, reader)
