"""The stage `match` with tiny cross-encoders of the tests' own."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image
from transformers import BlipForImageTextRetrieval, ViltForImageAndTextRetrieval

from tests import checkpoints
from tests.pictures import paint
from twinlens.collection.search.request import SearchRequest
from twinlens.collection.search.rerank import Candidate
from twinlens.collection.search.rerank.match import UNREADABLE, Match
from twinlens.collection.store import Entry
from twinlens.core import hub
from twinlens.core.types import TwinlensError
from twinlens.media import images

KINDS = {
    "vilt": (checkpoints.vilt, ViltForImageAndTextRetrieval, lambda output: output.logits[:, 0]),
    "blip": (checkpoints.blip, BlipForImageTextRetrieval, lambda output: output.itm_score @ torch.tensor([-1.0, 1.0])),
}
TEXT = "There is a yellow circle above the black block, There is a yellow circle above the black block"
"""Longer than the networks have places for."""


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def checkpoint(kind, tmp_path):
    return KINDS[kind][0](tmp_path / kind)


@pytest.fixture
def candidates(tmp_path):
    colors = [(200, 20, 20), (20, 200, 20), (20, 20, 200), (250, 250, 20), (5, 5, 5), (240, 240, 240)]
    paths = [paint(tmp_path / f"{n}.png", color) for n, color in enumerate(colors * 2)]
    paths[3] = Path("/nowhere.png")
    return [
        Candidate(Entry(path, b"", 1, 1, row=n), 1 - n / 20, torch.zeros(2).numpy()) for n, path in enumerate(paths)
    ]


def expected(kind, checkpoint, candidates):
    """The score of each picture that can be read, from the network alone, one at a time."""
    network = KINDS[kind][1].from_pretrained(checkpoint).eval()
    tokenizer = hub.tokenizer(checkpoint)
    tokenizer.enable_truncation(12)
    ids = torch.tensor([tokenizer.encode(TEXT).ids])
    process, found = hub.image_processor(checkpoint), {}
    for candidate in candidates:
        if candidate.entry.path.exists():
            pixels = process(images=images.load(candidate.entry.path), return_tensors="pt")
            with torch.inference_mode():
                output = network(input_ids=ids, attention_mask=torch.ones_like(ids), **pixels)
            found[candidate.entry.row] = float(KINDS[kind][2](output)[0])
    return found


def test_pictures_come_in_the_order_of_the_match_head(kind, checkpoint, candidates):
    ranked = Match(checkpoint=checkpoint).rerank(SearchRequest(texts=(TEXT,)), candidates)
    scores = {c.entry.row: c.why["match"]["score"] for c in ranked if "score" in c.why["match"]}
    assert scores == {
        row: pytest.approx(score, abs=1e-4) for row, score in expected(kind, checkpoint, candidates).items()
    }
    assert list(scores.values()) == sorted(scores.values(), reverse=True)
    assert max(scores.values()) - min(scores.values()) > 0.1
    assert ranked[3].entry.row == 3 and ranked[3].why["match"] == UNREADABLE


def test_a_picture_of_which_nothing_is_left_keeps_its_place(tmp_path):
    checkpoint = checkpoints.vilt(tmp_path / "vilt")
    paths = [tmp_path / f"{n}.png" for n in range(3)]
    for path, size in zip(paths, ((60, 60), (4000, 10), (50, 60)), strict=True):
        Image.new("RGB", size, (200, 20, 20)).save(path)
    given = [Candidate(Entry(p, b"", 1, 1, row=n), 1 - n / 20, torch.zeros(2).numpy()) for n, p in enumerate(paths)]
    ranked = Match(checkpoint=str(checkpoint)).rerank(SearchRequest(texts=(TEXT,)), given)
    assert ranked[1].entry.row == 1 and ranked[1].why["match"] == UNREADABLE
    assert all("score" in candidate.why["match"] for candidate in (ranked[0], ranked[2]))


def test_a_query_without_a_sentence_keeps_the_order(checkpoint, candidates):
    ranked = Match(checkpoint=checkpoint).rerank(SearchRequest(images=(candidates[0].entry.path,)), candidates)
    assert [c.entry.row for c in ranked] == [c.entry.row for c in candidates]
    assert all("abstains" in c.why["match"] for c in ranked)


def test_a_search_takes_a_checkpoint_by_folder(collection, checkpoint):
    plain = collection.search(text="red", k=8)
    hits = collection.search(text="red", k=4, rerank=f"match={checkpoint}:8")
    assert len(hits) == 4 and {hit.sample.id for hit in hits} <= {hit.sample.id for hit in plain}
    scores = [hit.why["match"]["score"] for hit in hits]
    assert scores == sorted(scores, reverse=True)


def test_another_checkpoint_is_one_line(collection, tmp_path):
    checkpoints.save(tmp_path / "bert", checkpoints.BERT)
    with pytest.raises(TwinlensError, match=r"is a bert, which has no match head; choose one of vilt, blip$"):
        collection.search(text="red", rerank=f"match={tmp_path / 'bert'}")
    with pytest.raises(TwinlensError, match=r"there is no folder /nowhere"):
        collection.search(text="red", rerank="match=/nowhere:5")
    with pytest.raises(TwinlensError, match="no option 'checkpoint'"):
        collection.search(text="red", rerank="diverse=x:5")
