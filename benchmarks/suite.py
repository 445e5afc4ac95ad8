"""All benchmarks, each in a process of its own; each writes its section of RESULTS.md and can be run alone.

A benchmark whose data or package is missing says so and keeps its section as it was.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from _results import SKIPPED

HERE = Path(__file__).resolve().parent


def scripts(nlvr: Path | None) -> dict[str, list[str]]:
    """Every script with its arguments; `bovw` measures on the pictures of NLVR, which are not ours to ship."""
    found = {path.stem: list[str]() for path in sorted(HERE.glob("*.py")) if path.stem not in ("suite", "_results")}
    found["bovw"] = ["--root", str(nlvr), "--pictures", "200"]
    return found if nlvr else {name: arguments for name, arguments in found.items() if name != "bovw"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nlvr", type=Path, help="the NLVR folder, which holds dev/images, for bovw")
    parser.add_argument("--only", action="append", help="run this script alone; may be repeated")
    given = parser.parse_args()
    failed = []
    for name, arguments in scripts(given.nlvr).items():
        if given.only and name not in given.only:
            continue
        started = time.monotonic()
        code = subprocess.run([sys.executable, HERE / f"{name}.py", *arguments], check=False).returncode
        end = {0: "done", SKIPPED: "skipped"}.get(code, "failed")
        print(f"{name}: {end} after {time.monotonic() - started:.0f} s", flush=True)
        failed += [name] if end == "failed" else []
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
