from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twinlens.core.types import TwinlensError
from twinlens.datasets._safe_numpy import load_object

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def save(path: Path, content: object) -> Path:
    box = np.empty((), dtype=object)
    box[()] = content
    np.save(path, box, allow_pickle=True)
    return path


def save_pickle(path: Path, stream: bytes) -> Path:
    """An .npy file with the header of one object and any pickle behind it."""
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
        file.write(stream)
    return path


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.dictionaries(st.text(), PLAIN))
def test_plain_data_comes_back_as_it_was(tmp_path, content):
    assert load_object(save(tmp_path / "a.npy", content)) == content


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=">i4").reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.array([True, False]),
        np.array([1j]),
        np.array(["é", "abc"]),
        np.array([b"ab"]),
        np.array([{"x": 1}, None], dtype=object),
        np.zeros((0, 4), dtype=np.float32),
    ],
    ids=lambda array: str(array.dtype),
)
def test_arrays_come_back_as_they_were(tmp_path, array):
    back = load_object(save(tmp_path / "a.npy", {"array": array}))["array"]
    assert (back.shape, back.dtype) == (array.shape, array.dtype.newbyteorder("="))
    assert (back == array).all()


def test_numpy_numbers_and_sets_come_back_as_pythons(tmp_path):
    back = load_object(save(tmp_path / "a.npy", [np.float64(0.25), np.int16(-3), np.bool_(True), {1}, frozenset("a")]))
    assert back == [0.25, -3, True, {1}, frozenset("a")]
    assert [type(value) for value in back[:3]] == [float, int, bool]


def test_python_2_wrote_names_and_raw_numbers_as_latin_1(tmp_path):
    dtype = b"cnumpy\ndtype\nU\x02%sK\x00K\x01\x87R(K\x03U\x01%sNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb"
    number = (
        b"cnumpy.core.multiarray\nscalar\n" + dtype % (b"f8", b"<") + b"U\x08" + np.float64(-1.5).tobytes() + b"\x86R"
    )
    stream = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01)" + (
        dtype % (b"O8", b"|") + b"\x89]}U\x01a" + number + b"satb."
    )
    assert load_object(save_pickle(tmp_path / "a.npy", stream)) == {"a": -1.5}


class Call:
    """Pickles as the call of any function."""

    def __init__(self, function, *arguments) -> None:
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    "call",
    [
        lambda mark: Call(os.system, f"touch {mark}"),
        lambda mark: Call(eval, f"open({str(mark)!r}, 'w')"),
        lambda mark: Call(Path.touch, mark),
        lambda mark: Call(np.save, mark, 1),
        lambda mark: Call(getattr, "", "join"),
    ],
    ids=["system", "eval", "method", "numpy", "getattr"],
)
def test_a_file_that_names_a_function_is_refused_and_nothing_runs(tmp_path, call):
    mark = tmp_path / "mark.npy"
    path = save(tmp_path / "a.npy", {"train": call(mark)})
    with pytest.raises(TwinlensError, match="which is no plain data"):
        load_object(path)
    assert not mark.exists()


class ForgedDtype:
    """Pickles as a type that calls raw bytes pointers to objects."""

    def __reduce__(self):
        fields = {"a": (np.dtype(object), 0)}
        return np.dtype, ("V8", False, True), (3, "|", None, ("a",), fields, 8, 1, 0)


class ForgedArray:
    def __init__(self, *state) -> None:
        self.state = state

    def __reduce__(self):
        reconstruct, arguments, _ = np.empty(0).__reduce__()
        return reconstruct, arguments, self.state


@pytest.mark.parametrize(
    "forged",
    [
        ForgedDtype(),
        ForgedArray(1, (1,), ForgedDtype(), False, b"\x41" * 8),
        ForgedArray(1, (2,), np.dtype(object), False, [None]),
        ForgedArray(1, (1,), np.dtype(object), False, b"\x41" * 8),
        ForgedArray(1, (2,), np.dtype("f8"), False, b"\x41" * 8),
        ForgedArray(1, (1,), "f8", False, b"\x41" * 8),
        Call(np.ndarray, (1,)),
        np.array([(1, 2)], dtype=[("a", "i4"), ("b", "i4")]),
    ],
)
def test_forged_arrays_are_refused(tmp_path, forged):
    path = save_pickle(tmp_path / "a.npy", pickle.dumps({"array": forged}, protocol=4))
    with pytest.raises(TwinlensError, match=r"not an \.npy file of plain data"):
        load_object(path)


def test_a_file_cut_off_anywhere_is_one_clear_error(tmp_path):
    whole = save(tmp_path / "a.npy", {"mods": [{"from": [0], "to": np.arange(2)}]}).read_bytes()
    for length in range(len(whole)):
        cut = tmp_path / "cut.npy"
        cut.write_bytes(whole[:length])
        with pytest.raises(TwinlensError, match=r"cut\.npy is not an \.npy file of plain data"):
            load_object(cut)


def test_other_npy_files_and_folders_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(3))
    with pytest.raises(TwinlensError, match=r"shape \(3,\)"):
        load_object(tmp_path / "a.npy")
    with pytest.raises(TwinlensError, match="cannot read"):
        load_object(tmp_path)
