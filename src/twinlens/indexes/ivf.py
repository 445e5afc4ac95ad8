"""Approximate nearest neighbours by inverted lists (faiss)."""

from __future__ import annotations

import itertools
from typing import Any, get_args

import numpy as np

from twinlens.core.arguments import as_choice, as_count
from twinlens.indexes import Rows, Vectors
from twinlens.indexes import _faiss as parts
from twinlens.indexes._cells import cells_for
from twinlens.indexes._faiss_index import FaissIndex
from twinlens.indexes._file import Array, DamagedIndexError, IndexFile, Late

MIN_ROWS = 10_000
"""Rows below which all are scanned."""
PER_CELL = 48
"""Rows of the training sample for each cell."""
LINE = 64
"""Bytes of a line of the processor's cache, from which codes are read fastest."""
ROUNDS = 8
"""Rounds of k-means, after which cells hardly move."""


class Ivf(FaissIndex):
    """Inverted lists (Sivic & Zisserman, ICCV 2003; Jégou et al., TPAMI 2011): k-means cells, of which the nearest
    `probes` are searched, and float32 distances to the best rows of these.

    cells: how many; 0 for the power of two next above 2√N. probes: cells that a query searches, 0 for one in 32; see
    `_recall.calibrated`. codes: rows as 8-bit numbers ("sq8") or as they are ("flat"). Galleries of fewer than
    `MIN_ROWS` rows are scanned. Needs the extra `faiss`.
    """

    def __init__(self, *, cells: int = 0, probes: int = 0, codes: parts.Codes = "sq8", seed: int = 0) -> None:
        super().__init__()
        self.cells, self.probes = as_count("cells", cells, least=0), as_count("probes", probes, least=0)
        self.codes, self.seed = as_choice("codes", codes, get_args(parts.Codes)), as_count("seed", seed, least=0)
        self.effort = 1
        self._held: Any = None  # the file that the lists are mapped from, and the quantizer

    @property
    def options(self) -> dict[str, Any]:
        """Return the arguments of the constructor, and the effort."""
        return {"cells": self.cells, "probes": self.probes, "codes": self.codes, "seed": self.seed,
                "effort": self.effort}  # fmt: skip

    @property
    def most_effort(self) -> int:
        """Return the number of cells."""
        return 0 if self.structure is None else int(self.structure.nlist)

    def _parameters(self, count: int) -> Any:
        return parts.probing(self._effort_for(count))

    def _learn(self, vectors: Vectors) -> None:
        self.structure = self._held = None
        if len(vectors) < MIN_ROWS:
            return
        cells = min(self.cells or cells_for(len(vectors)), len(vectors))
        index = self._empty(cells, vectors.shape[1])
        index.cp.seed, index.cp.niter = self.seed + 1, ROUNDS
        index.cp.min_points_per_centroid = 1  # fewer are no reason to warn
        index.train(parts.sample(vectors, PER_CELL * cells, self.seed))
        parts.add(index, vectors)
        self.structure, self.effort = index, min(cells, self.probes or max(1, cells // 32))

    def _empty(self, cells: int, width: int) -> Any:
        faiss = parts.faiss()
        self._held = faiss.IndexFlatL2(width)
        if self.codes == "flat":
            return faiss.IndexIVFFlat(self._held, width, cells, faiss.METRIC_L2)
        kind = faiss.ScalarQuantizer.QT_8bit
        return faiss.IndexIVFScalarQuantizer(self._held, width, cells, kind, faiss.METRIC_L2, False)

    # The file has the layout of faiss's OnDiskInvertedLists: of each cell the codes, then the rows. It is put together
    # here, so that faiss parses nothing that was read from a file.

    def _arrays(self) -> tuple[dict[str, Array], Late]:
        if self.structure is None:
            return {}, None
        faiss, lists = parts.faiss(), self.structure.invlists
        sizes = np.array([lists.list_size(n) for n in range(lists.nlist)], dtype=np.int64)
        *begins, length = _offsets(sizes, lists.code_size)
        together = np.zeros(length, dtype=np.uint8)
        for n, at in enumerate(begins):
            size, end = int(sizes[n]), int(at + sizes[n] * lists.code_size)
            if size:
                together[at:end] = faiss.rev_swig_ptr(lists.get_codes(n), size * lists.code_size)
                together[end : end + 8 * size] = faiss.rev_swig_ptr(lists.get_ids(n), size).view(np.uint8)
        centres = self.structure.quantizer.reconstruct_n(0, self.structure.nlist)
        arrays = {"centres": centres, "sizes": sizes, "ranges": self._ranges(), "lists": together}
        return arrays, [("lists", 0, length)]

    def _ranges(self) -> Vectors:
        """Return the ranges (2D,) of the numbers that codes stand for."""
        if self.codes == "flat":
            return np.empty(0, dtype=np.float32)
        ranges: Vectors = parts.faiss().vector_to_array(self.structure.sq.trained)
        return ranges

    def _restore(self, file: IndexFile) -> None:
        arrays = file.arrays
        if "centres" not in arrays:
            return
        faiss = parts.faiss()
        cells, width = arrays["centres"].shape
        index = self._empty(cells, width)
        self._held.add(np.ascontiguousarray(arrays["centres"]))
        if self.codes == "sq8":
            faiss.copy_array_to_vector(np.ascontiguousarray(arrays["ranges"]), index.sq.trained)
        index.is_trained, index.ntotal = True, len(self.vectors)
        sizes = arrays["sizes"]
        if len(sizes) != cells or sizes.min() < 0 or sizes.sum() != len(self.vectors):
            raise DamagedIndexError(f"{file.path} is of other vectors")
        lists = _mapped(file, sizes, int(index.code_size))
        index.replace_invlists(lists, False)
        self.structure, self._held = index, (file, lists, self._held)


def _offsets(sizes: Rows, code_size: int) -> list[int]:
    """Return the byte where each list begins, a multiple of `LINE`, and where the last one ends."""
    whole = -(-sizes * (code_size + 8) // LINE) * LINE
    return list(itertools.accumulate(whole.tolist(), initial=0))


def _mapped(file: IndexFile, sizes: Rows, code_size: int) -> Any:
    """Return inverted lists that read the file's array `lists` as it lies on the disk."""
    faiss = parts.faiss()
    lists = faiss.OnDiskInvertedLists()
    lists.nlist, lists.code_size, lists.filename = len(sizes), code_size, str(file.path)
    begin, one = file.places["lists"], faiss.OnDiskOneList()
    for size, at in zip(sizes.tolist(), _offsets(sizes, code_size)[:-1], strict=True):
        one.size, one.capacity, one.offset = size, size, begin + at
        lists.lists.push_back(one)  # a copy
    lists.totsize = begin + len(file.arrays["lists"])
    lists.read_only, lists.prefetch_nthread = True, 0
    lists.do_mmap()
    return lists
