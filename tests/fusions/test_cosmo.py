from __future__ import annotations

import pytest
import torch

from twinlens.core.types import Features, TwinlensError
from twinlens.fusions.cosmo import Cosmo


def test_without_content_the_style_is_the_modulated_statistics():
    torch.manual_seed(0)
    fusion = Cosmo(image_dim=8, text_dim=6, dim=4, heads=2).eval()
    with torch.no_grad():
        fusion.weights.zero_()
    tokens, t = torch.randn(3, 6, 8), torch.randn(3, 6)
    mean, std = tokens.mean(1), (tokens.var(1, correction=0) + 1e-5).sqrt()
    gates, styles = torch.sigmoid(fusion.gate(t)), fusion.style(t)
    scale, shift = gates[:, :8] * std + styles[:, :8], gates[:, 8:] * mean + styles[:, 8:]
    wanted = fusion.project((scale[:, None] * (tokens - mean[:, None]) / std[:, None] + shift[:, None]).mean(1))
    composed = fusion.compose(Features(tokens.mean(1), tokens, grid=(2, 3)), Features(t))
    torch.testing.assert_close(composed, wanted)


def test_attention_adds_both_maps():
    torch.manual_seed(0)
    block = Cosmo(image_dim=4, text_dim=6, dim=4, heads=2).content[0]
    x, t = torch.randn(1, 4, 2, 3), torch.randn(1, 6)
    flat = x[0].flatten(1)  # (D, H·W)
    query, key = (layer.weight[:, :, 0, 0] @ flat for layer in (block.query, block.key))
    joined = block.join.weight[:, :, 0, 0] @ torch.cat([flat, t[0][:, None].expand(-1, 6)])
    value, words = block.value.weight[:, :, 0, 0] @ joined, block.words(t)[0]
    heads = []
    for part in (slice(0, 2), slice(2, 4)):
        among = torch.softmax(query[part].T @ key[part] / 2**0.5, dim=1)
        to_words = torch.softmax(flat[part].T @ words[part] / 2**0.5, dim=0)
        heads.append(value[part] @ (among + to_words).T)
    wanted = block.mix.weight[:, :, 0, 0] @ torch.cat(heads) + block.mix.bias[:, None]
    torch.testing.assert_close(block(x, t)[0].flatten(1), wanted)


def test_heads_that_do_not_divide_the_width_are_refused():
    with pytest.raises(TwinlensError, match="set heads"):
        Cosmo(image_dim=8, text_dim=6, dim=4, heads=3)
