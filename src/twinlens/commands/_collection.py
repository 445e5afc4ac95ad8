"""Arguments, queries and reports shared by the commands on a collection."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from twinlens.commands import _common
from twinlens.core.counting import counted
from twinlens.core.types import NEAR_DUPLICATE, TwinlensError

if TYPE_CHECKING:
    import argparse

    from twinlens.collection import Collection, SearchRequest
    from twinlens.collection.engines import Engine
    from twinlens.collection.ingest import Report
    from twinlens.collection.model import Load, Model

COLLECTION = Path("twinlens-collection")
_SHOWN = 20


def add_collection(parser: argparse.ArgumentParser) -> None:
    """Add `--collection DIR`."""
    parser.add_argument(
        "--collection", type=Path, default=COLLECTION, metavar="DIR", help=f"the collection's folder ({COLLECTION})"
    )


def add_runtime(parser: argparse.ArgumentParser) -> None:
    """Add `--runtime`; not as choices, for their listing would import what runs the networks."""
    parser.add_argument("--runtime", default="auto", metavar="WAY", help="how to run the networks: torch, onnx, bf16,"
                        " or auto: as was measured to be fastest on this machine (auto)")  # fmt: skip


def add_engine(parser: argparse.ArgumentParser) -> None:
    """Add `--engine` and `--credentials-file`."""
    parser.add_argument("--engine", metavar="URL", help="let a server answer that twinlens push has filled:"
                        " postgresql://USER@HOST/DATABASE or milvus://HOST:PORT")  # fmt: skip
    add_credentials(parser)


def add_credentials(parser: argparse.ArgumentParser) -> None:
    """Add `--credentials-file`."""
    parser.add_argument("--credentials-file", type=Path, metavar="FILE", help="a file with the password or token of the"
                        " server; or set PGPASSWORD or TWINLENS_MILVUS_TOKEN")  # fmt: skip


def engine(args: argparse.Namespace) -> Callable[[], Engine] | None:
    """Return what makes the engine of `--engine`; None for that of the collection. Raises TwinlensError."""
    if getattr(args, "engine", None) is None:
        return None
    from twinlens.collection.remote import engine_at

    return engine_at(args.engine, credentials=args.credentials_file)


def open_collection(
    args: argparse.Namespace, load: Load | None = None, *, by: Callable[[], Engine] | None = None
) -> Collection:
    """Open the collection of `--collection`, run by `--runtime`, searched by `--engine`; load: that of `preloaded`.

    by: makes another engine in place of that of the collection's setting. Raises TwinlensError when there is no
    collection, and for the URL of no engine.
    """
    load = load or _load(args)
    from twinlens.collection import Collection

    return Collection.open(args.collection.expanduser(), load=load, engine=by or engine(args))


def preloaded(args: argparse.Namespace) -> Load:
    """Begin to load the networks of one query, before the imports that can go on meanwhile; return what loads them."""
    from twinlens.collection import ahead

    folder, load = args.collection.expanduser(), _load(args, once=True)
    return ahead.preloaded(folder, load, image=bool(args.image), text=any(map(str.strip, args.text)))


def _load(args: argparse.Namespace, *, once: bool = False) -> Load:
    from twinlens.models import runtime

    return partial(runtime.load, mode=runtime.check_mode(getattr(args, "runtime", "auto")), once=once)


def add_model(parser: argparse.ArgumentParser, note: str = "") -> None:
    """Add `--model`, `--recipe` and `--checkpoint`; note: what more is said of a model."""
    model = parser.add_mutually_exclusive_group()
    model.add_argument("--model", type=Path, metavar="NAME", help=f"a model's folder, or one that ships{note}")
    model.add_argument("--recipe", metavar="NAME", help="a model that needs no training: clip, universal, offline,"
                       " compact (for drawn scenes), or auto: clip where its checkpoint is, else offline"
                       " (auto)")  # fmt: skip
    parser.add_argument("--checkpoint", metavar="NAME", help="another CLIP or SigLIP for --recipe clip, another"
                        " Qwen3-VL-Embedding for universal, by its name at the hub or its folder")  # fmt: skip


def asks_for_model(args: argparse.Namespace) -> bool:
    """Return True if a model is named at all."""
    return any(given is not None for given in (args.model, args.recipe, args.checkpoint))


def choose_model(args: argparse.Namespace) -> Model:
    """Load the model of `--model`, `--recipe` and `--checkpoint`. Raises TwinlensError when it cannot be loaded."""
    from twinlens.models import runtime, serving

    by_torch = runtime.check_mode(args.runtime) in ("torch", "bf16")
    if args.model is not None:
        if args.checkpoint is not None:
            raise TwinlensError("--checkpoint is for the recipes clip and universal; leave it or --model out")
        return serving.load(args.model, by_torch=by_torch)
    report = _common.say if _common.shows_view(args) else str
    recipe = args.recipe or serving.AUTO
    return serving.ready(recipe, checkpoint=args.checkpoint, by_torch=by_torch, report=report)


def report_to_json(report: Report) -> dict[str, object]:
    """Return the JSON of a run."""
    counts = ("found", "added", "changed", "moved", "unchanged", "removed", "skipped", "failed", "stopped")
    failures = {reason: [str(path) for path in paths] for reason, paths in report.failures.items()}
    counted = {name: getattr(report, name) for name in counts}
    return {
        **counted,
        "seconds": round(report.seconds, 3),
        "failures": failures,
        "protected": [vars(protection) for protection in report.protections],
        "problems": report.problems,
        "passed": report.passed,
        "left_out": report.left_out,
    }


def print_report(report: Report) -> None:
    """Print a run in a sentence, then the failures by reason with one file each."""
    counts = {name: getattr(report, name) for name in ("added", "changed", "moved", "unchanged", "removed", "failed")}
    what = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
    what = what or ("nothing yet" if report.stopped else "nothing to do")
    embedded = report.added + report.changed
    rate = f", {embedded / report.seconds:,.0f} pictures/s" if embedded and report.seconds > 0 else ""
    _common.say(f"{counted(report.found, 'picture')}: {what} ({report.seconds:.1f} s{rate})")
    if report.skipped:
        _common.say(
            f"{counted(report.skipped, 'has', 'have')} failed earlier and not changed"
            f" (twinlens info lists {'it' if report.skipped == 1 else 'them'}, --retry tries again)"
        )
    if report.failures:
        ordered = sorted(report.failures.items(), key=lambda item: -len(item[1]))
        rows: list[list[object]] = [[len(paths), reason, paths[0]] for reason, paths in ordered[:_SHOWN]]
        _common.print_table(["failed", "reason", "such as"], rows)
        if len(ordered) > _SHOWN:
            _common.say(f"… and {counted(len(ordered) - _SHOWN, 'more reason')} (--json lists every picture)")
    for line in [*_passed(report), *(protection.line for protection in report.protections), *report.problems[:_SHOWN]]:
        _common.say(line)
    if len(report.problems) > _SHOWN:
        _common.say(f"… and {counted(len(report.problems) - _SHOWN, 'more such line')} (--json has all)")


def first_failure(report: Report) -> str:
    """Return the line of a run that could read no picture at all."""
    reason, paths = next(iter(report.failures.items()))
    more = f" (and {counted(report.failed - 1, 'more picture')} failed)" if report.failed > 1 else ""
    return f"no picture could be read: {paths[0]}: {reason}{more}"


def _passed(report: Report) -> list[str]:
    if not report.passed and not report.left_out:
        return []
    from twinlens.media import finding

    return finding.describe(report.passed, report.left_out)


# The query of a search.


def add_query(parser: argparse.ArgumentParser) -> None:
    """Add pictures, sentences, what to stay away from, filters and reranking."""
    add = parser.add_argument
    _several(parser, "--image", "FILE", "the picture to start from", Path)
    _several(parser, "--text", "SENTENCE", "what the answers should look like")
    _several(parser, "--weight", "W", "how much each --image, then each --text counts; all are embedded alone", float)
    parser.add_argument("--balance", type=float, metavar="B", help="between the picture (0) and the words (1); in the"
        " middle (.5) they count as the model composes them")  # fmt: skip
    _several(parser, "--without", "SENTENCE", "what the answers should not look like")
    _several(parser, "--unlike", "ID", "a picture of the collection to stay away from")
    add("--where", metavar="CONDITION", help='only pictures with such metadata: year >= 2020 and (tag = "a" or has b)')
    _several(parser, "--in", "FOLDER", "only pictures below this folder")
    add("--near", metavar="LAT,LON,KM", help="only pictures taken within so many kilometres of a place, in degrees; a"
        " southern one as --near=-33.9,151.2,5")  # fmt: skip
    add("--distinct", type=float, nargs="?", const=NEAR_DUPLICATE, metavar="COSINE", help="of pictures as alike as this"
        f" show the best only ({NEAR_DUPLICATE} if no number is given)")  # fmt: skip
    add("--with-self", action="store_true", help="let the picture of --image itself be among the answers")
    add("--rerank", metavar="NAME[=CHECKPOINT][:N]", help="reorder the first N answers (50) by a further"
        " stage, such as diverse, which spreads similar pictures out; none: not by the recipe's own")  # fmt: skip


def _several(parser: argparse.ArgumentParser, name: str, metavar: str, about: str, kind: type = str) -> None:
    about += "; may be repeated"
    parser.add_argument(name, action="append", default=[], type=kind, metavar=metavar, help=about)


def request_of(args: argparse.Namespace) -> SearchRequest:
    """Build the request of the options. Raises TwinlensError without a picture and a text, and for a wrong option."""
    images, texts = [_picture(path) for path in args.image], [text for text in args.text if text.strip()]
    if not images and not texts:
        raise TwinlensError("give --image FILE, --text SENTENCE, or both")
    from twinlens.collection import SearchRequest

    if args.rerank is not None:
        from twinlens.core import plugins

        args.rerank = plugins.use_stage(args.rerank)
    return SearchRequest.of(
        images,
        texts,
        args.k,
        where=args.where,
        without=args.without,
        unlike=args.unlike,
        weights=args.weight or None,
        balance=args.balance,
        distinct=args.distinct,
        rerank=args.rerank,
        within=vars(args)["in"],
        near=args.near and _near(args.near),
        with_self=args.with_self,
    )


def _near(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise TwinlensError(f"--near wants LAT,LON,KM, such as 48.14,11.58,10, not {text!r}") from error


def _picture(path: Path) -> Path:
    from twinlens.media import sources

    path = path.expanduser()
    try:
        is_there = sources.exists(path)
    except OSError as error:
        raise TwinlensError(f"{sources.shown(path)} cannot be read: {error.strerror}") from error
    if not is_there:
        raise TwinlensError(f"no such picture: {sources.shown(path)}")
    return path


def notes(request: SearchRequest) -> tuple[str, ...]:
    """List what else a request asks for, as its options are called."""
    near = [] if request.near is None else ["{:g}, {:g}, within {:g} km".format(*request.near)]
    where = [] if request.where is None else [request.where]
    asked = {
        "balance": [] if request.balance is None else [f"{request.balance:g}"],
        "weights": [f"{weight:g}" for weight in request.weights or ()],
        "without": request.without,
        "unlike": request.unlike,
        "where": where,
        "in": request.within,
        "near": near,
    }
    return tuple(f"{name}: {', '.join(values)}" for name, values in asked.items() if values)


def make_folder(folder: Path) -> None:
    """Make a folder for files that are drawn. Raises TwinlensError where that is impossible."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TwinlensError(f"cannot make the folder {folder}: {error.strerror}") from error


def keep_out(folder: Path, pattern: str) -> None:
    """Write a rule that keeps what a search has written out of later indexes of a folder around it."""
    from twinlens.media.exclusions import IGNORE_FILE

    path = folder / IGNORE_FILE
    with suppress(OSError, UnicodeDecodeError):  # without it the pictures are indexed
        lines = path.read_text("utf-8").splitlines() if path.exists() else ["# Written by twinlens search."]
        if pattern not in lines:
            path.write_text("\n".join([*lines, pattern, ""]), "utf-8")


def why_nothing(args: argparse.Namespace) -> str:
    """Return the reason why there is no answer."""
    if args.where or args.near or vars(args)["in"]:
        return "no picture meets the condition"
    if args.image and not args.with_self:
        return f"{args.collection} has no picture but the query's own, if any (--with-self shows it)"
    return f"{args.collection} has no pictures yet"
