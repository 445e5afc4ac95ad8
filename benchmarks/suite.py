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
BRIEFLY = {"bovw": ["--pictures", "200"]}
"""What keeps a script's share of the time small."""


def scripts(nlvr: Path | None) -> dict[str, list[str]]:
    """Every script with its arguments; those that take --root read NLVR's pictures, which we may not ship."""
    found = {}
    for path in sorted(HERE.glob("[!_]*.py")):
        takes_root = '"--root"' in path.read_text("utf-8")
        if path.stem != "suite" and (nlvr or not takes_root):
            found[path.stem] = [*(["--root", str(nlvr)] if takes_root else []), *BRIEFLY.get(path.stem, [])]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nlvr", type=Path, help="the NLVR folder, for the scripts that take --root")
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
