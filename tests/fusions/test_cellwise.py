from __future__ import annotations

import pytest
import torch

from twinlens.core import variants
from twinlens.core.types import Features, TwinlensError
from twinlens.fusions.cellwise import Cellwise

WIDTH, GRID, ROWS = 6, (2, 3), 4


def build(**options) -> Cellwise:
    torch.manual_seed(0)
    return Cellwise(image_dim=WIDTH, text_dim=5, dim=12, cells=GRID, **options).eval()


def picture(tokens: torch.Tensor) -> Features:
    return Features(tokens.mean(1), tokens, grid=GRID)


def sides() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(ROWS, 6, WIDTH, generator=generator), torch.randn(ROWS, 5, generator=generator)


@pytest.mark.parametrize("method", ["tirg", "gate", "concat", "cosmo"])
def test_each_cell_is_composed_as_a_picture_of_its_own(method):
    options = {"cosmo": {"heads": 2}, "concat": {"dropout": 0.0}}
    fusion = build(method=method, options=options)
    tokens, words = sides()
    composed = fusion.compose(picture(tokens), Features(words))
    assert composed.shape == (ROWS, 12)
    for cell in range(6):
        alone = fusion.project(fusion.method.compose(Features(tokens[:, cell] + fusion.place[cell]), Features(words)))
        torch.testing.assert_close(composed[:, 2 * cell : 2 * cell + 2], alone)


def test_a_change_in_one_cell_stays_there():
    fusion = build()
    tokens, words = sides()
    changed = tokens.clone()
    changed[:, 4] += 1
    one, other = (fusion.compose(picture(t), Features(words)) for t in (tokens, changed))
    assert one.eq(other).reshape(ROWS, 6, 2).all(-1).any(0).tolist() == [True] * 4 + [False, True]


def test_a_finer_map_is_averaged_over_the_cells():
    fusion = build()
    tokens, words = sides()
    coarse = picture(tokens)
    fine = tokens.reshape(ROWS, 2, 3, WIDTH).repeat_interleave(2, 1).repeat_interleave(2, 2).reshape(ROWS, 24, WIDTH)
    finer = Features(fine.mean(1), fine, grid=(4, 6))
    torch.testing.assert_close(fusion.compose(finer, Features(words)), fusion.compose(coarse, Features(words)))


def test_methods_that_score_and_cells_that_do_not_divide_are_refused():
    with pytest.raises(TwinlensError, match="product composes scores"):
        variants.make("fusions", "cellwise", image_dim=6, text_dim=6, dim=12, method="product")
    with pytest.raises(TwinlensError, match="dim 12 is not a multiple of the 5 × 1 cells"):
        variants.make("fusions", "cellwise", image_dim=6, text_dim=6, dim=12, cells=(5, 1))
