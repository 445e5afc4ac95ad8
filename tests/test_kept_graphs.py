"""The graphs that tests share are of equal networks alone."""

from __future__ import annotations

import onnx_ir
import pytest
import torch
from torch import nn

from tests import graphs

EXAMPLE = (torch.ones(2, 3),)
OPTIONS = {"input_names": ["words"], "output_names": ["vector"]}


class Scaled(nn.Linear):
    """A layer with a setting beside its numbers, of a checkpoint in a folder."""

    def __init__(self, seed: int = 0, scale: float = 1, folder: str = "") -> None:
        torch.manual_seed(seed)
        super().__init__(3, 4)
        self.scale, self.folder = scale, folder


def numbered(number: int) -> graphs.Kept:
    """The graph of a fake export: empty, with its number among all."""
    graph = onnx_ir.Graph([], [], nodes=[], opset_imports={"": 18})
    return graphs.Kept(onnx_ir.Model(graph, ir_version=10, producer_version=str(number)))


@pytest.fixture
def export(tmp_path, monkeypatch):
    """Exports a network in place of torch, and returns the number of the graph that it gets."""
    exported = []

    def fake(module, example, **options):
        if getattr(module, "scale", 1) == 0:
            raise RuntimeError("it cannot be exported")
        exported.append(module)
        return numbered(len(exported))

    def made(module, example=EXAMPLE, **options) -> int:
        torch.onnx.export(module, example, **(OPTIONS | options)).save(tmp_path / "saved")
        return int(onnx_ir.load(tmp_path / "saved").producer_version)

    monkeypatch.setattr(torch.onnx, "export", fake)
    graphs.keep(monkeypatch, tmp_path)
    return made


def test_equal_networks_have_one_graph_wherever_their_checkpoint_is(export, tmp_path):
    assert export(Scaled(folder=f"{tmp_path}/a")) == export(Scaled(folder=f"{tmp_path}/b")) == 1
    assert export(Scaled(folder=f"{tmp_path}/a"), (torch.zeros(2, 3),)) == 1


def test_whatever_differs_has_a_graph_of_its_own(export, monkeypatch):
    assert export(Scaled()) == 1
    assert export(Scaled(seed=1)) == 2
    assert export(Scaled(scale=2)) == 3
    assert export(Scaled().eval()) == 4
    assert export(Scaled(folder="elsewhere")) == 5
    assert export(nn.Sequential(Scaled())) == 6
    assert export(Scaled(), (torch.ones(3, 3),)) == 7
    assert export(Scaled(), (torch.ones(2, 3, dtype=torch.int64),)) == 8
    assert export(Scaled(), output_names=["gate"]) == 9
    monkeypatch.setattr(Scaled, "forward", lambda self, words: 2 * words)
    assert export(Scaled()) == 10
    monkeypatch.setattr(Scaled, "forward", lambda self, words: 3 * words)
    assert export(Scaled()) == 11


def test_what_cannot_be_pickled_is_exported_each_time(export):
    network = Scaled()
    network.forward = lambda words: words
    assert [export(network), export(network)] == [1, 2]


def test_a_failure_is_not_kept(export):
    for _ in range(2):
        with pytest.raises(RuntimeError, match="cannot be exported"):
            export(Scaled(scale=0))
    assert export(Scaled()) == 1
