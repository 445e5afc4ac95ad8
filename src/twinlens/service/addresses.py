"""Addresses of requests: HEAD at those that GET reads, and no line break at the end of one."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from twinlens.service.records import Json

NOTHING = "there is nothing at this address; /openapi.json lists what there is"


class Addresses:
    """Reads HEAD as GET, whose body the server leaves out, and refuses a path that ends with a line break."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] == "http" and scope["path"].endswith("\n"):
            # `$` in a route's pattern also stands before a line break, and would leave it out of the id.
            await Json({"error": NOTHING}, 404)(scope, receive, send)
        elif scope["type"] == "http" and scope["method"] == "HEAD":
            # The server reads the method in the scope that it made, so that one stays as it is.
            read = {**scope, "method": "GET"}
            await self.app(read, receive, send)
            scope["route"] = read.get("route")
        else:
            await self.app(scope, receive, send)
