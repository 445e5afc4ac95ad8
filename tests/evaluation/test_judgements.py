from __future__ import annotations

import pytest

from tests import toy
from twinlens.core.types import Dataset, Sample, TwinlensError
from twinlens.evaluation.judgements import Judgements


def test_a_dataset_without_answers_is_refused():
    picture = toy.draw(("red", "red", "red"))
    with pytest.raises(TwinlensError, match="nothing can be measured"):
        Judgements.of(Dataset((Sample("q", picture, "x"),), (Sample("g", picture),), {}))


def test_queries_without_an_answer_are_left_out():
    picture = toy.draw(("red", "red", "red"))
    queries = tuple(Sample(name, picture, "x") for name in ("answered", "unanswered", "ignored"))
    gallery = (Sample("a", picture), Sample("b", picture))
    right = frozenset("a")
    data = Dataset(queries, gallery, {"answered": right, "ignored": right}, ignore={"ignored": right})
    judgements = Judgements.of(data)
    assert [query.id for query in judgements.queries] == ["answered"] == list(judgements.groups)
    assert judgements.relevant.tolist() == [[True, False]]
