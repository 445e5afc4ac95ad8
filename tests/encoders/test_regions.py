from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image, ImageDraw
from torchvision.models.detection.faster_rcnn import FasterRCNN

from twinlens.core.recipe import Recipe
from twinlens.core.types import Batch, Features, Sample, TwinlensError
from twinlens.encoders import _detectors
from twinlens.encoders.bovw import Bovw
from twinlens.encoders.regions import Regions
from twinlens.models.composer import Composer
from twinlens.shapes.drawing import draw
from twinlens.shapes.scenes import item_boxes, random_scene

MOBILENET = "fasterrcnn_mobilenet_v3_large_320_fpn"
SCENES = [random_scene(np.random.default_rng(n)) for n in range(4)]
SAMPLES = [Sample(str(n), draw(scene), "a yellow circle") for n, scene in enumerate(SCENES)]
BLANK = Sample("blank", Image.new("RGB", (400, 100), (211, 211, 211)))


def batch(encoder: Regions, samples: list[Sample]) -> Batch:
    arrays = [encoder.prepare(sample) for sample in samples]
    return {key: torch.from_numpy(np.stack([a[key] for a in arrays])) for key in arrays[0]}


@torch.inference_mode()
def find(encoder: Regions, samples: list[Sample]) -> Features:
    image = encoder.eval()(batch(encoder, samples)).image
    assert image is not None
    return image


def fitted(**options: object) -> Regions:
    encoder = Regions(words=16, **options)
    encoder.fit(SAMPLES)
    return encoder


def recipe(**options: object) -> Recipe:
    visual = {"name": "regions", "words": 16, **options}
    encoder = {"name": "visualbert", "layers": 1, "dim": 16, "heads": 2, "cells": [2, 8], "visual": visual}
    return Recipe.model_validate({"name": "r", "dim": 8, "encoders": [encoder], "fusion": {"name": "gate"}})


def test_the_shipped_detector_finds_the_things_of_a_drawn_scene():
    features = find(Regions(words=0), SAMPLES)
    for row, scene in enumerate(SCENES):
        wanted = torch.tensor([item[1:] for item in item_boxes(scene)]) / torch.tensor([400, 100, 400, 100])
        found = features.boxes[row, 1:][features.mask[row, 1:]]
        overlap = torchvision.ops.box_iou(wanted, found)
        assert len(found) == len(wanted)
        assert (overlap.max(1).values > 0.7).all()


def test_boxes_and_features_are_those_of_torchvisions_own_forward():
    """On a picture that torchvision neither resizes nor pads (its sides are multiples of 32)."""
    encoder, scene = Regions(words=0, height=96, width=384), draw(SCENES[0]).resize((384, 96))
    features, network = find(encoder, [Sample("a", scene)]), encoder.detector
    pixels = torch.from_numpy(np.array(scene)).permute(2, 0, 1) / 255
    with torch.inference_mode():
        answer = network([pixels])[0]
        maps = {"0": network.backbone(network.transform([pixels])[0].tensors)}
        pooled = network.roi_heads.box_roi_pool(maps, [answer["boxes"]], [(96, 384)])
        described = network.roi_heads.box_head(pooled)
    scale = torch.tensor([384, 96, 384, 96])
    torch.testing.assert_close(features.boxes[0, 1:] * scale, answer["boxes"], atol=1e-3, rtol=1e-4)
    described = torch.nn.functional.normalize(described, dim=-1)
    torch.testing.assert_close(features.tokens[0, 1:, :-8], described, atol=1e-4, rtol=1e-4)


def test_a_blank_picture_is_one_region_and_a_missing_one_none():
    features = find(fitted(), [BLANK, Sample("text", None, "only words"), SAMPLES[0]])
    assert features.mask.sum(1)[:2].tolist() == [1, 0]
    assert features.present.tolist() == [True, False, True]
    assert features.boxes[0, 0].tolist() == [0, 0, 1, 1]
    assert not features.tokens[1].any()
    assert torch.isfinite(features.tokens).all()


def test_the_company_in_a_batch_changes_nothing():
    encoder = fitted()
    alone, together = find(encoder, SAMPLES[:1]), find(encoder, SAMPLES)
    count = int(alone.mask.sum())
    torch.testing.assert_close(alone.tokens[0, :count], together.tokens[0, :count], atol=1e-4, rtol=1e-4)


def test_top_and_floor_limit_the_regions():
    assert find(Regions(words=0, top=2), SAMPLES).tokens.shape[1] == 3
    assert find(Regions(words=0, top=0), SAMPLES).mask.sum().item() == len(SAMPLES)
    assert find(Regions(words=0, floor=0.9999999), SAMPLES).mask.sum() <= find(Regions(words=0), SAMPLES).mask.sum()


