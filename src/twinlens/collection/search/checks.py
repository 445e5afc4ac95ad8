"""Checks of what people pass to a search: each returns the value, or raises TwinlensError with what to pass instead."""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Iterable, Mapping
from pathlib import PurePath

from twinlens.core.escaping import shortened
from twinlens.core.types import TwinlensError

INSTEAD = {
    "ndarray": "give PIL.Image.fromarray(array)",
    "Tensor": "give PIL.Image.fromarray(tensor.numpy())",
    "bytes": "give PIL.Image.open(io.BytesIO(data))",
    "bytearray": "give PIL.Image.open(io.BytesIO(data))",
    "NoneType": "leave it out",
}
"""Types that people pass as pictures, and what to do with them."""


def whole_number(name: str, given: object) -> int:
    """Check a count, of Python or NumPy."""
    try:
        if not isinstance(given, bool):
            return operator.index(given)  # type: ignore[arg-type]
    except TypeError:
        pass
    raise TwinlensError(f"{name} wants a whole number, not {_shown(given)}")


def number(name: str, given: object) -> float:
    """Check a finite number, of Python or NumPy."""
    try:
        value = math.nan if isinstance(given, bool | str | bytes) else float(given)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    if not math.isfinite(value):
        raise TwinlensError(f"{name} wants a finite number, not {_shown(given)}")
    return value


def sentence(name: str, given: object) -> str:
    """Check text that can be stored and tokenised."""
    if isinstance(given, bytes | bytearray):
        raise TwinlensError(f"{name} wants text, not {_shown(given)}; give data.decode()")
    if not isinstance(given, str):
        raise TwinlensError(f"{name} wants text, not {_shown(given)}")
    if "\0" in given:
        raise TwinlensError(f"{name} has a NUL character in it: {_shown(given)}; leave that out")
    if not given.isascii() and any("\ud800" <= letter <= "\udfff" for letter in given):
        raise TwinlensError(f"{name} has bytes in it that are not UTF-8: {_shown(given)}; write it in UTF-8")
    return given


def several(name: str, given: object) -> list[object]:
    """Check one text, or several values of any kind."""
    if isinstance(given, str):
        return [given]
    if given is None or isinstance(given, bytes | bytearray | Mapping) or not isinstance(given, Iterable):
        how = "leave it out" if given is None else "give one, or a list"
        raise TwinlensError(f"{name} cannot be {_shown(given)}; {how}")
    return list(given)


def picture(given: object) -> None:
    """Check that a picture is a path, a PIL image or a function that draws one."""
    if isinstance(given, PurePath):
        if "\0" in str(given):
            raise TwinlensError(f"the path of a picture has a NUL character in it: {_shown(str(given))}")
        return
    if not (callable(given) or _is_pil(given)):
        instead = INSTEAD.get(type(given).__name__, "give its path")
        raise TwinlensError(f"a picture is a path or a PIL image, not {_shown(given)}; {instead}")


def _is_pil(given: object) -> bool:
    loaded = sys.modules.get("PIL.Image")  # whoever has a picture has imported it
    return loaded is not None and isinstance(given, loaded.Image)


def _shown(given: object) -> str:
    """Return a value as code has it if it is small and plain, else its type."""
    plain = given is None or isinstance(given, str | int | float)
    return shortened(repr(given), 60) if plain else f"{type(given).__name__}"
