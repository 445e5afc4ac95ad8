"""Plug-ins: variants from outside the package, by an installed entry point or a file of Python.

A user consents to a plug-in by naming it: in a recipe, on the command line, by `use`. A saved model or a collection
names plug-ins too, which is no consent: their code runs only if the user allows it by name as well, by `--allow-plugin`
or `allow_plugins=`. Built-in variants come first, so that no package can replace one.

The full name of a file is `mine.py@SHA-256`. A saved model keeps it, so that another content is noticed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from shlex import quote
from typing import Any, NoReturn, TypeAlias

from twinlens.core import suggestions, variants
from twinlens.core.arguments import as_names, as_path, as_stage
from twinlens.core.plugin_code import FOLDERS, KIND, Code, Plugin, entry_point, installed
from twinlens.core.plugin_names import checksum_of, short
from twinlens.core.types import TwinlensError

__all__ = ["FOLDERS", "installed", "short"]
State: TypeAlias = tuple[list[tuple[str, Plugin]], list[str]]
"""The plug-ins that a process has loaded, each with the name it is found by, and the names it allows."""
_RERANKERS = FOLDERS["rerankers"]
_NAMES_VARIANT = ("name", "method")
"""Keys of a recipe's tables whose value can be a variant."""
_MIN_CHECKSUM = 8
"""Least number of hexadecimal digits by which `--allow-plugin FILE@SHA-256` accepts another content."""
_loaded: dict[tuple[str, str], tuple[Plugin, Code]] = {}
_allowed: list[str] = []


def use(kind: str, name: str, *, folder: Path | str = "") -> str:
    """Load a variant that the user names, and return its full name, which recipes and requests then take.

    kind: one of `FOLDERS`. name: of a built-in variant, of an entry point, or the path of a file, relative to `folder`.
    A name that is none of these is returned as it is. Raises TwinlensError for a file that is missing or cannot run.
    """
    if kind not in FOLDERS:
        raise TwinlensError(suggestions.unknown("kind of plug-in", kind, FOLDERS))
    room = FOLDERS[kind]
    if name in variants.names(room):
        return name
    if name.endswith(".py"):
        plugin = Plugin.of_file(room, as_path("folder", folder) / Path(name).expanduser())
        _keep(plugin, plugin.name)
        return _keep(plugin, short(plugin.name))
    if entry_point(room, name) is not None:
        return _keep(Plugin(room, name), name)
    return name


def use_in(recipe: dict[str, Any], *, folder: Path) -> None:
    """Load the plug-ins that a recipe's content names, and write their full names in place.

    folder: the one that paths are relative to. Raises TwinlensError as `use` does.
    """
    for kind, table, key in list(_places(recipe)):
        before, table[key] = table[key], use(kind, table[key], folder=folder)
        options = table.get("options")
        if key == "method" and isinstance(options, dict) and before in options:  # options by the name of a method
            options[table[key]] = options.pop(before)
    if isinstance(recipe.get("rerank"), str):
        recipe["rerank"] = use_stage(recipe["rerank"], folder=folder)


def use_stage(given: str, *, folder: Path | str = "") -> str:
    """Do the same for a stage of reranking, NAME, NAME:N or NAME=CHECKPOINT:N."""
    name = as_stage("rerank", given).name
    return given.replace(name, use("rerankers", name, folder=folder), 1)


@contextmanager
def allowing(names: Sequence[str]) -> Iterator[None]:
    """Allow plug-ins by name in the block, in all threads. Raises TwinlensError for one that is not here.

    names: entry points and paths of files; FILE@SHA-256 accepts a file that has changed since a model was saved.
    """
    before = list(_allowed)
    for name in as_names(names):
        file = _file_of(name)
        if file is not None and not file.is_file():
            raise TwinlensError(f"--allow-plugin: no such file: {file}")
        if file is None and not any(entry_point(folder, name) for folder in KIND):
            raise TwinlensError(suggestions.unknown("plug-in", name, {n for folder in KIND for n in installed(folder)}))
        _allowed.append(name)
    try:
        yield
    finally:
        _allowed[:] = before


def naming(kind: str, name: str | None) -> AbstractContextManager[None]:
    """Return the context in which models and collections may run what the user names, if that is a plug-in."""
    if name is None or name in variants.names(FOLDERS[kind]):
        return nullcontext()
    return allowing([name] if name.endswith(".py") or is_plugin(kind, name) else [])


def check(recipe: Mapping[str, Any], where: object, allowed: Sequence[str] = ()) -> None:
    """Load the plug-ins that a saved recipe names and the user allows. Raises TwinlensError for others.

    where: the model folder or file that names them. allowed: names beside those of `allowing`.
    """
    for kind, table, key in _places(recipe):
        _check_one(FOLDERS[kind], table[key], where, allowed)
    check_stage(recipe.get("rerank"), where, allowed)


def check_stage(given: object, where: object, allowed: Sequence[str] = ()) -> None:
    """Do the same for the stage of reranking that a saved recipe names, if it does."""
    if isinstance(given, str):
        _check_one(FOLDERS["rerankers"], as_stage("rerank", given).name, where, allowed)


def check_index(kind: str, where: object, allowed: Sequence[str] = ()) -> None:
    """Do the same for the index that a collection is set to."""
    _check_one(FOLDERS["indexes"], kind, where, allowed)


