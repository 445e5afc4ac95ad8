"""The engine on PostgreSQL with pgvector: a table per generation, searched exactly or by HNSW."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from twinlens.collection.engines import _binary_copy
from twinlens.collection.engines._address import is_loopback, secret
from twinlens.collection.engines._mirror import Listing, Mark
from twinlens.collection.engines._server import ServerEngine
from twinlens.collection.store import Generation, Rows, Vectors
from twinlens.core import extras
from twinlens.core.types import TwinlensError
from twinlens.indexes import Scores

if TYPE_CHECKING:
    import psycopg

PLAIN_DIM = 1900
"""The widest vectors that lie in their row's own page; wider ones PostgreSQL keeps apart, and scans more slowly."""
EF_LIMIT = 1000
"""The most candidates of an HNSW search; more are found by a scan."""
CONNECT_SECONDS = 10

_MAKE_MARKS = "CREATE TABLE IF NOT EXISTS twinlens_mark (collection text PRIMARY KEY, mark text NOT NULL)"
_READ_MARK = "SELECT mark FROM twinlens_mark WHERE collection = %s"
_SET_MARK = "INSERT INTO twinlens_mark VALUES (%s, %s) ON CONFLICT (collection) DO UPDATE SET mark = excluded.mark"
_DROP_MARK = "DELETE FROM twinlens_mark WHERE collection = %s"
_MAKE_ROWS = (
    "CREATE TABLE IF NOT EXISTS {table}"
    ' ("row" bigint PRIMARY KEY, "check" bigint NOT NULL, embedding vector({dim}) NOT NULL)'
)
_STORE_PLAIN = "ALTER TABLE {table} ALTER COLUMN embedding SET STORAGE PLAIN"
_LIST = 'COPY (SELECT "row", "check" FROM {table} ORDER BY "row") TO STDOUT (FORMAT BINARY)'
_READ = 'COPY (SELECT * FROM {table} WHERE "row" = ANY(%s) ORDER BY "row") TO STDOUT (FORMAT BINARY)'
_WRITE = "COPY {table} FROM STDIN (FORMAT BINARY)"
_REMOVE = 'DELETE FROM {table} WHERE "row" = ANY(%s)'
# An expression is found in no index, so that every row is compared.
_EXACT = 'SELECT "row", (embedding <#> %s::vector) + 0 AS distance FROM {table} ORDER BY distance, "row" LIMIT %s'
_AMONG = (
    'SELECT "row", (embedding <#> %s::vector) + 0 AS distance FROM {table} WHERE "row" = ANY(%s)'
    ' ORDER BY distance, "row" LIMIT %s'
)
_NEAR = 'SELECT "row", embedding <#> %s::vector AS distance FROM {table} ORDER BY distance LIMIT %s'
_BUILD = (
    "CREATE INDEX IF NOT EXISTS {table}_hnsw ON {table} USING hnsw (embedding vector_ip_ops)"
    " WITH (m = 32, ef_construction = 150)"
)
_DROP_INDEX = "DROP INDEX IF EXISTS {table}_hnsw"
_OTHERS = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND starts_with(tablename, %s)"


