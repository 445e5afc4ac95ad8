"""Receipts: a search's request, model, contents and answers, which can be replayed and compared."""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from twinlens.collection.search.records import Hits
from twinlens.collection.search.request import SearchRequest
from twinlens.collection.store.contents import Contents, expanded
from twinlens.core.arguments import as_kind, as_path
from twinlens.core.types import Hit, TwinlensError
from twinlens.media import sources
from twinlens.models.runtime import measurements
from twinlens.version import __version__

if TYPE_CHECKING:
    from twinlens.collection.collection import Collection

FORMAT, OLDEST = 2, 1
MAX_ROWS = 50_000_000
"""Rows that no collection here has: more would be an attack on memory."""
SAME_SCORE = 1e-4
"""Scores that differ by less are the same: another processor adds up in another order."""

Record = dict[str, Any]


@dataclass(frozen=True)
class Replay:
    """A replayed receipt. changes: a line for everything that is no longer as it was.

    then, now: the answers (now None where it cannot be asked any more). same: whether they are the same pictures in the
    same order, with the same scores but for rounding.
    """

    same: bool
    changes: tuple[str, ...]
    then: tuple[Record, ...]
    now: tuple[Record, ...] | None


def search(collection: Collection, request: SearchRequest) -> tuple[Hits, Record]:
    """Answer a request and write its receipt, both of one state.

    A receipt is JSON: version, the arguments with every picture's content hash, the model's digest and the way it was
    asked to run, the collection's contents (see `Contents`), the answers, and a checksum of all that. Raises
    TwinlensError as the search does, for a picture in memory, and for an engine that may answer otherwise next time.
    """
    as_kind("search", request, SearchRequest, "give SearchRequest.of(image, text, k)")
    if not collection.is_exact:
        raise TwinlensError("a receipt wants answers that can be repeated: search without an approximate index")
    pictures = [_known(picture) for picture in request.images]
    with collection.snapshot():
        hits = collection.answer(request)
        model = collection.generation
        now = collection.contents()
        answers = [_answer(hit) for hit in hits]
        runtime = measurements(collection.model)
    receipt = {
        "receipt": FORMAT,
        "twinlens": __version__,
        "asked": {**request.to_json(), "image": pictures},
        "model": {"recipe": model.recipe, "digest": model.digest, "dim": model.dim, **_ran_by(runtime)},
        "collection": {"folder": str(collection.folder.resolve()), **vars(now), "count": len(now)},
        "hits": answers,
    }
    return hits, {**receipt, "check": _check(receipt)}


def _ran_by(runtime: Mapping[str, Any]) -> Record:
    """Return the runtime that was asked for, and what ran each network: ONNX Runtime, bfloat16 or torch in float32."""
    return {"runtime": runtime["mode"], "networks": {name: part["runs"] for name, part in runtime["networks"].items()}}


