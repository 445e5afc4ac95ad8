"""`twinlens embed`: the vectors of a dataset or a collection as a file for other programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twinlens.commands import _collection, _common, _dataset
from twinlens.core import jsonfile, variants
from twinlens.core.counting import counted
from twinlens.core.types import TwinlensError

if TYPE_CHECKING:
    import argparse

    from twinlens.collection import Collection
    from twinlens.collection.model import Model
    from twinlens.core.types import Sample
    from twinlens.report.vector_files import Rows

HELP = "write the vectors of a collection, or of a dataset's queries and gallery, to a file for other programs"
EXAMPLES = """
twinlens embed twinlens-collection --out vectors.npz
twinlens embed twinlens-collection --out vectors.parquet --force
twinlens embed nlvr --root data/nlvr --split dev --model compact --out nlvr.npz
twinlens embed shapes --protocol edits --data scenes=500 --model compact --out shapes.npz
"""
SPLIT, BATCH = "test", 64
"""The split of a dataset unless another is named; samples that are embedded at a time."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the source, the file, the dataset's options and the model."""
    parser.add_argument("source", metavar="SOURCE", help="a collection's folder, or the name of a dataset")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the file to write: .npz or .parquet")
    parser.add_argument("--force", action="store_true", help="write over a file that is there")
    group = parser.add_argument_group("of a dataset, which is embedded; a collection's stored vectors are written")
    _dataset.add_dataset_options(group, split=SPLIT)
    _collection.add_model(parser)
    _collection.add_runtime(parser)
    _common.add_plugins(parser)


def run(args: argparse.Namespace) -> Mapping[str, object]:
    """Write the file in a stream; a stopped run leaves none. Raises TwinlensError where it cannot be written."""
    from twinlens.collection import Collection

    if Collection.exists(args.source):
        return _write_collection(args)
    if Path(args.source).exists() and args.source not in variants.names("datasets"):
        raise TwinlensError(f"{args.source} holds no collection; make one with: twinlens index DIR --collection NEW")
    return _write_dataset(args)


def _write_collection(args: argparse.Namespace) -> Mapping[str, object]:
    given = {
        "--root": args.root,
        "--split": args.split != SPLIT,
        "--protocol": args.protocol,
        "--data": args.data,
        "--model": args.model,
        "--recipe": args.recipe,
        "--checkpoint": args.checkpoint,
    }
    for name, value in given.items():
        if value:
            raise TwinlensError(f"{name} is for datasets; {args.source} is a collection, whose vectors are stored")
    args.collection = Path(args.source)
    with _collection.open_collection(args) as collection, collection.snapshot():
        count, generation = len(collection), collection.generation
        about = {"collection": args.source, **_about_model(collection.model)}
        tables = {"entries": (count, lambda: _of_collection(collection))}
        return _write(args, about, generation.dim, tables)


def _write_dataset(args: argparse.Namespace) -> Mapping[str, object]:
    from twinlens.models.runtime import accelerated, tuned
    from twinlens.report.vector_files import writer

    if not _collection.asks_for_model(args):
        raise TwinlensError("say which model embeds the dataset: --model NAME, or --recipe NAME")
    args.dataset = args.source
    _dataset.dataset_file(args)
    writer(args.out, {}, force=args.force)  # a wrong name is told before hours of embedding
    dataset = _dataset.load_split(args, args.split)
    model = tuned(accelerated(_collection.choose_model(args), mode=args.runtime), len(dataset.gallery))
    about = {
        "dataset": args.dataset,
        "split": args.split,
        "protocol": args.protocol,
        "data": args.data,
        **_about_model(model),
    }
    relevant = {query: jsonfile.dumps(sorted(ids)) for query, ids in dataset.relevant.items()}
    tables = {
        "queries": (len(dataset.queries), lambda: _of_samples(model, dataset.queries, relevant)),
        "gallery": (len(dataset.gallery), lambda: _of_samples(model, dataset.gallery, {})),
    }
    return _write(args, about, model.dim, tables)


def _write(
    args: argparse.Namespace,
    about: dict[str, Any],
    dim: int,
    tables: Mapping[str, tuple[int, Callable[[], Iterator[Rows]]]],
) -> Mapping[str, object]:
    from twinlens.core.progress import bar
    from twinlens.report.vector_files import writer

    about["tables"] = {name: count for name, (count, _) in tables.items()}
    shown, path = _common.shows_view(args), args.out.expanduser()
    with (
        writer(path, about, force=args.force) as file,
        bar("vectors", sum(about["tables"].values()), unit="rows", progress=shown) as advance,
    ):
        for name, (count, batches) in tables.items():
            file.table(name, count, dim, _counted(batches(), advance))
    if shown:
        what = " and ".join(f"{counted(count, 'row')} of {name}" for name, count in about["tables"].items())
        _common.say(f"wrote {path}: {what}, {dim} numbers each; docs/embedding.md tells how to read them")
    return {"file": path, **about}


def _counted(batches: Iterator[Rows], advance: Callable[[int], object]) -> Iterator[Rows]:
    for batch in batches:
        yield batch
        advance(len(batch.vectors))


def _about_model(model: Model) -> dict[str, Any]:
    """Describe the model, and by which parts of its vectors it compares."""
    scores = "cosine" if model.own_similarity is None else "the model's own"
    channels = [
        {"side": c.side, "query": [c.query.start, c.query.stop], "entry": [c.entry.start, c.entry.stop]}
        for c in model.channels
    ]
    named = {"recipe": model.recipe.name, "digest": model.digest, "dim": model.dim}
    return {"model": {**named, "scores": "channels" if channels else scores, "channels": channels}}


def _of_collection(collection: Collection) -> Iterator[Rows]:
    from twinlens.collection.search.records import flat
    from twinlens.report.vector_files import Rows

    for entries, vectors in collection.batches_with_vectors():
        texts = {
            "ids": [entry.id for entry in entries],
            "paths": [str(entry.path) for entry in entries],
            "captions": [entry.caption for entry in entries],
            "metadata": [jsonfile.dumps(flat(entry.metadata)) for entry in entries],
            "relevant": [""] * len(entries),
        }
        yield Rows(vectors, texts)


def _of_samples(model: Model, samples: Sequence[Sample], relevant: Mapping[str, str]) -> Iterator[Rows]:
    """Embed samples in batches. relevant: query id → the ids of right answers, as JSON."""
    from twinlens.report.vector_files import Rows

    for start in range(0, len(samples), BATCH):
        part = samples[start : start + BATCH]
        texts = {
            "ids": [sample.id for sample in part],
            "paths": [str(sample.image) if isinstance(sample.image, Path) else "" for sample in part],
            "captions": [sample.text for sample in part],
            "metadata": [""] * len(part),
            "relevant": [relevant.get(sample.id, "") for sample in part],
        }
        yield Rows(model.embed(part), texts)