class PgvectorEngine(ServerEngine):
    """Scans a table exactly in the server, or follows an HNSW index; a filter is taken as rows.

    url: `postgresql://user@host:5432/database` with any option of libpq, and `index=hnsw&ef=200`. Beyond loopback the
    server must show a certificate of its name (sslmode=verify-full) unless the URL sets `sslmode`. The password comes
    from the file of credentials, PGPASSWORD, or ~/.pgpass.
    """

    schemes: ClassVar[tuple[str, ...]] = ("postgresql", "postgres")
    exact_beside: ClassVar[bool] = True

    def __init__(self, *, url: str, credentials: Path | None = None, read_only: bool = False) -> None:
        super().__init__(url=url, credentials=credentials, read_only=read_only)
        with extras.needed():
            import psycopg
        logging.getLogger("psycopg").setLevel(logging.CRITICAL + 1)  # it logs how a connection ends at Ctrl-C
        self._client = psycopg
        self._parameters = self._connection_parameters()
        self._connection: psycopg.Connection[Any] | None = None
        self._ef = 0

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connection_parameters(self) -> dict[str, Any]:
        """Return libpq's parameters, with ours where the URL leaves them open."""
        try:
            given = self._client.conninfo.conninfo_to_dict(self.address.url)
        except self._client.Error as error:
            raise TwinlensError(f"{self.address.scheme}:// takes an address and options as libpq does") from error
        if not self._is_loopback(given) and "sslmode" not in given:
            given["sslmode"] = "verify-full"
            if not (os.environ.get("PGSSLROOTCERT") or Path("~/.postgresql/root.crt").expanduser().exists()):
                given.setdefault("sslrootcert", "system")
        password = None if self.credentials is None else secret(self.credentials, "")
        defaults = {"connect_timeout": CONNECT_SECONDS, "application_name": "twinlens"}
        return {**defaults, **given, **({} if password is None else {"password": password})}

    def _is_loopback(self, given: Mapping[str, Any]) -> bool:
        """Return True if all hosts are this machine: those of the URL, else of libpq's variables or its service file.

        A service that the URL names counts as another machine, since only libpq knows where it is.
        """
        if "service" in given and not given.get("hostaddr"):
            return False
        usual = {option.keyword: (option.val or b"").decode() for option in self._client.pq.Conninfo.get_defaults()}
        hosts = given.get("hostaddr") or usual[b"hostaddr"] or given.get("host") or usual[b"host"]
        return all(map(is_loopback, f"{hosts}".split(",")))

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except self._client.errors.UndefinedFile as error:  # the server has no such extension
            raise TwinlensError(f"{self.address} has no pgvector; install it on the server") from error
        except self._client.errors.UndefinedTable as error:  # dropped since it was pushed
            raise TwinlensError(self._lag()) from error
        except self._client.Error as error:
            if self._connection is not None and self._connection.closed:
                self._connection = None
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise TwinlensError(f"{self.address}: {lines[0]}") from error

    @property
    def _sql(self) -> psycopg.Connection[Any]:
        """Return the connection, made anew where it was lost."""
        if self._connection is None or self._connection.closed:
            self._connection = self._client.connect(**self._parameters, autocommit=True)
            # An acknowledged row is on the disk, and on that of a synchronous standby if there is one.
            self._connection.execute("SET synchronous_commit = on")
            self._ef = 0
        return self._connection

    def _ask(self, query: str, parameters: Sequence[Any] = ()) -> list[Any]:
        cursor = self._sql.execute(query.encode(), parameters)
        return cursor.fetchall() if cursor.description else []

    def _copied(self, query: str, dim: int, parameters: Sequence[Any] = ()) -> NDArray[np.void]:
        """Return the tuples that a query copies out."""
        with self._sql.cursor().copy(query.format(table=self._table).encode(), parameters) as copy:
            return _binary_copy.decode(b"".join(map(bytes, copy)), dim)

    @contextmanager
    def _exclusively(self, collection: str) -> Iterator[None]:
        lock = f"twinlens {collection}"
        if not self._ask("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [lock])[0][0]:
            raise TwinlensError(f"another program pushes the same collection to {self.address}; let it finish")
        try:
            yield
        finally:
            if self._connection is not None and not self._connection.closed:
                self._ask("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [lock])

    def _read_mark(self, collection: str, *, fresh: bool = False) -> Mark | None:  # noqa: ARG002
        for is_last in (False, True):
            try:
                found = self._ask(_READ_MARK, [collection])
                return Mark.from_json(found[0][0]) if found else None
            except self._client.errors.UndefinedTable:
                return None
            except self._client.OperationalError:  # the server may have been started anew since the last search
                if is_last or self._connection is None or not self._connection.closed:
                    raise
        return None

    def _write_mark(self, collection: str, mark: Mark | None) -> None:
        if mark is None:
            self._ask(_DROP_MARK, [collection])
        else:
            self._ask(_SET_MARK, [collection, mark.to_json()])

    def _prepare(self, generation: Generation) -> None:
        self._ask("CREATE EXTENSION IF NOT EXISTS vector")
        self._ask(_MAKE_MARKS)
        self._ask(_MAKE_ROWS.format(table=self._table, dim=generation.dim))
        if generation.dim <= PLAIN_DIM:
            self._ask(_STORE_PLAIN.format(table=self._table))
        if self.exact:  # before rows are written, which would all have to find their place in it
            self._ask(_DROP_INDEX.format(table=self._table))

    def _listing(self) -> Listing:
        found = self._copied(_LIST, 0)
        return Listing(found["row"].astype(np.int64), found["check"].astype(np.int64))

    def _write(self, rows: Rows, checks: Rows, vectors: Vectors) -> None:
        with self._sql.transaction():
            self._remove(rows)
            with self._sql.cursor().copy(_WRITE.format(table=self._table).encode()) as copy:
                copy.write(_binary_copy.encode(rows, checks, vectors))
            self._confirm(rows, vectors)

    def _remove(self, rows: Rows) -> None:
        self._ask(_REMOVE.format(table=self._table), [rows.tolist()])

    def _finish(self, collection: str) -> None:
        if not self.exact:
            self._ask(_BUILD.format(table=self._table))
        for (name,) in self._ask(_OTHERS, [f"twinlens_{collection}_"]):
            if name != self._table:
                self._ask(f"DROP TABLE IF EXISTS {name}")
        self._ask(f"ANALYZE {self._table}")

    def _read(self, rows: Rows) -> tuple[Rows, Vectors]:
        found = self._copied(_READ, self._serving.dim, [rows.tolist()])
        return found["row"].astype(np.int64), found["vector"].astype(np.float32)

    def _nearest(self, queries: Vectors, k: int, rows: Rows | None) -> list[tuple[Rows, Scores]]:
        if self.exact or rows is not None or k > EF_LIMIT:
            return [self._best(query, k, rows) for query in queries]
        self._set_ef(max(self.address.ef, k))
        return [_sorted(self._ask(_NEAR.format(table=self._table), [_text(query), k])) for query in queries]

    def _set_ef(self, ef: int) -> None:
        """Set how many candidates HNSW keeps; a connection remembers it."""
        if self._ef != ef:
            self._ask(f"SET hnsw.ef_search = {ef}")
            self._ef = ef

    def _best(self, query: Vectors, k: int, rows: Rows | None) -> tuple[Rows, Scores]:
        if rows is None:
            return _sorted(self._ask(_EXACT.format(table=self._table), [_text(query), k]))
        return _sorted(self._ask(_AMONG.format(table=self._table), [_text(query), rows.tolist(), k]))


def _text(query: Vectors) -> str:
    """Write a query as pgvector reads it, to the bit."""
    return str(query.tolist())


def _sorted(found: list[Any]) -> tuple[Rows, Scores]:
    """Return rows and scores of results (row, negative inner product), equal scores by row."""
    rows, scores = np.array([row for row, _ in found], dtype=np.int64), np.array([-d for _, d in found], np.float32)
    order = np.lexsort((rows, -scores))
    return rows[order], scores[order]
