"""Protocol F on a collection, for `evaluate --collection`: its captions or triplets as foils, and its first ten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from twinlens.commands import _common
from twinlens.core.counting import counted

if TYPE_CHECKING:
    from twinlens.adaptation import Plan
    from twinlens.adaptation.embedded_gallery import EmbeddedGallery
    from twinlens.adaptation.task import Task
    from twinlens.collection import Collection
    from twinlens.core.types import Sample
    from twinlens.evaluation.words import Score

COLUMNS = {
    "foil_accuracy": "word foil",
    "picture_foil_accuracy": "picture foil",
    "both_foils": "both",
    "decided_alike": "decided alike",
}
"""Metrics and their headings."""
PICTURES = 2048
"""Pictures, drawn by the seed, among which the first ten are looked for."""
MIN_PICTURES = 30
"""In a smaller collection the first ten are most of it, and tell nothing."""
MIN_PAIRS = 10
"""Queries with foils; of fewer, nothing is told."""
BATCH = 512


def has_words(collection: Collection, plan: Plan) -> bool:
    """Return True if a collection has captions, or the plan triplets."""
    from twinlens.adaptation.embedded_gallery import EmbeddedGallery

    return plan.triplets is not None or bool(EmbeddedGallery.of(collection).captioned.any())


def measure(collection: Collection, plan: Plan, measured: Mapping[str, Any] | None) -> dict[str, Any]:
    """Measure the influence of words on answers: {"foils", "first_ten"}, None each where a collection is too small.

    measured: the result of `adaptation.measure`, whose grouping and held-out pictures are taken; None where there are
    neither captions nor triplets, and so no foils.
    """
    from twinlens.adaptation.embedded_gallery import EmbeddedGallery
    from twinlens.adaptation.task import Task
    from twinlens.evaluation.words import COMMON

    known = EmbeddedGallery.of(collection)
    if measured is None:
        return {"first_ten": _first_ten(known, COMMON, {}, plan.seed)}
    task = Task.of(known, plan.triplets, by=measured["group_by"], source=plan.source)
    texts = task.texts or [entry.caption for entry in known.entries if entry.caption]
    foils = _foils(task, measured["learned"], plan.seed)
    return {"foils": foils, "first_ten": _first_ten(known, texts, task.groups, plan.seed)}


def show(found: Mapping[str, Any]) -> None:
    """Print the table of foils and the lines below it."""
    if found.get("foils"):
        _common.say()
        _common.print_table(*table(found["foils"]), title=_title(found["foils"]))
    _common.say()
    for line in reading(found):
        _common.say(line)


def markdown(found: Mapping[str, Any]) -> str:
    """Format the table and the lines below it for a document."""
    from twinlens.report.table import Table

    tables = [Table(*table(foils), title=_title(foils), digits=3).markdown() for foils in [found["foils"]] if foils]
    return "\n".join([*tables, *(f"{line}\n" for line in reading(found))])


def table(foils: Mapping[str, Any]) -> tuple[list[str], list[list[object]]]:
    """Build one row per variant of the query."""
    from twinlens.report import Estimate

    rows: list[list[object]] = []
    for name, row in foils["rows"].items():
        figures = [Estimate.from_json(row[metric]) if metric in row else None for metric in COLUMNS]
        rows.append([name.replace("_", " "), *figures])
    return ["", *COLUMNS.values()], rows


def reading(found: Mapping[str, Any]) -> list[str]:
    """Tell in a line each if words are read, if both sides are used, and how much of the first ten they change."""
    lines = []
    if foils := found.get("foils"):
        lines.append(_verdict("words are read", "word foils", foils, "foil_accuracy"))
        lines.append(_verdict("picture and words are composed", "both foils", foils, "both_foils"))
    elif "foils" in found:
        lines.append(f"fewer than {MIN_PAIRS} queries have a foil, so that it is not measured if words are read")
    if ten := found["first_ten"]:
        words, picture = (_share(ten[name]) for name in ("words_swapped", "picture_swapped"))
        lines.append(
            f"of the first ten answers {words} change when the words are swapped, {picture} when the picture is"
        )
    return lines


def _foils(task: Task, learned: Mapping[str, Any] | None, seed: int) -> dict[str, Any] | None:
    from twinlens.adaptation.parts import ids_of, unseen
    from twinlens.evaluation import words
    from twinlens.evaluation.judgements import Judgements

    ids = unseen(task.groups, ids_of(learned["seen"]) if learned else frozenset())
    captions = {str(entry.row): entry.caption for entry in task.known.entries}
    score = _score(task.known)
    foils = words.choose(Judgements.of(task.test_set(ids, seed)), captions, score, seed=seed)
    return words.measure(score, foils, seed=seed) if len(foils.queries) >= MIN_PAIRS else None


def _first_ten(
    known: EmbeddedGallery, texts: Sequence[str], groups: Mapping[str, str], seed: int
) -> dict[str, Any] | None:
    import numpy as np

    from twinlens.evaluation.words import measure_change

    if len(known.entries) < MIN_PICTURES or len(set(texts)) < 2:
        return None
    drawn = np.random.default_rng(seed).permutation(len(known.entries))[:PICTURES]
    gallery = [known.sample(place, captioned=True) for place in drawn.tolist()]
    return measure_change(_score(known), gallery, texts, groups, seed=seed)


def _score(known: EmbeddedGallery) -> Score:
    """Return the score of the serving fusion from stored vectors; only new texts are encoded."""
    import numpy as np
    import torch

    from twinlens.adaptation.embedded_gallery import Frozen, block_fusion
    from twinlens.core.batches import stack_tensors

    fusion = block_fusion(known.composer)

    @torch.inference_mode()
    def score(queries: Sequence[Sample], gallery: Sequence[Sample]) -> np.ndarray[Any, np.dtype[np.float32]]:
        frozen = Frozen(known, [sample.text for sample in (*queries, *gallery) if sample.text])

        def embed(samples: Sequence[Sample]) -> torch.Tensor:
            parts = [samples[start : start + BATCH] for start in range(0, len(samples), BATCH)]
            encoded = [frozen(stack_tensors([frozen.prepare(sample) for sample in part])) for part in parts]
            return torch.cat([fusion(sides.image, sides.text) for sides in encoded])

        return np.asarray(fusion.similarity(embed(queries), embed(gallery)).numpy(), dtype=np.float32)

    return score


def _title(foils: Mapping[str, Any]) -> str:
    """Title the table by the number of pairs, and how near target and foil are."""
    gap, queries = foils["gaps"]["foil_accuracy"], counted(foils["pairs"], "query", "queries")
    return f"words: {queries} with foils; target and word foil differ by {gap:.3f} sd in likeness"


def _verdict(claim: str, on: str, foils: Mapping[str, Any], metric: str) -> str:
    """Tell if a claim is shown: composed exceeds every other row, each interval above 0."""
    compared = [f for f in foils["differences"] if f["metric"] == metric and f["of"] == "composed"]
    if not compared:
        return f"not shown that {claim}: too few pictures or independent groups"
    shown = all(found["ci95"][0] > 0 for found in compared)
    gains = ", ".join(f"{found['over'].replace('_', ' ')} by {_interval(found)}" for found in compared)
    return f"{claim if shown else f'not shown that {claim}'}: on {on} composed exceeds {gains}"


def _interval(found: Mapping[str, Any]) -> str:
    low, high = found["ci95"]
    return f"{found['mean']:+.3f} [{low:+.3f}, {high:+.3f}]"


def _share(summary: Mapping[str, Any]) -> str:
    return (
        f"{summary['mean']:.2f}"
        if summary["ci95"] is None
        else "{:.2f} [{:.2f}, {:.2f}]".format(summary["mean"], *summary["ci95"])
    )
