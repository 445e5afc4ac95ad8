"""Checks of what callers pass from Python: each returns the value, or raises TwinlensError with what would do."""

from __future__ import annotations

import errno
import math
import operator
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple, TypeVar

from twinlens.core.escaping import shortened
from twinlens.core.types import Sample, TwinlensError

GIVEN = "a path, a PIL image, the bytes of a file or an array of pixels"
"""Forms of a picture that searches and items take."""
T = TypeVar("T")
RERANKED = 50
"""Candidates that a reranker reads unless the request says how many."""
INSTEAD = {
    "ndarray": "give PIL.Image.fromarray(array)",
    "Tensor": "give PIL.Image.fromarray(tensor.numpy())",
    "bytes": "give PIL.Image.open(io.BytesIO(data))",
    "bytearray": "give PIL.Image.open(io.BytesIO(data))",
    "NoneType": "leave it out",
}
"""Types that people pass as pictures, and what to do with them."""


def as_kind(name: str, given: object, kind: type[T], instead: str) -> T:
    """Check that an argument is of a class of ours."""
    if isinstance(given, kind):
        return given
    raise TwinlensError(f"{name} wants a {kind.__name__}, not {shown(given)}; {instead}")


def as_samples(name: str, given: object) -> Sequence[Sample]:
    """Check that an argument is a sequence of samples, of which each has a picture and a text or lacks them."""
    if not isinstance(given, Sequence) or isinstance(given, str | bytes | bytearray):
        raise TwinlensError(f"{name} wants a list of samples, not {shown(given)}; give [Sample(id, image, text), …]")
    for sample in given:
        as_kind(name, sample, Sample, "give Sample(id, image, text)")
        if sample.image is not None:
            check_picture(sample.image)
        as_text("the text of a sample", sample.text)
    return given


def as_text(name: str, given: object) -> str:
    """Check text that can be stored and tokenised."""
    if isinstance(given, bytes | bytearray):
        raise TwinlensError(f"{name} wants text, not {shown(given)}; give data.decode()")
    if not isinstance(given, str):
        raise TwinlensError(f"{name} wants text, not {shown(given)}")
    if "\0" in given:
        raise TwinlensError(f"{name} has a NUL character in it: {shown(given)}; leave that out")
    if not given.isascii() and any("\ud800" <= letter <= "\udfff" for letter in given):
        raise TwinlensError(f"{name} has bytes in it that are not UTF-8: {shown(given)}; write it in UTF-8")
    return given


def check_picture(given: object, forms: str = "a path or a PIL image") -> None:
    """Check that a picture is a path, a PIL image or a function that draws one. forms: those that the caller takes."""
    if isinstance(given, PurePath):
        if "\0" in str(given):
            raise TwinlensError(f"the path of a picture has a NUL character in it: {shown(str(given))}")
        if not can_name(str(given)):
            raise TwinlensError(f"the path of a picture has half a character in it: {shown(str(given))}")
        return
    if not (callable(given) or _is_pil(given)):
        instead = INSTEAD.get(type(given).__name__, "give its path")
        raise TwinlensError(f"a picture is {forms}, not {shown(given)}; {instead}")


def _is_pil(given: object) -> bool:
    loaded = sys.modules.get("PIL.Image")  # whoever has a picture has imported it
    return loaded is not None and isinstance(given, loaded.Image)


def shown(given: object) -> str:
    """Return a value as code has it if it is small and plain, else its type."""
    plain = given is None or isinstance(given, str | int | float)
    return shortened(repr(given), 60) if plain else f"{type(given).__name__}"


def as_count(name: str, given: object, *, least: int = 1) -> int:
    """Check a whole number, of Python or NumPy, that is at least `least`."""
    try:
        count = None if isinstance(given, bool) else operator.index(given)  # type: ignore[arg-type]
    except TypeError:
        count = None
    if count is None:
        raise TwinlensError(f"{name} wants a whole number, not {shown(given)}")
    if count < least:
        raise TwinlensError(f"{name} must be at least {least}, not {count}")
    return count


