from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from twinlens.core.types import Sample, TwinlensError
from twinlens.encoders.vlad import Vlad

RNG = np.random.default_rng(0)
PICTURES = [Image.fromarray(RNG.integers(0, 256, (48, 64, 3), dtype=np.uint8)) for _ in range(4)]


@pytest.fixture(scope="module")
def encoder():
    encoder = Vlad(words=4, colour="grey", cells=(2, 3), step=4)
    encoder.fit([Sample(str(n), picture) for n, picture in enumerate(PICTURES)])
    return encoder


def test_sums_are_those_of_the_definition(encoder):
    described = encoder.local.describe(PICTURES[0])
    centres = encoder.vocabulary.numpy()
    words = np.linalg.norm(described.descriptors[:, None] - centres, axis=2).argmin(axis=1)
    x, y = described.points.T
    expected = np.zeros((6, 4, 128))
    for n, word in enumerate(words):
        expected[int(y[n] * 2) * 3 + int(x[n] * 3), word] += described.descriptors[n] - centres[word]
    assert encoder.prepare(Sample("", PICTURES[0]))["summaries"] == pytest.approx(expected, abs=1e-4)


def test_vectors_have_unit_length_and_their_parts_equal_weight(encoder):
    arrays = encoder.prepare(Sample("", PICTURES[0]))
    features = encoder({key: torch.from_numpy(array[None]) for key, array in arrays.items()}).image
    assert features.vector.shape == (1, encoder.dim) == (1, 4 * 128)
    assert features.tokens.shape == (1, 6, 512)
    assert features.vector.norm().item() == pytest.approx(1)
    plain = Vlad(words=4, colour="grey", power=1.0).weigh(torch.from_numpy(arrays["summaries"]).sum(0))
    assert plain.view(4, 128).norm(dim=1).tolist() == pytest.approx([0.5] * 4)


def test_no_picture_gives_zeros(encoder):
    arrays = encoder.prepare(Sample("", None, "text"))
    features = encoder({key: torch.from_numpy(array[None]) for key, array in arrays.items()}).image
    assert features.vector.abs().max() == 0
    assert not features.present.any()


def test_options_that_make_no_sense_are_refused():
    with pytest.raises(TwinlensError):
        Vlad(power=-1.0)
