"""The explanation of answers: the shares of their scores, the words that moved them, facts, and the gate's map."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from twinlens.collection.model import Model, gate_map
from twinlens.collection.search import query
from twinlens.collection.search.request import SearchRequest
from twinlens.collection.search.search import Plan, Session, embedded_queries, embedded_row, hits_of
from twinlens.collection.search.shares import shares
from twinlens.collection.search.word_effects import word_effects
from twinlens.collection.store import Generation
from twinlens.core.arguments import as_text, shown
from twinlens.core.explanation import Explanation, GateMap
from twinlens.core.types import Hit, Sample, TwinlensError

NO_PICTURE = "the query has no picture for a gate to act on"


def explain(
    request: SearchRequest,
    ids: Sequence[str],
    session: Session,
    generation: Generation,
    model: Model,
    *,
    hits: Sequence[Hit] | None = None,
) -> list[Explanation] | None:
    """Explain the scores of entries for a request, from one state; None where another model serves by now.

    hits: the answers to the request, for their ranks and reasons; without them it is answered here. Raises
    TwinlensError for an unknown id, and as a search does.
    """
    rows = np.array([embedded_row(session.store, generation, one) for one in ids], dtype=np.int64)
    plan = Plan.of(request, session.store, generation, model)
    state = session.engine.sync(session.store)
    if state.generation != generation.number:
        return None
    (asked,) = embedded_queries([plan], session, state, generation, model)
    answers = {hit.id: hit for hit in (hits_of(asked, None, session, state, generation) if hits is None else hits)}
    vectors, scorer = session.store.vectors(generation, rows), asked.scorer
    effects, unmeasured = word_effects(asked, model, vectors)
    gate, no_gate = _gate(request, model)
    explanations = []
    for one, score, parts, words in zip(
        ids, scorer.scores(vectors), shares(asked, model, vectors), effects, strict=True
    ):
        hit = answers.get(one)
        why = {} if hit is None else hit.why
        facts = tuple(why.get("truth", {}).get("facts", ()))
        rank, shown = None if hit is None else hit.rank, scorer.display(float(score))
        explanations.append(
            Explanation(one, rank, shown, scorer.unit, parts, words, unmeasured, facts, why, gate, no_gate)
        )
    return explanations


def as_ids(given: object) -> list[str]:
    """Check the ids of entries, one or a list. Raises TwinlensError for anything else."""
    if isinstance(given, bytes | bytearray | Mapping) or not isinstance(given, Iterable):
        raise TwinlensError(f"explain wants a list of ids, not {shown(given)}")
    ids = [given] if isinstance(given, str) else list(given)
    return [as_text("explain, which takes the ids of hits,", one) for one in ids]


def _gate(request: SearchRequest, model: Model) -> tuple[GateMap | None, str | None]:
    """Return the gate's map over the first picture of a query, read with the first sentence; or why there is none."""
    pictures = [sample for sample in query.samples(request) if sample.image is not None]
    if not pictures:
        return None, NO_PICTURE
    found, reason = gate_map(model, Sample("gate", pictures[0].image, pictures[0].text))
    if found is None:
        return None, reason
    rows, columns = found.shape
    return GateMap(rows, columns, tuple(float(value) for value in found.ravel())), None
