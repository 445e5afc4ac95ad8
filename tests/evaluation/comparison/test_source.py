from __future__ import annotations

import ast

import pytest

from twinlens.core import variants
from twinlens.evaluation.comparison.source import _skeleton, code_digest

SOURCE = '''
"""A file."""
from torch import nn
class A(nn.Module):
    """Does it."""
    def forward(self, x: int) -> int:
        """Return it."""
        if x < 0:
            raise ValueError(f"not {x}")
        return x + 1  # one more
'''


def digest_of(name: str, **options) -> str:
    return code_digest(variants.make("fusions", name, image_dim=4, text_dim=4, dim=4, **options))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Does it."""', '"""Adds one."""'),
        ("  # one more", ""),
        ("x: int) -> int", "x: float) -> float"),
        ("from torch import nn", "import torch\nfrom torch import nn"),
        ("not {x}", "{x} is below 0"),
        ("        if x < 0:\n", "\n        if x < 0:\n"),
    ],
)
def test_words_types_and_imports_do_not_count(old, new):
    assert old in SOURCE
    assert _skeleton(ast.parse(SOURCE)) == _skeleton(ast.parse(SOURCE.replace(old, new)))


@pytest.mark.parametrize(
    ("old", "new"), [("x + 1", "x + 2"), ("x + 1", "x - 1"), ("< 0", "<= 0"), ("return x", "yield x")]
)
def test_what_is_computed_counts(old, new):
    assert _skeleton(ast.parse(SOURCE)) != _skeleton(ast.parse(SOURCE.replace(old, new)))


def test_a_method_counts_with_the_fusion_that_applies_it():
    digests = {digest_of("gate"), digest_of("tirg"), digest_of("cellwise", method="gate"), digest_of("mapwise")}
    assert len(digests) == 4
    assert digest_of("gate") == digest_of("gate", cells=(2, 1))
