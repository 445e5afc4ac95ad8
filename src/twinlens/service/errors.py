"""Errors of a request as HTTP answers: a status, and one line with the cure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from twinlens.core import faults
from twinlens.core.escaping import escaped, shortened
from twinlens.core.types import TwinlensError

FIELD_HINTS = {"near": "a list of three numbers: latitude and longitude in degrees, and kilometres"}
"""Hints for fields for which the schema's own line would speak of their parts alone."""
MAX_NAME = 100
"""Characters of a field's name in an error."""


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


def in_one_line(errors: Iterable[Mapping[str, Any]], fields: Iterable[str] = ()) -> str:
    """Return the first fault of a request that does not fit the schema: the field, and what is wanted.

    fields: those that are known, named where another one is given.
    """
    for error in errors:
        place = error.get("loc") or ()
        names = [str(part) for part in place if part not in ("body", "query", "path")]
        name = escaped(shortened(".".join(names), MAX_NAME)) or "the request"
        if error.get("type") == "extra_forbidden":
            return f"{name}: there is no such field; known: {', '.join(fields)}"
        if names and names[0] in FIELD_HINTS:
            return f"{names[0]}: wants {FIELD_HINTS[names[0]]}"
        return f"{name}: {faults.in_words(error).removeprefix('Value error, ')}"
    return "the request does not fit the schema at /openapi.json"
