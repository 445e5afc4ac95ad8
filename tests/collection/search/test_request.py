from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from twinlens.collection import SearchRequest
from twinlens.core.types import TwinlensError

PIXELS = np.zeros((4, 4, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({}, "needs a picture, a text, or both"),
        ({"text": None}, "needs a picture, a text, or both"),
        ({"text": b"a dog"}, r"text cannot be bytes; give one, or a list"),
        ({"text": [b"a dog"]}, r"text wants text, not bytes; give data\.decode\(\)"),
        ({"text": ["a dog", None]}, "text wants text, not None"),
        ({"text": 3}, "text cannot be 3"),
        ({"text": {"a": 1}}, "text cannot be dict"),
        ({"text": "a\0b"}, r"NUL character in it: 'a\\x00b'"),
        ({"text": os.fsdecode(b"caf\xe9")}, r"not UTF-8: 'caf\\udce9'; write it in UTF-8"),
        ({"text": "x", "without": "\ud800"}, "without has bytes in it that are not UTF-8"),
        ({"text": "x", "without": None}, "without cannot be None"),
        ({"text": "x", "where": os.fsdecode(b"a = '\xff'")}, "where has bytes in it that are not UTF-8"),
        ({"text": "x", "where": 3}, "where wants text, not 3"),
        ({"text": "x", "rerank": ["diverse"]}, "rerank wants text, not list"),
        ({"text": "x", "unlike": 12}, "unlike cannot be 12"),
        ({"text": "x", "unlike": [12]}, "unlike wants text, not 12"),
        ({"text": "x", "k": 1.5}, r"k wants a whole number, not 1\.5"),
        ({"text": "x", "k": "3"}, "k wants a whole number, not '3'"),
        ({"text": "x", "k": None}, "k wants a whole number, not None"),
        ({"text": "x", "k": True}, "k wants a whole number, not True"),
        ({"text": "x", "k": 0}, "k must be at least 1, not 0"),
        ({"text": "x", "distinct": "near"}, "distinct wants a finite number, not 'near'"),
        ({"text": "x", "distinct": float("nan")}, "distinct wants a finite number"),
        ({"text": "x", "distinct": 2}, "distinct wants a cosine"),
        ({"text": "x", "weights": [None]}, "a weight wants a finite number, not None"),
        ({"text": "x", "weights": [float("inf")]}, "a weight wants a finite number, not inf"),
        ({"text": "x", "weights": 1}, "weights cannot be 1; give one, or a list"),
        ({"text": "x", "weights": [1, 2]}, "0 pictures and 1 text, but 2 weights"),
        ({"text": "a  Dog", "without": "A dog"}, "'a  Dog' is searched for and in `without` too"),
        ({"text": ["x", "y"], "without": ["y", "x"]}, "'x' is searched for and in `without` too"),
        ({"image": PIXELS / 255}, "an array of pixels must be uint8"),
        ({"image": [PIXELS[None]]}, "an array of pixels must have the shape"),
        ({"image": torch.zeros(3)}, r"not Tensor; give PIL\.Image\.fromarray"),
        ({"image": b""}, "a picture of no bytes"),
        ({"image": [bytearray()]}, "a picture of no bytes"),
        ({"image": [None]}, "not None; leave it out"),
        ({"image": 3}, "a path, a PIL image, the bytes of a file or an array of pixels, not 3; give its path"),
        ({"image": "a\0.jpg"}, "the path of a picture has a NUL character in it"),
        ({"image": "a\ud800.jpg"}, "the path of a picture has half a character in it"),
        ({"image": Path("a\0.jpg")}, "the path of a picture has a NUL character in it"),
    ],
)
def test_what_cannot_be_searched_for_is_one_line(arguments, line):
    with pytest.raises(TwinlensError, match=line) as error:
        SearchRequest.of(**arguments)
    assert "\n" not in str(error.value) and str(error.value).isprintable()


def test_words_may_be_kept_away_from_where_more_is_searched_for():
    assert SearchRequest.of("a.jpg", "red", without="red").without == ("red",)
    assert SearchRequest.of(text=["red", "blue"], without="red").without == ("red",)
    assert SearchRequest.of(text=["red", "blue"], weights=[-1, 1], without="red").without == ("red",)


def test_what_people_pass_is_taken():
    drawn, odd = Image.fromarray(PIXELS), Path(os.fsdecode(b"\xff.jpg"))
    request = SearchRequest.of([drawn, "a.jpg", odd, lambda: drawn], ("a dog ", "  ", "東京"), np.int64(3))
    assert request.images[:3] == (drawn, Path("a.jpg"), odd) and callable(request.images[3])
    assert request.texts == ("a dog", "東京") and request.k == 3
    assert SearchRequest.of(text=(text for text in ["a", "b"])).texts == ("a", "b")


def test_numbers_of_numpy_become_pythons_own():
    request = SearchRequest.of(
        text=["a", "b"], k=np.int32(2), weights=np.array([1, -0.5], np.float32), distinct=np.float64(0.5)
    )
    told = json.loads(json.dumps(request.to_json()))
    assert (told["k"], told["weights"], told["distinct"]) == (2, [1.0, -0.5], 0.5)
    assert SearchRequest.from_json(told) == request
