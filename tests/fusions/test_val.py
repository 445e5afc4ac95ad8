from __future__ import annotations

import pytest
import torch

from twinlens.core.types import Features, TwinlensError
from twinlens.fusions.val import Val


def test_levels_of_unit_length_share_the_vector():
    torch.manual_seed(0)
    fusion = Val(image_dim=8, text_dim=6, dim=12, levels=3).eval()
    tokens = torch.randn(2, 15, 8)
    vectors = fusion(Features(tokens.mean(1), tokens, grid=(3, 5)), Features(torch.randn(2, 6)))
    parts = vectors.reshape(2, 3, 4).norm(dim=-1)
    torch.testing.assert_close(parts, torch.full((2, 3), 3**-0.5))


def test_attention_waits_for_its_weight():
    fusion = Val(image_dim=8, text_dim=6, dim=12).train()
    level = fusion.levels[0]
    assert (level.keep.item(), level.change.item()) == (1, 0)
    fusion(Features(torch.randn(4, 8)), Features(torch.randn(4, 6)))[:, 0].sum().backward()
    assert level.attend.weight.grad.abs().sum() == 0
    assert level.change.grad.abs() > 0


def test_self_attention_is_the_one_of_each_head():
    torch.manual_seed(0)
    level = Val(image_dim=4, text_dim=6, dim=12, heads=2).eval().levels[0]
    v = torch.randn(1, 4, 2, 3)
    attended = level._self_attention(v).flatten(2)[0]
    for head in range(2):
        channels = slice(2 * head, 2 * head + 2)
        weights = level.attend.weight[6 * head : 6 * head + 6, :, 0, 0]
        query, key, value = (weights @ v[0, channels].flatten(1)).chunk(3)
        mixture = torch.softmax(query.T @ key / 2**0.5, dim=-1)
        torch.testing.assert_close(attended[channels], value @ mixture.T)


@pytest.mark.parametrize(("options", "word"), [({"heads": 3}, "heads"), ({"levels": 5}, "levels")])
def test_widths_that_do_not_divide_are_refused(options, word):
    with pytest.raises(TwinlensError, match=f"set {word}"):
        Val(image_dim=8, text_dim=6, dim=12, **options)