def read(path: Path | str) -> Record:
    """Read a receipt from its file. Raises TwinlensError: not there, not a receipt, damaged, of a newer version."""
    path = as_path("read", path)
    none = f"{path} is no receipt of twinlens search --receipt, or is damaged"
    try:
        receipt = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TwinlensError(f"cannot read the receipt {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise TwinlensError(none) from error
    version = receipt.get("receipt") if isinstance(receipt, dict) else None
    if type(version) is not int or version < OLDEST:
        raise TwinlensError(none)
    if version > FORMAT:
        raise TwinlensError(f"{path} is a receipt of version {version}, this twinlens reads version {FORMAT}")
    if not _is_whole(receipt) or (version > OLDEST and receipt.get("check") != _check(receipt)):
        raise TwinlensError(none)
    return dict(receipt)


def replay(collection: Collection, receipt: Record) -> Replay:
    """Repeat a receipt's search, and list the changes since. Raises TwinlensError for a damaged receipt."""
    if not _is_whole(as_kind("replay", receipt, dict, "give what receipts.read(path) returns")):
        raise TwinlensError("replay wants a whole receipt; give what receipts.read(path) returns")
    then = tuple(receipt["hits"])
    asked = {**receipt["asked"], "image": [Path(known["path"]) for known in receipt["asked"]["image"]]}
    with collection.snapshot():
        changes = [*_of_model(collection, receipt), *_of_contents(collection, receipt), *_of_pictures(receipt)]
        try:
            hits = collection.answer(SearchRequest.from_json(asked))
        except TypeError as error:
            raise TwinlensError(f"the receipt asks for what this twinlens does not know: {error}") from error
        except TwinlensError as error:
            return Replay(False, (*changes, f"the search cannot be asked again: {error}"), then, None)
        now = tuple(map(_answer, hits))
    return Replay(_same(then, now), tuple(changes), then, now)


def _check(receipt: Mapping[str, Any]) -> int:
    """Return the CRC-32 of a receipt's JSON without its own."""
    rest = {name: value for name, value in receipt.items() if name != "check"}
    return zlib.crc32(json.dumps(rest, sort_keys=True).encode())


def _is_whole(receipt: Record) -> bool:
    """Return True if a receipt has all that is read of it, as what it must be."""
    match receipt:
        case {
            "asked": {"image": [*pictures]},
            "model": {"digest": digest, "recipe": recipe, **model},
            "collection": {"rows": [*rows], "folder": folder, "collection": name, "pictures": held, "fields": fields,
                           "count": int()},
            "hits": [*hits],
        }:  # fmt: skip
            texts = (digest, recipe, folder, name, held, fields, model.get("runtime", "auto"))
            return (
                all(map(_is_text, texts))
                and _are_runs(rows)
                and all(map(_is_known, pictures))
                and all(map(_is_hit, hits))
            )
        case _:
            return False


def _is_text(value: object) -> bool:
    return isinstance(value, str) and "\0" not in value


def _is_known(value: object) -> bool:
    return isinstance(value, dict) and all(_is_text(value.get(name)) for name in ("path", "hash"))


def _is_hit(value: object) -> bool:
    if not _is_known(value) or not isinstance(value, dict) or not _is_text(value.get("id")):
        return False
    score = value.get("score")
    return type(value.get("rank")) is int and isinstance(score, int | float) and abs(score) <= sys.float_info.max


def _are_runs(rows: Sequence[object]) -> bool:
    """Return True if rows are runs (first, last), not so many that they cannot be counted one by one."""
    total = 0
    for run in rows:
        match run:
            case [int(first), int(last)] if 0 < first <= last < 2**62:
                total += last - first + 1
            case _:
                return False
    return total <= MAX_ROWS


def _known(picture: object) -> Record:
    if not isinstance(picture, Path):
        raise TwinlensError("a receipt can be written only for pictures that are files")
    try:
        return {"path": str(sources.located(picture).absolute()), "hash": sources.content_hash(picture).hex()}
    except OSError as error:
        raise TwinlensError(f"{picture}: cannot be read: {error.strerror}") from error


def _answer(hit: Hit) -> Record:
    return {"rank": hit.rank, "id": hit.sample.id, "score": hit.score, "path": str(hit.path), "hash": hit.hash}


def _same(then: Sequence[Record], now: Sequence[Record]) -> bool:
    if [answer["hash"] for answer in then] != [answer["hash"] for answer in now]:
        return False
    return all(abs(a["score"] - b["score"]) <= SAME_SCORE for a, b in zip(then, now, strict=True))


def _of_model(collection: Collection, receipt: Record) -> Iterator[str]:
    was, now = receipt["model"], collection.generation
    if was["digest"] != now.digest:
        yield f"the model is another: it was {was['recipe']} {was['digest'][:12]}, it is {now.recipe} {now.digest[:12]}"


def _of_contents(collection: Collection, receipt: Record) -> Iterator[str]:
    was = receipt["collection"]
    before = tuple((int(first), int(last)) for first, last in was["rows"])
    now = collection.contents()
    if now.collection != was["collection"]:
        if (now.pictures, now.fields) != (was["pictures"], was["fields"]):
            yield f"the collection was made anew: it had {was['count']:,} pictures, it has {len(now):,}"
        return
    old, new = expanded(before), expanded(now.rows)
    added, removed = len(np.setdiff1d(new, old)), len(np.setdiff1d(old, new))
    if added or removed:
        yield f"pictures of the collection: {added:,} added, {removed:,} removed (a changed one counts as both)"
    if not removed:
        yield from _of_rows(collection.contents(within=before), was)


def _of_rows(now: Contents, was: Record) -> Iterator[str]:
    """Yield a line for every difference between the same rows."""
    if now.pictures != was["pictures"]:
        yield "pictures of the collection have changed under their numbers: it was restored from another copy"
    if now.fields != was["fields"]:
        yield "places or metadata of pictures in the collection have changed"


def _of_pictures(receipt: Record) -> Iterator[str]:
    for known in receipt["asked"]["image"]:
        path = Path(known["path"])
        try:
            changed = sources.content_hash(path).hex() != known["hash"]
        except (OSError, ValueError) as error:
            is_gone = isinstance(error, FileNotFoundError | NotADirectoryError | ValueError)
            yield f"the query's picture {path} {'is gone' if is_gone else 'cannot be read'}"
            continue
        if changed:
            yield f"the query's picture {path} has changed"
