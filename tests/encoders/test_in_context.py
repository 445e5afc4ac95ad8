from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from tests.checkpoints import contrastive
from twinlens.core.batches import stack_tensors
from twinlens.core.recipe import Recipe, Variant
from twinlens.core.types import Sample, TwinlensError
from twinlens.encoders.clip_text import ClipText
from twinlens.encoders.in_context import InContext
from twinlens.models.composer import Composer

SUBJECTS = ("a dog", "a house")
NGRAMS = {"name": "ngrams", "dim": 4}


def encode(encoder, *texts: str):
    samples = [Sample(str(n), None, text) for n, text in enumerate(texts)]
    return encoder.eval()(stack_tensors([encoder.prepare(sample) for sample in samples])).text


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> str:
    return contrastive(tmp_path_factory.mktemp("clip"))


@torch.inference_mode()
def test_the_vector_is_the_mean_over_subjects_before_and_after(checkpoint):
    encoder = InContext(words={"name": "clip_text", "checkpoint": checkpoint}, subjects=SUBJECTS)
    plain = ClipText(checkpoint=checkpoint)
    found = encode(encoder, "in the rain", "red")
    for row, text in enumerate(("in the rain", "red")):
        contexts = [f"{s} {text}" for s in SUBJECTS] + [f"{text} {s}" for s in SUBJECTS]
        wanted = F.normalize(encode(plain, *contexts).vector, dim=-1).mean(0)
        torch.testing.assert_close(found.vector[row], wanted, atol=1e-5, rtol=1e-4)


def test_an_empty_text_stays_missing():
    encoder = InContext(words=NGRAMS, subjects=SUBJECTS)
    encoder.fit([Sample("", None, "a dog in the rain")])
    found = encode(encoder, "in the rain", "", "  ")
    assert found.present.tolist() == [True, False, False]
    assert found.vector[0].any() and not found.vector[1:].any()


def test_a_saved_model_encodes_as_before(tmp_path):
    encoders = (
        Variant(name="patches", dim=8, height=10, width=30, patch=10),
        Variant(name="in_context", words=NGRAMS, subjects=list(SUBJECTS)),
    )
    composer = Composer.build(Recipe(name="test", dim=8, encoders=encoders, fusion=Variant(name="sum"))).eval()
    samples = [Sample("0", None, "a dog in the rain"), Sample("1", None, "in the house")]
    composer.fit(samples)
    composer.save(tmp_path)
    assert (Composer.load(tmp_path).embed(samples) == composer.embed(samples)).all()


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"words": NGRAMS, "subjects": []}, "at least one subject"),
        ({"words": {"name": "panels"}, "subjects": SUBJECTS}, "reads texts alone"),
    ],
)
def test_what_cannot_be_is_refused(options, line):
    with pytest.raises(TwinlensError, match=line):
        InContext(**options)
