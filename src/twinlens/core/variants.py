"""Variants as files: a folder's listing is the menu, and a file's name is the variant's name.

Every variant file of `encoders`, `fusions` and `indexes` defines one public class; `datasets` and `commands` are
modules used as they are. Keyword-only constructor arguments are the schema of a variant's options.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Collection
from types import ModuleType
from typing import Any

from twinlens.core import suggestions
from twinlens.core.types import TwinlensError

_SINGULAR = {"rerank": "reranker"}


def names(folder: str) -> list[str]:
    """Return the sorted variants of a folder such as "fusions"; files with a leading underscore are helpers."""
    package = importlib.import_module(f"twinlens.{folder}")
    return sorted(m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_"))


def load(folder: str, name: str) -> ModuleType:
    """Import a variant's file. Raises TwinlensError listing the known names."""
    known = names(folder)
    if name not in known:
        raise TwinlensError(suggestions.unknown(_kind(folder), name, known))
    return importlib.import_module(f"twinlens.{folder}.{name}")


def variant_class(folder: str, name: str) -> type[Any]:
    """Return the only public class of a variant's file."""
    module = load(folder, name)
    classes = [
        c for n, c in inspect.getmembers(module, inspect.isclass) if c.__module__ == module.__name__ and n[0] != "_"
    ]
    if len(classes) != 1:
        raise TypeError(f"{module.__name__} must define exactly one public class, not {[c.__name__ for c in classes]}")
    return classes[0]


def make(folder: str, name: str, **options: Any) -> Any:
    """Build a variant. Raises TwinlensError naming the known options if one is unknown or missing."""
    cls = variant_class(folder, name)
    _check_options(f"{_kind(folder)} {name!r}", inspect.signature(cls), options)
    return cls(**options)


def call(folder: str, name: str, function: str, *arguments: Any, **options: Any) -> Any:
    """Call a function of a variant's file. Raises TwinlensError as `make` does."""
    target = getattr(load(folder, name), function)
    _check_options(f"{_kind(folder)} {name!r}", inspect.signature(target), options)
    return target(*arguments, **options)


def _kind(folder: str) -> str:
    """Return the word for one variant of a folder."""
    name = folder.rpartition(".")[2]
    return _SINGULAR.get(name, name[:-1])


def _check_options(what: str, signature: inspect.Signature, options: Collection[str]) -> None:
    parameters = [p for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY]
    known = {p.name for p in parameters}
    for key in options:
        if key not in known:
            raise TwinlensError(
                f"{what} has no option {key!r}{suggestions.closest(key, known)}; known: {suggestions.listing(known)}"
            )
    missing = [p.name for p in parameters if p.default is p.empty and p.name not in options]
    if missing:
        raise TwinlensError(f"{what} needs the option {missing[0]!r}; known: {suggestions.listing(known)}")
