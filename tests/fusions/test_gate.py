"""The paper's gate, and its variation that can also add."""

from __future__ import annotations

import pytest
import torch

from twinlens.core import variants
from twinlens.core.types import Features

SIZES = {"image_dim": 12, "text_dim": 8, "dim": 12}


def sides(rows=6, seed=0):
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randn(rows, 9, 12, generator=generator)
    image = Features(tokens.mean(1), tokens=tokens, grid=(3, 3))
    return image, Features(torch.randn(rows, 8, generator=generator))


def gates(name="gate", **options):
    """A gate without and one with a residual, of the same weights otherwise."""
    plain = variants.make("fusions", name, **SIZES, **options)
    inner = {"residual": True} if name == "gate" else {"options": {"gate": {"residual": True}}}
    added = variants.make("fusions", name, **SIZES, **{**options, **inner})
    added.load_state_dict({**added.state_dict(), **plain.state_dict()})
    return plain.eval(), added.eval()


@pytest.mark.parametrize(("name", "options"), [("gate", {}), ("cellwise", {"method": "gate", "cells": (2, 2)})])
def test_a_residual_changes_nothing_at_first_and_then_learns(name, options):
    plain, added = gates(name, **options)
    assert torch.equal(plain(*sides()), added(*sides()))
    inner = added if name == "gate" else added.method
    added.train()(*sides())[:, 0].sum().backward()
    assert inner.residual.weight.grad.abs().sum() > 0


def test_a_residual_adds_what_a_gate_cannot():
    """Where the picture is zero the gate has nothing to let through, and the residual still follows the text."""
    plain, added = gates()
    torch.nn.init.normal_(added.residual.weight)
    nothing = Features(torch.zeros(6, 12), tokens=torch.zeros(6, 9, 12), grid=(3, 3))
    _, text = sides()
    assert torch.allclose(plain(nothing, text)[0], plain(nothing, text)[1])
    assert not torch.allclose(added(nothing, text)[0], added(nothing, text)[1])
