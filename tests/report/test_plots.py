from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image, ImageColor

from twinlens.core.types import TwinlensError
from twinlens.report import Estimate
from twinlens.report.plots import PALETTE, bar_chart, curves

SERIES = {
    "as printed": {"k-NN": Estimate(0.99, 0.98, 1.0), "SVM": Estimate(0.95, 0.9, 0.97)},
    "leak-free": {"k-NN": Estimate(0.2, 0.15, 0.25)},
}


def colour_share(path, colour: str) -> float:
    """The share of a picture's pixels that have exactly this colour."""
    pixels = np.asarray(Image.open(path).convert("RGB"))
    return float((pixels == ImageColor.getrgb(colour)).all(-1).mean())


def test_bars_are_as_tall_as_their_figures(tmp_path):
    bar_chart(SERIES, tmp_path / "bars.png", title="NLVR", ylabel="accuracy")
    first, second = (colour_share(tmp_path / "bars.png", PALETTE[n]) for n in (0, 1))
    assert first / second == pytest.approx((0.99 + 0.95) / 0.2, rel=0.1)


def test_svg_shows_every_name_and_is_well_formed(tmp_path):
    bar_chart(SERIES, tmp_path / "bars.svg", published={"SVM": 0.92})
    text = (tmp_path / "bars.svg").read_text("utf-8")
    assert ET.fromstring(text).tag.endswith("svg")
    for name in ("as printed", "leak-free", "published", "k-NN", "SVM", "0.95"):
        assert f"<!-- {name} -->" in text


def test_many_bars_leave_their_numbers_out(tmp_path):
    many = {f"series {n}": {f"hit@{k}": Estimate(0.37, 0.3, 0.4) for k in range(5)} for n in range(4)}
    bar_chart(many, tmp_path / "bars.svg")
    assert "<!-- 0.37 -->" not in (tmp_path / "bars.svg").read_text("utf-8")


def test_the_same_figures_give_the_same_picture(tmp_path):
    for name in ("a.png", "b.png"):
        bar_chart(SERIES, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_curves_have_a_panel_per_quantity_and_mark_the_kept_epoch(tmp_path):
    panels = {"loss": {"training": [3.0, 2.0, 1.5]}, "R@1": {"validation": [0.1, 0.3, 0.2]}}
    curves(panels, tmp_path / "curves.svg", title="compact", best=2)
    text = (tmp_path / "curves.svg").read_text("utf-8")
    for name in ("compact", "loss", "R@1", "training", "validation", "epoch", "kept: epoch 2"):
        assert f"<!-- {name} -->" in text


def test_a_single_epoch_is_still_seen(tmp_path):
    curves({"loss": {"training": [3.0]}}, tmp_path / "curves.png")
    assert colour_share(tmp_path / "curves.png", PALETTE[0]) > 1e-4


@pytest.mark.parametrize("draw", [lambda path: bar_chart(SERIES, path), lambda path: curves({"a": {"b": [1.0]}}, path)])
def test_another_suffix_is_refused(tmp_path, draw):
    with pytest.raises(TwinlensError, match=r"ends in \.png or \.svg"):
        draw(tmp_path / "plot.xyz")


def test_no_global_plotting_state():
    code = "import sys, twinlens.report.plots; print('matplotlib.pyplot' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout == "False\n"
