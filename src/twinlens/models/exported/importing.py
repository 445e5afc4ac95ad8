"""Exported CLIPs of others as model folders in the user's cache, their files linked or copied, not changed."""

from __future__ import annotations

import errno
import hashlib
import json
import secrets
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from twinlens.calibration import channels_of_sides
from twinlens.core import checksums, variants
from twinlens.core.machine import default_cache
from twinlens.core.recipe import Recipe
from twinlens.core.source import Source
from twinlens.core.types import Arrays, Sample, TwinlensError
from twinlens.models.exported import graphs
from twinlens.models.exported.about import FILE, About, Adapter
from twinlens.models.exported.adapted import AdaptedTower
from twinlens.models.exported.exported import ExportedModel, link_or_copy
from twinlens.models.exported.layouts import Layout, Tower
from twinlens.models.runtime.cache import checksum
from twinlens.models.runtime.fingerprint import RECIPE
from twinlens.models.runtime.parts import Onnx, Preparations, stacked
from twinlens.models.runtime.parts import Tower as Part
from twinlens.preparation.words import TOKENIZER, Words

LAYOUTS = "models.exported.layouts"
IMPORTED = "imported"
"""Folder of the user's cache with imported models, by their digest."""
MASKS = ("attention_mask",)
PARTS = (
    Part("0", 0, ("image",), ("0.pixels", "0.image_present"), ("0.image.vector", "0.image.present")),
    Part("1", 1, ("text",), ("1.words", "1.words_mask", "1.text_present"), ("1.text.vector", "1.text.present")),
)
"""Both towers as they are run."""


def find(source: Source) -> str | None:
    """Return the name of the layout that a checkpoint's files have; None for none."""
    return next((name for name in variants.names(LAYOUTS) if variants.load(LAYOUTS, name).fits(source)), None)


def imported(source: Source, name: str, recipe: Recipe) -> ExportedModel:
    """Make a model of a checkpoint in a layout; at the next time it is found by its content.

    recipe: is written beside it; its fusion compares the sides of one space. Raises TwinlensError for files that are
    damaged, graphs that are refused, and towers of different widths.
    """
    try:
        layout: Layout = variants.load(LAYOUTS, name).read(source)
        Adapter.of({"input": "", "output": "", "mean": layout.mean, "deviation": layout.deviation})
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise TwinlensError(f"the checkpoint {source.name!r} has a damaged configuration: {error!r}") from error
    draft = default_cache() / IMPORTED / f"new-{secrets.token_hex(4)}"
    try:
        draft.mkdir(parents=True)
        about = _fill(draft, source, layout)
        (draft / RECIPE).write_text(recipe.to_toml(), encoding="utf-8")
        checksums.write(draft)
        return _in_place(draft, draft.with_name(about.digest))
    except OSError as error:
        cure = "make room" if error.errno == errno.ENOSPC else "let XDG_CACHE_HOME name a folder that can be written"
        raise TwinlensError(f"cannot write to {draft.parent}: {error.strerror or error}; {cure}") from error
    except TwinlensError as error:
        raise TwinlensError(str(error).replace(str(draft), source.name)) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _in_place(draft: Path, folder: Path) -> ExportedModel:
    """Open the same model where it is whole, else put the draft in its place; another process may do so at once."""
    with suppress(TwinlensError):
        return ExportedModel.load(folder)
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        draft.rename(folder)
    return ExportedModel.load(folder)


def _fill(draft: Path, source: Source, layout: Layout) -> About:
    """Gather the files, and describe the model, whose digest is that of all its content."""
    for n, tower in enumerate((layout.image, layout.text)):
        _gather(draft / f"encoder-{n}", source, tower.graph)
    link_or_copy(source.file(layout.tokenizer), draft / "encoder-1" / TOKENIZER)
    prepares = Preparations([[layout.square], [Words.restore(draft / "encoder-1", **layout.words)]])
    paths = {part.name: draft / f"encoder-{part.name}" / Path(tower.graph).name for part, tower in _sides(layout)}
    opened = {name: graphs.opened(path) for name, path in paths.items()}
    adapters = {part.name: _adapter(opened[part.name], part, tower, layout) for part, tower in _sides(layout)}
    prepared = stacked([prepares.prepare(Sample("", None, "words"))], trims=False)
    widths = {part.name: _width(AdaptedTower(opened[part.name], part, adapters[part.name]), prepared) for part in PARTS}
    if len(set(widths.values())) > 1:
        raise TwinlensError(f"the towers of {source.name!r} have different widths, {widths}; choose another checkpoint")
    width = widths["0"]
    about = About(
        digest="",
        dim=2 * width + 2,
        encoders=("clip_image", "clip_text"),
        channels=channels_of_sides(width, width, shared=True),
        towers=PARTS,
        graphs={name: path.relative_to(draft).as_posix() for name, path in paths.items()},
        preparations=tuple(prepares.to_json()),
        trims=False,
        sides={"widths": [width], "text_dim": width},
        adapters=adapters,
    )
    about = replace(about, digest=_digest(about, draft))
    (draft / FILE).write_text(json.dumps(about.to_json(), indent=1) + "\n", encoding="utf-8")
    return about


def _sides(layout: Layout) -> list[tuple[Part, Tower]]:
    return list(zip(PARTS, (layout.image, layout.text), strict=True))


def _gather(folder: Path, source: Source, graph: str) -> None:
    """Put a graph, and the files with its weights, into a folder."""
    folder.mkdir()
    place, name = graph.rpartition("/")[::2]
    link_or_copy(source.file(graph), folder / name)
    for beside in sorted(graphs.read(folder / name).files):
        if graphs.is_beside(name, beside):  # `opened` tells what is wrong with others
            link_or_copy(source.file(f"{place}/{beside}"), folder / beside)


def _adapter(graph: Onnx, part: Part, tower: Tower, layout: Layout) -> Adapter:
    """Find the graph's input and output among the names that the layout knows. Raises TwinlensError."""
    reads_pictures = part.reads == ("image",)
    masks = [] if reads_pictures else [name for name in MASKS if name in graph.kinds]
    inputs = [name for name in tower.inputs if name in graph.kinds]
    outputs = [name for name in tower.outputs if name in graph.outputs]
    others = sorted(set(graph.kinds) - {*inputs[:1], *masks})
    if not inputs or not outputs or others:
        raise TwinlensError(
            f"the graph {tower.graph} has inputs {sorted(graph.kinds)} and outputs {sorted(graph.outputs)}; expected"
            f" are {' or '.join(tower.inputs)} and {' or '.join(tower.outputs)}"
        )
    colours = {"mean": layout.mean, "deviation": layout.deviation} if reads_pictures else {}
    return Adapter(inputs[0], outputs[0], mask=next(iter(masks), None), **colours)


def _width(tower: AdaptedTower, prepared: Arrays) -> int:
    """Run a tower on a prepared sample, and return the number of its channels. Raises TwinlensError if it fails."""
    try:
        features = tower(prepared)
    except Exception as error:  # whatever ONNX Runtime raises
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise TwinlensError(f"a graph of the checkpoint cannot be run: {reason}") from error
    return int(next(array for name, array in features.items() if name.endswith("vector")).shape[1])


def _digest(about: About, folder: Path) -> str:
    """Hash the description, and the content of all files but the recipe, which names a place."""
    digest = hashlib.blake2b(json.dumps(about.to_json(), sort_keys=True).encode(), digest_size=16)
    for path in checksums.files(folder):
        digest.update(f"{path.relative_to(folder).as_posix()} {checksum(path)}\n".encode())
    return digest.hexdigest()
