from __future__ import annotations

import torch
import torch.nn.functional as F

from twinlens.core.types import Features
from twinlens.fusions.composeae import ComposeAE

ROWS, WIDTHS = 6, {"image_dim": 8, "text_dim": 10, "dim": 12}


def step(seed=0, **options):
    """A fusion in training mode, both sides, the composed queries and unit targets."""
    torch.manual_seed(seed)
    fusion = ComposeAE(**WIDTHS, **options)
    image, text = Features(torch.randn(ROWS, 8)), Features(torch.randn(ROWS, 10))
    return fusion, image, text, fusion(image, text), F.normalize(torch.randn(ROWS, 12), dim=-1)


def test_without_rotation_the_term_is_the_weighted_reconstruction():
    fusion, image, text, composed, targets = step(rotation=0.0)
    fusion.eval()
    wanted = F.mse_loss(fusion.image_decoder(composed), image.vector) + F.mse_loss(
        fusion.text_decoder(composed), text.vector
    )
    torch.testing.assert_close(fusion.auxiliary_loss(image, text, composed, targets), 0.1 * wanted)


def test_rows_without_a_side_are_not_reconstructed():
    fusion, image, _, composed, targets = step(rotation=0.0)
    fusion.eval()
    present = torch.tensor([True] * 4 + [False] * 2)
    loss = fusion.auxiliary_loss(Features(image.vector, present=present), None, composed, targets)
    torch.testing.assert_close(loss, 0.1 * F.mse_loss(fusion.image_decoder(composed[:4]), image.vector[:4]))
    assert fusion.auxiliary_loss(None, None, composed, targets) == 0


def test_the_rotation_reaches_targets_and_leaves_the_statistics_alone():
    fusion, image, text, composed, targets = step(reconstruction=0.0)
    before = {k: v.clone() for k, v in fusion.state_dict().items() if "turn" in k and "running" in k}
    targets.requires_grad_()
    loss = fusion.auxiliary_loss(image, text, composed, targets)
    loss.backward()
    assert loss > 0
    assert targets.grad.abs().sum() > 0
    assert all(torch.equal(fusion.state_dict()[k], v) for k, v in before.items())


def test_one_picture_under_two_texts_is_no_negative_of_itself():
    fusion, image, text, composed, targets = step(reconstruction=0.0, rotation=1.0)
    pictures = image.vector[:1].expand(ROWS, -1)
    assert fusion.auxiliary_loss(Features(pictures), text, composed, targets) == 0


def test_a_single_complete_query_has_no_rotation():
    fusion, image, text, composed, targets = step(reconstruction=0.0)
    one = torch.arange(ROWS) == 2
    assert fusion.auxiliary_loss(Features(image.vector, present=one), text, composed, targets) == 0


def test_the_authors_mixture_is_the_start():
    fusion, *_ = step()
    assert fusion.a.tolist() == [1, 10]
