"""Graphs are read before native code parses them: operators, and files that they name."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from twinlens.core.types import TwinlensError
from twinlens.models.exported import graphs


def model(*, domain: str = "", operator: str = "Add", functions: tuple = (), inside: bool = False) -> onnx.ModelProto:
    """x + 1, or another operator; `inside`: within a branch of an If."""
    one = numpy_helper.from_array(np.ones(4, dtype=np.float32), "one")
    node = helper.make_node(operator, ["x", "one"], ["y"], domain=domain)
    if inside:
        branch = helper.make_graph([node], "branch", [], [helper.make_tensor_value_info("y", TensorProto.FLOAT, [4])])
        node = helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)
    values = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4])]
    graph = helper.make_graph([node], "g", values, [helper.make_tensor_value_info("y", TensorProto.FLOAT, [4])], [one])
    opsets = [helper.make_opsetid("", 18), *([helper.make_opsetid(domain, 1)] if domain else [])]
    return helper.make_model(graph, opset_imports=opsets, functions=list(functions))


def stored(path, location: str, proto: onnx.ModelProto | None = None) -> None:
    """A graph that keeps its tensor in another file."""
    proto = proto or model()
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", location
    path.write_bytes(proto.SerializeToString())


def test_a_graph_of_its_own_operators_is_accepted(tmp_path):
    onnx.save(model(), tmp_path / "g.onnx")
    assert graphs.check(tmp_path / "g.onnx") == ()
    assert graphs.read(tmp_path / "g.onnx").operators == {("", "Add")}
    found = graphs.opened(tmp_path / "g.onnx")({"x": np.zeros(4, dtype=np.float32)})
    assert found["y"].tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("inside", [False, True])
def test_operators_of_other_makers_are_refused_also_within_branches(tmp_path, inside):
    (tmp_path / "g.onnx").write_bytes(model(domain="evil.corp", operator="Run", inside=inside).SerializeToString())
    with pytest.raises(TwinlensError, match=r"needs the operator evil\.corp\.Run, which is not ONNX Runtime's own"):
        graphs.opened(tmp_path / "g.onnx")


def test_operators_that_the_graph_defines_itself_are_accepted(tmp_path):
    node = helper.make_node("Add", ["a", "b"], ["c"])
    own = helper.make_function("mine", "Run", ["a", "b"], ["c"], [node], [helper.make_opsetid("", 18)])
    onnx.save(model(domain="mine", operator="Run", functions=(own,)), tmp_path / "g.onnx")
    assert graphs.opened(tmp_path / "g.onnx")({"x": np.zeros(4, dtype=np.float32)})["y"].tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("location", ["../secret", "/etc/passwd", "other.bin", "g.onnx/../../secret", "g.onnx", ""])
def test_weights_elsewhere_are_refused(tmp_path, location):
    (tmp_path / "secret").write_bytes(bytes(16))
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "other.bin").write_bytes(bytes(16))
    stored(folder / "g.onnx", location)
    with pytest.raises(TwinlensError, match="keeps its weights in"):
        graphs.opened(folder / "g.onnx")


def test_weights_beside_the_graph_are_read_but_not_over_links(tmp_path):
    stored(tmp_path / "g.onnx", "g.onnx_data")
    with pytest.raises(TwinlensError, match="which is not beside it; copy both"):
        graphs.opened(tmp_path / "g.onnx")
    (tmp_path / "elsewhere").write_bytes(np.full(4, 2, dtype=np.float32).tobytes())
    (tmp_path / "g.onnx_data").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TwinlensError, match="which is not beside it"):
        graphs.opened(tmp_path / "g.onnx")
    (tmp_path / "g.onnx_data").unlink()
    (tmp_path / "elsewhere").rename(tmp_path / "g.onnx_data")
    assert graphs.check(tmp_path / "g.onnx") == ("g.onnx_data",)
    assert graphs.opened(tmp_path / "g.onnx")({"x": np.zeros(4, dtype=np.float32)})["y"].tolist() == [2, 2, 2, 2]


def test_a_tensor_within_an_attribute_may_not_be_elsewhere_either(tmp_path):
    proto = model()
    constant = helper.make_node("Constant", [], ["z"], value=numpy_helper.from_array(np.ones(4, dtype=np.float32)))
    tensor = constant.attribute[0].t
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../secret"
    proto.graph.node.append(constant)
    (tmp_path / "g.onnx").write_bytes(proto.SerializeToString())
    with pytest.raises(TwinlensError, match=r"keeps its weights in '\.\./secret'"):
        graphs.check(tmp_path / "g.onnx")


def test_numbers_of_fields_that_readers_take_differently_are_refused(tmp_path):
    content = model().SerializeToString()
    assert content[0] == 8  # the version, field 1, as a number
    (tmp_path / "g.onnx").write_bytes(b"\x88\x80\x80\x80\x10" + content[1:])
    with pytest.raises(TwinlensError, match="a field without a number that can be"):
        graphs.check(tmp_path / "g.onnx")


@pytest.mark.parametrize("content", [b"", b"no graph", bytes(100), b"\xff" * 40, b"{}"])
def test_other_files_are_no_graphs(tmp_path, content):
    (tmp_path / "g.onnx").write_bytes(content)
    with pytest.raises(TwinlensError, match="is no ONNX graph"):
        graphs.check(tmp_path / "g.onnx")
    with pytest.raises(TwinlensError, match="is no file, or a link to one"):
        graphs.check(tmp_path / "missing.onnx")


@settings(max_examples=200, deadline=None)
@given(place=st.integers(0, 10**6), byte=st.integers(0, 255), cut=st.booleans())
def test_damaged_graphs_are_read_or_refused_in_one_line(tmp_path_factory, place, byte, cut):
    content = bytearray(model(domain="mine").SerializeToString())
    place %= len(content)
    content[place] = byte
    path = tmp_path_factory.mktemp("graph") / "g.onnx"
    path.write_bytes(content[:place] if cut else content)
    try:
        graphs.read(path)
    except TwinlensError as error:
        assert "\n" not in str(error)
