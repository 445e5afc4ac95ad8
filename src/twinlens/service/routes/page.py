"""The page and its static files, and how a browser shows the token."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from twinlens.service.access import COOKIE, matches, session_of
from twinlens.service.routes._shared import service_of

router = APIRouter(include_in_schema=False)
WEB = Path(__file__).resolve().parents[1] / "web"
YEAR = 365 * 24 * 3600


class Web(StaticFiles):
    """The files of the page; browsers ask whether they changed."""

    def file_response(self, *args: object, **options: object) -> Response:
        """Answer with a file that is checked anew each time."""
        response = super().file_response(*args, **options)  # type: ignore[arg-type]
        response.headers["cache-control"] = "no-cache"
        return response


@router.get("/")
def page(request: Request) -> Response:
    """Return the page; to a browser that has shown no token the form that asks for it."""
    is_known = request.scope["twinlens.is_allowed"]
    return _html("index.html") if is_known else _html("login.html", 401)


@router.post("/login")
async def login(request: Request) -> Response:
    """Take the token of the form, and let the browser come back with a cookie that stands for it."""
    token = service_of(request).settings.token
    given = parse_qs((await request.body()).decode("latin-1")).get("token", [""])[0]
    if token is None:
        return RedirectResponse("/", 303)
    if not matches(given.strip(), token):
        return _html("login.html", 401)
    response = RedirectResponse("/", 303)
    is_secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, session_of(token), YEAR, httponly=True, samesite="strict", secure=is_secure)
    return response


@router.post("/logout")
def logout() -> Response:
    """Forget the browser's cookie."""
    response = RedirectResponse("/", 303)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return response


def _html(name: str, status: int = 200) -> Response:
    # A form's request tells its origin only where the page may tell its address to the same origin.
    caching = {"cache-control": "no-store" if status != 200 else "no-cache", "referrer-policy": "same-origin"}
    return FileResponse(WEB / name, status, headers=caching, media_type="text/html")