def as_switch(name: str, given: object) -> bool:
    """Check True or False."""
    if not isinstance(given, bool):
        raise TwinlensError(f"{name} is True or False, not {shown(given)}")
    return given


def as_choice(name: str, given: object, choices: Iterable[str]) -> str:
    """Check one of some names."""
    names = tuple(choices)
    if not isinstance(given, str) or given not in names:
        raise TwinlensError(f"{name} must be one of {', '.join(names)}, not {shown(given)}")
    return given


def as_number(name: str, given: object) -> float:
    """Check a finite number, of Python or NumPy."""
    try:
        value = math.nan if isinstance(given, bool | str | bytes) else float(given)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    if not math.isfinite(value):
        raise TwinlensError(f"{name} wants a finite number, not {shown(given)}")
    return value


class Stage(NamedTuple):
    """A stage of reranking: its name, how many answers it reads, and the checkpoint that it takes, if one is named."""

    name: str
    first: int = RERANKED
    checkpoint: str | None = None


def as_stage(name: str, given: str) -> Stage:
    """Read "STAGE", "STAGE:N" or "STAGE=CHECKPOINT:N"; it reads 50 answers unless it says so."""
    before, colon, count = given.rpartition(":")
    numbered = bool(colon) and "/" not in count
    if numbered and not (count.isdecimal() and int(count) > 0):
        raise TwinlensError(f"{name} wants NAME or NAME:N with a number N from 1 on, not {given!r}")
    stage, _, checkpoint = (before if numbered else given).partition("=")
    return Stage(stage, int(count) if numbered else RERANKED, checkpoint or None)


def as_path(name: str, given: object) -> Path:
    """Return a path from what a caller passes as `name`. Raises TwinlensError for what cannot be one."""
    value = os.fspath(given) if isinstance(given, os.PathLike) else given
    if isinstance(value, bytes | bytearray):
        raise TwinlensError(f"{name} wants a path as text, not bytes; give os.fsdecode(data)")
    if not isinstance(value, str):
        raise TwinlensError(f"{name} wants a path, not {type(value).__name__}; give text or a pathlib.Path")
    if "\0" in value:
        raise TwinlensError(f"{name} wants a path, and {value!r} has a NUL character in it; leave that out")
    if not can_name(value):
        raise TwinlensError(f"{name} wants a path, and {value!r} has half a character in it; leave that out")
    return Path(value)


def as_folder(name: str, given: object) -> Path:
    """Return the path of a folder that holds a model, as `as_path` does.

    Raises TwinlensError for a name that is not UTF-8 too: the libraries that read tokenizers and tensors take no other.
    """
    path = as_path(name, given)
    if any("\ud800" <= letter <= "\udfff" for letter in os.path.abspath(path)):  # noqa: PTH100
        raise TwinlensError(f"no model can be kept in {os.fspath(path)!r}, which is not UTF-8; rename the folder")
    try:
        path.lstat()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise TwinlensError(
                f"{name} wants a shorter path: {os.fspath(path)[:40]}… is too long for a name"
            ) from error
    return path


def can_name(path: str) -> bool:
    """Return True if a file system can have a path: lone surrogates stand for its bytes, or for nothing."""
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return True


def as_paths(name: str, given: object) -> list[Path]:
    """Return paths from one of them, or several. Raises TwinlensError as `as_path` does."""
    if isinstance(given, str | bytes | bytearray | os.PathLike) or not isinstance(given, Iterable):
        given = [given]
    return [as_path(name, one) for one in given]


def as_names(given: object) -> tuple[str, ...]:
    """Check the argument `allow_plugins`. Raises TwinlensError for what is no sequence of names."""
    if isinstance(given, str) or not isinstance(given, Sequence | frozenset | set):
        raise TwinlensError(f"allow_plugins wants a list of names, not {given!r}; give [{given!r}]")
    return tuple(str(name) for name in given)
