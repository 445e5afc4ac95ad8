from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from twinlens.core.types import Features, TwinlensError
from twinlens.fusions.cellwise import Cellwise
from twinlens.fusions.mapwise import Mapwise

WIDTH, GRID, ROWS = 6, (2, 3), 4
OPTIONS = {"cosmo": {"heads": 2}, "film": {"blocks": 1}}
METHODS = ["gate", "val", "cosmo", "tirg_conv", "film"]


def build(cls=Mapwise, **options):
    torch.manual_seed(0)
    return cls(image_dim=WIDTH, text_dim=5, dim=12, cells=GRID, options=OPTIONS, **options).eval()


def sides() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(ROWS, 6, WIDTH, generator=generator), torch.randn(ROWS, 5, generator=generator)


def picture(tokens: torch.Tensor) -> Features:
    return Features(tokens.mean(1), tokens, grid=GRID)


@pytest.mark.parametrize("method", METHODS)
def test_the_method_sees_the_map_with_its_positions(method):
    fusion, (tokens, words) = build(method=method), sides()
    wanted = fusion.method.compose(picture(tokens + fusion.place), Features(words))
    assert wanted.shape == (ROWS, 12)
    torch.testing.assert_close(fusion.compose(picture(tokens), Features(words)), wanted)


@pytest.mark.parametrize("method", ["gate", "tirg_conv", "film", "cosmo"])
def test_a_cell_depends_on_its_neighbours(method):
    fusion, (tokens, words) = build(method=method), sides()
    changed = tokens.clone()
    changed[:, 1] += 1
    one, other = (fusion.compose(picture(t), Features(words)).reshape(ROWS, 6, 2) for t in (tokens, changed))
    assert not torch.allclose(one[:, 0], other[:, 0])


def test_cellwise_keeps_the_spread_of_the_weights():
    torch.manual_seed(0)
    options = {"image_dim": 60, "text_dim": 60, "dim": 120, "cells": GRID, "method": "gate"}
    small, whole = Cellwise(**options).method.gate[0].weight, Mapwise(**options).method.gate[0].weight
    assert small.std().item() == pytest.approx(3 * whole.std().item(), rel=0.05)


def test_a_method_without_cells_is_refused():
    with pytest.raises(TwinlensError, match="no option 'cells'"):
        build(method="tirg")


@pytest.mark.parametrize("cls", [Cellwise, Mapwise])
def test_texts_are_normalised_over_the_rows_that_have_one(cls):
    fusion, (tokens, _) = build(cls, method="gate", text_norm="batch"), sides()
    generator = torch.Generator().manual_seed(4)
    words = 0.05 * torch.randn(ROWS, 5, generator=generator) + 3
    present = torch.tensor([True, True, True, False])
    seen = {}
    compose = fusion.method.compose
    fusion.method.compose = lambda image, text: seen.setdefault("text", text) and compose(image, text)
    fusion.train()(picture(tokens), Features(words, present=present))
    normalised = seen["text"].vector.reshape(ROWS, -1, 5)[:, 0]
    wanted = F.batch_norm(words[:3], None, None, training=True)
    torch.testing.assert_close(normalised[:3], wanted, atol=1e-5, rtol=1e-4)
    assert not normalised[3].any()  # the missing text, which is zero at first
    torch.testing.assert_close(fusion.text_norm.running_mean, 0.1 * words[:3].mean(0))


def test_a_lone_text_in_a_batch_leaves_the_statistics():
    fusion, (tokens, words) = build(method="gate", text_norm="batch").train(), sides()
    fusion(picture(tokens), Features(words, present=torch.tensor([True, False, False, False])))
    assert not fusion.text_norm.running_mean.any()


def test_an_unknown_normalisation_is_refused():
    with pytest.raises(TwinlensError, match="text_norm"):
        build(method="gate", text_norm="layer")
