"""The tables and plots of docs/comparison.md, from the finished runs in benchmarks/comparison/.

Without --train nothing is trained: where a run is missing, or a trial of a learning rate, the recipe's table stays as
it is, and one line says so. With --train they are trained first; all seeds of both recipes take about two hours.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from pathlib import Path

from twinlens.cli import build_parser
from twinlens.core.types import TwinlensError

HERE = Path(__file__).resolve().parent
RUNS, DOCS = HERE / "comparison", HERE.parent / "docs"
RECIPES = ("towers-unmarked", "towers")


def update(recipe: str, repeats: int, rows: str, *, train: bool) -> None:
    """Write a recipe's table and plot into the document. Raises TwinlensError for a missing run, unless they train."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        arguments = ["compare", "--recipe", recipe, "--repeats", str(repeats), "--fusions", rows, "--runs", str(RUNS)]
        arguments += ["--workers", "1", "--out", folder, *([] if train else ["--finished"])]
        args = build_parser(["compare"]).parse_args(arguments)
        args.run(args)
        _, table, reading = (out / "table.md").read_text("utf-8").split("\n\n")[:3]
        chart = (out / "chart.png").read_bytes()
    page = DOCS / "comparison.md"
    marked = re.compile(rf"(<!-- table {recipe} -->\n).*?(<!-- end -->)", re.DOTALL)
    text, count = marked.subn(lambda found: f"{found[1]}\n{table}\n\n{reading}\n\n{found[2]}", page.read_text("utf-8"))
    if count != 1:
        raise TwinlensError(f"{page} has no place for the table of {recipe}")
    page.write_text(text, encoding="utf-8")
    (DOCS / "images" / f"comparison-{recipe}.png").write_bytes(chart)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", action="append", choices=RECIPES, help="default: both")
    parser.add_argument("--repeats", type=int, default=5, help="seeds (default: 5)")
    parser.add_argument("--fusions", default="all", help="rows (default: all, with those on whole maps)")
    parser.add_argument("--train", action="store_true", help="train the runs that are missing")
    given = parser.parse_args()
    failed = False
    for recipe in given.recipe or RECIPES:
        try:
            update(recipe, given.repeats, given.fusions, train=given.train)
        except TwinlensError as error:
            print(f"{recipe}: {error} (--train)", file=sys.stderr)
            failed = True
    if failed:
        raise SystemExit(2)


if __name__ == "__main__":
    main()
