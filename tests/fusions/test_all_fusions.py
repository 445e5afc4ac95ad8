"""What every fusion in the folder promises, whoever wrote it."""

from __future__ import annotations

import pytest
import torch

from twinlens.core import variants
from twinlens.core.types import Features
from twinlens.fusions import Fusion

NAMES = variants.names("fusions")
WIDTH, DIM, ROWS, GRID = 16, 12, 5, (2, 3)
WITH_MAP = pytest.mark.parametrize("with_map", [False, True], ids=["vector", "map"])
every_fusion = pytest.mark.parametrize("name", NAMES)


def build(name: str, **options) -> Fusion:
    torch.manual_seed(0)
    return variants.make("fusions", name, image_dim=WIDTH, text_dim=WIDTH, dim=DIM, **options)


def side(seed: int, *, with_map: bool = False, rows: int = ROWS, **options) -> Features:
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randn(rows, GRID[0] * GRID[1], WIDTH, generator=generator)
    if with_map:
        return Features(tokens.mean(1), tokens=tokens, grid=GRID, **options)
    return Features(tokens.mean(1), **options)


def trained(name: str) -> Fusion:
    """A fusion whose parameters and statistics have moved from where they start."""
    fusion = build(name)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in fusion.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    fusion.train()
    fusion(side(2), side(3))
    return fusion.eval()


def test_the_menu_is_complete():
    wanted = {"gate", "sum", "concat", "tirg", "tirg_conv", "composeae", "val", "cosmo", "rtic", "curling"}
    assert set(NAMES) >= wanted | {"two_branch", "film", "combiner", "product", "basic", "calibrated"}


@every_fusion
@WITH_MAP
def test_vectors_have_unit_length(name, with_map):
    fusion = trained(name)
    vectors = fusion(side(0, with_map=with_map), side(1))
    assert vectors.shape == (ROWS, fusion.dim)
    torch.testing.assert_close(vectors.norm(dim=-1), torch.ones(ROWS))


@every_fusion
@WITH_MAP
def test_evaluation_is_deterministic_and_each_row_stands_alone(name, with_map):
    fusion, image, text = trained(name), side(0, with_map=with_map), side(1)
    vectors = fusion(image, text)
    assert torch.equal(vectors, fusion(image, text))
    first = Features(image.vector[:1], None if image.tokens is None else image.tokens[:1], grid=image.grid)
    torch.testing.assert_close(fusion(first, Features(text.vector[:1])), vectors[:1])


@every_fusion
@WITH_MAP
def test_gradients_reach_both_sides(name, with_map):
    fusion, image, text = build(name), side(0, with_map=with_map), side(1)
    reached = [text.vector, image.vector if image.tokens is None else image.tokens]
    for tensor in reached:
        tensor.requires_grad_()
    if image.tokens is not None:
        image = Features(image.tokens.mean(1), tokens=image.tokens, grid=GRID)
    vectors = fusion(image, text)
    (vectors * torch.randn(vectors.shape, generator=torch.Generator().manual_seed(0))).sum().backward()
    for tensor in reached:
        assert tensor.grad is not None and tensor.grad.isfinite().all()
        assert (tensor.grad.flatten(1).abs().sum(1) > 0).all()


MAPS_WITH_GATES = {"gate", "tirg_conv", "val", "mapwise", "cellwise"}
VECTORS_WITH_GATES = {"tirg", "rtic", "curling"}


@every_fusion
@WITH_MAP
def test_a_gate_has_the_shape_of_the_map_and_values_from_0_to_1(name, with_map):
    options = {"cells": GRID} if name in ("mapwise", "cellwise") else {}
    fusion, image, text = build(name, **options).eval(), side(0, with_map=with_map), side(1)
    assert (fusion.gate_map(image, text) is not None) == (name in MAPS_WITH_GATES | VECTORS_WITH_GATES)
    for both in ((image, text), (image, None)):
        gate = fusion.gate_map(*both)
        if gate is None:
            continue
        is_map = with_map or name in ("mapwise", "cellwise")  # which average any map over their cells
        assert gate.shape == (ROWS, *(GRID if is_map and name in MAPS_WITH_GATES else (1, 1)))
        assert gate.min() >= 0 and gate.max() <= 1


