"""Files that are not indexed: of systems and drives, what twinlens wrote, and what the user excludes."""

from __future__ import annotations

import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from pathspec import GitIgnoreSpec, RegexPattern

from twinlens.core import system
from twinlens.core.types import TwinlensError
from twinlens.media import formats

IGNORE_FILE = ".twinlensignore"
"""A file of gitignore's rules, for the folder it lies in and all below."""
MAX_BYTES = 2**20
"""Bytes of a file of rules."""
MAX_STARS = 3
"""Stars of a pattern between two slashes, and folders of two stars: matching takes a power of the name's length."""
SYSTEM_FOLDERS = {
    "in the trash": re.compile(r"#recycle|@recycle|\$recycle\.bin|\.trash.*|trash|lost\+found", re.IGNORECASE),
    "in folders of thumbnails": re.compile(
        r"@eadir|\.@__thumb|\.?thumbs?|\.?thumbnails|_thumbs?|.*\.lrdata|.*\.photoslibrary/(resources|scopes|private)",
        re.IGNORECASE,
    ),
    "of the system": re.compile(r"system volume information|@recently-snapshot|#snapshot|\.snapshots?", re.IGNORECASE),
}
"""Reason → names of folders (with the one above, where that tells) that hold no pictures of people's own."""
_ALL_BELOW = re.compile(r"(?P<above>.*)/\*\*(?P<slash>/?)")
_ANY_NAME = re.compile(r"(?:\*|/?(?:\*\*/)*\*\*|/?(?:\*\*/)+\*)(?P<slash>/?)")
Spec = tuple[tuple[bool, re.Pattern[str]], ...]
"""Patterns, the last one first: True for those that exclude, False for those that take again (!)."""
EXCLUDED, OURS = "excluded", "in collections of twinlens"


class Rules:
    """Decides which files below folders are passed over, and counts these pictures by the reason.

    exclude: patterns as in gitignore, relative to each folder that is indexed; they win over the files of rules. ours:
    names of files that mark a folder as written by twinlens. Raises TwinlensError for a pattern that is none.
    """

    def __init__(self, exclude: Sequence[str] = (), *, ours: Iterable[str] = ()) -> None:
        self._exclude, self._ours = _spec(exclude, "--exclude"), frozenset(ours)
        self._specs: dict[str, tuple[tuple[str, Spec], ...]] = {}
        self.counts, self.folders, self.files = Counter[str](), set[str](), set[str]()
        self.faults: list[str] = []

    def filter(self, where: str, folders: list[str], names: list[str]) -> list[str]:
        """Return the names of files in a folder that are taken; take the folders out of the list that are not.

        To be called from the top down, as `os.walk` goes. The topmost folder is taken whatever its name.
        """
        specs = self._specs.pop(where, None) or ((where, self._exclude),)
        if IGNORE_FILE in names:
            specs = (specs[0], (where, self._read(Path(where, IGNORE_FILE))), *specs[1:])
        kept = []
        for name in folders:
            reason = self._reason(where, name, specs)
            if reason is None:
                kept.append(name)
                self._specs[os.path.join(where, name)] = specs  # noqa: PTH118 - as os.walk has it
            elif reason:
                self._exclude_folder(os.path.join(where, name), reason)  # noqa: PTH118
        folders[:] = kept
        excluded = {name for name in names if _is_excluded(f"{where}/{name}", specs)}
        for name in excluded:
            self.files.add(os.path.join(where, name))  # noqa: PTH118
            self.counts[EXCLUDED] += formats.of_name(name) is not None
        return [name for name in names if name not in excluded]

    def excludes(self, path: Path) -> bool:
        """Return True if a path was passed over, or lies below a folder that was."""
        if not self.files and not self.folders:
            return False
        return str(path) in self.files or any(str(folder) in self.folders for folder in path.parents)

    def _reason(self, where: str, name: str, specs: tuple[tuple[str, Spec], ...]) -> str | None:
        """Return the reason to pass over a folder: "" for hidden ones, which are not counted; None to take it."""
        above = f"{where.rpartition(os.sep)[2]}/{name}"
        for reason, pattern in SYSTEM_FOLDERS.items():
            if pattern.fullmatch(name) or pattern.fullmatch(above):
                return reason
        if name.startswith("."):
            return ""
        if any(os.path.lexists(f"{where}/{name}/{mark}") for mark in self._ours):
            return OURS
        return EXCLUDED if _is_excluded(f"{where}/{name}/", specs) else None

    def _exclude_folder(self, folder: str, reason: str) -> None:
        self.folders.add(folder)
        found = (name for _, _, names in os.walk(folder) for name in names)
        self.counts[reason] += sum(formats.of_name(name) is not None for name in found)

    def _read(self, path: Path) -> Spec:
        try:
            status = path.lstat()  # a link may lead anywhere
            is_fit = stat.S_ISREG(status.st_mode) and status.st_size <= MAX_BYTES
            text = path.read_text("utf-8-sig") if is_fit else None
            if text is not None:
                lines = text.splitlines()
                dear = [line for line in lines if _has_many_stars(line)]
                self.faults.extend(f"{path}: this rule is not used: {_too_many(line)}" for line in dear)
                return _spec([line for line in lines if line not in dear], str(path))
            reason = "it is a link" if stat.S_ISLNK(status.st_mode) else f"it is no file of at most {MAX_BYTES:,} bytes"
        except (OSError, UnicodeDecodeError, TwinlensError) as error:
            reason = getattr(error, "strerror", None) or str(error)
        self.faults.append(f"{path}: its rules are not used: {reason}")
        return _spec((), "")


