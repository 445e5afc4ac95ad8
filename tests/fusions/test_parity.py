"""Fusions against their formulas written out in NumPy, on weights drawn from a seed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from twinlens.core import variants
from twinlens.core.types import Features

D, B = 8, 4


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def relu(a):
    return np.maximum(a, 0)


def leaky(a):
    return np.where(a > 0, a, 0.01 * a)


def unit(a):
    return a / np.linalg.norm(a, axis=-1, keepdims=True)


class Weights:
    """The tensors of a fusion as float64 arrays, and the two layers that every formula uses."""

    def __init__(self, fusion):
        self.arrays = {key: tensor.double().numpy() for key, tensor in fusion.state_dict().items()}

    def __getitem__(self, key):
        return self.arrays[key]

    def linear(self, key, a):
        return a @ self[f"{key}.weight"].T + self[f"{key}.bias"]

    def norm(self, key, a):
        scaled = (a - self[f"{key}.running_mean"]) / np.sqrt(self[f"{key}.running_var"] + 1e-5)
        return scaled * self[f"{key}.weight"] + self[f"{key}.bias"]


def build(name, **options):
    """A fusion in evaluation mode with weights from a seed, and the same weights as arrays."""
    fusion = variants.make("fusions", name, image_dim=D, text_dim=D, dim=D, **options).eval()
    generator = torch.Generator().manual_seed(7)
    state = {
        key: tensor if not tensor.is_floating_point() else 0.4 * torch.randn(tensor.shape, generator=generator)
        for key, tensor in fusion.state_dict().items()
    }
    state = {key: tensor.abs() + 0.5 if key.endswith("running_var") else tensor for key, tensor in state.items()}
    fusion.load_state_dict(state)
    return fusion, Weights(fusion)


@pytest.fixture
def sides():
    rng = np.random.default_rng(3)
    return rng.normal(size=(B, D)).astype(np.float32), rng.normal(size=(B, D)).astype(np.float32)


def composed(fusion, x, t):
    with torch.no_grad():
        return fusion(Features(torch.from_numpy(x)), Features(torch.from_numpy(t))).numpy()


def test_tirg(sides):
    x, t = sides
    fusion, w = build("tirg")
    z = np.concatenate([x, t], 1)
    g = w.linear("gate.2", relu(w.norm("gate.0", z)))
    r = w.linear("residual.4", relu(w.linear("residual.2", relu(w.norm("residual.0", z)))))
    out = w["a"][0] * sigmoid(g) * x + w["a"][1] * r
    np.testing.assert_allclose(composed(fusion, x, t), unit(out), atol=1e-5)


def test_tirg_starts_from_the_published_mixture():
    fusion = variants.make("fusions", "tirg", image_dim=D, text_dim=D, dim=D)
    assert fusion.a.tolist() == [1, 10]
    assert fusion.a.requires_grad


def test_combiner(sides):
    x, t = sides
    fusion, w = build("combiner")
    z = np.concatenate([relu(w.linear("text_projection.0", t)), relu(w.linear("image_projection.0", x))], 1)
    h = relu(w.linear("correction.0", z))
    share = sigmoid(w.linear("share.3", relu(w.linear("share.0", z))))
    out = w.linear("correction.3", h) + share * t + (1 - share) * x
    np.testing.assert_allclose(composed(fusion, x, t), unit(out), atol=1e-5)
    assert w["image_projection.0.weight"].shape == (4 * D, D)
    assert w["correction.0.weight"].shape == (8 * D, 8 * D)


def test_rtic(sides):
    x, t = sides
    fusion, w = build("rtic", blocks=3)
    f = w.linear("join.2", leaky(w.norm("join.0", np.concatenate([x, t], 1))))
    g = sigmoid(w.linear("gate.3", leaky(w.norm("gate.1", w.linear("gate.0", f)))))
    for block in ("errors.0", "errors.1", "errors.2"):
        h = leaky(w.norm(f"{block}.1", w.linear(f"{block}.0", f)))
        f = f + w.linear(f"{block}.6", leaky(w.norm(f"{block}.4", w.linear(f"{block}.3", h))))
    np.testing.assert_allclose(composed(fusion, x, t), unit(g * x + (1 - g) * f), atol=1e-5)


def conv_along(a, weight, bias):
    """(B, C, N) with kernels (O, C, 3) and a border of one zero → (B, O, N)."""
    padded = np.pad(a, ((0, 0), (0, 0), (1, 1)))
    windows = np.stack([padded[:, :, k : k + a.shape[2]] for k in range(3)], -1)
    return np.einsum("bcnk,ock->bon", windows, weight) + bias[:, None]


def largest_of_stretches(a, count):
    """(B, C, N) → (B, C, count): stretch i runs from ⌊i·N/count⌋ to ⌈(i + 1)·N/count⌉."""
    n = a.shape[2]
    bounds = [(i * n // count, -(-(i + 1) * n // count)) for i in range(count)]
    return np.stack([a[:, :, start:stop].max(-1) for start, stop in bounds], -1)


def turned(w, branch, x, t):
    v = w.linear(f"{branch}.length.4", relu(w.linear(f"{branch}.length.1", w.norm(f"{branch}.length.0", x))))
    theta = w.linear(f"{branch}.angle.3", relu(w.linear(f"{branch}.angle.1", w.norm(f"{branch}.angle.0", t))))
    return v, theta, v * np.cos(theta), v * np.sin(theta)


def decoded(w, key, a):
    return w.linear(f"{key}.4", relu(w.linear(f"{key}.2", relu(w.norm(f"{key}.0", a)))))


def test_composeae(sides):
    x, t = sides
    fusion, w = build("composeae")
    _, _, re, im = turned(w, "linear_turn", x, t)
    linear = decoded(w, "linear", np.concatenate([re, im], 1))
    v, theta, re, im = turned(w, "conv_turn", x, t)
    channels = conv_along(np.stack([v, theta, x, re, im], 1), w["convolve.0.weight"], w["convolve.0.bias"])
    conv = decoded(w, "conv", largest_of_stretches(channels, 16).reshape(B, -1))
    out = w["a"][1] * linear + w["a"][0] * conv
    np.testing.assert_allclose(composed(fusion, x, t), unit(out), atol=1e-5)


def conv_3x3(a, weight, bias):
    """One channel (B, H, W) with one kernel (3, 3) and a border of zeros."""
    padded = np.pad(a, ((0, 0), (1, 1), (1, 1)))
    h, w = a.shape[1:]
    return sum(weight[i, j] * padded[:, i : i + h, j : j + w] for i in range(3) for j in range(3)) + bias


def convolved(w, key, a):
    """Conv1×1 → BN → ReLU6 on the last axis."""
    return np.clip(w.norm(f"{key}.1", a @ w[f"{key}.0.weight"][:, :, 0, 0].T), 0, 6)


def test_the_gate_of_val():
    fusion, w = build("val")
    rng = np.random.default_rng(5)
    x, t = rng.normal(size=(B, 6, D)).astype(np.float32), rng.normal(size=(B, D)).astype(np.float32)
    cells = np.concatenate([x, np.repeat(t[:, None], 6, 1)], -1)  # (B, H·W, 2·D)
    v = convolved(w, "levels.0.join", cells)
    channel = convolved(w, "levels.0.channel", v.mean(1))
    kernel = w["levels.0.spatial.0.weight"][0, 0]
    spatial = conv_3x3(v.mean(-1).reshape(B, 2, 3), kernel, 0).reshape(B, 6, 1)
    spatial = np.clip(w.norm("levels.0.spatial.1", spatial), 0, 6)
    gate = sigmoid(channel)[:, None] * sigmoid(spatial)

    as_map = torch.from_numpy(v.transpose(0, 2, 1).reshape(B, D, 2, 3)).float()
    ours = fusion.levels[0].gate(as_map).detach().numpy().reshape(B, D, 6).transpose(0, 2, 1)
    np.testing.assert_allclose(ours, gate, atol=1e-5)

    with torch.no_grad():
        fusion.levels[0].change.zero_()  # as at the start of training: the gate alone
        image = Features(torch.from_numpy(x).mean(1), torch.from_numpy(x), grid=(2, 3))
        whole = fusion(image, Features(torch.from_numpy(t))).numpy()
    pooled = w["levels.0.keep"] * (gate * x).mean(1)
    np.testing.assert_allclose(whole, unit(w.linear("projections.0", pooled)), atol=1e-5)


def test_curling_folds_the_sweep_into_the_query(sides):
    x, t = sides
    fusion, w = build("curling")
    z = np.concatenate([x, t], 1)

    def mlp(key):
        return w.linear(f"{key}.5", relu(w.norm(f"{key}.3", w.linear(f"{key}.2", relu(w.norm(f"{key}.0", z))))))

    delivered, swept = x + mlp("delivery"), sigmoid(mlp("sweeping"))
    np.testing.assert_allclose(composed(fusion, x, t), unit(swept**2 * delivered), atol=1e-5)


def test_two_branch(sides):
    x, t = sides
    fusion, w = build("two_branch")

    def branch(key, a):
        return unit(w.linear(f"{key}.4", relu(w.norm(f"{key}.1", w.linear(f"{key}.0", a)))))

    out = branch("image_branch", x) + branch("text_branch", t)
    np.testing.assert_allclose(composed(fusion, x, t), unit(out), atol=1e-5)


def conv_map(a, weight):
    """A map (B, C, H, W) with 3×3 kernels (O, C, 3, 3) and a border of zeros: (B, O, H, W)."""
    padded = np.pad(a, ((0, 0), (0, 0), (1, 1), (1, 1)))
    h, w = a.shape[2:]
    shifted = [(weight[:, :, i, j], padded[:, :, i : i + h, j : j + w]) for i in range(3) for j in range(3)]
    return sum(np.einsum("bchw,oc->bohw", part, kernel) for kernel, part in shifted)


@pytest.mark.parametrize("residual", [False, True])
def test_the_gate_of_the_paper(residual):
    fusion, w = build("gate", residual=residual)
    rng = np.random.default_rng(5)
    x, t = rng.normal(size=(B, 6, D)).astype(np.float32), rng.normal(size=(B, D)).astype(np.float32)

    def norm(key, a):
        return w.norm(key, a.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)

    as_map = x.transpose(0, 2, 1).reshape(B, D, 2, 3)
    z = np.concatenate([as_map, np.broadcast_to(t[:, :, None, None], as_map.shape)], 1)
    h = relu(norm("gate.1", conv_map(z, w["gate.0.weight"])))
    out = sigmoid(norm("gate.4", conv_map(h, w["gate.3.weight"]))) * as_map
    out = out + conv_map(h, w["residual.weight"]) if residual else out
    pooled = (w["weight"][:, None, None] * out).mean((2, 3))
    image = Features(torch.from_numpy(x).mean(1), torch.from_numpy(x), grid=(2, 3))
    with torch.no_grad():
        ours = fusion(image, Features(torch.from_numpy(t))).numpy()
    np.testing.assert_allclose(ours, unit(w.linear("project", pooled)), atol=1e-5)
