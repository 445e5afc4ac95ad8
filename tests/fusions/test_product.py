from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from twinlens.core.types import Features, TwinlensError
from twinlens.fusions.product import Product


def vectors(seed: int, rows: int, width: int = 6) -> torch.Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(seed))


def scored(seed: int):
    """Similarities by picture and by text, the composed scores, and those of each side alone."""
    fusion = Product(image_dim=6, text_dim=6, dim=9).eval()
    x, t, y = vectors(seed, 4), vectors(seed + 1, 4), vectors(seed + 2, 30)
    gallery = fusion(Features(y), None)
    both, images, texts = fusion(Features(x), Features(t)), fusion(Features(x), None), fusion(None, Features(t))
    by_image, by_text = (F.normalize(q, dim=-1) @ F.normalize(y, dim=-1).T for q in (x, t))
    return by_image, by_text, *(fusion.similarity(q, gallery) for q in (both, images, texts))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_the_ranking_is_that_of_the_product(seed):
    by_image, by_text, both, images, texts = scored(seed)
    positive = (by_image > 0) & (by_text > 0)
    torch.testing.assert_close(both[positive].square(), (by_image * by_text)[positive])
    assert (both[~positive] == 0).all()
    torch.testing.assert_close(images, by_image)
    torch.testing.assert_close(texts, by_text)


def test_an_inner_product_ranks_by_the_mean_of_both():
    fusion = Product(image_dim=6, text_dim=6, dim=12)
    x, t, y = vectors(0, 4), vectors(1, 4), vectors(2, 5)
    scores = fusion(Features(x), Features(t)) @ fusion(Features(y), None).T
    wanted = (F.normalize(x, dim=-1) + F.normalize(t, dim=-1)) @ F.normalize(y, dim=-1).T / 2
    torch.testing.assert_close(scores, wanted)


def test_nothing_is_trained():
    fusion = Product(image_dim=6, text_dim=6, dim=9)
    assert fusion.dim == 12
    assert not any(parameter.requires_grad for parameter in fusion.parameters())


def test_sides_of_two_spaces_are_refused():
    with pytest.raises(TwinlensError, match="one space"):
        Product(image_dim=6, text_dim=5, dim=9)
