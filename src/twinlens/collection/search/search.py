"""The search itself: request → scorer → engine → deduplicate → rerank → hits."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from twinlens.calibration import Calibration, Channel, as_queries
from twinlens.collection.engines import Engine
from twinlens.collection.model import Model
from twinlens.collection.search import query, records
from twinlens.collection.search.records import Hits
from twinlens.collection.search.request import SearchRequest
from twinlens.collection.search.scoring import Answer, Filter, LinearScorer, Scorer, Stored, rank
from twinlens.collection.store import DAMAGE, DamageError, Entry, Generation, Rows, State, Store, Vectors
from twinlens.core.types import Hit, TwinlensError, guesses
from twinlens.media import sources

if TYPE_CHECKING:
    from twinlens.collection.search.filters import Node
    from twinlens.collection.search.rerank import Reranker

SAMPLE = 1024
"""Entries drawn for calibration; means and deviations are then right to a few hundredths of a deviation."""
RARE_SAMPLE = 256
"""Entries drawn beside them of those that have a block, where few have it."""
NO_STAGE = "none"
"""Name of no stage, for searches where the model's recipe names one."""
Found: TypeAlias = "tuple[Answer, Entry]"


@dataclass
class Session:
    """A store, the engine that mirrors it, and the calibration that searches of one state share."""

    store: Store
    engine: Engine
    _calibrated: tuple[State, Calibration] | None = field(default=None, repr=False)

    def calibration(self, state: State, model: Model, *, words: bool) -> Calibration:
        """Return the calibration of a state, drawn once for it; for a query with words, with a reference if needed."""
        if self._calibrated is None or self._calibrated[0] != state:
            self._calibrated = state, _calibration(self.engine, model.channels)
        calibration = self._calibrated[1]
        if words and calibration.reference is None and calibration.has_few_captions():
            from twinlens.collection.search.reference import reference

            calibration = replace(calibration, reference=reference(model))
            self._calibrated = state, calibration
        return calibration

    def stored(self, state: State, generation: Generation) -> Stored:
        """Return the function that reads vectors from the store; a row of this state without one raises DamageError."""

        def read(rows: Rows) -> tuple[Rows, Vectors]:
            there, vectors = self.store.vectors_there(generation, rows)
            self.check_missing(state, len(set(rows.tolist())) - len(there))
            return there, vectors

        return read

    def check_missing(self, state: State, missing: int) -> None:
        """Raise DamageError where rows are missing, and no other process can have removed them by now."""
        if missing and self.store.state() == state:
            raise DamageError(f"the collection {self.store.folder}: {DAMAGE}")

    def ids(self, rows: Sequence[int]) -> tuple[str, ...]:
        """Return the ids of the entries of some rows; of one that is gone by now its number."""
        entries = self.store.entries(rows)
        return tuple(entries[row].id if row in entries else str(row) for row in rows)

    @property
    def is_fresh(self) -> bool:
        """Return True if nothing was searched yet."""
        return self._calibrated is None


@dataclass(frozen=True)
class Plan:
    """A request with its stage of reranking and how many candidates it reads, its condition, rows to be unlike."""

    request: SearchRequest
    reranker: Reranker | None
    candidates: int
    condition: Node | None
    unlike: Rows

    @classmethod
    def of(cls, request: SearchRequest, store: Store, generation: Generation, model: Model) -> Plan:
        """Look up what a request names. Raises TwinlensError for a condition, an id or a stage that is wrong."""
        reranker, candidates = _stage(request.rerank or model.rerank)
        if reranker is not None and not reranker.applies(request):
            reranker, candidates = None, 0
        among_these = _condition(request, store) if request.is_filtered else None
        unlike = [embedded_row(store, generation, entry) for entry in request.unlike]
        return cls(request, reranker, candidates, among_these, np.array(unlike, dtype=np.int64))


