"""Words on real pictures: foils of protocol F among clip arts and photographs, and hit@1 on stated queries.

The clip arts are Debian's package openclipart-png with the titles in openclipart-svg as captions (`apt-get install
openclipart-png openclipart-svg`); the photographs are those that ship, with their captions. Each is indexed as a
collection by `--recipe`, `--checkpoint` or `--model`, and measured as `twinlens evaluate --collection` does: a query is
the caption of a picture with another picture that looks like it (docs/protocols.md, protocol F). The seed draws the
clip arts, the other pictures and the candidates. The stated queries are those of `twinlens demo --photographs`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from _clipart import DATA, INSTALL, arts
from _results import hardware, skip, versions, write

from twinlens.adaptation import Plan
from twinlens.collection import Collection
from twinlens.collection.model import Model
from twinlens.commands import _word_use
from twinlens.core.types import TwinlensError
from twinlens.models import serving
from twinlens.photographs import KINDS, PhotographQuery, copy_pictures, load_queries

TITLE = "## Words on real pictures"
COUNT, SEEDS = 400, (0, 1, 2)
READ = ("foil_accuracy", ("image_only", "shuffled_text", "pixel_count"))
COMPOSED = ("both_foils", ("image_only", "text_only", "pixel_count"))
"""A metric, and the rows that the composed query must exceed for words to be read, for both sides to be composed."""
HEADINGS = (
    *("pictures", "seed", "queries with foils", "word foils: composed", "less picture alone", "less another's words"),
    *("less pixel count", "read", "both foils: composed", "less picture alone"),
    *("less words alone", "less pixel count", "composed", "negation decided alike", "first ten changed by words"),
    "first ten changed by the picture",
)
WAYS = {"as asked": ("image", "text", "without"), "the picture alone": ("image",), "the words alone": ("text",)}
"""Ways to ask a stated query: the parts that are kept."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clipart", type=Path, default=DATA, metavar="DIR", help=f"has png and svg ({DATA})")
    parser.add_argument("--count", type=int, default=COUNT, help="clip arts of a draw; another number is not recorded")
    parser.add_argument("--recipe", default="offline", help="another one is not recorded")
    parser.add_argument("--checkpoint", help="a CLIP or SigLIP for --recipe clip; not recorded")
    parser.add_argument("--model", help="a model's folder in place of a recipe; not recorded")
    given = parser.parse_args()
    if not (given.clipart / "png").is_dir() or not (given.clipart / "svg").is_dir():
        skip(f"{given.clipart} lacks png or svg; {INSTALL}, or give --clipart DIR")
    return given


def loaded(args: argparse.Namespace) -> Model:
    try:
        if args.model:
            return serving.load(args.model)
        return serving.ready(args.recipe, checkpoint=args.checkpoint, report=print)
    except TwinlensError as error:
        skip(str(error))


def copy_arts(args: argparse.Namespace, seed: int, folder: Path) -> None:
    """Clip arts in the folders of their package, and a table with their titles."""
    lines = []
    for art in arts(args.clipart, args.count, seed):
        name = Path(art.folder) / art.file.name
        (folder / art.folder).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(art.file, folder / name)
        lines.append(json.dumps({"file_name": name.as_posix(), "text": art.title}))
    (folder / "metadata.jsonl").write_text("\n".join(lines), encoding="utf-8")


