from __future__ import annotations

import pytest
import torch
from torch.nn.functional import normalize

from twinlens.calibration import CAPTION_TAIL, NAMED_WEIGHT
from twinlens.core.types import Features, TwinlensError
from twinlens.fusions.calibrated import Calibrated


def vectors(seed: int, rows: int, width: int) -> torch.Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(seed))


def cosines(queries: torch.Tensor, gallery: torch.Tensor) -> torch.Tensor:
    return normalize(queries, dim=-1) @ normalize(gallery, dim=-1).T


def z(scores: torch.Tensor) -> torch.Tensor:
    return (scores - scores.mean(1, keepdim=True)) / scores.std(1, keepdim=True, unbiased=False)


FUSION = Calibrated(image_dim=9, text_dim=5, dim=1)
X, T, Y, C = vectors(0, 3, 9), vectors(1, 3, 5), vectors(2, 40, 9), vectors(3, 40, 5)
GALLERY = FUSION(Features(Y), Features(C))


def test_scores_are_the_sum_of_the_standardised_cosines():
    scores = FUSION.similarity(FUSION(Features(X), Features(T)), GALLERY)
    torch.testing.assert_close(scores, z(cosines(X, Y)) + z(cosines(T, C)), atol=1e-4, rtol=1e-4)


def test_a_query_with_one_side_is_ranked_by_its_cosine():
    for query, wanted in (((Features(X), None), cosines(X, Y)), ((None, Features(T)), cosines(T, C))):
        torch.testing.assert_close(FUSION.similarity(FUSION(*query), GALLERY), z(wanted), atol=1e-4, rtol=1e-4)


def test_an_entry_without_a_caption_counts_as_an_average_one():
    there = torch.arange(40) % 2 == 0
    scores = FUSION.similarity(FUSION(None, Features(T)), FUSION(Features(Y), Features(C, present=there)))
    captioned = cosines(T, C[there])
    torch.testing.assert_close(scores[:, there].argsort(1), captioned.argsort(1))
    torch.testing.assert_close(scores[:, ~there], scores[:, there].mean(1, keepdim=True).expand(-1, 20))


def test_in_a_shared_space_words_ask_pictures_too():
    fusion = Calibrated(image_dim=9, text_dim=9, dim=1, shared=True)
    texts, captions = vectors(5, 3, 9), vectors(6, 40, 9)
    bare, both = fusion(Features(Y), None), fusion(Features(Y), Features(captions))
    asked = fusion(None, Features(texts))
    torch.testing.assert_close(fusion.similarity(asked, bare), z(cosines(texts, Y)), atol=1e-4, rtol=1e-4)
    wanted = (z(cosines(texts, Y)) + z(cosines(texts, captions))) / 2**0.5
    torch.testing.assert_close(fusion.similarity(asked, both), wanted, atol=1e-4, rtol=1e-4)


def test_what_a_picture_shows_is_compared_with_words():
    """The last channels of the picture's vector lie in the words' space; without a caption they are all there is."""
    fusion = Calibrated(image_dim=14, text_dim=5, dim=1, named=5)
    names = vectors(7, 40, 5)
    gallery = fusion(Features(torch.cat([Y, 9 * names], dim=1)), Features(C, present=torch.arange(40) < 20))
    torch.testing.assert_close(gallery.norm(dim=1), torch.ones(40))
    captioned = cosines(T, C)
    there = (torch.arange(40) < 20).expand(3, -1)
    own = (captioned - captioned[:, :20].mean(1, keepdim=True)) / captioned[:, :20].std(1, keepdim=True, unbiased=False)
    both = NAMED_WEIGHT * z(cosines(T, names)) + own
    alone = (NAMED_WEIGHT**2 + CAPTION_TAIL**2) ** 0.5 * z(cosines(T, names))
    wanted = torch.where(there, both, alone) / (1 + NAMED_WEIGHT**2) ** 0.5
    found = fusion.similarity(fusion(None, Features(T)), gallery)
    torch.testing.assert_close(found, wanted - wanted.mean(1, keepdim=True), atol=1e-4, rtol=1e-4)
    asked = fusion(Features(torch.cat([X, vectors(8, 3, 5)], dim=1)), None)
    torch.testing.assert_close(fusion.similarity(asked, gallery), z(cosines(X, Y)), atol=1e-4, rtol=1e-4)


def test_what_nothing_answers_scores_nothing():
    fusion = Calibrated(image_dim=9, text_dim=5, dim=1)
    assert not fusion.similarity(fusion(None, Features(T)), fusion(Features(Y), None)).any()


def test_nothing_is_trained_and_a_shared_space_has_one_width():
    assert not any(parameter.requires_grad for parameter in FUSION.parameters())
    with pytest.raises(TwinlensError, match="share no space"):
        Calibrated(image_dim=9, text_dim=5, dim=1, shared=True)
    with pytest.raises(TwinlensError, match="share no space"):
        Calibrated(image_dim=9, text_dim=5, dim=1, named=4)