def origin(kind: str, name: str) -> str:
    """Return what allows a plug-in that was loaded: the path of its file, or the name of an entry point."""
    known = _loaded.get((FOLDERS[kind], name))
    return name if known is None or known[0].path is None else str(known[0].path)


def is_plugin(kind: str, name: str) -> bool:
    """Return True if a name is that of a plug-in's file, or of an installed entry point; nothing is loaded."""
    return checksum_of(name) is not None or name in installed(FOLDERS[kind])


def found(folder: str, name: str) -> Code | None:
    """Return the code of a plug-in that was loaded, or is allowed in this process; None where there is no such plug-in.

    Raises TwinlensError for one that is not allowed.
    """
    if (folder, name) not in _loaded and folder in KIND:
        _check_one(folder, name, "the recipe or request", ())
    known = _loaded.get((folder, name))
    return known and known[1]


def files_in_use() -> list[str]:
    """Return the full names of the files that were loaded in this process."""
    return sorted({plugin.name for plugin, _ in _loaded.values() if plugin.source is not None})


class Carried:
    """Makes the plug-ins of a process known to another one that unpickles it; instances of their classes come after."""

    def __reduce__(self) -> tuple[Callable[[State], Carried], tuple[State]]:
        return _resumed, (([(key, plugin) for (_, key), (plugin, _) in _loaded.items()], list(_allowed)),)


def _resumed(state: State) -> Carried:
    for key, plugin in state[0]:
        _keep(plugin, key)
    _allowed.extend(name for name in state[1] if name not in _allowed)
    return Carried()


def _places(recipe: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield each place in a recipe's content that can name a variant: kind, table, key."""
    for kind, part in (("encoders", recipe.get("encoders")), ("fusions", recipe.get("fusion"))):
        for table in _tables(part):
            yield from ((kind, table, key) for key in _NAMES_VARIANT if isinstance(table.get(key), str))


def _tables(part: object) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
        part = list(part.values())
    if isinstance(part, list | tuple):
        for value in part:
            yield from _tables(value)


def _check_one(folder: str, name: str, where: object, allowed: Sequence[str]) -> None:
    """Load a plug-in that a name stands for, if it is allowed; built-in and unknown names are no plug-ins."""
    checksum = checksum_of(name)
    if name in variants.names(folder) or (checksum is None and entry_point(folder, name) is None):
        return
    consent = next((given for given in (*allowed, *_allowed) if _means(given, name)), None)
    if consent is None:
        _refuse(folder, name, where)
    if checksum is None:
        _keep(Plugin(folder, name), name)
        return
    path = _file_of(consent)
    assert path is not None
    plugin = Plugin.of_file(folder, path)
    _compare(plugin, checksum, consent, where)
    _keep(plugin, name)


class ConsentError(TwinlensError):
    """A plug-in that a model names and the user has not allowed, or not with its present content."""


def _refuse(folder: str, name: str, where: object) -> NoReturn:
    checksum = checksum_of(name)
    of_file = f", or the path of that file, whose SHA-256 begins {checksum[:12]}" if checksum else ""
    raise ConsentError(
        f"{where} names the plug-in {short(name)!r} ({variants.kind(folder)}), which is code from outside twinlens;"
        f" if you trust it: --allow-plugin {quote(short(name))}{of_file} (Python: allow_plugins=[{short(name)!r}])"
    )


def _compare(plugin: Plugin, checksum: str, consent: str, where: object) -> None:
    """Raise TwinlensError for a file that has changed or is another than FILE@SHA-256 names, which accepts a change."""
    present = plugin.checksum
    pin = consent.rpartition(".py@")[2] if ".py@" in consent else None
    if pin and len(pin) >= _MIN_CHECKSUM and present.startswith(pin):
        return
    accepting = quote(f"{plugin.path}@{present[:12]}")
    if present != checksum:
        raise ConsentError(
            f"{plugin.path} has changed since {where} was saved (its SHA-256 begins {present[:12]}, then"
            f" {checksum[:12]}); put the old file back, or accept this one: --allow-plugin {accepting}"
        )
    if pin is not None:
        raise ConsentError(
            f"{plugin.path} is not the file that was allowed: its SHA-256 begins {present[:12]}, not {pin!r}; if you"
            f" trust it: --allow-plugin {accepting}"
        )


def _means(given: str, name: str) -> bool:
    """Return True if what the user allows is what a model names: the same entry point, or a file of the same name."""
    file = _file_of(given)
    return given == name if file is None else file.name == short(name)


def _file_of(given: str) -> Path | None:
    """Return the path in FILE or FILE@SHA-256; None for the name of an entry point."""
    path = given.rpartition("@")[0] if re.search(r"\.py@[0-9a-f]*$", given) else given
    return Path(path).expanduser() if path.endswith(".py") else None


def _keep(plugin: Plugin, key: str) -> str:
    """Run a plug-in unless it was, to be found by a name; return its full name."""
    known = _loaded.get((plugin.folder, key))
    if known is None or known[0] != plugin:
        same = (found for found in _loaded.values() if found[0] == plugin)
        _loaded[plugin.folder, key] = next(same, None) or (plugin, plugin.run())
    return plugin.name
