"""The tables and plots of docs/comparison.md, from the finished runs in benchmarks/comparison/.

Runs that are not there yet are trained only with --train: with all seeds they take hours. Rows on whole maps
(`--fusions all`) take most of them.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from pathlib import Path

from twinlens.cli import main as twinlens
from twinlens.core.recipe import find_recipe
from twinlens.evaluation.comparison.methods import RESIDUAL_GATE, fusions, select

HERE = Path(__file__).resolve().parent
RUNS, DOCS = HERE / "comparison", HERE.parent / "docs"
RECIPES = ("towers-unmarked", "towers")
CELLWISE = [*fusions(), RESIDUAL_GATE]


def finished(recipe: str, repeats: int) -> bool:
    """Tell whether the runs of the fusions that are applied cell by cell are there."""
    methods = select(find_recipe(recipe), CELLWISE)
    names = [path.name for path in (RUNS / recipe).glob("*.json")]
    return all(
        any(re.match(rf"{re.escape(method.name)}(-[\d.e-]+)?-{seed}-\w+\.json", name) for name in names)
        for method in methods
        for seed in range(repeats)
    )


def update(recipe: str, repeats: int, rows: str) -> None:
    """Write a recipe's table and plot into the document."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        arguments = ["compare", "--recipe", recipe, "--repeats", str(repeats), "--fusions", rows, "--runs", str(RUNS)]
        if code := twinlens([*arguments, "--workers", "1", "--out", folder]):
            raise SystemExit(code)
        _, table, reading = (out / "table.md").read_text("utf-8").split("\n\n")[:3]
        (DOCS / "images" / f"comparison-{recipe}.png").write_bytes((out / "chart.png").read_bytes())
    page = DOCS / "comparison.md"
    marked = re.compile(rf"(<!-- table {recipe} -->\n).*?(<!-- end -->)", re.DOTALL)
    text, count = marked.subn(lambda found: f"{found[1]}\n{table}\n\n{reading}\n\n{found[2]}", page.read_text("utf-8"))
    if count != 1:
        raise SystemExit(f"{page} has no place for the table of {recipe}")
    page.write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", action="append", choices=RECIPES, help="default: both")
    parser.add_argument("--repeats", type=int, default=5, help="seeds (default: 5)")
    parser.add_argument("--fusions", default=",".join(CELLWISE), help="rows (default: all but those on whole maps)")
    parser.add_argument("--train", action="store_true", help="train the runs that are missing")
    given = parser.parse_args()
    for recipe in given.recipe or RECIPES:
        if not given.train and not finished(recipe, given.repeats):
            print(f"runs of {recipe} are missing in {RUNS}; --train trains them", file=sys.stderr)
            continue
        update(recipe, given.repeats, given.fusions)


if __name__ == "__main__":
    main()
