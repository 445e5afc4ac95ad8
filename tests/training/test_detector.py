from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from twinlens.core.types import TwinlensError
from twinlens.training import detector as detection
from twinlens.training.detector import DetectorTraining, Example

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "nlvr"
CANVAS = (100, 400)
FEW = detection.drawn(6, seed=0)
SHORT = DetectorTraining(epochs=2, batch_size=3, warmup=2)


def small() -> torch.nn.Module:
    torch.manual_seed(0)
    detector: torch.nn.Module = detection.build("fasterrcnn_small", None, detection.DRAWN_LABELS, canvas=CANVAS)
    return detector


def test_drawn_scenes_have_a_box_and_a_label_for_everything():
    for example in FEW:
        assert len(example.boxes) == len(example.labels) >= 3
        assert set(example.labels) <= set(detection.DRAWN_LABELS)
        picture = example.picture()
        for label, (left, upper, right, lower) in zip(example.labels, example.boxes, strict=True):
            middle = picture.getpixel(((left + right) // 2, (upper + lower) // 2))
            assert middle == detection.COLOURS[label.split()[0]]


def test_the_same_seed_draws_the_same_scenes():
    first, again, other = ([e.boxes for e in detection.drawn(3, seed=seed)] for seed in (5, 5, 6))
    assert first == again != other


@pytest.mark.skipif(not SHARED.is_dir(), reason="the NLVR data is not beside the repository")
def test_nlvrs_boxes_lie_on_what_they_name():
    for example in detection.from_nlvr(SHARED, "dev")[:20]:
        assert set(example.labels) <= set(detection.DRAWN_LABELS)
        picture = Image.open(example.picture).convert("RGB")
        for label, (left, upper, right, lower) in zip(example.labels, example.boxes, strict=True):
            found = picture.getpixel(((left + right) // 2, (upper + lower) // 2))
            assert sum(abs(a - b) for a, b in zip(found, detection.COLOURS[label.split()[0]], strict=True)) < 30


def test_coco_files_are_read(tmp_path):
    content = {
        "images": [{"id": 7, "file_name": "a.png"}, {"id": 8, "file_name": "b.png"}],
        "categories": [{"id": 3, "name": "cat"}],
        "annotations": [
            {"image_id": 7, "category_id": 3, "bbox": [1, 2, 3, 4]},
            {"image_id": 7, "category_id": 3, "bbox": [0, 0, 9, 9], "iscrowd": 1},
            {"image_id": 7, "category_id": 3, "bbox": [0, 0, 0, 9]},
        ],
    }
    (tmp_path / "boxes.json").write_text(json.dumps(content))
    found = detection.from_coco(tmp_path / "boxes.json", tmp_path)
    assert found == [Example(tmp_path / "a.png", ((1, 2, 4, 6),), ("cat",)), Example(tmp_path / "b.png", (), ())]
    assert detection.labels_of(found) == ("cat",)


@pytest.mark.parametrize("text", ["{", "[]", '{"images": []}', '{"images": [], "categories": [], "annotations": [{}]}'])
def test_what_is_no_coco_file_is_one_clear_line(tmp_path, text):
    (tmp_path / "boxes.json").write_text(text)
    with pytest.raises(TwinlensError, match="is no COCO detection file"):
        detection.from_coco(tmp_path / "boxes.json", tmp_path)


def test_a_missing_file_is_one_clear_line(tmp_path):
    with pytest.raises(TwinlensError, match="cannot read"):
        detection.from_coco(tmp_path / "none.json", tmp_path)


def test_training_lowers_the_loss():
    losses = detection.fine_tune(
        small(), FEW, detection.DRAWN_LABELS, settings=DetectorTraining(epochs=6, warmup=2), progress=False
    )
    assert len(losses) == 6
    assert losses[-1] < 0.7 * losses[0]


def test_a_run_that_was_cut_off_ends_as_if_it_had_not_been(tmp_path, monkeypatch):
    whole, cut = small(), small()
    wanted = detection.fine_tune(whole, FEW, detection.DRAWN_LABELS, settings=SHORT, progress=False)
    with monkeypatch.context() as patch:
        epoch = detection._Run.epoch

        def once(run, advance):
            if run.losses:
                raise KeyboardInterrupt
            epoch(run, advance)

        patch.setattr(detection._Run, "epoch", once)
        with pytest.raises(KeyboardInterrupt):
            detection.fine_tune(cut, FEW, detection.DRAWN_LABELS, settings=SHORT, folder=tmp_path, progress=False)
    resumed = small()
    found = detection.fine_tune(resumed, FEW, detection.DRAWN_LABELS, settings=SHORT, folder=tmp_path, progress=False)
    assert found == wanted
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), resumed.parameters(), strict=True))


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    detection.fine_tune(small(), FEW, detection.DRAWN_LABELS, settings=SHORT, folder=tmp_path, progress=False)
    with pytest.raises(TwinlensError, match="is of another run"):
        detection.fine_tune(small(), FEW[1:], detection.DRAWN_LABELS, settings=SHORT, folder=tmp_path, progress=False)


def test_precision_is_one_for_what_the_annotation_says_and_nought_for_a_stranger():
    class Knows(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.at = torch.nn.Parameter(torch.zeros(()))
            self.examples = iter(FEW)

        def forward(self, _: list[torch.Tensor]) -> list[dict[str, torch.Tensor]]:
            target = detection._tensors(next(self.examples), detection.DRAWN_LABELS)[1]
            return [{**target, "scores": torch.ones(len(target["labels"]))}]

    assert detection.mean_average_precision(Knows(), FEW, detection.DRAWN_LABELS)["map"] == pytest.approx(1.0)
    assert detection.mean_average_precision(small(), FEW, detection.DRAWN_LABELS)["map"] < 0.05


def test_the_shipped_detector_knows_drawn_scenes():
    detector = detection.build("fasterrcnn_small", "shapes", detection.DRAWN_LABELS, canvas=CANVAS)
    found = detection.mean_average_precision(detector, detection.drawn(20, seed=12345), detection.DRAWN_LABELS)
    assert found["map_50"] > 0.95
    assert found["map"] > 0.9


def test_mirrored_boxes_lie_on_mirrored_things():
    pixels = torch.zeros(3, 4, 10)
    pixels[:, :, 1:3] = 1
    target = {"boxes": torch.tensor([[1.0, 0.0, 3.0, 4.0]]), "labels": torch.tensor([1])}

    class Always:
        def random(self) -> float:
            return 0.0

    mirrored, there = detection._mirrored((pixels, target), Always())
    left, _, right, _ = there["boxes"][0].int().tolist()
    assert mirrored[:, :, left:right].min() == 1


def test_an_unlisted_label_is_named():
    example = Example(Image.new("RGB", (10, 10)), ((0, 0, 5, 5),), ("unicorn",))
    with pytest.raises(TwinlensError, match="'unicorn' is not one of the detector's"):
        detection.fine_tune(small(), [example], ("cat",), settings=SHORT, progress=False)


def test_nothing_to_learn_is_said():
    with pytest.raises(TwinlensError, match="nothing to learn"):
        detection.labels_of([Example(Image.new("RGB", (10, 10)), (), ())])


def test_saved_weights_are_what_the_encoder_reads(tmp_path):
    from twinlens.encoders.regions import Regions

    detector = small()
    detection.save(detector, tmp_path / "mine.safetensors", name="fasterrcnn_small", labels=detection.DRAWN_LABELS)
    encoder = Regions(weights=str(tmp_path / "mine.safetensors"), words=0)
    state = encoder.detector.state_dict()
    assert all(torch.equal(state[key], tensor) for key, tensor in detector.state_dict().items())
