"""Access to the service: hosts, origins, and the token of a request."""

from __future__ import annotations

import hashlib
import hmac
import socket
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from twinlens.service.records import Json
from twinlens.service.settings import Settings

COOKIE = "twinlens_session"
OPEN = frozenset({"/health", "/ready", "/login", "/"})
"""Paths that answer without a token; the page's own files do too, and `/` with a form for it."""
STATIC = "/web/"
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


class Access:
    """Lets requests through that name this service as their host, come from its own page, and show the token."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self.settings, self.names = app, settings, known_names(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(headers)
        allowed = scope["twinlens.is_allowed"] = shows_token(headers, self.settings.token)
        path = scope["path"]
        if refusal is None and not allowed and path not in OPEN and not path.startswith(STATIC):
            refusal = 401, "the token is missing or wrong; send it as Authorization: Bearer TOKEN"
        if refusal is None:
            await self.app(scope, receive, send)
            return
        status, line = refusal
        extra = {"www-authenticate": "Bearer"} if status == 401 else None
        await Json({"error": line}, status, extra)(scope, receive, send)

    def _refusal(self, headers: Headers) -> tuple[int, str] | None:
        host = host_name(headers.get("host", ""))
        if not self._is_known(host):
            return 403, f"this service does not answer to the host {host[:100]!r}; allow it with: --allow-host NAME"
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != headers.get("host"):
            return 403, "the request comes from another site's page, which may not ask here"
        if headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-mode") != "navigate":
            return 403, "the request comes from another site's page, which may not ask here"
        return None

    def _is_known(self, host: str) -> bool:
        """Return True for the service's names; for addresses too where other machines may ask."""
        if host in self.names:
            return True
        # An address in digits is no name that somebody could point here.
        return not self.settings.is_local and _is_address(host)


def known_names(settings: Settings) -> frozenset[str]:
    """Return the names under which the service is reached."""
    names = {settings.host.lower(), *map(str.lower, settings.hosts), *LOCAL}
    if not settings.is_local:
        names |= {socket.gethostname().lower(), socket.getfqdn().lower()}
    return frozenset(names)


def host_name(host: str) -> str:
    """Return the name of a Host header without the port, in lower case."""
    name, _, port = host.rpartition(":")
    name = name if port.isdecimal() and name else host
    return name.strip("[]").lower()


def shows_token(headers: Mapping[str, str], token: str | None) -> bool:
    """Return True if a request shows the token, or the cookie that stands for it; or none is wanted."""
    if token is None:
        return True
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and matches(given.strip(), token):
        return True
    return any(matches(value, session_of(token)) for value in _cookies(headers.get("cookie", "")))


def matches(given: str, wanted: str) -> bool:
    """Compare in a time that does not tell how much is right."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), wanted.encode("utf-8"))


def session_of(token: str) -> str:
    """Return the value of the cookie that stands for a token and does not tell it."""
    return hmac.new(token.encode("utf-8"), b"twinlens session 1", hashlib.sha256).hexdigest()


def _cookies(header: str) -> Iterable[str]:
    parts = (part.strip().partition("=") for part in header.split(";"))
    return [value for name, _, value in parts if name == COOKIE]


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
