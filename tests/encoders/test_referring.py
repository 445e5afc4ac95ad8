from __future__ import annotations

import numpy as np
import pytest
import torch

from twinlens.core.recipe import Recipe
from twinlens.core.types import Sample, TwinlensError
from twinlens.encoders.referring import Referring
from twinlens.models.composer import Composer
from twinlens.shapes.drawing import draw
from twinlens.shapes.scenes import random_scene

WIDTH = 36
"""Of the picture's tower."""
RECIPE = Recipe.parse(
    """
name = "r"
dim = 39
[[encoders]]
name = "referring"
hidden = 8
[encoders.visual]
name = "panels"
[encoders.words]
name = "ngrams"
dim = 10
[fusion]
name = "sum"
""",
    source="r",
)
TEXT = "make the yellow square blue"


@pytest.fixture
def picture():
    return draw(random_scene(np.random.default_rng(0), tower_share=0.0))


def built(seed: int = 0) -> Composer:
    composer = Composer.build(RECIPE, seed=seed)
    composer.fit([Sample("", None, TEXT)])
    return composer.eval()


def encode(composer: Composer, samples):
    return composer.encode(composer.stack([composer.prepare(sample) for sample in samples]))


def parts(side) -> torch.Tensor:
    return side.tokens.unflatten(-1, (3, -1))


def test_the_picture_is_told_as_alone_and_marks_stand_beside_it(picture):
    composer = built()
    encoder = composer.encoders[0]
    side = encode(composer, [Sample("", picture, TEXT)]).image
    prepared = encoder.visual.prepare(Sample("", picture))
    alone = encoder.visual({key: torch.from_numpy(array[None]) for key, array in prepared.items()}).image
    assert side.tokens.shape == (1, 9, encoder.dim) == (1, 9, WIDTH + 3)
    torch.testing.assert_close(parts(side)[..., :-1].flatten(2), alone.tokens)
    assert side.grid == alone.grid
    torch.testing.assert_close(side.vector, side.tokens.mean(1))


def test_marks_depend_on_the_text_and_are_nothing_without_it(picture):
    composer = built()
    side = encode(
        composer,
        [Sample("", picture, TEXT), Sample("", picture, "blue square"), Sample("", picture), Sample("", None, TEXT)],
    ).image
    marks = parts(side)[..., -1:]
    assert not torch.allclose(marks[0], marks[1])
    assert (marks[0] > 0).all() and (marks[0] < 1).all()
    assert marks[2:].eq(0).all()


def test_the_texts_vector_is_the_words_filled_with_zeros(picture):
    text = encode(built(), [Sample("", picture, TEXT), Sample("", picture)]).text
    assert text.vector.shape == (2, WIDTH + 3)
    assert text.vector[:, 10:].eq(0).all() and text.vector[0, :10].ne(0).any()
    assert text.present.tolist() == [True, False]


def test_another_model_starts_where_a_trained_one_ended(tmp_path, picture):
    built(3).save(tmp_path / "first")
    part = RECIPE.encoders[0].model_copy(update={"start": str(tmp_path / "first")})
    started = Composer.build(RECIPE.model_copy(update={"encoders": (part,)}), seed=4).eval()
    started.fit([Sample("", None, "other words")])
    sample = Sample("", picture, TEXT)
    wanted = encode(built(3), [sample])
    torch.testing.assert_close(encode(started, [sample]).image.tokens, wanted.image.tokens)
    torch.testing.assert_close(encode(started, [sample]).text.vector, wanted.text.vector)
    started.save(tmp_path / "second")
    (tmp_path / "first" / "recipe.toml").unlink()
    assert Composer.load(tmp_path / "second").digest == started.digest


def test_a_model_that_is_not_there_or_does_not_fit_is_refused(tmp_path):
    with pytest.raises(
        TwinlensError, match=r"no model 'nowhere' to start from; give a model folder, or one of: .*towers"
    ):
        Referring(start="nowhere")
    built().save(tmp_path)
    with pytest.raises(TwinlensError, match="does not fit this recipe"):
        Referring(hidden=9, words={"name": "ngrams", "dim": 10}, start=str(tmp_path))
    path = tmp_path / "recipe.toml"
    path.write_text(path.read_text().replace('name = "referring"', 'name = "visualbert"'))
    with pytest.raises(TwinlensError, match="has no encoder 'referring', only visualbert"):
        Referring(start=str(tmp_path))


def test_encoders_that_do_not_fit_together_are_refused():
    with pytest.raises(TwinlensError, match="an encoder that reads the image here, not ngrams"):
        Referring(visual={"name": "ngrams"})
    with pytest.raises(TwinlensError, match="at most 39 channels, not 40"):
        Referring(words={"name": "ngrams", "dim": 40})
