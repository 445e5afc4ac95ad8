"""Conditions on metadata, `year >= 2020 and (tag = "red" or tags has "night")`, run as SQL with parameters.

    field = != < <= > >= value      a number, "a text", true or false; what is of another type never compares
    field in (value, value)         field like "IMG_%"  (% any characters, _ one; the case of A to Z does not count)
    tags has "night"                an element of a list, or the value itself
    has field                       whether there is a value at all
    not, and, or, parentheses       `not` binds tightest; `a != b` is `not a = b`, so it holds where there is no value

A field is a name, a.b within an object, or any name in `backticks`. path, caption, width, height (pixels), size (bytes)
and id are the picture's own; every other name is looked up in the metadata.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from twinlens.core.types import TwinlensError

Value: TypeAlias = "str | float | bool"


@dataclass(frozen=True)
class Compare:
    """Compares a field with a value; op is one of = < <= > >= like has."""

    field: tuple[str, ...]
    op: str
    value: Value


@dataclass(frozen=True)
class Has:
    """Holds where the field has a value."""

    field: tuple[str, ...]


@dataclass(frozen=True)
class Not:
    """Negates a condition."""

    part: Node


@dataclass(frozen=True)
class Every:
    """Holds where all parts hold."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Some:
    """Holds where at least one part holds."""

    parts: tuple[Node, ...]


Node: TypeAlias = "Compare | Has | Not | Every | Some"

MAX_LENGTH, MAX_DEPTH = 10_000, 50
COLUMNS = {
    "path": "CAST(path AS TEXT)",
    "caption": "caption",
    "width": "width",
    "height": "height",
    "size": "size",
    "id": "row",
}
"""Fields that are columns of the collection's own, and how SQL reads them."""


def parse(text: str) -> Node:
    """Parse a condition. Raises TwinlensError with the position of the first fault."""
    if len(text) > MAX_LENGTH:
        raise TwinlensError(f"the condition has {len(text):,} characters, more than {MAX_LENGTH:,}")
    return _Parser(text).whole()


def fields(node: Node) -> set[tuple[str, ...]]:
    """Return the metadata fields that a condition uses; a.b as ("a", "b")."""
    match node:
        case Every(parts=parts) | Some(parts=parts):
            return {field for part in parts for field in fields(part)}
        case Not(part=part):
            return fields(part)
        case Has(field=field) | Compare(field=field):
            return set() if field[0] in COLUMNS else {field}


def to_sql(node: Node) -> tuple[str, list[str | int | float]]:
    """Return an SQL condition on the table `entry` and its parameters.

    The condition is true or false and never null; no text of the user stands in it.
    """
    match node:
        case Every(parts=parts):
            return _joined(parts, " AND ")
        case Some(parts=parts):
            return _joined(parts, " OR ")
        case Not(part=part):
            condition, parameters = to_sql(part)
            return f"NOT {condition}", parameters
        case Has(field=field):
            condition, parameters = _type(field)
            return f"({condition} != 'null')", parameters
        case Compare():
            return _compare(node)


def _joined(parts: tuple[Node, ...], word: str) -> tuple[str, list[str | int | float]]:
    """Join in balanced pairs: SQLite refuses a chain of more than a thousand as too deep."""
    if len(parts) == 1:
        return to_sql(parts[0])
    half = len(parts) // 2
    (left, first), (right, second) = _joined(parts[:half], word), _joined(parts[half:], word)
    return f"({left}{word}{right})", first + second


_TYPES = {str: "('text')", bool: "('true', 'false')", float: "('integer', 'real')", int: "('integer', 'real')"}


def _compare(node: Compare) -> tuple[str, list[str | int | float]]:
    value = int(node.value) if isinstance(node.value, bool) else node.value  # 0 and 1, as json_extract gives them
    allowed = _TYPES[type(node.value)]
    if node.op == "has" and node.field[0] not in COLUMNS:
        each = ("EXISTS (SELECT 1 FROM json_each(metadata, ?) WHERE value = ? AND type IN", allowed, ")")
        return " ".join(each), [json_path(node.field), value]
    (kind, first), (read, second) = _type(node.field), _read(node.field)
    op = "=" if node.op == "has" else node.op.upper()
    return f"({kind} IN {allowed} AND {read} {op} ?)", [*first, *second, value]


def _type(field: tuple[str, ...]) -> tuple[str, list[str | int | float]]:
    """Return SQL for a field's JSON type; 'null' where there is no value."""
    column = COLUMNS.get(field[0])
    return (f"typeof({column})", []) if column else ("ifnull(json_type(metadata, ?), 'null')", [json_path(field)])


def _read(field: tuple[str, ...]) -> tuple[str, list[str | int | float]]:
    column = COLUMNS.get(field[0])
    return (column, []) if column else ("json_extract(metadata, ?)", [json_path(field)])