def measured(model: Model, pictures: Path, group_by: str, seeds: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Foils and first ten of every seed; nothing is learned in the collection, so that every picture is a target."""
    with Collection.create(pictures.with_name("collection"), model) as collection:
        collection.add(pictures)
        return {
            seed: _word_use.measure(collection, Plan(seed=seed), {"group_by": group_by, "learned": None})
            for seed in seeds
        }


def row(name: str, seed: int, words: Mapping[str, Any]) -> str:
    foils, ten = words["foils"], words["first_ten"]
    if foils is None or ten is None:
        return f"| {name} | {seed} | too few |" + " |" * (len(HEADINGS) - 3)
    cells = [name, str(seed), str(foils["pairs"])]
    for metric, others in (READ, COMPOSED):
        found = {f["over"]: f for f in foils["differences"] if f["metric"] == metric and f["of"] == "composed"}
        cells.append(interval(foils["rows"]["composed"][metric], ""))
        cells += [interval(found[other], "+") for other in others]
        cells.append("shown" if all(found[other]["ci95"][0] > 0 for other in others) else "not shown")
    cells += [interval(part, "") for part in (foils["rows"]["negation"]["decided_alike"], ten["words_swapped"])]
    cells.append(interval(ten["picture_swapped"], ""))
    return f"| {' | '.join(cells)} |"


def interval(summary: Mapping[str, Any], sign: str) -> str:
    low, high = summary["ci95"] or (np.nan, np.nan)
    return f"{summary['mean']:{sign}.2f} ({low:{sign}.2f} to {high:{sign}.2f})"


def foil_lines(args: argparse.Namespace, model: Model) -> Iterator[str]:
    yield f"| {' | '.join(HEADINGS)} |"
    yield "|---|---:" + "|---:" * (len(HEADINGS) - 2) + "|"
    for seed in SEEDS:
        with tempfile.TemporaryDirectory() as folder:
            copy_arts(args, seed, Path(folder) / "pictures")
            found = measured(model, Path(folder) / "pictures", "folder", [seed])
        yield row(f"{args.count} clip arts", seed, found[seed])
    with tempfile.TemporaryDirectory() as folder:
        copy_pictures(Path(folder) / "pictures")
        for seed, words in measured(model, Path(folder) / "pictures", "picture", SEEDS).items():
            yield row("46 photographs", seed, words)


def right(collection: Collection, query: PhotographQuery, parts: Sequence[str]) -> bool | None:
    """True if the first answer is a right one; None if nothing is left to ask."""
    image, text = query.image if "image" in parts else None, query.text if "text" in parts else ""
    if image is None and not text:
        return None
    hits = collection.search(image, text, k=1, without=query.without if "without" in parts else ())
    return Path(str(hits[0].sample.image)).name in query.answers


def query_lines(model: Model) -> Iterator[str]:
    """Hit@1 of the stated queries by kind, asked in several ways, of pictures with captions and without."""
    yield f"| photographs | asked | {' | '.join(KINDS)} | all |"
    yield "|---|---|" + "---:|" * (len(KINDS) + 1)
    for captioned in (True, False):
        with tempfile.TemporaryDirectory() as folder:
            pictures = Path(folder) / "pictures"
            copy_pictures(pictures)
            if not captioned:
                (pictures / "metadata.jsonl").unlink()
            with Collection.create(Path(folder) / "collection", model) as collection:
                collection.add(pictures)
                queries = load_queries(pictures)
                for way, parts in WAYS.items():
                    found = [(query.kind, right(collection, query, parts)) for query in queries]
                    cells = [share([r for k, r in found if kind in (k, "all")]) for kind in (*KINDS, "all")]
                    yield f"| {'with captions' if captioned else 'without'} | {way} | {' | '.join(cells)} |"


def share(rights: Sequence[bool | None]) -> str:
    """Right first answers of the queries that could be asked."""
    asked = [r for r in rights if r is not None]
    return f"{sum(asked)} of {len(asked)}" if asked else "–"


def main() -> None:
    args = arguments()
    model = loaded(args)
    text = [
        TITLE,
        "",
        f"`python benchmarks/photographs.py --count {args.count}` on {hardware()};"
        f" {versions('numpy', 'onnxruntime')}; recipe `{model.recipe.name}`.",
        "",
        "Protocol F, as `twinlens evaluate --collection` measures it; 95 % bootstrap intervals over groups (folders of"
        " clip arts, photographs). A seed draws the clip arts too. *read*, *composed*: shown if every difference before"
        " it has an interval above 0.",
        "",
        *foil_lines(args, model),
        "",
        "Right first answers (hit@1) of the queries that ship with the photographs, whose answers were stated before"
        " any search; a picture that is asked with is no answer:",
        "",
        *query_lines(model),
    ]
    print("\n".join(text))
    if args.count == COUNT and args.recipe == "offline" and not (args.checkpoint or args.model):
        write(TITLE, "\n".join(text))


if __name__ == "__main__":
    main()
