"""`twinlens explain`: the reasons for the answers of a search."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from twinlens.commands import _collection, _common
from twinlens.core.escaping import shortened

if TYPE_CHECKING:
    from twinlens.collection import Collection, SearchRequest
    from twinlens.core.explanation import Explanation
    from twinlens.core.types import Hit

HELP = "tell why pictures answer a search: shares of the score, words, facts, and the gate's map"
EXAMPLES = """
twinlens explain --image a.jpg --text "at night"
twinlens explain --image a.jpg --text "at night" --hit 17 --out why
twinlens explain --text "a dog" --against other-collection --out why
"""
FIRST = 3
"""Answers that are explained if none is named."""
CAPTION = 60
"""Characters of a caption in the table."""


class ExplainedAnswers(NamedTuple):
    """The answers of a collection that are explained, each with its explanation."""

    collection: Path
    answers: list[tuple[Hit, Explanation]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the query of `search`, the answers to explain, and the folder."""
    _collection.add_query(parser)
    add = parser.add_argument
    add("-k", type=int, default=10, metavar="N", help="how many answers are ranked (10)")
    add("--hit", action="append", default=[], metavar="ID", help="the picture to explain, by its id in the answers; may"
        f" be repeated (the first {FIRST} answers)")  # fmt: skip
    add("--against", type=Path, metavar="DIR", help="a collection of the same pictures by another model, whose answers"
        " are shown beside these")  # fmt: skip
    add("--out", type=Path, metavar="DIR", help="gets explanation.png")
    _collection.add_collection(parser)
    _common.add_plugins(parser)
    _collection.add_engine(parser)
    _collection.add_runtime(parser)


def run(args: argparse.Namespace) -> Mapping[str, object]:
    """Search, explain the answers, and draw them. Raises TwinlensError as a search does, and for an unknown id."""
    request = _collection.request_of(args)
    folders = [args.collection, *([args.against] if args.against else [])]
    explained = [_explained(folder, request, args) for folder in folders]
    if _common.shows_view(args):
        for one in explained:
            _show(one, _collection.why_nothing(args), titled=len(explained) > 1)
    files = _drawn(request, explained, args.out.expanduser()) if args.out and explained[0].answers else []
    if _common.shows_view(args):
        for file in files:
            _common.say(f"wrote {file}")
    records = [[_record(hit, why) for hit, why in one.answers] for one in explained]
    beside = {"against": {"collection": args.against, "explanations": records[1]}} if args.against else {}
    return {"collection": args.collection, "explanations": records[0], **beside, "files": files}


def _explained(folder: Path, request: SearchRequest, args: argparse.Namespace) -> ExplainedAnswers:
    """Explain the named pictures of the collection, or the first answers; of the one beside it always the latter."""
    with _collection.open_collection(argparse.Namespace(**{**vars(args), "collection": folder})) as collection:
        hits = collection.answer(request)
        named = args.hit if folder == args.collection else []
        ids = list(dict.fromkeys(named)) or [hit.id for hit in hits[:FIRST]]
        explanations = collection.explain(request, ids, hits=hits)
        known = {hit.id: hit for hit in hits}
        return ExplainedAnswers(
            folder, [(known.get(why.id) or _unranked(collection, why), why) for why in explanations]
        )


def _unranked(collection: Collection, why: Explanation) -> Hit:
    """Return the hit of a picture that is none of the answers."""
    from twinlens.collection.search import records

    return records.hit(0, collection.entry(why.id), why.score, ())


def _record(hit: Hit, why: Explanation) -> dict[str, object]:
    return {"path": hit.sample.image, "caption": hit.sample.text, **why.to_json()}


def _show(explained: ExplainedAnswers, nothing: str, *, titled: bool) -> None:
    """Print a line for each answer: its rank, score, shares, and the words that moved it most."""
    if not explained.answers:
        _common.say(nothing)
        return
    rows = [
        [
            "" if why.rank is None else why.rank,
            f"{why.score:.3f}",
            why.id,
            shortened(hit.sample.text, CAPTION) or _name(hit),
            ", ".join(f"{share.part} {share.score:+.2f}" for share in why.shares),
            ", ".join(f"{word.word} {word.effect:+.2f}" for word in why.strongest()),
            *([hit.because] if any(other.why for other, _ in explained.answers) else []),
        ]
        for hit, why in explained.answers
    ]
    more = ["why"] if any(hit.why for hit, _ in explained.answers) else []
    title = str(explained.collection) if titled else ""
    _common.print_table(["rank", "score", "id", "picture", "shares", "words", *more], rows, title=title)


def _name(hit: Hit) -> str:
    from twinlens.media import moments

    return moments.label(hit.sample.image) if isinstance(hit.sample.image, Path) else ""


def _drawn(request: SearchRequest, explained: Sequence[ExplainedAnswers], folder: Path) -> list[Path]:
    from twinlens.core.types import Sample
    from twinlens.report.explanation import Panel, explanation_sheet

    query = Sample("query", request.images[0] if request.images else None, " + ".join(request.texts))
    panels = [Panel(str(one.collection), query, one.answers, _collection.notes(request)) for one in explained]
    _collection.make_folder(folder)
    path = folder / "explanation.png"
    explanation_sheet(panels, path)
    _collection.keep_out(folder, f"/{path.name}")
    return [path]