def _is_excluded(path: str, specs: tuple[tuple[str, Spec], ...]) -> bool:
    """Ask the rules of the command line, then the others from the innermost outwards. A folder's path ends with /.

    Only a pattern that matches the path itself counts, for what lies in an excluded folder is never asked for.
    """
    for base, spec in specs:
        relative = _relative(path, base) if spec else ""  # usually there are no patterns
        for excludes, pattern in spec:
            match = pattern.fullmatch(relative)
            # The group is the slash after a folder that the pattern names.
            if match is not None and match.end("ps_d") in (-1, len(relative)):
                return excludes
    return False


def _relative(path: str, base: str) -> str:
    """Return the path of what lies below a folder, as patterns have it: with slashes."""
    return path[len(base) :].replace(os.sep, "/").lstrip("/")


def _spec(lines: Iterable[str], name: str) -> Spec:
    lines = list(lines)
    if dear := next(filter(_has_many_stars, lines), None):
        raise TwinlensError(f"{name} has {_too_many(dear)}")
    try:
        patterns = GitIgnoreSpec.from_lines(map(_of_names, lines)).patterns
    except ValueError as error:
        raise TwinlensError(f"{name} has a pattern that gitignore would not take: {error}") from error
    found = [(one.include, one.regex) for one in patterns if isinstance(one, RegexPattern)]
    # As git has it there: core.ignorecase.
    blind = re.IGNORECASE if system.is_case_blind() else re.NOFLAG
    return tuple(
        (bool(include), re.compile(regex.pattern, regex.flags | blind))
        for include, regex in reversed(found)
        if regex is not None
    )


def _has_many_stars(line: str) -> bool:
    stars = [part.count("*") for part in line.split("/")]
    return not line.startswith("#") and max(*stars, f"{line.rstrip()}/".count("**/")) > MAX_STARS


def _too_many(line: str) -> str:
    return f"a pattern with more than {MAX_STARS} stars: {line[:40]!r}"


def _of_names(line: str) -> str:
    """Write a pattern so that it ends with a file's or folder's name: a/** is all in a, but not a itself."""
    mark, pattern = ("!", line[1:]) if line.startswith("!") else ("", line)
    if any_name := _ANY_NAME.fullmatch(pattern.rstrip()):
        return f"{mark}?*{any_name['slash']}"
    if below := _ALL_BELOW.fullmatch(pattern.rstrip()):
        return f"{mark}{below['above']}/**/*{below['slash']}"
    return line
