"""Tools for assistants, asked by the SDK's own client: in this process, and over a command's standard streams."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from PIL import Image

from tests.mean_color import MeanColor
from tests.pictures import ALONE
from twinlens.collection import Collection
from twinlens.collection.items import Item
from twinlens.service import assistant
from twinlens.service.assistant import Assistant, server


def finished(asked):
    """The result of a coroutine, run in a thread of its own: a browser's tests leave a loop running in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, asked).result()


@pytest.fixture
def ask(kept_folder):
    """A function that calls tools one after the other, and returns their results."""
    there = Assistant([kept_folder], MeanColor.load)

    async def calls(*asked):
        async with Client(server(there)) as client:
            return [await client.call_tool(name, arguments) for name, arguments in asked]

    yield lambda *asked: finished(calls(*asked))
    there.close()


def told(result) -> dict:
    assert not result.is_error, result.content
    return json.loads(result.content[0].text)


def refused(result) -> str:
    assert result.is_error
    (line,) = result.content
    return line.text


def test_the_tools_only_read_and_say_what_they_take(kept_folder):
    async def listed():
        async with Client(server(there)) as client:
            return (await client.list_tools()).tools

    there = Assistant([kept_folder], MeanColor.load)
    tools = finished(listed())
    there.close()
    assert {tool.name for tool in tools} == {"search", "similar", "describe_collection", "get_picture"}
    assert all(tool.annotations.read_only_hint and tool.description for tool in tools)
    assert {"text", "like", "without", "unlike", "where", "balance", "k"} <= set(
        next(tool for tool in tools if tool.name == "search").input_schema["properties"]
    )


def test_a_sentence_finds_pictures_and_shows_the_first(ask):
    (result,) = ask(("search", {"text": "red", "k": 6}))
    hits = told(result)["hits"]
    assert [hit["caption"] for hit in hits] == ["red"] * 4 + [hit["caption"] for hit in hits[4:]] and len(hits) == 6
    assert all("path" not in hit for hit in hits)
    shown = result.content[1:]
    assert len(shown) == assistant.SHOWN
    with Image.open(io.BytesIO(base64.b64decode(shown[0].data))) as picture:
        red, green, blue = picture.convert("RGB").resize((1, 1)).getpixel((0, 0))
        assert red > 150 > max(green, blue)


def test_a_picture_of_the_collection_is_changed_by_words(ask):
    (first,) = ask(("search", {"text": "red", "k": 1}))
    (start,) = told(first)["hits"]
    both, words, narrowed, similar = ask(
        ("search", {"text": "green", "like": [start["id"]], "k": 3}),
        ("search", {"text": "green", "like": [start["id"]], "balance": 1, "k": 3}),
        ("search", {"text": "green", "where": 'color = "blue"'}),
        ("similar", {"id": start["id"], "k": 3}),
    )
    assert start["id"] not in [hit["id"] for hit in told(both)["hits"]]
    assert {hit["caption"] for hit in told(words)["hits"]} == {"green"}
    assert {hit["metadata"]["color"] for hit in told(narrowed)["hits"]} == {"blue"}
    assert {hit["caption"] for hit in told(similar)["hits"]} == {"red"}


def test_a_picture_is_shown_with_what_is_known_of_it(ask):
    (found,) = ask(("search", {"text": "blue", "k": 1}))
    (result,) = ask(("get_picture", {"id": told(found)["hits"][0]["id"]}))
    record = told(result)
    assert record["caption"] == "blue" and record["metadata"]["color"] == "blue" and "path" not in record
    assert result.content[1].mime_type == "image/jpeg"


def test_a_collection_tells_what_can_be_asked(ask):
    (result,) = ask(("describe_collection", {}))
    told_of = told(result)
    assert told_of["pictures"] == 12 and told_of["fields"]["color"] == 12 and told_of["collections"] == ["shades"]


@pytest.mark.parametrize(
    ("tool", "arguments", "line"),
    [
        ("search", {}, "needs a picture, a text, or both"),
        ("search", {"text": "red", "where": "colour = 1"}, "did you mean 'color'"),
        ("search", {"text": "red", "k": 1000}, "less than or equal to 50"),
        ("search", {"text": "x" * 5000}, "at most 2000 characters"),
        ("search", {"text": "red", "collection": "other"}, "known: shades"),
        ("similar", {"id": "no-such"}, "no-such"),
        ("get_picture", {"id": "../../etc/passwd"}, "etc/passwd"),
        ("get_picture", {"id": "1", "size": "huge"}, "size"),
        ("search", {"text": "red", "speed": 1}, "speed"),
    ],
)
def test_what_is_wrong_is_told(ask, tool, arguments, line):
    assert line in refused(*ask((tool, arguments)))


def test_lists_stay_lists(ask):
    (result,) = ask(("search", {"text": "red", "k": 1}))
    assert told(result)["hits"][0]["duplicates"] == []
    assert assistant._brief({"metadata": {"tags": ("a", 2, None), "long": ["x" * 200] * 9}, "duplicates": ("1",)}) == {
        "duplicates": ["1"], "metadata": {"tags": ["a", 2, None], "long": ["x" * 200]}
    }  # fmt: skip


def test_answers_are_bounded(tmp_path):
    with Collection.create(tmp_path / "long", MeanColor(), load=MeanColor.load) as made:
        fields = {f"field {n}": "y" * 10_000 for n in range(200)}
        made.add([Item("a", Image.new("RGB", (9, 9), "red"), "x" * 100_000, fields)], options=ALONE)
    there = Assistant([tmp_path / "long"], MeanColor.load)

    async def asked():
        async with Client(server(there)) as client:
            return [
                await client.call_tool(name, arguments)
                for name, arguments in (("get_picture", {"id": "a"}), ("describe_collection", {}))
            ]

    results = finished(asked())
    there.close()
    assert all(len(result.content[0].text) < 40_000 for result in results)


def test_the_command_answers_over_its_streams(tmp_path, pictures):
    with Collection.create(tmp_path / "drawn", recipe="compact") as made:
        made.add(pictures, options=ALONE)
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "twinlens", "mcp", "--collection", str(tmp_path / "drawn")],
        env={**os.environ},
    )

    async def asked():
        async with Client(stdio_client(command)) as client:
            return await client.call_tool("search", {"text": "a red square", "k": 2})

    assert len(told(finished(asked()))["hits"]) == 2
