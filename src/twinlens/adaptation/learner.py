"""Training on a collection's captions, comparison on held-out pictures, adoption."""

from __future__ import annotations

from collections.abc import Collection as Ids
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from twinlens.adaptation import bounds, decision, record
from twinlens.adaptation.embedded_gallery import EmbeddedGallery, Frozen, block_fusion, composer_of
from twinlens.adaptation.fitting import SETTINGS, converter, fit, is_learned, plain, with_share
from twinlens.adaptation.held_out import HeldOut, extend, first_threshold, group_ranks
from twinlens.adaptation.parts import FOLDER, GroupSplit, drawn, ids_of, unseen
from twinlens.adaptation.task import Task
from twinlens.collection import Collection
from twinlens.collection.store.contents import runs
from twinlens.core import machine
from twinlens.core.arguments import as_kind
from twinlens.core.types import TwinlensError
from twinlens.evaluation.judgements import Judgements
from twinlens.models import runtime
from twinlens.models.composer import Composer
from twinlens.models.exported.writing import exported_like
from twinlens.training.run import Epoch

FUSION = "combiner"
SHARES = (1.0, 0.25, 0.5, 2.0, 4.0)
"""Shares of the trained fusion in the score; the validation part chooses one."""
LEARNED = "learned"
"""The key of a model's provenance for the data that its fusion was trained on."""


@dataclass(frozen=True)
class Plan:
    """The plan of a training: its data and its settings.

    triplets: a table of them. source: `captions`, `triplets` or `both`; None: triplets where there are some. group_by:
    what stays together beside near-duplicates; None: as it was for the fusion that serves, else folders.
    """

    fusion: str = FUSION
    triplets: Path | None = None
    source: str | None = None
    group_by: str | None = None
    seed: int = 0
    epochs: int | None = None
    device: str = "auto"
    precision: str | None = None
    progress: bool = False


def learn(collection: Collection, plan: Plan) -> tuple[dict[str, Any], list[Epoch]]:
    """Train a fusion on a part of a collection, measure it on the held-out part, and let it serve if it wins there.

    Returns the result as JSON ("adopted" is the answer; see `decision.decide` for the figures) and the epochs. The
    attempt is charged to the collection before it is measured. Raises TwinlensError where there is too little to learn
    from, or too little can be held out; the collection then is as it was, and so it is where the fusion does not win.
    """
    _check("learn", collection, plan)
    known, by = EmbeddedGallery.of(collection), _group_by(collection, plan.group_by)
    task = Task.of(known, plan.triplets, by=by, source=plan.source)
    parts, judgements = _split(collection, task, by, plan.seed)
    frozen = Frozen(known, task.texts)
    model, epochs = _trained(task, parts, frozen, plan)
    about = _about(task, plan, by, parts) | {
        "share": model.recipe.fusion.options["share"],
        "environment": machine.environment(plan.device, precision=plan.precision or SETTINGS.precision),
    }
    attempt = _charge(collection, plan, decision.attempt_key(model, known, judgements), judgements)
    values = decision.measure_variants(
        block_fusion(model),
        block_fusion(plain(known.composer)),
        frozen,
        judgements,
        current=block_fusion(known.composer) if is_learned(known.composer) else None,
    )
    found = decision.decide(values, judgements.groups, attempt["level"])
    sizes = _sizes(task, parts, judgements)
    result = {**about, "parts": sizes, "attempt": attempt, **found, "epochs": [asdict(epoch) for epoch in epochs]}
    if found["wins"]:
        said = {"differences": found["differences"], "attempt": attempt}
        model.provenance = {**known.composer.provenance, LEARNED: about | said}
        _serve(collection, known, model, progress=plan.progress)
    return {**result, "adopted": found["wins"]}, epochs


def measure(collection: Collection, plan: Plan) -> dict[str, Any]:
    """Measure the serving fusion beside its baselines on held-out pictures: on all, if nothing was trained."""
    _check("measure", collection, plan)
    known, by = EmbeddedGallery.of(collection), _group_by(collection, plan.group_by)
    task = Task.of(known, plan.triplets, by=by, source=plan.source)
    seen = _seen(known)
    ids = unseen(task.groups, seen)
    judgements = decision.select_judgements(task.test_set(ids, decision.MEASURE_SEED))
    learned, frozen = is_learned(known.composer), Frozen(known, task.texts)
    serving, before = block_fusion(known.composer), block_fusion(plain(known.composer))
    values = decision.measure_variants(serving, before, frozen, judgements)
    if not learned:
        del values[decision.CALIBRATED_SUM]  # it is what serves
    found = decision.decide(values, judgements.groups, bounds.TOTAL_LEVEL)
    held = {
        "pictures": len(ids),
        "of": len(known.entries),
        "groups": _count(task, ids),
        "queries": len(judgements.queries),
    }
    name = known.composer.recipe.fusion.options["method"] if learned else known.composer.recipe.fusion.name
    about = {"serving": name, "learned": _provenance(known), "group_by": by, "environment": machine.environment("cpu")}
    return {**about, "measured": held, **found}