@dataclass(frozen=True)
class EmbeddedQuery:
    """A plan with its scorer, the entries that may answer, the rows of the query's own pictures, and reasons so far.

    embedded, negatives: the vectors that the scorer was made of, of `query.samples` and of the rows to be unlike.
    """

    plan: Plan
    embedded: Vectors
    negatives: Vectors
    scorer: Scorer
    among: Filter
    own: Rows
    why: Mapping[str, Any]
    blank: Vectors | None = None

    @property
    def k(self) -> int:
        """Return the number of answers to rank."""
        return max(self.plan.request.k, self.plan.candidates)

    @property
    def exclude(self) -> set[int]:
        """Return the rows that may not answer."""
        return {*self.plan.unlike.tolist(), *self.own.tolist()}


def search_many(
    requests: Sequence[SearchRequest], session: Session, generation: Generation, model: Model
) -> list[Hits] | None:
    """Answer requests, at least one, from one state: embedded in batches, scanned for together.

    None where another model serves by now, and the caller should ask with that one. Raises TwinlensError for a
    condition or an id that is wrong, and for a picture that cannot be read.
    """
    plans = [Plan.of(request, session.store, generation, model) for request in requests]
    with query.preloading(requests[0], model, first=session.is_fresh):
        state = session.engine.sync(session.store)
    if state.generation != generation.number:
        return None
    queries = embedded_queries(plans, session, state, generation, model)
    first: Sequence[Rows | None] = [None]
    if len(queries) > 1:
        from twinlens.collection.search.many import first_candidates  # whoever asks one thing needs none of it

        first = first_candidates(queries, session.engine)
    return [hits_of(asked, found, session, state, generation) for asked, found in zip(queries, first, strict=True)]


def embedded_queries(
    plans: Sequence[Plan], session: Session, state: State, generation: Generation, model: Model
) -> list[EmbeddedQuery]:
    """Embed the requests of plans and make their scorers."""
    queries, among = list[EmbeddedQuery](), dict[tuple[object, ...], Filter]()
    blank = query.blank_of(model) if any(plan.request.distinct is not None for plan in plans) else None
    for plan, embedded in zip(plans, query.embed([plan.request for plan in plans], model), strict=True):
        request = plan.request
        sample = session.calibration(state, model, words=bool(request.texts or request.without))
        negatives = as_queries(model.channels, session.store.vectors(generation, plan.unlike))
        scorer = query.scorer(request, embedded, model, negatives, sample)
        if request.filter_key not in among:
            among[request.filter_key] = _filter(plan.condition, session, generation, scorer)
        own, why = _own_rows(request, session.store), _guessed(request, model)
        queries.append(EmbeddedQuery(plan, embedded, negatives, scorer, among[request.filter_key], own, why, blank))
    return queries


def _guessed(request: SearchRequest, model: Model) -> dict[str, Any]:
    """Name the sentences of a request whose meaning the model guesses, as a reason of every answer."""
    guessed = [text for text in (*request.texts, *request.without) if guesses(model, text)]
    return {"query": {"guessed": "; ".join(guessed)}} if guessed else {}


def hits_of(asked: EmbeddedQuery, first: Rows | None, session: Session, state: State, generation: Generation) -> Hits:
    """Rank the entries for a query and reorder the first of them; first: candidates that were found already."""
    stored, scorer = session.stored(state, generation), asked.scorer
    answers = rank(
        scorer,
        session.engine,
        asked.k,
        among=asked.among,
        stored=stored,
        exclude=asked.exclude,
        distinct=asked.plan.request.distinct,
        blank=asked.blank,
        first=first,
    )
    chance = None
    if answers:
        own_vectors = session.store.vectors_there(generation, asked.own)[1]
        chance = scorer.chance(answers[0].score, _count(asked.among, session, generation), exclude=own_vectors)
    entries = session.store.entries([answer.row for answer in answers])
    session.check_missing(state, len(answers) - len(entries))
    found = [(answer, entries[answer.row]) for answer in answers if answer.row in entries]  # none: gone by now
    hits, seconds = _hits(asked, found, session, stored)
    mean, is_whole = scorer.display(scorer.spread[0]), asked.among.rows is None
    recall = session.engine.recall if is_whole else None  # a filter's rows are all compared
    return Hits(hits, chance=chance, mean=mean, unit=scorer.unit, seconds=seconds, recall=recall)


