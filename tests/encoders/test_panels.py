from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from twinlens.composer import Composer
from twinlens.config import Recipe
from twinlens.encoders.panels import Panels
from twinlens.shapes.drawing import draw
from twinlens.shapes.scenes import random_scene
from twinlens.types import Sample, TwinlensError

RECIPE = Recipe.parse(
    'name = "p"\ndim = 12\n[[encoders]]\nname = "panels"\ndim = 12\nchannels = 8\n[fusion]\nname = "sum"\n', source="p"
)


@pytest.fixture
def scene():
    return random_scene(np.random.default_rng(0), tower_share=0.0)


def encode(encoder, pictures):
    prepared = [encoder.prepare(Sample("", picture)) for picture in pictures]
    return encoder({key: torch.from_numpy(np.stack([p[key] for p in prepared])) for key in prepared[0]}).image


def small(**options) -> Panels:
    torch.manual_seed(0)
    return Panels(dim=12, channels=8, **options).eval()


def test_a_map_of_cells_and_their_mean(scene):
    side = encode(small(), [draw(scene), draw(scene)])
    assert side.tokens.shape == (2, 9, 12) and side.grid == (3, 3)
    torch.testing.assert_close(side.vector, side.tokens.mean(1))


def test_panels_are_seen_alike_and_keep_to_their_channels(scene):
    tokens = encode(small(), [draw(scene), draw(scene.reordered((2, 0, 1)))]).tokens.unflatten(-1, (3, 4))
    for place, origin in enumerate((2, 0, 1)):
        torch.testing.assert_close(tokens[1, :, place], tokens[0, :, origin])


def test_other_sizes_are_resized(scene):
    encoder = small()
    larger = draw(scene).resize((800, 200), Image.Resampling.BICUBIC)
    difference = encode(encoder, [larger]).tokens - encode(encoder, [draw(scene)]).tokens
    assert difference.abs().mean() < 0.1 * encode(encoder, [draw(scene)]).tokens.abs().mean()


def test_a_missing_picture_is_the_learned_absent_one():
    encoder = small()
    with torch.no_grad():
        encoder.absent.add_(2)
    assert encode(encoder, [None]).tokens.eq(2).all()


def test_panels_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="do not divide 10 channels"):
        Panels(dim=10)
    with pytest.raises(ValueError, match="do not fit into 300 pixels"):
        Panels(width=300)


def test_another_model_starts_where_a_trained_one_ended(tmp_path, scene):
    composer = Composer.build(RECIPE, seed=3)
    composer.save(tmp_path / "first")
    part = RECIPE.encoders[0].model_copy(update={"start": str(tmp_path / "first")})
    recipe = RECIPE.model_copy(update={"encoders": (part,)})
    started = Composer.build(recipe, seed=4)
    wanted = encode(composer.encoders[0].eval(), [draw(scene)]).vector
    torch.testing.assert_close(encode(started.encoders[0].eval(), [draw(scene)]).vector, wanted)
    started.save(tmp_path / "second")
    (tmp_path / "first" / "recipe.toml").unlink()
    assert Composer.load(tmp_path / "second").digest == started.digest


def test_an_encoder_that_a_model_lacks_is_named(tmp_path):
    Composer.build(RECIPE).save(tmp_path)
    path = tmp_path / "recipe.toml"
    path.write_text(path.read_text().replace('"panels"', '"patches"'))
    with pytest.raises(TwinlensError, match="has no encoder 'panels', only patches"):
        Panels(start=str(tmp_path))
