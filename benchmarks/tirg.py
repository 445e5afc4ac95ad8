"""TIRG: one training step of twinlens against a plain TIRG written here, same widths, same batch, same cores.

The plain one composes the queries and leaves targets as they are, as Vo et al. 2019 do; twice as many rows pass through
ours, because targets pass through the same layers with their text missing. The third arrangement is the plain one on
as many rows as ours, so that what our frame costs can be told from what our choice costs. Steps take turns, so that a
busy moment falls on all of them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

import torch
import torch.nn.functional as F
from _results import hardware, write
from torch import Tensor, nn

from twinlens import losses
from twinlens.core.types import Features
from twinlens.fusions.tirg import Tirg

TITLE = "## TIRG, one training step"
SCALE = 4.0
Step = Callable[[], float]


class PlainTirg(nn.Module):
    """Equation 1 of the paper and its batch softmax, nothing else."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.tensor([1.0, 10.0]))
        self.gate = nn.Sequential(nn.BatchNorm1d(2 * dim), nn.ReLU(), nn.Linear(2 * dim, dim))
        self.residual = nn.Sequential(
            nn.BatchNorm1d(2 * dim), nn.ReLU(), nn.Linear(2 * dim, 2 * dim), nn.ReLU(), nn.Linear(2 * dim, dim)
        )

    def forward(self, image: Tensor, text: Tensor) -> Tensor:
        both = torch.cat([image, text], dim=1)
        composed: Tensor = self.a[0] * torch.sigmoid(self.gate(both)) * image + self.a[1] * self.residual(both)
        return composed


def plain_step(images: Tensor, texts: Tensor, *, all_rows: bool) -> Step:
    """Composes the queries alone, or targets as well with a text of zeros."""
    count = len(texts)
    model, words = PlainTirg(images.shape[1]).train(), torch.cat([texts, torch.zeros_like(texts)])

    def loss() -> Tensor:
        if all_rows:
            queries, targets = model(images, words).chunk(2)
        else:
            queries, targets = model(images[:count], texts), images[count:]
        scores = SCALE * F.normalize(queries, dim=1) @ F.normalize(targets, dim=1).T
        return F.cross_entropy(scores, torch.arange(count))

    return timed(model, loss)


def our_step(images: Tensor, texts: Tensor) -> Step:
    """As the training loop does: queries and targets in one pass, the text of the targets missing."""
    count, dim = texts.shape
    fusion = Tirg(image_dim=dim, text_dim=dim, dim=dim).train()
    words, present = torch.cat([texts, torch.zeros_like(texts)]), torch.arange(2 * count) < count

    def loss() -> Tensor:
        queries, targets = fusion(Features(images), Features(words, present=present)).chunk(2)
        return losses.batch_softmax(queries, targets, scale=SCALE)

    return timed(fusion, loss)


def timed(model: nn.Module, loss: Callable[[], Tensor]) -> Step:
    """Seconds of one step: forward, backward, SGD with momentum, as the paper trains."""
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-2, momentum=0.9)

    def step() -> float:
        started = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss())
        optimizer.step()
        return time.perf_counter() - started

    return step


def measure(batch: int, dim: int, rounds: int) -> dict[str, list[float]]:
    """Seconds of every step of each arrangement, after a few to warm up."""
    torch.manual_seed(0)
    images, texts = torch.randn(2 * batch, dim), torch.randn(batch, dim)
    steps = {
        "plain TIRG, targets left as they are": plain_step(images, texts, all_rows=False),
        "plain TIRG, as many rows as ours": plain_step(images, texts, all_rows=True),
        "twinlens": our_step(images, texts),
    }
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(rounds + 5):
        for name, step in steps.items():
            took = step()
            if number >= 5:
                seconds[name].append(took)
    return seconds


def section(seconds: dict[str, list[float]], batch: int, dim: int) -> str:
    """The results as Markdown; a ratio is the median over rounds of plain time / our time in the same round."""
    ours = seconds["twinlens"]
    rows = [
        f"| {name} | {1000 * median(took):.2f} | {median(t / o for t, o in zip(took, ours, strict=True)):.2f}× |"
        for name, took in seconds.items()
    ]
    table = ["| Arrangement | ms per step (median) | its time / ours |", "|---|---:|---:|", *rows]
    what = (
        f"{batch} queries and {batch} targets of {dim} channels, {len(ours)} rounds, {torch.get_num_threads()} threads"
    )
    where = f"{hardware()}, torch {torch.__version__}"
    return "\n".join([TITLE, "", f"`python benchmarks/tirg.py`: {what}; {where}.", "", *table, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=60)
    args = parser.parse_args()
    text = section(measure(args.batch, args.dim, args.rounds), args.batch, args.dim)
    print(text)
    write(TITLE, text)


if __name__ == "__main__":
    main()
