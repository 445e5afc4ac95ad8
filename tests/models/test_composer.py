"""The composer: prepared samples → unit vectors, and the folder that a model is."""

from __future__ import annotations

import stat
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests import toy
from twinlens.core.recipe import Variant
from twinlens.core.types import Sample, TwinlensError
from twinlens.models.composer import PROVENANCE, RECIPE, WEIGHTS, Composer


def test_vectors_have_unit_length_whatever_is_missing(toy_composer, toy_edits):
    query = toy_edits.queries[0]
    vectors = toy_composer.embed([query, replace(query, text=""), replace(query, image=None)])
    assert vectors.shape == (3, toy_composer.dim)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    assert len(np.unique(vectors.round(4), axis=0)) == 3


def test_a_vector_does_not_depend_on_its_batch(toy_composer, toy_edits):
    samples = [*toy_edits.queries[:5], *toy_edits.gallery[:4]]
    together = toy_composer.embed(samples)
    alone = np.concatenate([toy_composer.embed([sample]) for sample in samples])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_ids_never_reach_the_model(toy_composer, toy_edits):
    query = toy_edits.queries[0]
    first, second = toy_composer.embed([query, replace(query, id="another")])
    np.testing.assert_array_equal(first, second)


def test_the_seed_decides_the_weights_and_leaves_the_global_generator_alone():
    state = torch.random.get_rng_state()
    first, same, other = (Composer.build(toy.recipe(), seed=seed) for seed in (1, 1, 2))
    assert first.digest == same.digest != other.digest
    assert torch.equal(state, torch.random.get_rng_state())


def test_a_saved_model_gives_the_same_vectors(toy_composer, toy_edits, tmp_path):
    toy_composer.save(tmp_path, provenance={"why": "test"})
    loaded = Composer.load(tmp_path)
    assert loaded.digest == toy_composer.digest
    np.testing.assert_array_equal(loaded.embed(toy_edits.queries[:3]), toy_composer.embed(toy_edits.queries[:3]))


@pytest.mark.parametrize("name", [RECIPE, WEIGHTS, "encoder-0/tokenizer.json"])
def test_a_missing_file_is_named(toy_composer, tmp_path, name):
    toy_composer.save(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(TwinlensError, match=name.split("/")[-1]):
        Composer.load(tmp_path)


def test_weights_that_do_not_fit_the_recipe_are_told(toy_composer, tmp_path):
    toy_composer.save(tmp_path)
    (tmp_path / WEIGHTS).write_bytes(b"not tensors")
    with pytest.raises(TwinlensError, match="does not fit its recipe"):
        Composer.load(tmp_path)
    with pytest.raises(TwinlensError, match="no such model folder"):
        Composer.load(tmp_path / "nowhere")


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_all_files_of_a_model_have_one_mode(toy_composer, tmp_path):
    toy_composer.save(tmp_path)
    toy_composer.save(tmp_path)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*") if path.is_file()}
    (tmp_path / "other").touch()
    assert modes == {stat.S_IMODE((tmp_path / "other").stat().st_mode)}
    assert not list(tmp_path.glob("*.tmp"))


def test_provenance_is_kept(toy_composer, tmp_path):
    toy_composer.save(tmp_path, provenance={"run": {"seed": 3}})
    assert '"seed": 3' in (tmp_path / PROVENANCE).read_text()
    Composer.load(tmp_path).save(tmp_path / "copy")
    assert (tmp_path / "copy" / PROVENANCE).read_text() == (tmp_path / PROVENANCE).read_text()
    (tmp_path / PROVENANCE).write_text("[")
    assert Composer.load(tmp_path).provenance == {}


def test_untrained_keeps_the_words_and_changes_the_weights(toy_composer, toy_edits):
    fresh = toy_composer.untrained(seed=5)
    assert fresh.prepare(toy_edits.queries[0])["0.words"].tolist() == (
        toy_composer.prepare(toy_edits.queries[0])["0.words"].tolist()
    )
    assert fresh.digest != toy_composer.digest


def test_the_empty_text_is_the_same_as_none_at_all(toy_composer):
    picture = toy.draw(("red", "green", "blue"))
    first, second = toy_composer.embed([Sample("a", picture), Sample("b", picture, "")])
    np.testing.assert_array_equal(first, second)


def test_recipes_that_name_an_index_are_those_of_earlier_models(toy_composer, tmp_path):
    toy_composer.save(tmp_path / "m")
    path = tmp_path / "m" / "recipe.toml"
    said = path.read_text()
    path.write_text(f'{said}\n[index]\nname = "exact"\n')
    assert Composer.load(tmp_path / "m").digest == toy_composer.digest
    path.write_text(f'{said}\n[index]\nname = "cluster_svm"\n')
    with pytest.raises(TwinlensError, match="a recipe names no index; leave"):
        Composer.load(tmp_path / "m")


def test_a_models_digest_is_of_what_decides_its_vectors(toy_composer):
    digest, recipe = toy_composer.digest, toy_composer.recipe
    training = recipe.training.model_copy(update={"epochs": 77})
    toy_composer.recipe = recipe.model_copy(update={"description": "another", "training": training})
    assert toy_composer.digest == digest
    fusion = Variant.model_validate({**recipe.fusion.model_dump(), "reading": "inside"})
    toy_composer.recipe = recipe.model_copy(update={"fusion": fusion})
    assert toy_composer.digest != digest
