"""Intake of requests: their bodies within limits of bytes and time, and searches from JSON or multipart forms."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from pydantic import ValidationError
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from twinlens.service.bodies import SearchBody
from twinlens.service.errors import RequestError, in_one_line
from twinlens.service.pictures import check_upload
from twinlens.service.records import Json
from twinlens.service.settings import Limits

JSON, FORM = "application/json", "multipart/form-data"
MAX_FIELDS = 200
"""Fields of a form beside its files."""
MAX_JSON = 2**20
"""Bytes of JSON."""
LISTS = frozenset({"image", "text", "without", "unlike", "weights", "folder", "near"})
"""Fields of a search that a form may repeat."""


class Intake:
    """Refuses bodies that are too large, by their header and as they come, and those that come too slowly."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app, self.limits = app, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on whose body is counted as it comes, or refuse it by its length."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        line = f"the request has more than {self.limits.body:,} bytes; send fewer or smaller pictures"
        length = Headers(scope=scope).get("content-length", "0")
        if not length.isdecimal() or int(length) > self.limits.body:
            # The rest of the body is not read: the connection ends with this answer.
            await Json({"error": line}, 413, {"connection": "close"})(scope, receive, send)
            return
        ends, came = asyncio.get_running_loop().time() + self.limits.body_seconds, 0

        async def bounded() -> Message:
            nonlocal came
            try:
                async with asyncio.timeout_at(ends):
                    message = await receive()
            except TimeoutError:
                raise RequestError(408, "the request took too long to arrive; send it faster, or less") from None
            came += len(message.get("body", b""))
            if came > self.limits.body:
                raise RequestError(413, line)
            return message

        await self.app(scope, bounded, send)


async def search_of(request: Request, limits: Limits) -> tuple[SearchBody, list[bytes]]:
    """Read a search and the bytes of its pictures. Raises RequestError for a body that is neither form."""
    if media_type(request) == FORM:
        return await _from_form(request, limits)
    return parsed(SearchBody, await json_of(request)), []


def media_type(request: Request) -> str:
    """Return the media type of a body, without its parameters."""
    return request.headers.get("content-type", JSON).partition(";")[0].strip().lower()


async def json_of(request: Request) -> Any:
    """Return the JSON of a body. Raises RequestError for what is none."""
    if media_type(request) != JSON:
        raise RequestError(415, f"send {JSON}, or {FORM} with the files of pictures")
    body = await request.body()
    if len(body) > MAX_JSON:
        raise RequestError(413, f"the JSON has more than {MAX_JSON:,} bytes; upload pictures as {FORM}")
    return loads(body)


def loads(text: str | bytes) -> Any:
    """Parse JSON. Raises RequestError for what is none, or is nested too deep."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise RequestError(400, f"the JSON cannot be parsed: {' '.join(str(error).split())[:200]}") from error
    except UnicodeDecodeError as error:
        raise RequestError(400, "the JSON is no UTF-8; encode it so") from error
    except ValueError as error:
        raise RequestError(400, "the JSON has a number with too many digits; shorten it") from error
    except RecursionError as error:
        raise RequestError(400, "the JSON is nested too deep; send a flat object") from error


def parsed(model: type[SearchBody], values: Any) -> SearchBody:
    """Check values by a model. Raises RequestError with the first fault."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise RequestError(400, in_one_line(error.errors(include_url=False), model.model_fields)) from error


@asynccontextmanager
async def form_of(request: Request, *, files: int) -> AsyncIterator[FormData]:
    """Parse a multipart form, whose files go at the end. Raises RequestError for one that is damaged or too long."""
    try:
        form = await request.form(max_files=files, max_fields=MAX_FIELDS)
    except HTTPException as error:
        raise RequestError(400, f"the form cannot be read: {error.detail}") from error
    try:
        yield form
    finally:
        await form.close()


async def file_of(part: UploadFile, limits: Limits) -> bytes:
    """Read a part's file. Raises RequestError where it is too large, or no picture by its first bytes."""
    data = await part.read(limits.picture + 1)
    check_upload(data, limits)
    return data


async def _from_form(request: Request, limits: Limits) -> tuple[SearchBody, list[bytes]]:
    async with form_of(request, files=limits.pictures) as form:
        uploads = [await file_of(part, limits) for part in form.getlist("image") if isinstance(part, UploadFile)]
        values = _values(form)
    return parsed(SearchBody, values), uploads


def _values(form: FormData) -> Mapping[str, Any]:
    """Return the fields of a search: those of the JSON in `request`, and single ones, which win."""
    values: dict[str, Any] = {}
    whole = form.get("request")
    if isinstance(whole, str):
        given = loads(whole)
        if not isinstance(given, Mapping):
            raise RequestError(400, "the field request wants the JSON of a search, an object")
        values = dict(given)
    for name in form:
        texts = [part for part in form.getlist(name) if isinstance(part, str)]
        if name != "request" and texts and texts != [""]:
            values[name] = texts if name in LISTS else texts[-1]
    return values
