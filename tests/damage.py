"""Bytes as failing disks, broken copies and careless editors leave them."""

from __future__ import annotations

import random


def damaged(data: bytes, rng: random.Random) -> bytes:
    """The same bytes with one fault of a random kind; the places are those where there is something but zeros."""
    kind = rng.choice(("bits", "bytes", "random", "zeros", "cut", "lost", "repeated", "inserted"))
    if kind in ("bits", "bytes"):
        return _changed(data, rng, single_bits=kind == "bits")
    at, size = _place(data, rng), min(len(data), rng.choice((1, 4, 64, 4096, 40_000)))
    some, left = rng.randbytes(size), len(data) - at
    return {
        "random": data[:at] + some[:left] + data[at + size :],
        "zeros": data[:at] + bytes(min(size, left)) + data[at + size :],
        "cut": data[:at],
        "lost": data[:at] + data[at + size :],
        "repeated": data[: at + size] + data[at:],
        "inserted": data[:at] + some + data[at:],
    }[kind]


def _changed(data: bytes, rng: random.Random, *, single_bits: bool) -> bytes:
    spoiled = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        at = _place(data, rng)
        spoiled[at] = spoiled[at] ^ 1 << rng.randrange(8) if single_bits else rng.randrange(256)
    return bytes(spoiled)


def _place(data: bytes, rng: random.Random) -> int:
    for _ in range(50):
        at = rng.randrange(len(data))
        if data[at]:
            return at
    return rng.randrange(len(data))
