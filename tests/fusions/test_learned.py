from __future__ import annotations

import pytest
import torch

from tests.fusions.test_calibrated import C, T, X, Y, cosines, vectors, z
from twinlens.calibration import as_queries
from twinlens.core.types import Features, TwinlensError
from twinlens.fusions.calibrated import Calibrated
from twinlens.fusions.learned import Learned


def build(**options) -> Learned:
    torch.manual_seed(0)
    return Learned(text_dim=5, dim=4, method="sum", **options).eval().requires_grad_(False)


FUSION = build(image_dim=9)
PLAIN = Calibrated(image_dim=9, text_dim=5, dim=1)
GALLERY = FUSION(Features(Y), Features(C))


def composed(fusion: Learned, x: torch.Tensor, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The cosines of the trained fusion's own vectors, from sides of unit length."""
    (x, t), (y, _) = fusion.unit_blocks(x, t), fusion.unit_blocks(y, t[:1])
    return fusion.method(Features(x), Features(t)) @ fusion.method(Features(y), None).T


def test_what_was_learned_is_added_with_its_share_for_queries_with_both_sides():
    query, bare, plain = (Features(X), Features(T)), (Features(Y), None), PLAIN(Features(Y), Features(C))
    for fusion, share in ((FUSION, 1), (build(image_dim=9, share=2.5), 2.5)):
        learned = share * z(composed(FUSION, X, T, Y))
        wanted = PLAIN.similarity(PLAIN(*query), plain) + learned
        gallery = fusion(Features(Y), Features(C))
        torch.testing.assert_close(fusion.similarity(fusion(*query), gallery), wanted, atol=1e-3, rtol=1e-3)
        found = fusion.similarity(fusion(*query), fusion(*bare))
        torch.testing.assert_close(found, z(cosines(X, Y)) + learned, atol=1e-3, rtol=1e-3)


def test_a_query_with_one_side_is_ranked_as_before():
    before = PLAIN(Features(Y), Features(C))
    for query in ((Features(X), None), (None, Features(T))):
        found, wanted = FUSION.similarity(FUSION(*query), GALLERY), PLAIN.similarity(PLAIN(*query), before)
        torch.testing.assert_close(found, wanted, atol=1e-3, rtol=1e-3)


def test_what_a_picture_is_named_asks_beside_the_trained_fusion():
    fusion = build(image_dim=14, named=5)
    plain = Calibrated(image_dim=14, text_dim=5, dim=1, named=5)
    x, y = (torch.cat([side, vectors(seed, len(side), 5)], dim=1) for side, seed in ((X, 7), (Y, 8)))
    scores = fusion.similarity(fusion(Features(x), Features(T)), fusion(Features(y), None))
    before = plain.similarity(plain(Features(x), Features(T)), plain(Features(y), None))
    torch.testing.assert_close(scores, before + z(composed(fusion, x, T, y)), atol=1e-3, rtol=1e-3)


def test_both_sides_come_back_out_of_the_vectors():
    present = torch.arange(40) % 3 > 0
    image, text = FUSION.split_sides(FUSION(Features(Y), Features(C, present=present)))
    assert torch.equal(text.present, present) and image.present.all()
    torch.testing.assert_close(FUSION(image, text), FUSION(Features(Y), Features(C, present=present)))
    torch.testing.assert_close(PLAIN(image, text), PLAIN(Features(Y), Features(C, present=present)))


def test_an_entry_as_a_query_does_not_compose_its_own_caption():
    entries = as_queries(FUSION.channels, GALLERY.numpy())
    found = FUSION.similarity(torch.from_numpy(entries[:3]), GALLERY)
    wanted = PLAIN.similarity(PLAIN(Features(Y[:3]), Features(C[:3])), PLAIN(Features(Y), Features(C)))
    torch.testing.assert_close(found, wanted, atol=1e-3, rtol=1e-3)


def test_a_score_cannot_be_trained():
    with pytest.raises(TwinlensError, match="composes scores"):
        Learned(image_dim=9, text_dim=9, dim=4, method="product")
