from __future__ import annotations

import numpy as np
import torch

from twinlens.core.types import Features
from twinlens.fusions import rtic
from twinlens.fusions.rtic import Rtic

WIDTH, ROWS = 8, 10


def sides(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(ROWS, WIDTH, generator=generator) for _ in range(4)]


def test_the_graph_is_a_training_option():
    x, t, composed, targets = sides()
    assert (
        Rtic(image_dim=WIDTH, text_dim=WIDTH, dim=WIDTH).auxiliary_loss(Features(x), Features(t), composed, targets)
        is None
    )


def test_the_graph_term_trains_the_composed_queries_and_its_own_layers():
    torch.manual_seed(0)
    fusion = Rtic(image_dim=WIDTH, text_dim=WIDTH, dim=WIDTH, gcn=True, density=0.3)
    x, t, _, targets = sides()
    composed = fusion(Features(x), Features(t))
    loss = fusion.auxiliary_loss(Features(x), Features(t), composed, torch.nn.functional.normalize(targets, dim=-1))
    loss.backward()
    assert loss.isfinite() and loss > 0
    for parameter in (fusion.graph.first.weight, fusion.graph.composer.join[2].weight, fusion.join[2].weight):
        assert parameter.grad.abs().sum() > 0


def test_the_graph_term_stands_a_missing_side():
    fusion = Rtic(image_dim=WIDTH, text_dim=WIDTH, dim=WIDTH, gcn=True)
    x, _, composed, targets = sides()
    present = torch.arange(ROWS) % 2 == 0
    assert fusion.auxiliary_loss(Features(x, present=present), None, composed, targets).isfinite()


def test_neighbours_are_the_share_of_pairs_that_look_most_alike():
    _, _, composed, targets = sides(1)
    joined = rtic._neighbours(composed, targets, 0.4).numpy()
    f = np.concatenate([targets, composed], 1)
    f /= np.linalg.norm(f, axis=1, keepdims=True)
    alike = (f @ f.T + 1) / 2
    assert joined.sum() == 40
    assert alike[joined == 1].min() > alike[joined == 0].max()
    assert (joined == joined.T).all() and (joined.diagonal() == 1).all()


def test_weights_follow_the_formula():
    joined = torch.tensor([[1.0, 1, 1, 0], [1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 1]])
    mass = np.array([[1, 0.125, 0.125, 0], [0.25, 1, 0, 0], [0.25, 0, 1, 0], [0, 0, 0, 1]])
    root = np.diag(mass.sum(1) ** -0.5)
    np.testing.assert_allclose(rtic._weights(joined, 0.25), root @ mass @ root, atol=1e-6)


def test_nothing_of_the_graph_runs_at_search_time():
    torch.manual_seed(0)
    fusion = Rtic(image_dim=WIDTH, text_dim=WIDTH, dim=WIDTH, gcn=True).eval()
    plain = Rtic(image_dim=WIDTH, text_dim=WIDTH, dim=WIDTH).eval()
    plain.load_state_dict({key: t for key, t in fusion.state_dict().items() if not key.startswith("graph.")})
    x, t, _, _ = sides()
    assert torch.equal(plain(Features(x), Features(t)), fusion(Features(x), Features(t)))
