"""Fields that a condition asks for, compared with those that a collection has."""

from __future__ import annotations

from twinlens.collection.search import filters
from twinlens.collection.store import Store
from twinlens.core import suggestions
from twinlens.core.types import TwinlensError


def check_fields(node: filters.Node, store: Store) -> None:
    """Raise TwinlensError for a field that no entry has: it is mistyped, and would only seem to match nothing."""
    if not store.ask("SELECT 1 FROM entry LIMIT 1"):
        return
    for field in sorted(filters.fields(node)):
        has = "SELECT 1 FROM entry WHERE json_type(metadata, ?) IS NOT NULL LIMIT 1"
        if not store.ask(has, filters.json_path(field)):
            raise TwinlensError(f"the condition asks for an {_unknown(field, store)}")


def _unknown(field: tuple[str, ...], store: Store) -> str:
    """Describe an unknown field by the known ones, of a.b by those within a if a is known, the closest first."""
    within = filters.json_path(field[:-1])
    inner = store.ask("SELECT DISTINCT key FROM entry, json_each(metadata, ?) WHERE typeof(key) = 'text'", within)
    if inner and len(field) > 1:
        known = [".".join((*field[:-1], name)) for (name,) in inner]
    else:
        known = [*filters.COLUMNS, *store.fields()]
    return suggestions.unknown_among_many("field", ".".join(field), known)
