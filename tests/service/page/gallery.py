"""Drawn pictures with captions, dates and keywords, for the page's tests and its screenshots: they may be shown."""

from __future__ import annotations

import json
import random
from pathlib import Path

from twinlens.datasets import shapes
from twinlens.media import images

FIRST_YEAR, YEARS = 2021, 3
LOOKS, PLACES = ("calm", "busy", "sketch"), ("at night", 'by "daylight"')


def draw_query(path: Path, scenes: int, *, seed: int = 0) -> str:
    """Draw a picture to be edited, and return the sentence that says how; with another seed none of `draw`'s."""
    dataset = shapes.load(None, "test", protocol="all", scenes=scenes, seed=seed)
    edits = [query for query in dataset.queries if query.image is not None and query.text.startswith("draw ")]
    assert edits[0].image is not None
    images.load(edits[0].image).save(path)
    return edits[0].text


def draw(folder: Path, scenes: int) -> int:
    """Draw scenes and their near-misses with a table of metadata beside them; return the number of pictures."""
    dataset = shapes.load(None, "test", protocol="all", scenes=scenes, seed=0)
    sentences = [query for query in dataset.queries if query.image is None]
    captions = {entry: query.text for query in sentences for entry in dataset.relevant[query.id]}
    chance, rows = random.Random(0), []
    for name in ("summer", "winter"):
        (folder / name).mkdir(parents=True)
    for n, entry in enumerate(dataset.gallery):
        name = f"{'winter' if n % 3 == 0 else 'summer'}/scene-{n:04d}.png"
        assert entry.image is not None
        images.load(entry.image).save(folder / name)
        month = int(chance.triangular(0, 12 * YEARS, 28))
        day = f"{FIRST_YEAR + month // 12}-{1 + month % 12:02}-{1 + n % 28:02}T10:{n % 60:02}:00"
        keywords = [chance.choice(LOOKS), chance.choice(PLACES)]
        about = {"taken": day, "keywords": keywords, "stars": chance.randint(1, 5)}
        rows.append({"file_name": name, "text": captions.get(entry.id, ""), **about})
    (folder / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return len(rows)
