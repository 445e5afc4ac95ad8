"""Plots as PNG or SVG, by the file's suffix: bars with intervals, and curves over epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from twinlens.core.escaping import escaped
from twinlens.core.types import TwinlensError
from twinlens.report.estimate import Estimate

PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C8C8C", "#F0E442")
"""Colours distinct under common colour blindness (Okabe and Ito 2008, "Color Universal Design"; grey for black)."""
INK, QUIET, RULE = "#2B2B2B", "#6E6E6E", "#E3E3E3"
SUFFIXES = (".png", ".svg")
_LINES = ("-", "--", "-.", ":")
_MOST_BARS_WITH_NUMBERS = 14  # beyond it the numbers above the bars would overlap


def bar_chart(
    series: Mapping[str, Mapping[str, Estimate]],
    path: Path,
    *,
    title: str = "",
    ylabel: str = "",
    published: Mapping[str, float] | None = None,
) -> None:
    """Plot bars side by side for each figure, with 95 % intervals, like the paper's figure 3.

    series: {name in the legend: {figure: estimate}}; a figure that a series lacks leaves a gap. published: a figure's
    value as printed elsewhere, drawn as a dashed line across its bars. Figures lie in [0, 1]. Raises TwinlensError when
    the suffix is neither .png nor .svg.
    """
    figures = list(dict.fromkeys(name for values in series.values() for name in values))
    bars = len(figures) * (len(series) + 1)
    drawing = _drawing(path, width=min(16.0, max(6.4, 1.6 + 0.42 * bars)))
    axes = drawing.axes[0]
    width = 0.8 / len(series)
    for n, (name, values) in enumerate(series.items()):
        offset = (n - (len(series) - 1) / 2) * width
        color, numbers = PALETTE[n % len(PALETTE)], bars <= _MOST_BARS_WITH_NUMBERS
        _bars(axes, figures, values, offset, width * 0.9, name=name, color=color, numbers=numbers)
    for n, (figure, value) in enumerate((published or {}).items()):
        _published(axes, figures.index(figure), value, "" if n else "published")
    axes.set_ylim(0, 1.08)
    axes.set_xticks(range(len(figures)), figures, color=INK)
    _dress(axes, title, ylabel)
    named = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    order = [*series, *(["published"] if published else [])]
    handles = [named[name] for name in order]
    drawing.legend(handles, order, loc="outside lower center", ncols=min(4, len(order)), frameon=False, labelcolor=INK)
    _save(drawing, path)


def curves(
    panels: Mapping[str, Mapping[str, Sequence[float]]],
    path: Path,
    *,
    title: str = "",
    best: int | None = None,
) -> None:
    """Plot curves over epochs counted from 1, one panel per quantity.

    panels: {quantity (the panel's title): {name in the legend: one value per epoch}}. best: the epoch whose weights
    were kept, marked in every panel. Raises TwinlensError when the suffix is neither .png nor .svg.
    """
    drawing = _drawing(path, width=4.8 * len(panels), panels=len(panels))
    for axes, (quantity, lines) in zip(drawing.axes, panels.items(), strict=True):
        for n, (name, values) in enumerate(lines.items()):
            color, dashes, marker = PALETTE[n % len(PALETTE)], _LINES[n % len(_LINES)], "" if len(values) > 1 else "o"
            epochs = range(1, len(values) + 1)
            axes.plot(epochs, values, label=name, color=color, linestyle=dashes, linewidth=2, marker=marker)
        if best is not None:
            axes.axvline(best, color=QUIET, linewidth=1, linestyle=":", label=f"kept: epoch {best}")
        axes.set_xlabel("epoch", color=QUIET)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        _dress(axes, quantity, "")
        axes.legend(frameon=False, labelcolor=INK)
    if title:
        drawing.suptitle(escaped(title), color=INK, fontsize=13, x=0.01, ha="left", parse_math=False)
    _save(drawing, path)


def _drawing(path: Path, *, width: float, panels: int = 1) -> Figure:
    if path.suffix.lower() not in SUFFIXES:
        raise TwinlensError(f"cannot draw {path.name}: give a name that ends in {' or '.join(SUFFIXES)}")
    drawing = Figure(figsize=(width, 4.2), dpi=160, layout="constrained", facecolor="white")
    drawing.subplots(1, panels)
    return drawing


def _bars(
    axes: Axes,
    figures: Sequence[str],
    values: Mapping[str, Estimate],
    offset: float,
    width: float,
    *,
    name: str,
    color: str,
    numbers: bool,
) -> None:
    """Draw one series: a bar with its interval for each of its figures, shifted by `offset`."""
    places = [n + offset for n, figure in enumerate(figures) if figure in values]
    estimates = [values[figure] for figure in figures if figure in values]
    means = [e.mean for e in estimates]
    arms = [[e.mean - e.low for e in estimates], [e.high - e.mean for e in estimates]]
    axes.bar(places, means, width, label=name, color=color, zorder=2)
    axes.errorbar(places, means, yerr=arms, fmt="none", ecolor=INK, elinewidth=1.2, capsize=3, zorder=3)
    for place, estimate in zip(places, estimates, strict=True) if numbers else ():
        spot = (place, max(estimate.mean, estimate.high))
        text, above = f"{estimate.mean:.2f}", (0, 3)
        axes.annotate(text, spot, xytext=above, textcoords="offset points", ha="center", fontsize=9, color=INK)


def _published(axes: Axes, place: int, value: float, label: str) -> None:
    axes.hlines(
        value, place - 0.46, place + 0.46, colors=INK, linestyles="dashed", linewidth=1.4, zorder=4, label=label
    )


def _dress(axes: Axes, title: str, ylabel: str) -> None:
    """Style axes: no frame, light rules behind the data, the title on the left."""
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(QUIET)
    axes.grid(axis="y", color=RULE, linewidth=0.8, zorder=0)
    axes.set_axisbelow(True)
    axes.tick_params(colors=QUIET, length=0)
    axes.set_ylabel(ylabel, color=QUIET)
    axes.set_title(escaped(title), color=INK, fontsize=12, loc="left", pad=12, parse_math=False)


def _save(drawing: Figure, path: Path) -> None:
    # Without a date equal figures make equal files, so that a report made again shows no difference.
    drawing.savefig(path, metadata={"Date": None} if path.suffix.lower() == ".svg" else None)