def test_words_of_a_region_are_counted_as_by_the_bag_of_words():
    encoder = fitted()
    bovw = Bovw(words=16, cells=(2, 2))
    bovw.load_state_dict(encoder.words.state_dict())
    whole, nothing = [0, 0, 1, 1], [0.3, 0.3, 0.3, 0.3]
    quarters = [[0, 0, 0.5, 0.5], [0.5, 0, 1, 0.5], [0, 0.5, 0.5, 1], [0.5, 0.5, 1, 1]]
    arrays = batch(encoder, SAMPLES[:1])
    boxes = torch.tensor([[*quarters, whole, nothing]], dtype=torch.float32)
    ours = encoder.words.histograms(arrays["keypoints"], arrays["keypoint_words"], boxes)[0]
    counts = torch.from_numpy(bovw.prepare(SAMPLES[0])["summaries"])
    torch.testing.assert_close(ours[:4], bovw.weigh(counts), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(ours[4], bovw.weigh(counts.sum(0)), atol=1e-5, rtol=1e-5)
    assert ours[5].sum() == 0


def test_words_of_a_region_are_those_of_the_keypoints_inside_it():
    encoder = fitted()
    arrays = batch(encoder, SAMPLES[:1])
    points, words = arrays["keypoints"][0].float(), arrays["keypoint_words"][0].long()
    left, top, right, bottom = 0.1, 0.2, 0.5, 0.9
    x, y = points.T
    inside = (x >= left) & (x < right) & (y >= top) & (y < bottom) & (words >= 0)
    counts = torch.bincount(words[inside], minlength=16)
    box = torch.tensor([[[left, top, right, bottom]]])
    ours = encoder.words.histograms(arrays["keypoints"], arrays["keypoint_words"], box)[0, 0]
    wanted = torch.nn.functional.normalize((counts * encoder.words.rarity).sqrt(), dim=0)
    torch.testing.assert_close(ours, wanted, atol=1e-5, rtol=1e-5)


def test_a_picture_keeps_its_proportions():
    tall = Image.new("RGB", (50, 100), "white")
    arrays = Regions(words=0, height=100, width=400).prepare(Sample("tall", tall))
    assert arrays["extent"].tolist() == [50, 100]
    assert arrays["pixels"][:, :50].min() == 255
    assert arrays["pixels"][:, 50:].max() == 0


def test_boxes_are_shares_of_the_picture_not_of_the_canvas():
    scene = draw(SCENES[0])
    canvas = Image.new("RGB", (400, 200), (211, 211, 211))
    canvas.paste(scene, (0, 0))
    features = find(Regions(words=0, height=200, width=800, floor=0.5), [Sample("half", canvas)])
    assert features.boxes[0][features.mask[0]][1:, 3].max() < 0.55


def test_a_frozen_detector_is_no_part_of_training():
    encoder = fitted()
    before = find(encoder, SAMPLES)
    assert not list(encoder.parameters())
    assert not encoder.train().detector.training
    torch.testing.assert_close(find(encoder, SAMPLES).tokens, before.tokens)


def test_an_unfrozen_detector_learns_from_the_features():
    encoder = Regions(words=0, frozen=False)
    encoder(batch(encoder, SAMPLES[:1])).image.tokens.sum().backward()
    assert encoder.detector.backbone[0][0].weight.grad.abs().sum() > 0
    assert encoder.detector.roi_heads.box_head.fc6.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("name", [_detectors.SMALL, MOBILENET])
def test_weights_from_a_file_of_either_kind(tmp_path, name):
    torch.manual_seed(0)
    network = _detectors.load(name, None, canvas=(64, 64), classes=4)
    _detectors.save(network, tmp_path / "a.safetensors", name=name, labels=("x", "y", "z"))
    torch.save(network.state_dict(), tmp_path / "a.pth")
    assert _detectors.labels_of(tmp_path / "a.safetensors") == ("x", "y", "z")
    for file in ("a.safetensors", "a.pth"):
        encoder = Regions(detector=name, weights=str(tmp_path / file), words=0, height=64, width=64)
        state = encoder.detector.state_dict()
        assert all(torch.equal(state[key], tensor) for key, tensor in network.state_dict().items())


def test_other_classes_change_the_last_layer_alone():
    kept = _detectors.load(_detectors.SMALL, "shapes", canvas=(100, 400)).state_dict()
    changed = _detectors.load(_detectors.SMALL, "shapes", canvas=(100, 400), classes=3).state_dict()
    differ = {key for key in kept if kept[key].shape != changed[key].shape}
    assert differ == {
        f"roi_heads.box_predictor.{layer}.{part}" for layer in ("cls_score", "bbox_pred") for part in ("weight", "bias")
    }
    assert torch.equal(kept["roi_heads.box_head.fc6.weight"], changed["roi_heads.box_head.fc6.weight"])


@pytest.mark.parametrize("name", [name for name in _detectors.NAMES if name.startswith("fasterrcnn_m")])
def test_a_checkpoint_made_with_frozen_normalisation_fits(tmp_path, name):
    """torchvision's own checkpoints have no counters of batches."""
    state = _detectors.load(name, None, canvas=(64, 64), classes=4).state_dict()
    torch.save({k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}, tmp_path / "coco.pth")
    network = _detectors.load(name, str(tmp_path / "coco.pth"), canvas=(64, 64))
    assert isinstance(network, FasterRCNN)
    assert _detectors.classes_of(network) == 4


def test_a_model_loads_without_the_weights_it_was_made_from(tmp_path):
    network = _detectors.load(_detectors.SMALL, "shapes", canvas=(100, 400))
    _detectors.save(network, tmp_path / "mine.safetensors", name=_detectors.SMALL, labels=())
    composer = Composer.build(recipe(weights=str(tmp_path / "mine.safetensors")))
    composer.fit(SAMPLES)
    composer.save(tmp_path / "model")
    (tmp_path / "mine.safetensors").unlink()
    loaded = Composer.load(tmp_path / "model")
    np.testing.assert_allclose(loaded.embed([*SAMPLES, BLANK]), composer.embed([*SAMPLES, BLANK]), atol=1e-6)
    shutil.rmtree(tmp_path / "model")


def test_fresh_weights_of_a_composer_leave_the_detector_as_it_is():
    composer = Composer.build(recipe())
    composer.fit(SAMPLES)
    fresh = composer.untrained(seed=3).encoders[0]
    kept = composer.encoders[0].visual.detector.state_dict()
    assert all(torch.equal(tensor, kept[key]) for key, tensor in fresh.visual.detector.state_dict().items())


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"detector": "yolo"}, "unknown detector 'yolo'; known: fasterrcnn_small"),
        ({"detector": MOBILENET}, "the weights 'shapes' are of the detector 'fasterrcnn_small'"),
        ({"detector": MOBILENET, "weights": "COCO_V9"}, "has no weights 'COCO_V9'; known: COCO_V1, DEFAULT"),
        ({"weights": "COCO_V1"}, "has no weights 'COCO_V1'; known: shapes"),
        ({"weights": "nowhere.safetensors"}, "there are no weights nowhere.safetensors"),
        ({"top": -1}, "top must be"),
        ({"floor": 1.0}, "floor"),
        ({"sift": {"stride": 2}}, "sift has an unknown option"),
    ],
)
def test_what_cannot_be_is_one_clear_line(options, line):
    with pytest.raises(TwinlensError, match=line):
        Regions(**options)


