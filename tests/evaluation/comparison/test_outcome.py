from __future__ import annotations

import numpy as np
import pytest

from twinlens.core.types import TwinlensError
from twinlens.evaluation.comparison.outcome import Outcome


def test_an_outcome_reads_as_it_was_saved(tmp_path):
    values = {"hit@1": np.array([1.0, 0.0, 1.0]), "map": np.array([0.5, float("nan"), 1 / 3])}
    saved = Outcome({"composed": values}, {"seed": 3, "seconds": 1.5})
    saved.save(tmp_path / "new" / "run.json")
    read = Outcome.read(tmp_path / "new" / "run.json")
    assert read.facts == saved.facts
    for metric, array in values.items():
        np.testing.assert_allclose(read.values["composed"][metric], array, atol=1e-6)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["run.json"]
    assert '"hit@1": "101"' in (tmp_path / "new" / "run.json").read_text()


def test_a_column_of_a_matrix_is_saved_as_it_reads(tmp_path):
    column = np.arange(6.0).reshape(3, 2)[:, 1]
    Outcome({"composed": {"hit@1": column}}, {}).save(tmp_path / "run.json")
    np.testing.assert_array_equal(Outcome.read(tmp_path / "run.json").values["composed"]["hit@1"], column)


@pytest.mark.parametrize("text", ["nothing", "[]", "{}", '{"facts": {}, "values": {"composed": 3}}', '{"values": {}}'])
def test_a_damaged_outcome_is_named_with_the_way_out(tmp_path, text):
    path = tmp_path / "run.json"
    path.write_text(text)
    with pytest.raises(TwinlensError, match="is damaged; delete it"):
        Outcome.read(path)