@pytest.mark.parametrize("name", sorted(MAPS_WITH_GATES | VECTORS_WITH_GATES))
def test_a_gate_depends_on_the_text_and_no_gate_on_other_rows(name):
    fusion, image = trained(name), side(0, with_map=True)
    gate = fusion.gate_map(image, side(1))
    assert not torch.allclose(gate, fusion.gate_map(image, side(5)))
    first = Features(image.vector[:1], image.tokens[:1], grid=GRID)
    torch.testing.assert_close(fusion.gate_map(first, Features(side(1).vector[:1])), gate[:1])


@every_fusion
def test_a_side_may_be_missing(name):
    fusion, image, text = trained(name), side(0), side(1)
    present = torch.tensor([True, False, True, False, True])
    some_images = Features(image.vector, present=present)
    some_texts = Features(text.vector, present=present)
    for lone, mixed in (
        (fusion(None, text), fusion(some_images, text)),
        (fusion(image, None), fusion(image, some_texts)),
    ):
        torch.testing.assert_close(lone.norm(dim=-1), torch.ones(ROWS))
        torch.testing.assert_close(mixed[~present], lone[~present])
        assert not torch.allclose(mixed[present], lone[present])


@every_fusion
def test_one_side_of_a_map_may_be_missing_in_single_rows(name):
    present = torch.tensor([True, False, True, False, True])
    image = side(0, with_map=True)
    mixed = trained(name)(Features(image.vector, image.tokens, grid=GRID, present=present), side(1))
    torch.testing.assert_close(mixed.norm(dim=-1), torch.ones(ROWS))


@every_fusion
@WITH_MAP
@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
def test_rows_of_zeros_stay_finite(name, with_map, training):
    fusion = build(name).train(training)
    image, text = side(0, with_map=with_map), side(1)
    for tensor in (image.vector, text.vector, *([] if image.tokens is None else [image.tokens])):
        tensor[1:3] = 0
        tensor.requires_grad_()
    vectors = fusion(image, text)
    assert vectors.isfinite().all()
    vectors.sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in fusion.parameters())


@every_fusion
def test_the_state_dict_is_the_whole_fusion(name):
    fusion, image, text = trained(name), side(0, with_map=True), side(1)
    torch.manual_seed(9)
    copy = variants.make("fusions", name, image_dim=WIDTH, text_dim=WIDTH, dim=DIM)
    copy.load_state_dict(fusion.state_dict())
    assert torch.equal(copy.eval()(image, text), fusion(image, text))


@every_fusion
def test_similarity_has_a_score_for_each_pair(name):
    fusion = trained(name)
    queries, gallery = fusion(side(0), side(1)), fusion(side(2, rows=7), None)
    scores = fusion.similarity(queries, gallery)
    assert scores.shape == (ROWS, 7)
    assert scores.isfinite().all()
    assert torch.equal(fusion.similarity(queries[:2], gallery), scores[:2])
    if fusion.by_inner_product and not fusion.channels:
        torch.testing.assert_close(scores, queries @ gallery.T)


@pytest.mark.parametrize("options", [{"name": "composeae"}, {"name": "rtic", "gcn": True}], ids=lambda o: o["name"])
def test_auxiliary_losses_take_features_in_half_precision(options):
    fusion = build(**options)
    image, text = (Features(side(seed).vector.bfloat16()) for seed in (0, 1))
    composed, targets = fusion(side(0), side(1)), fusion(side(2), None)
    loss = fusion.auxiliary_loss(image, text, composed, targets)
    loss.backward()
    assert loss.dtype == torch.float32 and loss > 0


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"product", "basic", "match", "program", "mean"}))
def test_the_sides_may_differ_in_width(name):
    fusion = variants.make("fusions", name, image_dim=WIDTH, text_dim=10, dim=DIM).eval()
    assert fusion(side(0, with_map=True), Features(torch.ones(ROWS, 10))).shape == (ROWS, fusion.dim)
    assert fusion(None, Features(torch.ones(ROWS, 10))).shape == (ROWS, fusion.dim)