def test_a_file_of_other_weights_is_refused(tmp_path):
    torch.save({"weight": torch.zeros(2)}, tmp_path / "other.pth")
    with pytest.raises(TwinlensError, match="not of a Faster R-CNN"):
        Regions(weights=str(tmp_path / "other.pth"))
    state = _detectors.load(_detectors.SMALL, None, canvas=(64, 64)).state_dict()
    torch.save(state, tmp_path / "small.pth")
    with pytest.raises(TwinlensError, match="do not fit"):
        Regions(detector=MOBILENET, weights=str(tmp_path / "small.pth"))
    (tmp_path / "broken.safetensors").write_bytes(b"\x00" * 50)
    with pytest.raises(TwinlensError, match="cannot be read"):
        Regions(weights=str(tmp_path / "broken.safetensors"))


def test_a_file_that_would_run_code_is_not_read(tmp_path):
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return open, (str(tmp_path / "it-ran"), "w")

    torch.save({"trap": Trap()}, tmp_path / "trap.pth")
    with pytest.raises(TwinlensError, match="cannot be read"):
        Regions(weights=str(tmp_path / "trap.pth"))
    assert not (tmp_path / "it-ran").exists()


def test_weights_that_cannot_be_downloaded_say_what_to_do(monkeypatch):
    def unreachable(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", unreachable)
    with pytest.raises(
        TwinlensError, match=r"no route to host; download https://.*\.pth and give the file as `weights`"
    ):
        Regions(detector=MOBILENET, weights="DEFAULT")


def test_downloaded_weights_are_read_as_tensors_alone(monkeypatch):
    asked: dict[str, object] = {}
    state = _detectors.load(MOBILENET, None, canvas=(64, 64)).state_dict()

    def download(url: str, **options: object) -> dict[str, torch.Tensor]:
        asked.update(options)
        return dict(state)

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", download)
    encoder = Regions(detector=MOBILENET, weights="COCO_V1", words=0, height=64, width=64)
    assert asked == {"progress": False, "check_hash": True, "weights_only": True}
    assert encoder.dim == 1024 + 8


def test_more_keypoints_than_there_is_room_for_are_thinned_out():
    encoder = fitted(sift={"step": 2})
    noise = Image.effect_noise((500, 400), 60).convert("RGB")
    ImageDraw.Draw(noise).rectangle((0, 0, 20, 20), fill="red")
    words = encoder.prepare(Sample("noise", noise))["keypoint_words"]
    assert len(words) == 4096
    assert (words >= 0).sum() > 2048
