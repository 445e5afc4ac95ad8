"""Addresses of servers: URLs without secrets, what they ask of an engine, and where secrets come from."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote

from twinlens.core.suggestions import unknown
from twinlens.core.types import TwinlensError

EXACT, HNSW = "exact", "hnsw"
EF = 200
"""Candidates that an approximate search keeps; recall .989 at 200,000 × 512 on pgvector."""
_SECRETS = ("password", "passwd", "token", "secret", "scram")
"""Parts of the names of options that hold secrets, such as libpq's oauth_client_secret and scram_client_key."""
_OURS = ("index", "ef")


@dataclass(frozen=True)
class Address:
    """The place of a server: `scheme://rest`, its options, and the index and ef with which it is searched."""

    scheme: str
    rest: str
    options: dict[str, str] = field(default_factory=dict)
    index: str = EXACT
    ef: int = EF

    @classmethod
    def parse(cls, url: str) -> Address:
        """Read a URL. Raises TwinlensError, which repeats no secret, for one that holds a secret or makes no sense."""
        scheme, found, rest = url.partition("://")
        if not found or not scheme.isalnum():
            raise TwinlensError("an engine's URL looks like postgresql://host/database or milvus://host:19530")
        rest, _, query = rest.partition("?")
        try:
            pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
        except ValueError as error:
            raise TwinlensError("the options of an engine's URL look like ?index=hnsw&ef=200") from error
        options = {key.lower(): value for key, value in pairs}
        if _has_password(rest) or any(part in option for option in options for part in _SECRETS):
            raise TwinlensError(
                "a URL on the command line is seen by every user of the machine: leave the password out, and give it"
                " in the environment (PGPASSWORD, TWINLENS_MILVUS_TOKEN) or by --credentials-file"
            )
        index, ef = options.pop("index", EXACT), options.pop("ef", str(EF))
        if index not in (EXACT, HNSW):
            raise TwinlensError(unknown("index of an engine", index, (EXACT, HNSW)))
        if not ef.isdecimal() or not 1 <= int(ef) <= 1000:
            raise TwinlensError(f"ef of an engine's URL is a number from 1 to 1000, not {ef!r}")
        return cls(scheme.lower(), rest, options, index, int(ef))

    def __str__(self) -> str:
        return f"{self.scheme}://{self.rest}"

    @property
    def url(self) -> str:
        """Return the URL with the server's own options."""
        query = "&".join(f"{quote(key)}={quote(value, safe='/')}" for key, value in self.options.items())
        return f"{self}?{query}" if query else str(self)

    @property
    def as_given(self) -> str:
        """Return the URL with all options, as `parse` reads it."""
        ours = {"index": self.index} if self.is_approximate else {}
        ours |= {"ef": str(self.ef)} if self.ef != EF else {}
        return replace(self, options={**self.options, **ours}).url

    @property
    def is_approximate(self) -> bool:
        """Return True if an approximate index is asked for."""
        return self.index != EXACT

    def check_options(self, known: Collection[str]) -> None:
        """Raise TwinlensError for an option that this kind of server does not have."""
        for option in self.options:
            if option not in known:
                raise TwinlensError(unknown(f"option of {self.scheme}://", option, sorted({*known, *_OURS})))


def _has_password(rest: str) -> bool:
    """Return True for USER:PASSWORD@HOST, also where the password has a / that should have been %2F."""
    return any(
        ":" in unquote(part).rpartition("@")[0] for part in (rest.partition("/")[0], rest.rpartition("@")[0] + "@")
    )


def is_loopback(host: str) -> bool:
    """Return True if a host is this machine: a loopback address, localhost, or a folder of sockets."""
    if not host or host.startswith(("/", "@")) or host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def secret(file: Path | None, variable: str) -> str | None:
    """Return the secret of a file, else of an environment variable; None without. Raises TwinlensError."""
    if file is None:
        return os.environ.get(variable) or None
    try:
        text = file.expanduser().read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise TwinlensError(
            f"the credentials cannot be read from {file}: {getattr(error, 'strerror', error)}"
        ) from error
    if not text:
        raise TwinlensError(f"{file} is empty; write the password or the token into it, and nothing else")
    return text
