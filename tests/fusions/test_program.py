"""Fusions whose query is a direction: match and program."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from twinlens.core.types import Features, TwinlensError
from twinlens.fusions.match import Match
from twinlens.fusions.program import Program

WIDTH = 4
SIZES = {"image_dim": WIDTH, "text_dim": WIDTH, "dim": 1}
X, T, EDITED = (
    F.normalize(torch.randn(3, WIDTH, generator=torch.Generator().manual_seed(n)), dim=-1) for n in range(3)
)


def query(fusion, text):
    return F.normalize(fusion(Features(X), text)[:, :WIDTH], dim=-1)


def test_a_sentence_with_a_picture_leans_a_little_to_it():
    torch.testing.assert_close(query(Match(**SIZES, picture_weight=0.1), Features(T)), F.normalize(T + 0.1 * X, dim=-1))


@pytest.mark.parametrize("fusion", [Match(**SIZES), Program(**SIZES)])
def test_without_a_text_the_query_is_the_picture(fusion):
    torch.testing.assert_close(query(fusion, None), X)


def test_program_takes_the_edited_items_where_there_are_some():
    text = Features(T, tokens=EDITED[:, None], mask=torch.tensor([[True], [False], [True]]))
    found, plain = query(Program(**SIZES), text), query(Match(**SIZES), text)
    torch.testing.assert_close(found[[0, 2]], EDITED[[0, 2]])
    torch.testing.assert_close(found[1], plain[1])


def test_an_entry_is_its_picture_whatever_its_caption():
    fusion = Program(**SIZES)
    queries = fusion(None, Features(T))
    with_captions, without = fusion(Features(X), Features(T)), fusion(Features(X), None)
    torch.testing.assert_close(fusion.similarity(queries, with_captions), fusion.similarity(queries, without))
    order = fusion.similarity(queries, without).argsort(dim=1)
    assert torch.equal(order, (T @ X.T).argsort(dim=1))


def test_an_entry_without_a_picture_counts_as_an_average_one():
    fusion = Program(**SIZES)
    gallery = fusion(Features(X, present=torch.tensor([True, True, False])), Features(T))
    scores = fusion.similarity(fusion(None, Features(T)), gallery)
    torch.testing.assert_close(scores[:, 2], scores[:, :2].mean(dim=1), atol=1e-4, rtol=0)


def test_sides_without_a_common_space_are_refused():
    with pytest.raises(TwinlensError, match="share no space; use the encoder facts"):
        Match(image_dim=4, text_dim=5, dim=1)
