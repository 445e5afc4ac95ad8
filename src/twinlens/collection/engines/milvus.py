"""The engine on Milvus: a collection per generation, searched exactly (FLAT) or by HNSW."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import numpy as np

from twinlens.collection.engines._address import Address, is_loopback, secret
from twinlens.collection.engines._mirror import Listing, Mark, batches
from twinlens.collection.engines._server import ServerEngine
from twinlens.collection.store import Generation, Rows, Vectors
from twinlens.core import extras
from twinlens.core.types import TwinlensError
from twinlens.indexes import Scores

TOKEN = "TWINLENS_MILVUS_TOKEN"
"""Environment variable of the token, USER:PASSWORD or an API key."""
MARKS = "twinlens_mark"
"""The collection of marks, an entity per collection of ours."""
PORT = 19530
CONNECT_SECONDS, CALL_SECONDS = 10, 120
LIMIT = 16_384
"""The most entities that Milvus returns to one search."""
WINDOW_ROWS = 65_536
"""Row numbers that are listed at once."""
FILTER_ROWS = 100_000
"""Rows in the filter of one search: 1 MB of text."""
MESSAGE_BYTES = 2**24
TIES = 16
"""Entities beyond k that are asked for, since Milvus orders equal scores as it likes."""
# A Strong read waits .2 s for the server's clock, a Session read for this client's own writes alone.
_STRONG, _SESSION, _BOUNDED = "Strong", "Session", "Bounded"
_NOT_FOUND, _NOT_LOADED = 100, 101
_ATTEMPTS = 3
"""A connection that was lost, then a collection that is not loaded yet, may be found on the way to a mark."""
_INDEXES: dict[str, tuple[str, dict[str, int]]] = {
    "exact": ("FLAT", {}),
    "hnsw": ("HNSW", {"M": 32, "efConstruction": 150}),
}


class MilvusEngine(ServerEngine):
    """Scans exactly in the server, or follows an HNSW index; a filter is taken as rows.

    url: `milvus://host:19530/database?index=hnsw&ef=200`. Beyond loopback the connection is encrypted and the server
    must show a certificate of its name, unless the URL says `tls=off`; ca: a file of authorities to trust. The token
    comes from the file of credentials or TWINLENS_MILVUS_TOKEN.
    """

    schemes: ClassVar[tuple[str, ...]] = ("milvus",)
    batch_rows = 8000

    def __init__(self, *, url: str, credentials: Path | None = None, read_only: bool = False) -> None:
        super().__init__(url=url, credentials=credentials, read_only=read_only)
        self._parameters = _parameters(self.address)
        with extras.needed():
            import pymilvus
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL + 1)  # it logs what it raises, with the call stack
        self._pymilvus = pymilvus
        self._connection: Any = None

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def _client(self) -> Any:
        """Return the connection, made at the first use."""
        if self._connection is None:
            token = secret(self.credentials, TOKEN) or ""
            self._connection = self._pymilvus.MilvusClient(token=token, timeout=CONNECT_SECONDS, **self._parameters)
        return self._connection

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except self._pymilvus.MilvusException as error:
            self.close()  # a connection that was lost once is not made anew by itself
            lines = str(error.message).strip().splitlines() or [type(error).__name__]
            raise TwinlensError(f"{self.address}: {lines[0]}") from error

    def _read_mark(self, collection: str, *, fresh: bool = False) -> Mark | None:
        wanted, level = f'collection == "{collection}"', _STRONG if fresh else _BOUNDED
        for attempt in range(_ATTEMPTS):
            try:
                found = self._query(MARKS, wanted, ["mark"], level)
                return Mark.from_json(found[0]["mark"]) if found else None
            except self._pymilvus.MilvusException as error:
                if error.code == _NOT_FOUND:
                    return None
                if attempt == _ATTEMPTS - 1:
                    raise
                self._recover(error)
        return None

    def _recover(self, error: Any) -> None:
        """Connect anew, or load the marks: the server may have been started anew since the last search."""
        if error.code == _NOT_LOADED:
            self._client.load_collection(MARKS, timeout=CALL_SECONDS)
        else:
            self.close()
        self._mark = None

    def _write_mark(self, collection: str, mark: Mark | None) -> None:
        if mark is None:
            self._client.delete(MARKS, filter=f'collection == "{collection}"', timeout=CALL_SECONDS)
        else:
            entity = {"collection": collection, "mark": mark.to_json(), "unused": [0.0, 0.0]}
            self._client.upsert(MARKS, [entity], timeout=CALL_SECONDS)

    def _reload_marks(self) -> None:
        self._client.flush(MARKS, timeout=CALL_SECONDS)
        self._client.release_collection(MARKS)
        self._client.load_collection(MARKS, timeout=CALL_SECONDS)

    def _catch_up(self) -> None:
        self._client.load_collection(self._table, timeout=CALL_SECONDS)
        self._query(self._table, "row in [0]", ["row"], _STRONG)

    def _query(self, table: str, condition: str, fields: Sequence[str], level: str) -> list[dict[str, Any]]:
        return list(
            self._client.query(
                table, filter=condition, output_fields=[*fields], consistency_level=level, timeout=CALL_SECONDS
            )
        )

    def _prepare(self, generation: Generation) -> None:
        kinds, client = self._pymilvus.DataType, self._client
        marks = client.create_schema(auto_id=False)
        marks.add_field("collection", kinds.VARCHAR, is_primary=True, max_length=64)
        marks.add_field("mark", kinds.VARCHAR, max_length=1024)
        marks.add_field("unused", kinds.FLOAT_VECTOR, dim=2)  # Milvus has no collection without a vector
        self._make(MARKS, marks, "unused")
        rows = client.create_schema(auto_id=False)
        rows.add_field("row", kinds.INT64, is_primary=True)
        rows.add_field("check", kinds.INT64)
        rows.add_field("embedding", kinds.FLOAT_VECTOR, dim=generation.dim)
        self._make(self._table, rows, "embedding")

    def _make(self, table: str, schema: Any, field: str) -> None:
        """Make a collection, its index, and load it: what of that an interrupted run has left undone."""
        if not self._client.has_collection(table):
            self._client.create_collection(table, schema=schema, consistency_level=_STRONG, timeout=CALL_SECONDS)
        if not self._client.list_indexes(table):
            self._index(table, field, "exact")
        self._client.load_collection(table, timeout=CALL_SECONDS)

    def _index(self, table: str, field: str, index: str) -> None:
        kind, options = _INDEXES[index]
        wanted = self._client.prepare_index_params()
        wanted.add_index(field, index_name=field, index_type=kind, metric_type="IP", params=options)
        self._client.create_index(table, wanted)

    def _listing(self) -> Listing:
        last, level = self.store.state().last, _STRONG
        found = list[dict[str, Any]]()
        for low in range(0, last + 1, WINDOW_ROWS):
            condition = f"row > {low} and row <= {low + WINDOW_ROWS}" if low + WINDOW_ROWS <= last else f"row > {low}"
            found += self._query(self._table, condition, ["row", "check"], level)
            level = _SESSION
        pairs = np.array([(one["row"], one["check"]) for one in found], dtype=np.int64).reshape(-1, 2)
        rows, checks = pairs[np.argsort(pairs[:, 0], kind="stable")].T
        return Listing(np.ascontiguousarray(rows), np.ascontiguousarray(checks))

    def _write(self, rows: Rows, checks: Rows, vectors: Vectors) -> None:
        step = max(1, MESSAGE_BYTES // vectors[0].nbytes)
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            entities = zip(rows[part].tolist(), checks[part].tolist(), vectors[part], strict=True)
            data = [{"row": row, "check": check, "embedding": vector} for row, check, vector in entities]
            self._client.upsert(self._table, data, timeout=CALL_SECONDS)
        self._confirm(rows, vectors)

    def _remove(self, rows: Rows) -> None:
        self._client.delete(self._table, filter=f"row in {rows.tolist()}", timeout=CALL_SECONDS)

    def _finish(self, collection: str) -> None:
        client, (kind, _) = self._client, _INDEXES[self.address.index]
        if self.address.is_approximate:
            client.flush(self._table, timeout=CALL_SECONDS)  # only what is flushed is indexed
        if client.describe_index(self._table, "embedding")["index_type"] != kind:
            client.release_collection(self._table)
            client.drop_index(self._table, "embedding")
            self._index(self._table, "embedding", self.address.index)
            client.load_collection(self._table)
        for name in client.list_collections():
            if name.startswith(f"twinlens_{collection}_") and name != self._table:
                client.drop_collection(name)

    def _read(self, rows: Rows) -> tuple[Rows, Vectors]:
        dim = self._serving.dim
        found = dict[int, list[float]]()
        for part in batches(rows, max(1, MESSAGE_BYTES // (4 * dim))):
            entities = self._query(self._table, f"row in {part.tolist()}", ["row", "embedding"], _SESSION)
            found |= {entity["row"]: entity["embedding"] for entity in entities}
        there = sorted(found)
        vectors = np.array([found[row] for row in there], dtype=np.float32).reshape(-1, dim)
        return np.array(there, dtype=np.int64), vectors

    def _nearest(self, queries: Vectors, k: int, rows: Rows | None) -> list[tuple[Rows, Scores]]:
        if k > LIMIT or (rows is not None and not self.exact):
            return self._scan(queries, k, self._rows() if rows is None else rows)
        if rows is None:
            return [_best(found, k) for found in self._search(queries, k, "")]
        parts = [self._search(queries, k, f"row in {part.tolist()}") for part in batches(rows, FILTER_ROWS)]
        return [_best([hit for part in parts for hit in part[n]], k) for n in range(len(queries))]

    def _search(self, queries: Vectors, k: int, condition: str) -> list[list[tuple[int, float]]]:
        """Return for each query pairs (row, inner product)."""
        options = {"ef": max(self.address.ef, k + TIES)} if self.address.is_approximate else {}
        found = self._client.search(
            self._table,
            data=list(queries),
            filter=condition,
            limit=min(k + TIES, LIMIT),
            search_params={"metric_type": "IP", "params": options},
            consistency_level=_BOUNDED,
            timeout=CALL_SECONDS,
        )
        return [[(hit["id"], hit["distance"]) for hit in hits] for hits in found]


def _parameters(address: Address) -> dict[str, Any]:
    """Return the client's parameters for an address. Raises TwinlensError for one that makes no sense."""
    address.check_options(("tls", "ca"))
    tls = address.options.get("tls")
    try:
        place = urlsplit(f"//{address.rest}")
        host, port = place.hostname or "", place.port or PORT
    except ValueError as error:
        raise TwinlensError("an address of Milvus looks like milvus://host:19530/database") from error
    if not host or tls not in (None, "on", "off"):
        raise TwinlensError("an address of Milvus looks like milvus://host:19530/database?tls=on, or tls=off")
    is_secure = tls == "on" or (tls is None and not is_loopback(host))
    shown = f"[{host}]" if ":" in host else host
    parameters: dict[str, Any] = {"uri": f"{'https' if is_secure else 'http'}://{shown}:{port}"}
    if is_secure and "ca" in address.options:
        parameters["server_pem_path"] = address.options["ca"]
    if database := place.path.strip("/"):
        parameters["db_name"] = database
    return parameters


def _best(found: list[tuple[int, float]], k: int) -> tuple[Rows, Scores]:
    """Return the k best of pairs (row, score), equal scores by row."""
    rows = np.array([row for row, _ in found], dtype=np.int64)
    scores = np.array([score for _, score in found], dtype=np.float32)
    order = np.lexsort((rows, -scores))[:k]
    return rows[order], scores[order]