def _calibration(engine: Engine, channels: Sequence[Channel]) -> Calibration:
    """Draw the sample for calibration: always the same one, and hardly another when an entry comes or goes."""
    rows, vectors = engine.sample(SAMPLE)
    drawn, parts = set(rows.tolist()), [vectors]
    for missing in sorted({channel.missing for channel in channels}):
        if np.count_nonzero(vectors[:, missing] == 0) >= RARE_SAMPLE:
            continue  # they would be the first of these
        rare_rows, rare = engine.sample(RARE_SAMPLE, having=missing)
        fresh = [n for n, row in enumerate(rare_rows.tolist()) if row not in drawn and rare[n, missing] == 0]
        drawn.update(rare_rows[fresh].tolist())
        parts.append(rare[fresh])
    unset = frozenset(channel.missing for channel in channels if not engine.may_be_set(channel.missing))
    return Calibration(channels, np.concatenate(parts), len(rows), unset=unset)


def _condition(request: SearchRequest, store: Store) -> Node:
    from twinlens.collection.search.conditions import condition  # most searches have none

    return condition(request, store)


def _stage(given: str | None) -> tuple[Reranker | None, int]:
    """Return the stage that is named as NAME or NAME:N, and how many candidates it reads; "none" names no stage."""
    if given in (None, NO_STAGE):
        return None, 0
    from twinlens.collection.search import reranking  # most searches have no stage

    return reranking.stage_of(given)


def embedded_row(store: Store, generation: Generation, entry_id: str) -> int:
    """Return the row of an entry with a vector. Raises TwinlensError for an unknown id, and one without a vector."""
    row = store.entry(entry_id).row
    if not store.has_vector(row, generation.number):
        raise TwinlensError(f"the picture with the id {entry_id!r} could not be embedded; twinlens info says why")
    return row


def _own_rows(request: SearchRequest, store: Store) -> Rows:
    """Return the rows of the pictures that are searched for, where these have bytes and may not answer themselves."""
    images = [] if request.with_self else request.images
    rows = [store.rows_of_content(image.digest) for image in images if isinstance(image, sources.EncodedPicture)]
    files = [image for image in images if isinstance(image, Path)]
    try:
        rows += [
            store.rows_of_file(Path(os.path.realpath(sources.located(path))), sources.content_hash(path))
            for path in files
        ]
    except OSError as error:
        raise TwinlensError(f"{error.filename}: cannot be read: {error.strerror}") from error
    return np.array(sorted({row for some in rows for row in some.tolist()}), dtype=np.int64)


def _filter(condition: Node | None, session: Session, generation: Generation, scorer: Scorer) -> Filter:
    """Hand a condition to an engine that takes one; find the rows that meet it for others, and for pairwise scores."""
    linear = isinstance(scorer, LinearScorer)
    if condition is None:
        return Filter() if linear else Filter(rows=session.store.rows(generation.number))
    if linear and session.engine.takes_conditions:
        return Filter(where=condition)
    return Filter(rows=_rows_where(condition, session, generation))


def _rows_where(condition: Node, session: Session, generation: Generation) -> Rows:
    from twinlens.collection.search import filters  # most searches have no condition

    return session.store.rows_where(generation.number, *filters.to_sql(condition))


def _count(among: Filter, session: Session, generation: Generation) -> int:
    """Count the entries that were ranked."""
    if among.where is not None:
        return len(_rows_where(among.where, session, generation))
    return session.engine.count() if among.rows is None else len(among.rows)


def _hits(
    asked: EmbeddedQuery, found: Sequence[Found], session: Session, stored: Stored
) -> tuple[list[Hit], float | None]:
    """Reorder the first answers if asked, and keep k; return them, and the seconds that reordering took."""
    request, scorer, reranker = asked.plan.request, asked.scorer, asked.plan.reranker
    begun = time.perf_counter()
    order: list[tuple[Answer, Entry, Mapping[str, Any]]] = [(answer, entry, asked.why) for answer, entry in found]
    seconds = None
    if reranker is not None and found:
        from twinlens.collection.search import reranking

        reranked = reranking.reordered(reranker, asked, found, stored)
        if reranked is not None:
            order, seconds = reranked, time.perf_counter() - begun
    hits = [
        records.hit(rank, entry, scorer.display(answer.score), session.ids(answer.duplicates), why)
        for rank, (answer, entry, why) in enumerate(order[: request.k], 1)
    ]
    return hits, seconds
