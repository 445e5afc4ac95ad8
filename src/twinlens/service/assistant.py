"""Tools for assistants by the Model Context Protocol: search, similar pictures, one picture, what a collection holds.

They only read, and every answer is bounded. Pictures are named by ids, never by paths.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, ParamSpec

import mcp.types
from mcp.server.mcpserver import Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from pydantic import Field

from twinlens.collection import Collection, Hits, SearchRequest
from twinlens.collection.model import Load
from twinlens.collection.store import Entry
from twinlens.core.escaping import shortened
from twinlens.core.types import TwinlensError
from twinlens.models import runtime
from twinlens.service.naming import named
from twinlens.service.records import entry_record, hit_record
from twinlens.service.rendering import Job, render
from twinlens.version import __version__

INSTRUCTIONS = (
    "Finds pictures of a person's own collections by a sentence, by a picture of the collection (its id), or by both:"
    " the picture, changed as the sentence says. Call describe_collection first to learn which fields `where` can ask."
)
MAX_HITS = 50
MAX_WORDS = 2000
"""Characters of a sentence or a condition."""
MAX_VALUE = 300
"""Characters of a caption or a metadata value in an answer."""
MAX_FIELDS = 40
SHOWN = 4
"""Pictures that a search shows beside its list."""
PIXELS = {"small": 240, "large": 480}
"""The longer side of a picture that is shown."""
P = ParamSpec("P")
Content = list[mcp.types.TextContent | mcp.types.ImageContent | Image | dict[str, Any]]
Words = Annotated[str, Field(max_length=MAX_WORDS)]
Id = Annotated[str, Field(max_length=MAX_VALUE)]
Ids = Annotated[list[Id], Field(max_length=16)]
Count = Annotated[int, Field(ge=1, le=MAX_HITS)]
Name = Annotated[str | None, Field(max_length=MAX_VALUE, description="the collection; the first one if left out")]


class Assistant:
    """The tools over some open collections."""

    def __init__(self, folders: Sequence[Path], load: Load = runtime.load) -> None:
        self._collections = {name: Collection.open(folder, load=load) for name, folder in named(folders)}

    def close(self) -> None:
        """Close the collections."""
        for collection in self._collections.values():
            collection.close()

    def search(
        self,
        text: Annotated[Words, Field(description="what the pictures show; with `like`, what to change")] = "",
        like: Annotated[Ids, Field(description="ids of pictures of the collection to start from")] = [],  # noqa: B006
        without: Annotated[Words, Field(description="what they should not look like")] = "",
        unlike: Annotated[Ids, Field(description="ids of pictures to stay away from")] = [],  # noqa: B006
        where: Annotated[Words, Field(description='a condition on fields: year >= 2020 and tag = "street"')] = "",
        balance: Annotated[float | None, Field(ge=0, le=1, description="0: `like` alone … 1: `text` alone")] = None,
        k: Count = 10,
        collection: Name = None,
    ) -> Content:
        """Find pictures by a sentence, by pictures of the collection, or by both; shows the first of them."""
        there = self._named(collection)
        images = [there.entry(one).path for one in like]
        return self._shown(
            there,
            there.answer(
                SearchRequest.of(
                    images, text, k, without=without, unlike=unlike, where=where.strip() or None, balance=balance
                )
            ),
        )

    def similar(self, id: Id, k: Count = 10, collection: Name = None) -> Content:  # noqa: A002
        """Find the pictures that look most like one of the collection, which is named by its id."""
        there = self._named(collection)
        return self._shown(there, there.search(there.entry(id).path, k=k))

    def get_picture(
        self,
        id: Id,  # noqa: A002
        size: Annotated[str, Field(pattern="^(small|large)$")] = "large",
        collection: Name = None,
    ) -> Content:
        """Show one picture of the collection, with its caption and metadata."""
        entry = self._named(collection).entry(id)
        return [_brief(entry_record(entry)), _picture(entry, PIXELS[size])]

    def describe_collection(self, collection: Name = None) -> dict[str, Any]:
        """Tell what a collection holds: pictures, fields for `where` with how many pictures have them, the model."""
        there = self._named(collection)
        info, having = there.info(), there.listing().fields
        return {
            "collection": next(name for name, one in self._collections.items() if one is there),
            "collections": list(self._collections),
            "pictures": info.pictures,
            "fields": {name: having.get(name, info.pictures) for name in there.fields()[:MAX_FIELDS]},
            "model": info.model.recipe,
        }

    def _named(self, name: str | None) -> Collection:
        if name is None:
            return next(iter(self._collections.values()))
        if name not in self._collections:
            raise ToolError(f"there is no collection {name!r}; known: {', '.join(self._collections)}")
        return self._collections[name]

    def _shown(self, there: Collection, hits: Hits) -> Content:
        """Return the list of hits, then the first of them as small pictures."""
        found = {"hits": [_brief(hit_record(hit)) for hit in hits], "doubtful": hits.doubtful, "unit": hits.unit}
        return [found, *(_picture(there.entry(hit.id), PIXELS["small"]) for hit in hits[:SHOWN])]


def server(assistant: Assistant) -> MCPServer:
    """Return the server of an assistant's tools, all marked as read-only."""
    reads = mcp.types.ToolAnnotations(read_only_hint=True, open_world_hint=False)
    tools = [
        _strict(Tool.from_function(_mending(tool), annotations=reads, structured_output=False))
        for tool in (assistant.search, assistant.similar, assistant.get_picture, assistant.describe_collection)
    ]
    return MCPServer("twinlens", version=__version__, instructions=INSTRUCTIONS, tools=tools, log_level="WARNING")


