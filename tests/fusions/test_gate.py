from __future__ import annotations

import pytest
import torch

from twinlens.core.types import Features, TwinlensError
from twinlens.fusions.cellwise import Cellwise
from twinlens.fusions.gate import Gate

WIDTH, GRID, ROWS = 6, (2, 3), 8


def sides() -> tuple[Features, Features]:
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randn(ROWS, 6, WIDTH, generator=generator)
    return Features(tokens.mean(1), tokens, grid=GRID), Features(torch.randn(ROWS, 5, generator=generator))


def gates(**options) -> tuple[Gate, Gate]:
    """The plain gate and the one with a residual, drawn by the same seed."""
    both = []
    for residual in (False, True):
        torch.manual_seed(0)
        both.append(Gate(image_dim=WIDTH, text_dim=5, dim=12, residual=residual, **options))
    return both[0], both[1]


@pytest.mark.parametrize("reading", ["outside", "inside"])
@pytest.mark.parametrize("training", [False, True])
def test_at_the_start_the_residual_adds_nothing(reading, training):
    plain, residual = (gate.train(training) for gate in gates(reading=reading, cells=GRID))
    assert torch.equal(plain(*sides()), residual(*sides()))


def test_gradients_reach_the_residual():
    _, gate = gates()
    vectors = gate.train()(*sides())
    (vectors * torch.randn(vectors.shape, generator=torch.Generator().manual_seed(2))).sum().backward()
    assert gate.residual.weight.grad.abs().amax((1, 2, 3)).min() > 0


def test_a_trained_residual_adds_content_that_the_picture_lacks():
    _, gate = gates()
    with torch.no_grad():
        gate.residual.weight.normal_(generator=torch.Generator().manual_seed(3))
    blank = torch.zeros(ROWS, 6, WIDTH)
    image, (_, text) = Features(blank.mean(1), blank, grid=GRID), sides()
    plain = gates()[0].eval().compose(image, text)
    assert torch.equal(plain, plain[:1].expand_as(plain))
    assert not torch.allclose(gate.eval().compose(image, text), plain)


def test_cell_by_cell_the_residual_starts_at_zero_too():
    both = []
    for residual in (False, True):
        torch.manual_seed(0)
        options = {"gate": {"residual": residual}}
        both.append(Cellwise(image_dim=WIDTH, text_dim=5, dim=12, method="gate", cells=GRID, options=options))
    assert both[1].method.residual.weight.shape == (WIDTH, WIDTH, 1, 1)
    assert not both[1].method.residual.weight.any()


def test_cells_that_do_not_divide_are_refused():
    with pytest.raises(TwinlensError, match="change one of them"):
        Gate(image_dim=WIDTH, text_dim=5, dim=10, cells=GRID)
