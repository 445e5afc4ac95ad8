"""Settings of a service, checked once: what it serves, to whom, and within which limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from twinlens.core.types import TwinlensError

LOOPBACK = "127.0.0.1"
PORT = 8765
MAX_PORT = 65_535
MIN_TOKEN = 16
"""Characters of the shortest token."""
TOKEN_CURE = "set TWINLENS_TOKEN or give --token-file FILE, such as one that holds the output of: openssl rand -hex 32"


@dataclass(frozen=True)
class Limits:
    """Limits of requests. picture, body: bytes. pixels: of a picture of a query. seconds: for decoding one picture.

    pictures: of one query. body_seconds: for receiving a request. waiting: searches that may wait per collection.
    uploads, uploads_bytes: pictures of queries that stay in memory. thumbs_bytes: of thumbnails in memory.
    """

    picture: int = 32 * 2**20
    body: int = 64 * 2**20
    pixels: int = 100_000_000
    seconds: float = 20.0
    pictures: int = 8
    body_seconds: float = 60.0
    waiting: int = 256
    uploads: int = 256
    uploads_bytes: int = 256 * 2**20
    thumbs_bytes: int = 64 * 2**20
    export_files: int = 1000
    export_bytes: int = 2**30


@dataclass(frozen=True)
class Settings:
    """A service's collections by their folders, its address, its token, and its limits.

    hosts: further names under which browsers reach it. cache: embeddings of queries that stay in memory, 0 for none.
    workers: processes that decode pictures. Raises TwinlensError for an address that other machines reach without a
    token, for a token that can be guessed, and for numbers out of range.
    """

    collections: tuple[Path, ...]
    host: str = LOOPBACK
    port: int = PORT
    token: str | None = field(default=None, repr=False)
    hosts: tuple[str, ...] = ()
    writable: bool = False
    runtime: str = "auto"
    cache: int = 4096
    workers: int = 2
    log_queries: bool = False
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        self._check_numbers()
        if self.token is not None and len(self.token) < MIN_TOKEN:
            raise TwinlensError(f"the token has fewer than {MIN_TOKEN} characters; {TOKEN_CURE}")
        if self.token is not None and not (self.token.isascii() and self.token.isprintable()):
            raise TwinlensError(f"the token has characters beside those of ASCII; {TOKEN_CURE}")
        if not self.is_local and self.token is None:
            raise TwinlensError(f"other machines reach the address {self.host}, which takes a token: {TOKEN_CURE}")

    def _check_numbers(self) -> None:
        if not 0 <= self.port <= MAX_PORT:
            raise TwinlensError(
                f"--port wants a number from 0 to {MAX_PORT}, not {self.port}; 0 takes any that is free"
            )
        if self.workers < 1:
            raise TwinlensError(f"--workers wants a number from 1 on, not {self.workers}")
        if self.cache < 0:
            raise TwinlensError(f"--cache wants a number from 0 on, not {self.cache}; 0 keeps no embeddings")

    @property
    def is_local(self) -> bool:
        """Return True if no other machine reaches the address."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False
