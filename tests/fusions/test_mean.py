from __future__ import annotations

import pytest
import torch

from twinlens.core import variants
from twinlens.core.types import Features, TwinlensError


def test_it_is_the_untrained_sum_and_the_whole_of_equal_sides():
    sizes = {"image_dim": 6, "text_dim": 6, "dim": 6}
    mean, added = variants.make("fusions", "mean", **sizes), variants.make("fusions", "sum", **sizes)
    image, text = (Features(torch.randn(4, 6, generator=torch.Generator().manual_seed(n))) for n in range(2))
    torch.testing.assert_close(mean(image, text), added(image, text))
    torch.testing.assert_close(mean(image, image), torch.nn.functional.normalize(image.vector, dim=-1))
    assert not any(parameter.requires_grad for parameter in mean.parameters())


def test_sides_of_other_widths_share_no_space():
    with pytest.raises(TwinlensError, match=r"share no space; use the fusion sum"):
        variants.make("fusions", "mean", image_dim=6, text_dim=5, dim=6)
