from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from twinlens.core.types import Features, TwinlensError
from twinlens.fusions.basic import Basic

WIDTH = 8


def vectors(seed: int, rows: int) -> torch.Tensor:
    """Rows around a common centre, as encoders of this kind give them."""
    return torch.randn(rows, WIDTH, generator=torch.Generator().manual_seed(seed)) + 2 * torch.ones(WIDTH)


def fitted(**options) -> Basic:
    fusion = Basic(image_dim=WIDTH, text_dim=WIDTH, dim=WIDTH, **options)
    fusion.fit(vectors(0, 60), vectors(1, 50))
    return fusion


def test_scores_follow_the_formula():
    fusion, x, t, y = fitted(components=3), vectors(2, 4), vectors(3, 4), vectors(4, 7)
    images, texts = F.normalize(vectors(0, 60), dim=-1), F.normalize(vectors(1, 50), dim=-1)

    def centred(a, by):
        return F.normalize(F.normalize(a, dim=-1) - by.mean(0), dim=-1)

    kept, dropped = centred(vectors(0, 60), images), centred(vectors(1, 50), texts)
    values, axes = torch.linalg.eigh(0.8 * kept.T @ kept / 59 - 0.2 * dropped.T @ dropped / 49)
    best = axes[:, values.argsort(descending=True)[:3]]
    p = best @ best.T
    s_i = centred(x, images) @ p @ centred(y, images).T
    s_t = centred(t, texts) @ centred(y, images).T
    low_i, low_t = (kept @ p @ kept.T).min(), (dropped @ kept.T).min()
    s_i, s_t = ((s_i - low_i) / low_i.abs()).clamp_min(0), ((s_t - low_t) / low_t.abs()).clamp_min(0)
    scores = fusion.similarity(fusion(Features(x), Features(t)), fusion(Features(y), None))
    torch.testing.assert_close(scores, s_t * s_i - 0.1 * (s_t + s_i) ** 2, atol=1e-4, rtol=1e-4)


def test_a_lone_side_is_ranked_by_its_centred_cosine():
    fusion, x, y = fitted(), vectors(2, 4), vectors(4, 7)
    wanted = fusion.prepared_image(x) @ fusion.prepared_image(y).T
    gallery = fusion(Features(y), None)
    torch.testing.assert_close(fusion.similarity(fusion(Features(x), None), gallery), wanted)
    wanted = fusion.prepared_text(x) @ fusion.prepared_image(y).T
    torch.testing.assert_close(fusion.similarity(fusion(None, Features(x)), gallery), wanted)


def test_the_projection_drops_what_the_words_are_about():
    generator = torch.Generator().manual_seed(0)
    subjects, styles = (torch.randn(40, WIDTH, generator=generator) for _ in range(2))
    subjects[:, 4:] *= 0.01
    styles[:, :4] *= 0.01
    fusion = Basic(image_dim=WIDTH, text_dim=WIDTH, dim=WIDTH)
    fusion.fit(vectors(0, 60), torch.cat([subjects, styles]), subjects=subjects, styles=styles)
    kept = fusion.projection.diagonal()
    assert (kept[:4] > 0.9).all() and (kept[4:] < 0.1).all()
    torch.testing.assert_close(fusion.projection @ fusion.projection, fusion.projection, atol=1e-5, rtol=0)


def test_what_was_learned_travels_in_the_state_dict():
    fusion, copy = fitted(), Basic(image_dim=WIDTH, text_dim=WIDTH, dim=WIDTH)
    copy.load_state_dict(fusion.state_dict())
    queries = [f(Features(vectors(2, 4)), Features(vectors(3, 4))) for f in (fusion, copy)]
    assert torch.equal(fusion.similarity(queries[0], queries[0]), copy.similarity(queries[1], queries[1]))


def test_before_fit_nothing_is_centred_or_dropped():
    fusion, x, t = Basic(image_dim=WIDTH, text_dim=WIDTH, dim=WIDTH), vectors(2, 4), vectors(3, 4)
    x, t = F.normalize(x, dim=-1), F.normalize(t, dim=-1)
    s_i, s_t = x @ x.T + 1, t @ x.T + 1
    scores = fusion.similarity(fusion(Features(x), Features(t)), fusion(Features(x), None))
    torch.testing.assert_close(scores, s_t * s_i - 0.1 * (s_t + s_i) ** 2)


def test_too_little_to_calibrate_on_is_refused():
    with pytest.raises(TwinlensError, match="at least two"):
        Basic(image_dim=WIDTH, text_dim=WIDTH, dim=WIDTH).fit(vectors(0, 1), vectors(1, 5))


def test_a_query_is_expanded_by_its_nearest_pictures():
    plain, expanded = fitted(harris=0.0), fitted(harris=0.0, expansion=3)
    x, t, y = vectors(2, 4), vectors(3, 4), vectors(4, 7)
    gallery = plain(Features(y), None)
    pictures, (queries, entries) = plain.prepared_image(x), (plain.prepared_image(x), plain.prepared_image(y))
    s_i = queries @ plain.projection @ entries.T
    for row in range(4):
        best = s_i[row].argsort(descending=True)[:3]
        weights = torch.tensor([*s_i[row, best].tolist(), 1.0]).div(10).exp()
        pictures[row] = (weights / weights.sum()) @ torch.cat([entries[best], queries[row : row + 1]])
    s_t = plain.prepared_text(t) @ entries.T
    wanted_i, wanted_t = (
        ((s - low) / low.abs()).clamp_min(0)
        for s, low in ((pictures @ plain.projection @ entries.T, plain.lows[0]), (s_t, plain.lows[1]))
    )
    scores = expanded.similarity(expanded(Features(x), Features(t)), gallery)
    torch.testing.assert_close(scores, wanted_i * wanted_t, atol=1e-4, rtol=1e-4)


def test_a_small_gallery_expands_by_all_of_it():
    fusion, x, t, y = fitted(expansion=25), vectors(2, 4), vectors(3, 4), vectors(4, 7)
    assert fusion.similarity(fusion(Features(x), Features(t)), fusion(Features(y), None)).isfinite().all()
