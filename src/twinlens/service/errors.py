"""Errors of a request as HTTP answers: a status, and one line with the cure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from twinlens.core.types import TwinlensError


class RequestError(TwinlensError):
    """A request that is answered with a status of its own in place of 400."""

    def __init__(self, status: int, line: str) -> None:
        super().__init__(line)
        self.status = status


def status_of(error: TwinlensError) -> int:
    """Return the HTTP status of an error: its own, 415 for a picture that cannot be used, else 400."""
    if isinstance(error, RequestError):
        return error.status
    from twinlens.media.images import BadPicture

    return 415 if isinstance(error, BadPicture) else 400


def in_one_line(errors: Iterable[Mapping[str, Any]]) -> str:
    """Return the first fault of a request that does not fit the schema: where it is, and what is wanted."""
    for error in errors:
        place = error.get("loc") or ()
        names = [str(part) for part in place if part not in ("body", "query", "path")]
        return f"{'.'.join(names) or 'the request'}: {error.get('msg', 'is wrong')}"
    return "the request does not fit the schema at /openapi.json"
