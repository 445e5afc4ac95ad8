"""A typed client of the service, for programs on this machine or another; needs no more than an HTTP library."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias
from urllib.parse import quote

from twinlens.core import extras
from twinlens.core.types import TwinlensError

SECONDS = 60.0
"""Seconds for which an answer is waited for."""
Image: TypeAlias = "Path | str | bytes"
"""A picture of a query: a file by its path, the bytes of one, or text: an id, or `upload:HEX`, of an answer."""


@dataclass(frozen=True)
class Hit:
    """An answer: as `twinlens.Hit`, with the name of the file, its folder, and the date of the picture if known."""

    rank: int
    id: str
    score: float
    path: str
    caption: str
    name: str
    folder: str
    taken: str | None
    duplicates: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    why: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Hit:
        """Read the record of a hit; what a later version adds is passed over."""
        known = {name: record[name] for name in cls.__dataclass_fields__ if name in record}
        return cls(**{**known, "duplicates": tuple(record.get("duplicates", ()))})


@dataclass(frozen=True)
class Results:
    """The answers to a search, best first; `images` name its pictures and `cursor` the next answers, in later searches.

    chance, doubtful, mean, unit: as of `twinlens.Hits`. search: names the search for explanations and exports.
    embedded: samples that went through a network.
    """

    hits: tuple[Hit, ...]
    collection: str
    images: tuple[str, ...]
    chance: float | None
    doubtful: bool
    mean: float
    unit: str
    cursor: str | None
    search: str
    embedded: int
    seconds: Mapping[str, float | None]

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Results:
        """Read the JSON of an answer."""
        same = ("collection", "chance", "doubtful", "mean", "unit", "cursor", "search", "embedded", "seconds")
        hits = tuple(Hit.of(record) for record in answer["hits"])
        return cls(hits=hits, images=tuple(answer["query"]["image"]), **{name: answer[name] for name in same})

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    def __len__(self) -> int:
        return len(self.hits)


class Client:
    """Asks a service at a URL. Errors that the caller can mend are TwinlensError, with the line of the service.

    token: that of the service. collection: asked where a call names none; by default the service's first.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8765",
        *,
        token: str | None = None,
        collection: str | None = None,
        seconds: float = SECONDS,
    ) -> None:
        with extras.needed("serve"):
            import httpx2

        self._http, self._errors = httpx2, httpx2.HTTPError
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        self.collection, self.url = collection, url.rstrip("/")
        self._client = httpx2.Client(base_url=self.url, headers=headers, timeout=seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def search(
        self, image: Image | Sequence[Image] | None = None, text: str | Sequence[str] = (), k: int = 10, **options: Any
    ) -> Results:
        """Search as `Collection.search` does; options are the fields of `POST /search`, such as `where` or `balance`.

        Raises TwinlensError for a query that is wrong, and where the service cannot be reached.
        """
        images = _listed(image)
        files = [("image", ("picture", data)) for data in map(_bytes_of, images) if data is not None]
        query = {"text": _listed(text), "k": k, **options}
        query["image"] = [one for one in images if isinstance(one, str)]
        if self.collection is not None:
            query.setdefault("collection", self.collection)
        if files:
            return Results.of(self._json("POST", "/search", files=files, data={"request": json.dumps(query)}))
        return Results.of(self._json("POST", "/search", json=query))

    def similar(self, entry_id: str, k: int = 10) -> Results:
        """Return the pictures that are like one of the collection."""
        return Results.of(self._json("GET", f"/similar/{_quoted(entry_id)}", params=self._params(k=k)))

    def explain(self, entry_id: str, search: str) -> dict[str, Any]:
        """Return why a picture answered a search, by the `search` of its results."""
        return self._json("GET", f"/explain/{_quoted(entry_id)}", params=self._params(search=search))

    def picture(self, entry_id: str) -> dict[str, Any]:
        """Return the record of a picture."""
        return self._json("GET", f"/pictures/{_quoted(entry_id)}", params=self._params())

    def file(self, entry_id: str) -> bytes:
        """Return the bytes of a picture's file."""
        return self._bytes(f"/pictures/{_quoted(entry_id)}/file", self._params())

    def thumb(self, entry_id: str, size: int = 240) -> bytes:
        """Return a thumbnail, 240 or 480 pixels wide or high, as JPEG."""
        return self._bytes(f"/thumbs/{_quoted(entry_id)}", self._params(size=size))

    def collections(self) -> list[dict[str, Any]]:
        """Return the collections that are served."""
        return list(self._json("GET", "/collections")["collections"])

    def fields(self) -> dict[str, Any]:
        """Return the fields and folders that conditions can use."""
        return self._json("GET", "/fields", params=self._params())

    def duplicates(self, at: float = 0.98) -> list[list[dict[str, Any]]]:
        """Return groups of pictures that look the same."""
        return list(self._json("GET", "/duplicates", params=self._params(at=at))["groups"])

    def add(
        self,
        image: Image,
        *,
        id: str | None = None,  # noqa: A002 - as an item has it
        caption: str = "",
        metadata: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Add a picture to a writable service, or put it in the place of the one with its id; return its record."""
        given = {"id": id, "caption": caption, "metadata": json.dumps(dict(metadata or {}))}
        data = {name: value for name, value in given.items() if value}
        content = _bytes_of(Path(image) if isinstance(image, str) else image)
        files = [("file", ("picture", content))]
        return self._json("POST", "/pictures", files=files, data=data, params=self._params())

    def delete(self, entry_id: str) -> int:
        """Remove a picture from the collection of a writable service; return how many were removed."""
        return int(self._json("DELETE", f"/pictures/{_quoted(entry_id)}", params=self._params())["removed"])

    def is_ready(self) -> bool:
        """Return True if searches are answered as fast as they will be; False too while nothing answers."""
        try:
            return bool(self._client.get("/ready").status_code == 200)
        except self._errors:
            return False

    def _params(self, **given: object) -> dict[str, Any]:
        return given if self.collection is None else {**given, "collection": self.collection}

    def _json(self, method: str, path: str, **how: Any) -> dict[str, Any]:
        with self._told():
            response = self._client.request(method, path, **how)
        _check(response.status_code, response.content)
        found: dict[str, Any] = response.json()
        return found

    def _bytes(self, path: str, params: Mapping[str, Any]) -> bytes:
        with self._told():
            response = self._client.get(path, params=dict(params))
        _check(response.status_code, response.content)
        return bytes(response.content)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Raise TwinlensError where the service cannot be reached."""
        try:
            yield
        except (self._errors, self._http.InvalidURL) as error:
            reason = str(error) or type(error).__name__
            raise TwinlensError(f"the service at {self.url} does not answer ({reason}); is it running?") from error


def _check(status: int, content: bytes) -> None:
    """Raise TwinlensError with the line of the service where it answered with an error."""
    if status < 400:
        return
    try:
        line = str(json.loads(content)["error"])
    except (ValueError, KeyError, TypeError):
        line = f"the service answered with status {status}"
    raise TwinlensError(line)


def _listed(given: Any) -> list[Any]:
    if given is None:
        return []
    return [given] if isinstance(given, str | bytes | Path) else list(given)


def _bytes_of(image: Image) -> bytes | None:
    """Return the bytes of a picture that is uploaded; None for a reference. Raises TwinlensError."""
    if not isinstance(image, Path):
        return image if isinstance(image, bytes) else None
    try:
        return image.read_bytes()
    except OSError as error:
        raise TwinlensError(f"{image}: cannot be read: {error.strerror}") from error


def _quoted(entry_id: str) -> str:
    return quote(entry_id, safe="")
