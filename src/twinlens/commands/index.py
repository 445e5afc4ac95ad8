"""`twinlens index`: bring a collection up to date with folders of pictures."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twinlens.commands import _collection, _common
from twinlens.core.counting import counted
from twinlens.core.types import TwinlensError

if TYPE_CHECKING:
    from twinlens.collection import Collection
    from twinlens.collection.index_setting import IndexSetting
    from twinlens.collection.ingest import Options, Report, Scan

HELP = "bring a collection up to date with folders of pictures"
EXAMPLES = """
twinlens index ~/Pictures
twinlens index ~/Pictures --collection ~/pictures.twin --captions captions.csv
twinlens index ~/Pictures --exclude "screenshots/" --exclude "*.gif"
twinlens index ~/Pictures --model models/mine
twinlens index ~/Pictures --watch
twinlens index s3://bucket/pictures
twinlens index ~/Pictures --index auto --recall .99
"""

MOST = 1e6
"""Numbers of seconds and gigabytes are below this: clocks and memories end somewhere."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add folders, collection, model, captions, and options of the run."""
    parser.add_argument("paths", nargs="+", type=Path, metavar="DIR", help="folders with pictures, tar shards, single"
                        " pictures, or URLs of object storage, such as s3://bucket/folder")  # fmt: skip
    _collection.add_collection(parser)
    _common.add_plugins(parser)
    _collection.add_model(
        parser, "; if it is not the collection's, all pictures are embedded again; old vectors serve until then"
    )
    parser.add_argument("--captions", action="append", default=[], type=Path, metavar="FILE",
                        help="a table (CSV, JSON lines, Parquet) with paths and texts; may be repeated")  # fmt: skip
    parser.add_argument("--exclude", action="append", default=[], metavar="GLOB", help="leave out what matches, as"
                        " in a .gitignore; a file .twinlensignore does so for good; may be repeated")  # fmt: skip
    parser.add_argument("--split", metavar="NAME", help="of a Hugging Face dataset in place of pictures, a folder of"
                        " save_to_disk or a .parquet file: the part to index")  # fmt: skip
    parser.add_argument("--column", action="append", default=[], metavar="KEY=NAME", help="of such a dataset: which"
                        " column has the image, text or id (image=image, text=text, id: by the row)")  # fmt: skip
    _collection.add_runtime(parser)
    parser.add_argument("--index", metavar="NAME", help="how to search, from now on: exact (the default), ivf, hnsw,"
                        " cluster_svm, or auto: the fastest of them from 200,000 pictures on")  # fmt: skip
    parser.add_argument("--recall", type=float, metavar="R", help="share of the best pictures that an --index is to"
                        " find (at first .99)")  # fmt: skip
    parser.add_argument("--watch", action="store_true", help="go on: index again after every change, until Ctrl-C; with"
                        " --json, a line for every run that found something to do")  # fmt: skip
    parser.add_argument("--every", type=float, default=2.0, metavar="S", help="with --watch: look every S seconds (2)")
    parser.add_argument("--workers", type=int, metavar="N", help="processes that decode; 0: none, and no time limit")
    parser.add_argument("--executor", default="local", metavar="NAME", help="who decodes and embeds: local, or ray, on"
                        " the workers of a Ray cluster (local)")  # fmt: skip
    parser.add_argument("--address", metavar="HOST:PORT", help="with --executor ray: the cluster; else one starts"
                        " on this machine")  # fmt: skip
    parser.add_argument("--retry", action="store_true", help="try unchanged pictures again that failed earlier")
    parser.add_argument("--prune", action="store_true", help="let pictures leave that cannot be found, even if their"
                        " drive or folder may be out of reach, and however many")  # fmt: skip
    parser.add_argument("--seconds", type=float, default=30.0, metavar="S", help="time limit for one picture (30)")
    parser.add_argument("--memory", type=float, default=2.0, metavar="GB", help="memory limit for one picture (2)")


def run(args: argparse.Namespace) -> Mapping[str, object]:
    """Index, and list by reason what could not be. Raises TwinlensError when no picture at all could be read."""
    from twinlens.core import plugins

    options = _options(args)
    with plugins.naming("indexes", args.index):
        return _watch(args, options) if args.watch else _once(args, options)


def _once(args: argparse.Namespace, options: Options) -> Mapping[str, object]:
    from twinlens.collection.ingest import scan

    found = _rows(args) or scan(args.paths, args.captions, exclude=args.exclude)
    found.check_in(args.collection.expanduser(), prune=args.prune)  # a wrong folder must leave nothing behind
    if _common.shows_view(args):
        _common.say(f"{counted(len(found), 'picture')} found")
    with _collection_of(args, options) as collection:
        report, result = _add(collection, found, args, options)
    if not result["pictures"] and report.failed:
        raise TwinlensError(_collection.first_failure(report))
    _tell(report, result, args)
    if report.stopped:
        _stop(result, args)
    return result


def _rows(args: argparse.Namespace) -> Scan | None:
    """Return the rows of a Hugging Face dataset as items; None where the paths are none.

    Raises TwinlensError for a dataset beside other paths, and for options that suit only one of them.
    """
    from twinlens.media.picture_rows import ALL, is_saved

    if not any(is_saved(path.expanduser()) for path in args.paths):
        if args.split is not None or args.column:
            raise TwinlensError("--split and --column are for a dataset: a folder of save_to_disk, or a .parquet file")
        return None
    if len(args.paths) > 1 or args.captions or args.exclude:
        raise TwinlensError("a dataset is indexed on its own, without --captions and --exclude")
    from twinlens.collection.ingest.items import ItemScan
    from twinlens.collection.items import as_items
    from twinlens.collection.rows import items_of

    columns = dict(text.partition("=")[::2] for text in args.column)
    items = as_items(items_of(args.paths[0].expanduser(), args.split or ALL, **columns))
    return ItemScan.of(items or [])


