"""Texts within files that many pictures share word for word: they tell no picture from another, and leave the captions.

Cameras and programs write such texts, and no list has them all. Tables and files beside the pictures are the user's
own words, and stay whatever they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from twinlens.collection.ingest.decoding import Job
from twinlens.collection.ingest.executors import Embedded, Executor
from twinlens.collection.store import Entry, Generation, Store
from twinlens.core.escaping import shortened
from twinlens.media import fields, sources

MANY = 20
"""Pictures of different content with the same text in their files, from which on it says nothing of any of them."""
_WITHDRAWN = (
    f"SELECT DISTINCT json_extract(metadata, '$.{fields.EMBEDDED}.{fields.BOILERPLATE}') FROM entry"  # noqa: S608
    f" WHERE NOT given AND metadata LIKE '%{fields.BOILERPLATE}%' AND json_valid(metadata)"
)
_SHOWN = 60
"""Characters of a text in its line."""


def shared_texts(store: Store) -> list[str]:
    """Return the captions from within files that say nothing: those of many, and those that were withdrawn before."""
    counted = store.ask(
        "SELECT caption, count(DISTINCT hash) FROM entry WHERE NOT given AND caption != '' AND failure IS NULL"
        " GROUP BY caption"
    )
    if not counted:
        return []
    withdrawn = {text for (text,) in store.ask(_WITHDRAWN)}
    return [text for text, count in counted if count >= MANY or text in withdrawn]


def withdraw(store: Store, generation: Generation, executor: Executor, texts: Sequence[str]) -> Iterator[int]:
    """Embed the pictures that carry these texts without them, and keep the text as metadata; yield counts."""
    entries = dict(enumerate(entry for text in texts for entry in _entries_with(store, text)))
    for batch in executor.embed(Job(entry.path, "", key) for key, entry in entries.items()):
        with store.change():
            count = sum(_replace(store, generation, entries[done.key], done) for done in batch)
        yield count


def report_lines(texts: Iterable[str], count: int) -> Iterator[str]:
    """Yield the line that tells which texts are no captions, and how to keep them."""
    texts = [shortened(text, _SHOWN) for text in texts]
    if texts and count:
        named = ", ".join(repr(text) for text in texts[:3]) + (" and others" if len(texts) > 3 else "")
        yield (
            f"{count:,} pictures carry the same text in their files ({named}): it tells none from another and is no"
            " caption; name a table with --captions to keep it"
        )


def _entries_with(store: Store, text: str) -> list[Entry]:
    rows = store.ask("SELECT row FROM entry WHERE caption = ? AND NOT given AND failure IS NULL", text)
    return list(store.entries([row for (row,) in rows]).values())


def _replace(store: Store, generation: Generation, entry: Entry, done: Embedded) -> bool:
    """Put an entry without its caption in place of one; tell whether that was possible."""
    try:
        is_current = sources.status(entry.path) == (entry.size, entry.mtime_ns)
    except OSError:
        is_current = False
    if done.vector is None or not is_current:
        return False
    carried = {**entry.metadata.get(fields.EMBEDDED, {}), fields.BOILERPLATE: entry.caption}
    metadata = {**entry.metadata, fields.EMBEDDED: carried}
    store.put_vector(store.add(replace(entry, caption="", metadata=metadata, row=0)), generation, done.vector)
    return True
