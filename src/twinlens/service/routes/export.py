"""`GET /export`: answers of a search as a list of paths, CSV, JSON, or a ZIP of copies."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, NamedTuple

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from twinlens.collection.store import Entry
from twinlens.core import jsonfile
from twinlens.service.errors import RequestError
from twinlens.service.pictures import read
from twinlens.service.records import entry_record
from twinlens.service.routes._shared import PROBLEMS, TheCollection, TheService
from twinlens.service.served import Served
from twinlens.service.settings import Limits

router = APIRouter(responses=PROBLEMS, tags=["search"])
COLUMNS = ("rank", "id", "name", "path", "caption", "taken", "width", "height")


class _Ranked(NamedTuple):
    rank: int
    entry: Entry


@router.get("/export", response_class=Response)
def export(
    service: TheService,
    served: TheCollection,
    search: Annotated[str | None, Query(max_length=40, description="the search of an answer")] = None,
    ids: Annotated[list[str] | None, Query(max_length=1000, description="ids to export; all by default")] = None,
    format: Annotated[Literal["paths", "csv", "json", "zip"], Query()] = "csv",  # noqa: A002 - the name of the parameter
) -> Response:
    """Return answers of a search, or pictures by their ids, as a file."""
    chosen, limits = _chosen(served, search, ids), service.settings.limits
    if format == "zip":
        _check_size(chosen, limits)
        return _attachment(StreamingResponse(_zipped(chosen), media_type="application/zip"), "pictures.zip")
    text, media_type, name = {"paths": _paths, "csv": _csv, "json": _json}[format](chosen)
    return _attachment(Response(text.encode("utf-8", "backslashreplace"), media_type=media_type), name)


def _chosen(served: Served, search: str | None, ids: Sequence[str] | None) -> list[_Ranked]:
    """Return the entries of a search's answers, all or some; without a search those of the ids, in their order.

    Raises RequestError for an id that is none of them.
    """
    if search is None:
        if ids is None:
            raise RequestError(400, "an export needs the id of a search, or ids of pictures")
        return [_Ranked(rank, served.entry(name)) for rank, name in enumerate(dict.fromkeys(ids), 1)]
    found = {hit.id: hit.rank for hit in served.search_of(search).hits}
    wanted = list(found) if ids is None else ids
    if unknown := [name for name in wanted if name not in found]:
        raise RequestError(404, f"the search has no answer with the id {unknown[0]!r}")
    return [_Ranked(found[name], served.entry(name)) for name in wanted]


def _check_size(chosen: Sequence[_Ranked], limits: Limits) -> None:
    size = sum(one.entry.size for one in chosen)
    if len(chosen) > limits.export_files or size > limits.export_bytes:
        raise RequestError(
            413,
            f"{len(chosen):,} pictures of {size:,} bytes are too many for a ZIP; choose at most"
            f" {limits.export_files:,} of {limits.export_bytes:,}",
        )


def _attachment(response: Response, name: str) -> Response:
    response.headers["content-disposition"] = f'attachment; filename="twinlens-{name}"'
    return response


def _paths(chosen: Sequence[_Ranked]) -> tuple[str, str, str]:
    return "".join(f"{one.entry.path}\n" for one in chosen), "text/plain; charset=utf-8", "paths.txt"


def _csv(chosen: Sequence[_Ranked]) -> tuple[str, str, str]:
    file = io.StringIO()
    table = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
    table.writeheader()
    table.writerows({"rank": one.rank, **entry_record(one.entry)} for one in chosen)
    return file.getvalue(), "text/csv; charset=utf-8", "pictures.csv"


def _json(chosen: Sequence[_Ranked]) -> tuple[str, str, str]:
    records = [{"rank": one.rank, **entry_record(one.entry)} for one in chosen]
    return jsonfile.dumps(records, indent=2), "application/json", "pictures.json"


class _Pipe(io.RawIOBase):
    """Collects what a ZIP's writer writes, until it is sent."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.parts.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        data = b"".join(self.parts)
        self.parts.clear()
        return data


def _zipped(chosen: Sequence[_Ranked]) -> Iterator[bytes]:
    """Yield a ZIP of copies, a picture at a time; those that are gone or changed are listed in it by a text."""
    pipe, missing = _Pipe(), list[str]()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED) as archive:
        for one in chosen:
            try:
                archive.writestr(_name(one), read(one.entry))
            except RequestError as error:
                missing.append(str(error))
            yield pipe.taken()
        if missing:
            archive.writestr("missing.txt", "".join(f"{line}\n" for line in missing))
    yield pipe.taken()


def _name(one: _Ranked) -> str:
    """Return a name in a ZIP that sorts by rank and leads nowhere else."""
    name = one.entry.path.name.encode("utf-8", "replace").decode("utf-8").replace("\\", "_")
    return f"{one.rank:04}-{name}"
