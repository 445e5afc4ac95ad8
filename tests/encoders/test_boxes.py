from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from twinlens.encoders._boxes import coverage, geometry, lay_on_map

WHOLE = [0.0, 0.0, 1.0, 1.0]


def box() -> st.SearchStrategy[list[float]]:
    share = st.floats(0, 1, width=32)
    return st.tuples(share, share, share, share).map(
        lambda c: [min(c[0], c[2]), min(c[1], c[3]), max(c[0], c[2]), max(c[1], c[3])]
    )


def test_a_cell_is_the_mean_of_its_regions_weighted_by_what_they_cover():
    """Written out: cell 0 is half covered by region 1 and wholly by region 2; cell 1 by nothing but the picture."""
    tokens = torch.tensor([[[1.0], [4.0], [7.0]]])
    boxes = torch.tensor([[WHOLE, [0.0, 0.0, 0.25, 1.0], [0.0, 0.0, 0.5, 1.0]]])
    laid = lay_on_map(tokens, boxes, torch.ones(1, 3, dtype=torch.bool), (1, 2))
    np.testing.assert_allclose(laid[0, :, 0], [(0.5 * 4 + 1 * 7) / 1.5, 1.0])


def test_the_whole_picture_fills_what_a_region_leaves_open():
    tokens, boxes = torch.tensor([[[1.0], [5.0]]]), torch.tensor([[WHOLE, [0.0, 0.0, 0.25, 1.0]]])
    laid = lay_on_map(tokens, boxes, torch.ones(1, 2, dtype=torch.bool), (1, 2))
    np.testing.assert_allclose(laid[0, :, 0], [0.5 * 5 + 0.5 * 1, 1.0])


def test_a_region_that_does_not_count_is_not_laid():
    tokens, boxes = torch.tensor([[[1.0], [5.0]]]), torch.tensor([[WHOLE, WHOLE]])
    laid = lay_on_map(tokens, boxes, torch.tensor([[True, False]]), (2, 2))
    assert laid.flatten().tolist() == [1.0] * 4


def test_a_row_without_any_region_is_zero():
    laid = lay_on_map(torch.ones(1, 2, 3), torch.tensor([[WHOLE, WHOLE]]), torch.zeros(1, 2, dtype=torch.bool), (2, 2))
    assert not laid.any()


def test_cells_are_in_row_major_order():
    tokens, boxes = torch.tensor([[[0.0], [1.0]]]), torch.tensor([[WHOLE, [2 / 3, 0.5, 1.0, 1.0]]])
    laid = lay_on_map(tokens, boxes, torch.ones(1, 2, dtype=torch.bool), (2, 3))
    np.testing.assert_allclose(laid[0, :, 0], [0, 0, 0, 0, 0, 1], atol=1e-6)


@given(boxes=st.lists(box(), min_size=1, max_size=5), grid=st.tuples(st.integers(1, 5), st.integers(1, 5)))
def test_a_map_never_leaves_the_range_of_its_regions(boxes, grid):
    corners = torch.tensor([[WHOLE, *boxes]])
    tokens = torch.linspace(-1, 2, corners.shape[1])[None, :, None]
    laid = lay_on_map(tokens, corners, torch.ones(corners.shape[:2], dtype=torch.bool), grid)
    assert laid.min() >= -1 - 1e-5
    assert laid.max() <= 2 + 1e-5


@given(boxes=st.lists(box(), min_size=1, max_size=4), grid=st.tuples(st.integers(1, 6), st.integers(1, 6)))
def test_the_covered_cells_sum_to_the_area_of_the_box(boxes, grid):
    corners = torch.tensor([boxes])
    area = (corners[..., 2] - corners[..., 0]) * (corners[..., 3] - corners[..., 1])
    torch.testing.assert_close(coverage(corners, grid).mean(1), area, atol=1e-5, rtol=1e-4)


def test_gradients_reach_every_region_that_is_seen():
    tokens = torch.zeros(1, 3, 2, requires_grad=True)
    boxes = torch.tensor([[WHOLE, [0.0, 0.0, 0.4, 0.4], [0.5, 0.5, 0.9, 0.6]]])
    lay_on_map(tokens, boxes, torch.ones(1, 3, dtype=torch.bool), (4, 4)).sum().backward()
    assert tokens.grad is not None
    assert (tokens.grad > 0).all()


def test_geometry_says_corners_centre_and_size():
    said = geometry(torch.tensor([0.25, 0.0, 0.75, 1.0]))
    assert said.tolist() == pytest.approx([0.25, 0.0, 0.75, 1.0, 0.5, 0.5, 0.5, 1.0])