def _add(
    collection: Collection, found: Scan, args: argparse.Namespace, options: Options
) -> tuple[Report, dict[str, Any]]:
    """Run, and return the report and its JSON."""
    from twinlens.models import runtime

    report = collection.add(found, options=options)
    index = collection.build_index(progress=options.progress)
    result = {"collection": args.collection, "pictures": len(collection), **_collection.report_to_json(report)}
    return report, {**result, "index": index, "runtime": runtime.measurements(collection.model)}


def _watched(args: argparse.Namespace) -> list[Path]:
    """Return the folders to watch. Raises TwinlensError for what cannot be watched."""
    from twinlens.media import sources

    if _rows(args) is not None:
        raise TwinlensError("--watch is for folders of pictures; a dataset does not change")
    if remote := next(filter(sources.is_object, args.paths), None):
        raise TwinlensError(
            f"--watch looks at folders of this machine; index {sources.shown(remote)} now and then instead"
        )
    paths = [path.expanduser().resolve() for path in args.paths]
    if missing := next((path for path in (*paths, *args.captions) if not path.exists()), None):
        raise TwinlensError(f"there is no {missing} to watch")
    return paths


def _watch(args: argparse.Namespace, options: Options) -> Mapping[str, object]:
    """Index, and again after every change, until Ctrl-C. Raises TwinlensError where there is nothing to watch."""
    from twinlens.collection.ingest import fingerprint, scan, watch

    paths, folder = _watched(args), args.collection.expanduser().resolve()
    with ExitStack() as stack:
        opened: list[Collection] = []
        shown: list[object] = []

        def act() -> None:
            found = scan(paths, args.captions, exclude=args.exclude)
            if not opened:
                found.check_in(folder, prune=args.prune)
                opened.append(stack.enter_context(_collection_of(args, options)))
            report, result = _add(opened[0], found, args, options)
            is_news = result["protected"] not in (shown or [[]])
            if is_news or any(result[name] for name in ("added", "changed", "moved", "removed", "failed")):
                shown[:] = [result["protected"]]
                _tell(report, result, args)
                _common.emit_line(result, args)
            if report.stopped:
                raise KeyboardInterrupt

        if _common.shows_view(args):
            _common.say(f"watching {', '.join(map(str, paths))}; Ctrl-C ends it")
        watch(lambda: fingerprint([*paths, *args.captions], exclude=folder), act, _warn, every=args.every)
    return {}


def _warn(line: str) -> None:
    _common.say(f"twinlens: {line}; watching on", to_errors=True)


def _tell(report: Report, result: Mapping[str, Any], args: argparse.Namespace) -> None:
    if _common.shows_view(args):
        _collection.print_report(report)
        _common.say(f"{counted(result['pictures'], 'picture')} can be found in {args.collection}")


def _options(args: argparse.Namespace) -> Options:
    from twinlens.collection.ingest import Limits, Options

    if args.workers is not None and args.workers < 0:
        raise TwinlensError(f"--workers wants a number from 0 on, not {args.workers}")
    if not all(0 < number < MOST for number in (args.seconds, args.memory, args.every)):
        raise TwinlensError("--seconds, --memory and --every want numbers above 0 and below a million")
    limits = Limits(seconds=args.seconds, memory=int(args.memory * 1e9))
    return Options(
        workers=args.workers,
        limits=limits,
        progress=_common.shows_view(args),
        retry=args.retry,
        prune=args.prune,
        executor=args.executor,
        address=args.address,
    )


def _collection_of(args: argparse.Namespace, options: Options) -> Collection:
    """Open the collection, creating it if there is none, with the model that the arguments name."""
    from twinlens.collection import Collection
    from twinlens.collection.engines.local import LocalEngine
    from twinlens.models.runtime import accelerated

    folder, setting = args.collection.expanduser(), _setting(args)
    if not Collection.exists(folder):
        composer = _collection.choose_model(args)
        return _set(Collection.create(folder, accelerated(composer, mode=args.runtime)), setting)
    asked = _collection.asks_for_model(args)
    other = accelerated(_collection.choose_model(args), mode=args.runtime) if asked else None
    # A setting that is replaced needs no plug-in, nor consent to one.
    collection = _collection.open_collection(args, by=None if setting is None else LocalEngine)
    if other is not None:
        report = collection.change_model(other, options=options)
        if report.stopped:
            collection.close()
            raise KeyboardInterrupt
    return _set(collection, setting)


def _setting(args: argparse.Namespace) -> IndexSetting | None:
    """Return the setting of --index and --recall; None where neither is given. Raises TwinlensError for wrong ones.

    What is not given stays as the collection has it.
    """
    from twinlens.collection.index_setting import IndexSetting
    from twinlens.core import plugins

    if args.index is None and args.recall is None:
        return None
    former = IndexSetting.read(args.collection.expanduser())
    kind = former.kind if args.index is None else plugins.use("indexes", args.index)
    setting = IndexSetting(kind, former.recall if args.recall is None else args.recall)
    setting.check_kind()
    return setting


def _set(collection: Collection, setting: IndexSetting | None) -> Collection:
    if setting is not None:
        collection.set_index(setting.kind, recall=setting.recall)
    return collection


def _stop(result: Mapping[str, object], args: argparse.Namespace) -> None:
    """Write the partial result after Ctrl-C, and end with the exit code of an interrupt."""
    _common.emit(result, args)
    raise KeyboardInterrupt