def revert(collection: Collection) -> bool:
    """Let the calibrated sum serve again, as before anything was learned; False if nothing was."""
    as_kind("revert", collection, Collection, "give Collection.open(folder)")
    composer, was = composer_of(collection), collection.generation
    if not is_learned(composer):
        return False
    model = plain(composer)
    model.provenance = {key: value for key, value in composer.provenance.items() if key != LEARNED}
    with exported_like(collection.model, model) as served:
        collection.replace_model(was, served, converter(block_fusion(composer), block_fusion(model)))
    return True


def _check(name: str, collection: Collection, plan: Plan) -> None:
    as_kind(name, collection, Collection, "give Collection.open(folder)")
    as_kind(name, plan, Plan, "give Plan(…)")
    if plan.triplets is not None:
        as_kind("triplets", plan.triplets, Path, "give a pathlib.Path")


def _trained(task: Task, parts: GroupSplit, frozen: Frozen, plan: Plan) -> tuple[Composer, list[Epoch]]:
    """Train a fusion on one part; another part ends the training and decides its share in the score."""
    train, watched = task.training_set(parts.train, plan.seed), task.validation_set(parts.validation, plan.seed)
    if not watched.queries:
        raise TwinlensError("no captions or triplets are left to end the training by; give more, or smaller groups")
    how: dict[str, Any] = {name: getattr(plan, name) for name in ("seed", "epochs", "precision", "device", "progress")}
    model, epochs = fit(task.known, frozen, plan.fusion, train, watched, **how)
    weighed = [with_share(model, share) for share in SHARES]
    return decision.best_share(weighed, frozen, task.test_set(parts.validation, plan.seed)), epochs


def _serve(collection: Collection, known: EmbeddedGallery, model: Composer, *, progress: bool) -> None:
    fast = runtime.measurements(collection.model)["networks"]
    with exported_like(collection.model, model, progress=progress) as served:
        convert = converter(block_fusion(known.composer), block_fusion(model))
        collection.replace_model(known.generation, served, convert)
    if fast:
        runtime.tuned(collection.model, len(collection), progress=progress)


def _split(collection: Collection, task: Task, by: str, seed: int) -> tuple[GroupSplit, Judgements]:
    """Split the groups, and select the held-out queries; the held-out part is chosen once and recorded.

    What a serving fusion was trained on is not measured, since that fusion is measured as well.
    """
    kind, ranks = f"{task.measured} by {by}", group_ranks(task.known, task.groups)
    seen = _seen(task.known)
    fresh = unseen(task.groups, seen)
    past = record.Record.read(collection.folder).parts.get(kind)
    if past is None:
        sides = (fresh, frozenset(task.groups) - fresh) if seen else (frozenset[str](), frozenset[str]())
        past = HeldOut(first_threshold(ranks, task.groups, task.asked), *sides)
    part = extend(past, ranks, task.groups)
    held = part.held & fresh
    parts = drawn(task.groups, held, part.trained, seed, by=by)
    judgements = decision.select_judgements(task.test_set(held, decision.MEASURE_SEED))
    decision.check_groups(judgements.groups)
    record.keep_part(collection.folder, kind, part)
    return parts, judgements


def _charge(collection: Collection, plan: Plan, key: str, judgements: Judgements) -> dict[str, Any]:
    """Charge an attempt; describe it with the least gain that so many groups can show at its level."""
    attempt = record.charge(collection.folder, key, {"fusion": plan.fusion, "seed": plan.seed})
    groups = len(set(judgements.groups))
    least = bounds.smallest_gain(groups, attempt.level)
    return {**attempt._asdict(), "total_level": bounds.TOTAL_LEVEL, "groups": groups, "smallest_gain": least}


def _provenance(known: EmbeddedGallery) -> Mapping[str, Any] | None:
    """Return the training facts of the serving fusion; None if it has none, or of another collection."""
    said = known.composer.provenance.get(LEARNED)
    return said if isinstance(said, Mapping) and said.get("collection") == known.collection else None


def _seen(known: EmbeddedGallery) -> frozenset[str]:
    said = _provenance(known)
    return ids_of(said["seen"]) if said else frozenset()


def _group_by(collection: Collection, given: str | None) -> str:
    said = composer_of(collection).provenance.get(LEARNED) or {}
    return given or str(said.get("group_by", FOLDER))


def _about(task: Task, plan: Plan, by: str, parts: GroupSplit) -> dict[str, Any]:
    """Describe a training for the provenance; seen: the rows, as runs, that decided its weights."""
    seen = runs(sorted(int(entry) for entry in parts.train | parts.validation))
    said = {"fusion": plan.fusion, "source": task.source, "group_by": by, "seed": plan.seed}
    return {**said, "collection": task.known.collection, "seen": seen}


def _sizes(task: Task, parts: GroupSplit, judgements: Judgements) -> dict[str, dict[str, int]]:
    """Count the pictures and groups of each part, and the queries of the last."""
    sizes = {name: {"pictures": len(ids), "groups": _count(task, ids)} for name, ids in parts._asdict().items()}
    sizes["test"]["queries"] = len(judgements.queries)
    return sizes


def _count(task: Task, ids: Ids[str]) -> int:
    return len({task.groups[entry] for entry in ids})
