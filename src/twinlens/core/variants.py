"""Variants as files: a folder's listing is the menu, and a file's name is the variant's name.

Every variant file of `encoders`, `fusions` and `indexes` defines one public class; `datasets` and `commands` are
modules used as they are. Keyword-only constructor arguments are the schema of a variant's options. Variants of other
packages stand beside these where the user names them (see `plugins`).
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from types import ModuleType
from typing import Any

from twinlens.core import suggestions
from twinlens.core.plugin_names import short
from twinlens.core.types import TwinlensError

_MODULES = {"datasets": ("load", "PROTOCOLS", "SPLITS")}
"""Names that a variant's file defines where it is used as it is, and has no class."""
_SINGULAR = {"indexes": "index", "rerank": "reranker"}


def names(folder: str) -> list[str]:
    """Return the sorted variants of a folder such as "fusions"; files with a leading underscore are helpers."""
    package = importlib.import_module(f"twinlens.{folder}")
    return sorted(m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_"))


def load(folder: str, name: str) -> ModuleType:
    """Import a variant's file, or return the module of a plug-in that the user named.

    Raises TwinlensError listing the known names, and for a plug-in that is not allowed.
    """
    code = _code(folder, name)
    if isinstance(code, type):
        raise TwinlensError(f"the entry point of the {called(folder, name)} must be a module, not a class")
    if lacking := [wanted for wanted in _MODULES.get(folder, ()) if not hasattr(code, wanted)]:
        raise TwinlensError(f"{called(folder, name)} must define {', '.join(lacking)}, as those in twinlens.{folder}")
    return code


def _code(folder: str, name: str) -> ModuleType | type[Any]:
    known = names(folder)
    if name in known:
        return importlib.import_module(f"twinlens.{folder}.{name}")
    from twinlens.core import plugins  # few names are those of plug-ins

    code = plugins.found(folder, name)
    if code is None:
        raise TwinlensError(suggestions.unknown(kind(folder), name, [*known, *plugins.installed(folder)]))
    return code


def variant_class(folder: str, name: str) -> type[Any]:
    """Return the only public class of a variant's file.

    Raises TwinlensError as `load` does, and for a class from outside that does not keep the contract of its folder.
    """
    module = _code(folder, name)
    cls = module if isinstance(module, type) else _only_class(folder, name, module)
    if not cls.__module__.startswith("twinlens."):
        _check_contract(folder, name, cls)
    return cls


def _only_class(folder: str, name: str, module: ModuleType) -> type[Any]:
    classes = [
        c for n, c in inspect.getmembers(module, inspect.isclass) if c.__module__ == module.__name__ and n[0] != "_"
    ]
    if len(classes) != 1:
        found = suggestions.listing({c.__name__ for c in classes})
        raise TwinlensError(f"{called(folder, name)} must be a file with one public class; it has: {found}")
    return classes[0]


def _check_contract(folder: str, name: str, cls: type[Any]) -> None:
    """Raise TwinlensError unless a class is of the folder's base class, with all that this leaves to it."""
    base = getattr(importlib.import_module(f"twinlens.{folder}"), kind(folder).capitalize())
    what, contract = f"{called(folder, name)}: {cls.__name__}", f"{base.__module__}.{base.__name__}"
    if not issubclass(cls, base):
        raise TwinlensError(f"{what} must be a subclass of {contract}")
    if lacking := sorted(getattr(cls, "__abstractmethods__", ())):
        raise TwinlensError(f"{what} must define {', '.join(lacking)}, which {contract} leaves to it")


def make(folder: str, name: str, /, **options: Any) -> Any:
    """Build a variant.

    Raises TwinlensError naming the known options if one is unknown or missing, and for a plug-in that fails.
    """
    cls = variant_class(folder, name)
    _check_options(called(folder, name), inspect.signature(cls), options)
    return _run(cls, called(folder, name), (), options)


def call(folder: str, name: str, function: str, /, *arguments: Any, **options: Any) -> Any:
    """Call a function of a variant's file. Raises TwinlensError as `make` does."""
    target = getattr(load(folder, name), function, None)
    if target is None:
        raise TwinlensError(f"{called(folder, name)} has no function {function!r}")
    _check_options(called(folder, name), inspect.signature(target), options)
    return _run(target, called(folder, name), arguments, options)


def _run(code: Callable[..., Any], what: str, arguments: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """Call a variant's code; whatever another author's raises is one line, with the line of theirs that it left."""
    try:
        return code(*arguments, **options)
    except Exception as error:
        if code.__module__.startswith("twinlens.") or isinstance(error, TwinlensError | OSError | ModuleNotFoundError):
            raise
        import traceback  # a search, which fails at nothing, begins without it

        file = getattr(sys.modules[code.__module__], "__file__", None)
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
        reason = " ".join(repr(error).split())
        raise TwinlensError(f"{what} fails in {file}, line {lines[-1] if lines else '?'}: {reason}") from error


def check_options(folder: str, name: str, options: Collection[str]) -> None:
    """Raise TwinlensError, with the known options, for one that a variant does not have."""
    _check_known(called(folder, name), _parameters(inspect.signature(variant_class(folder, name))), options)


def kind(folder: str) -> str:
    """Return the word for one variant of a folder."""
    name = folder.rpartition(".")[2]
    return _SINGULAR.get(name, name[:-1])


def called(folder: str, name: str) -> str:
    """Return the words for a variant in messages: "fusion 'gate'"; the name of a file without its checksum."""
    return f"{kind(folder)} {short(name)!r}"


def _check_options(what: str, signature: inspect.Signature, options: Collection[str]) -> None:
    parameters = _parameters(signature)
    _check_known(what, parameters, options)
    known = {p.name for p in parameters}
    missing = [p.name for p in parameters if p.default is p.empty and p.name not in options]
    if missing:
        raise TwinlensError(f"{what} needs the option {missing[0]!r}; known: {suggestions.listing(known)}")


def _check_known(what: str, parameters: Sequence[inspect.Parameter], options: Collection[str]) -> None:
    known = {p.name for p in parameters}
    for key in options:
        if key not in known:
            raise TwinlensError(
                f"{what} has no option {key!r}{suggestions.closest(key, known)}; known: {suggestions.listing(known)}"
            )


def _parameters(signature: inspect.Signature) -> list[inspect.Parameter]:
    return [p for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY]
