"""The bodies of requests at the boundary, as OpenAPI shows them; each becomes one of the house's own dataclasses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from twinlens.collection.search.request import SearchRequest
from twinlens.core.types import Picture
from twinlens.service.errors import RequestError

MAX_K = 200
MAX_DEPTH = 5000
"""Answers that can be reached by cursors."""
_STAGE = re.compile(r"([a-z_]{1,40})(:[0-9]{1,4})?")
LOADING = frozenset({"match"})
"""Stages of reranking that load torch and a checkpoint of the hub, which no request may start."""


def _several(value: Any) -> Any:
    return [value] if isinstance(value, str | bytes) else value


Text: TypeAlias = Annotated[str, Field(max_length=2000)]
Id: TypeAlias = Annotated[str, Field(min_length=1, max_length=400)]
Sentences: TypeAlias = Annotated[list[Text], BeforeValidator(_several), Field(max_length=8)]
Ids: TypeAlias = Annotated[list[Id], BeforeValidator(_several), Field(max_length=64)]
Folder: TypeAlias = Annotated[str, Field(max_length=4096)]
Folders: TypeAlias = Annotated[list[Folder], BeforeValidator(_several), Field(max_length=32)]
NUL = "\0"
Number: TypeAlias = Annotated[float, Field(allow_inf_nan=False)]


class SearchBody(BaseModel):
    """A search. `image`: ids of pictures of the collection, or `upload:HEX` of a picture that was uploaded before."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"text": ["a dog at night"], "k": 20},
                {"image": ["12"], "text": ["at night"], "balance": 0.6, "where": "year >= 2020"},
            ]
        },
    )

    collection: Annotated[str | None, Field(description="a collection's name; the first one by default")] = None
    image: Annotated[list[Id], BeforeValidator(_several), Field(max_length=8)] = []
    text: Sentences = []
    without: Annotated[Sentences, Field(description="sentences that count against an answer")] = []
    unlike: Annotated[Ids, Field(description="ids of pictures that count against an answer")] = []
    weights: Annotated[
        list[Number] | None,
        Field(max_length=16, description="one per picture, then one per sentence; each is then embedded alone"),
    ] = None
    balance: Annotated[
        Number | None, Field(ge=0, le=1, description="0: the picture alone, 0.5: as composed, 1: the words alone")
    ] = None
    where: Annotated[str | None, Field(max_length=10_000, description="a condition on the metadata")] = None
    folder: Annotated[Folders, Field(description="folders below which the answers lie")] = []
    near: Annotated[
        list[Number] | None,
        Field(min_length=3, max_length=3, description="latitude, longitude in degrees, and kilometres"),
    ] = None
    distinct: Annotated[
        Number | None, Field(ge=-1, le=1, description="a cosine from which on pictures are shown once")
    ] = None
    with_self: Annotated[bool, Field(description="let the query's own picture be among the answers")] = False
    rerank: Annotated[str | None, Field(max_length=50, description="NAME or NAME:N, reorders the first N")] = None
    k: Annotated[int, Field(ge=1, le=MAX_K)] = 40
    cursor: Annotated[
        str | None, Field(max_length=20, description="of an earlier answer to the same query: the answers after it")
    ] = None

    @property
    def start(self) -> int:
        """Return the number of answers before the first wanted one. Raises RequestError for a cursor of no answer."""
        if self.cursor is None:
            return 0
        if not (self.cursor.isascii() and self.cursor.isdecimal()) or int(self.cursor) > MAX_DEPTH:
            raise RequestError(400, "the cursor is none of an answer; leave it out to begin anew")
        return int(self.cursor)

    def request(self, images: list[Picture]) -> SearchRequest:
        """Return the request with these pictures. Raises TwinlensError where it cannot be answered."""
        _check_stage(self.rerank)
        for folder in self.folder:
            if not Path(folder).is_absolute() or NUL in folder:
                raise RequestError(400, "folder wants whole paths, such as those that /fields lists")
        return SearchRequest.of(
            images,
            self.text,
            self.start + self.k,
            without=self.without,
            unlike=self.unlike,
            weights=self.weights,
            balance=self.balance,
            where=self.where or None,
            within=self.folder,
            near=self.near,
            distinct=self.distinct,
            with_self=self.with_self,
            rerank=self.rerank or None,
        )


def _check_stage(text: str | None) -> None:
    """Raise RequestError for text that names no stage, and for a stage that would load a network."""
    if text is None:
        return
    stage = _STAGE.fullmatch(text)
    if stage is None:
        raise RequestError(400, "rerank wants NAME or NAME:N, such as diverse:100")
    if stage[1] in LOADING:
        raise RequestError(
            400,
            f"a request cannot ask for {stage[1]}, which loads a network; name it in the model's recipe, or run:"
            f" twinlens search --rerank {stage[1]}",
        )


class Problem(BaseModel):
    """An error: one line with its cure."""

    error: str