def json_path(field: tuple[str, ...]) -> str:
    """Return the place of a metadata field as SQLite names it."""
    return "$" + "".join(f'."{name}"' for name in field)


class _Token(NamedTuple):
    kind: str
    text: str
    start: int


_TOKENS = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<number>-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)"""
    r"""|(?P<quoted>`[^`"\\]+`)|(?P<name>[^\W\d]\w*(?:\.\w+)*)|(?P<sign>!=|<=|>=|[=<>(),]))""",
    re.DOTALL,
)
_KEYWORDS = frozenset({"and", "or", "not", "in", "like", "has", "true", "false"})
_SIGNS = frozenset({"=", "!=", "<", "<=", ">", ">="})


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    while text[at:].strip():
        match = _TOKENS.match(text, at)
        if match is None or match.lastgroup is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            raise TwinlensError(f"the condition has {text[at]!r} at character {at + 1}, which means nothing there")
        kind, word, at = match.lastgroup, match[match.lastgroup], match.end()
        if kind == "name" and word.lower() in _KEYWORDS:
            kind, word = "keyword", word.lower()
        found.append(_Token(kind, word, match.start(match.lastgroup)))
    return [*found, _Token("end", "the end", len(text))]


class _Parser:
    """Recursive descent, one method per rule; `at` is the token that comes next."""

    def __init__(self, text: str) -> None:
        self.tokens, self.at, self.depth = _tokens(text), 0, 0

    def whole(self) -> Node:
        node = self.some()
        if self.next.kind != "end":
            raise self.fault("and, or, or the end")
        return node

    @property
    def next(self) -> _Token:
        return self.tokens[self.at]

    def take(self, *words: str) -> bool:
        """Step over the next token if it is one of these keywords or signs."""
        taken = self.next.kind in ("keyword", "sign") and self.next.text in words
        self.at += taken
        return taken

    def expect(self, word: str) -> None:
        if not self.take(word):
            raise self.fault(repr(word))

    def fault(self, wanted: str) -> TwinlensError:
        return TwinlensError(
            f"the condition needs {wanted} at character {self.next.start + 1}, where {self.next.text} stands"
        )

    def some(self) -> Node:
        parts = [self.every()]
        while self.take("or"):
            parts.append(self.every())
        return Some(tuple(parts)) if len(parts) > 1 else parts[0]

    def every(self) -> Node:
        parts = [self.negation()]
        while self.take("and"):
            parts.append(self.negation())
        return Every(tuple(parts)) if len(parts) > 1 else parts[0]

    def negation(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TwinlensError(f"the condition is nested more than {MAX_DEPTH} deep")
        node = Not(self.negation()) if self.take("not") else self.single()
        self.depth -= 1
        return node

    def single(self) -> Node:
        if self.take("("):
            node = self.some()
            self.expect(")")
            return node
        if self.take("has"):
            return Has(self.field())
        return self.comparison(self.field())

    def comparison(self, field: tuple[str, ...]) -> Node:
        if self.take("not"):
            return Not(self.words(field))
        if self.next.kind == "sign" and self.next.text in _SIGNS:
            op = self.next.text
            self.at += 1
            return Not(Compare(field, "=", self.value())) if op == "!=" else Compare(field, op, self.value())
        return self.words(field)

    def words(self, field: tuple[str, ...]) -> Node:
        if self.take("in"):
            return self.listing(field)
        if self.take("has"):
            return Compare(field, "has", self.value())
        if not self.take("like"):
            raise self.fault("one of = != < <= > >= in like has")
        if self.next.kind != "text":
            raise self.fault("a text in quotes")
        return Compare(field, "like", self.value())

    def listing(self, field: tuple[str, ...]) -> Node:
        self.expect("(")
        values = [self.value()]
        while self.take(","):
            values.append(self.value())
        self.expect(")")
        return Some(tuple(Compare(field, "=", value) for value in values))

    def field(self) -> tuple[str, ...]:
        token = self.next
        if token.kind not in ("name", "quoted"):
            raise self.fault("a field")
        self.at += 1
        return (token.text[1:-1],) if token.kind == "quoted" else tuple(token.text.split("."))

    def value(self) -> Value:
        token = self.next
        if token.kind not in ("text", "number") and token.text not in ("true", "false"):
            raise self.fault('a number, true, false or a "text"')
        self.at += 1
        if token.kind == "text":
            return re.sub(r"\\(.)", r"\1", token.text[1:-1], flags=re.DOTALL)
        if token.kind == "keyword":
            return token.text == "true"
        # More digits than 64 bits hold would be rounded in the collection too.
        whole = token.text.lstrip("-").isdigit() and len(token.text) < 19
        return int(token.text) if whole else float(token.text)