def serve(folders: Sequence[Path], load: Load = runtime.load) -> None:
    """Answer an assistant over standard input and output until it leaves. Raises TwinlensError for no collection."""
    assistant = Assistant(folders, load)
    try:
        server(assistant).run("stdio")
    finally:
        assistant.close()


def _strict(tool: Tool) -> Tool:
    """Let a tool refuse arguments that it does not know; the SDK leaves them out."""
    arguments = tool.fn_metadata.arg_model
    arguments.model_config["extra"] = "forbid"
    arguments.model_rebuild(force=True)
    return tool.model_copy(update={"parameters": arguments.model_json_schema(by_alias=True)})


def _mending(tool: Callable[P, Any]) -> Callable[P, Any]:
    """Let an assistant read what is wrong with a request, and how to mend it."""

    @wraps(tool)
    def told(*args: P.args, **options: P.kwargs) -> Any:
        try:
            return tool(*args, **options)
        except TwinlensError as error:
            raise ToolError(str(error)) from error

    return told


def _picture(entry: Entry, pixels: int) -> Image | dict[str, Any]:
    """Return an entry's picture, or the reason why there is none."""
    try:
        rendered = render(None, Job(entry, pixels))
    except TwinlensError as error:
        return {"id": entry.id, "picture": str(error)}
    return Image(data=rendered.data, format=rendered.media_type.removeprefix("image/"))


def _brief(record: Mapping[str, Any]) -> dict[str, Any]:
    """Shorten a record: long texts and lists, and objects as text; the path stays out."""
    metadata = list(record["metadata"].items())[:MAX_FIELDS]
    brief = {key: _short(value) for key, value in record.items() if key not in ("path", "metadata", "hash")}
    return {**brief, "metadata": {key: _short(value) for key, value in metadata}}


def _first(values: Sequence[object]) -> list[object]:
    """Return the first elements of a list, as many as `MAX_VALUE` characters of text hold, at least one."""
    shown, left = list[object](), MAX_VALUE
    for value in values[:MAX_VALUE]:
        left -= len(text := str(value)) + 1
        if shown and left < 0:
            break
        shown.append(value if value is None or isinstance(value, bool | int | float) else shortened(text, MAX_VALUE))
    return shown


def _short(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return _first(value)
    return shortened(value if isinstance(value, str) else str(value), MAX_VALUE)
