"""A digest of a method's own code, which decides together with the recipe whether a finished run still counts."""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys

from twinlens.fusions import Fusion

_OWN = Fusion.__module__.partition(".")[0]
_IGNORED = ("annotation", "returns", "kind", "type_comment", "type_params")
"""Fields of syntax trees that do not change a computation, or differ between versions of Python."""


def code_digest(fusion: Fusion) -> str:
    """Hash (hex) the files of a fusion and its layers, without comments, docstrings, messages, imports and types.

    Of a plug-in, the files of its package count that define these. Other files outside `twinlens.fusions`, and the
    contract that all fusions share, do not.
    """
    classes = {cls for module in fusion.modules() for cls in type(module).__mro__}
    names = {cls.__module__ for cls in classes}
    packages = {cls.__module__.partition(".")[0] for cls in classes if issubclass(cls, Fusion)} - {_OWN}
    of_plugins = {name for name in names if name.partition(".")[0] in packages}
    files = sorted(of_plugins | {name for name in names if name.startswith(f"{Fusion.__module__}.")})
    trees = [_skeleton(ast.parse(inspect.getsource(sys.modules[name]))) for name in files]
    return hashlib.blake2b(repr(trees).encode(), digest_size=8).hexdigest()


def _skeleton(node: object) -> object:
    """Reduce a syntax tree to nested tuples of what it computes."""
    if isinstance(node, ast.JoinedStr):
        return "message"
    if isinstance(node, ast.AST):
        fields = [(name, _skeleton(value)) for name, value in ast.iter_fields(node) if name not in _IGNORED]
        return type(node).__name__, *((name, value) for name, value in fields if value not in (None, []))
    if isinstance(node, list):
        return [_skeleton(item) for item in node if not _says_nothing(item)]
    return node


def _says_nothing(node: object) -> bool:
    """Return True if a statement is a docstring or an import."""
    docstring = (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    )
    return docstring or isinstance(node, ast.Import | ast.ImportFrom)
