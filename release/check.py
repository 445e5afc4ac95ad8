"""Check of a release: build it, look through it, install it, run the demo.

    python -m release.check [--final]

Leaves the source distribution and the wheel that were checked in dist/, where `twine upload dist/*` takes them from.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "dist"
FOLDERS = ("benchmarks", "docs", "examples", "release", "src", "tests")
BUILT = shutil.ignore_patterns("*.egg-info", "__pycache__", ".*_cache")
PINNED = ("--constraints", "constraints.txt", "--build-constraints", "constraints.txt")
RELATIVE = re.compile(r"\]\((?!https?:|#)([^)]+)\)")


def main() -> int:
    """Check everything; print a line for each step, and what is left to do before an upload."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--final", action="store_true", help="fail also on what must be mended before an upload")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="twinlens-release-") as name:
        folder = Path(name)
        wheel = build(folder)
        run([_tool("twine"), "check", "--strict", *map(str, DIST.iterdir())])
        wrong = [*problems(wheel), *(reminders() if args.final else [])]
        if not wrong:
            print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB, has all it needs and nothing else")
            print(f"demo from the wheel: {demo(wheel, folder)} pictures")
    for line in wrong:
        print(f"wrong: {line}", file=sys.stderr)
    for line in [] if args.final else reminders():
        print(f"before an upload: {line}")
    return bool(wrong)


def copy_sources(folder: Path) -> Path:
    """Copy what a clone has, without what was built in it; return the copy's folder."""
    copy = folder / "source"
    for name in FOLDERS:
        shutil.copytree(ROOT / name, copy / name, ignore=BUILT)
    for path in ROOT.iterdir():
        if path.is_file() and not path.name.startswith("."):
            shutil.copy(path, copy)
    return copy


def build(folder: Path) -> Path:
    """Build the source distribution, and from it the wheel, into dist/; return the wheel."""
    shutil.rmtree(DIST, ignore_errors=True)
    source = copy_sources(folder)
    run([_tool("uv"), "build", "-q", "--out-dir", str(DIST), "--no-create-gitignore", *PINNED[2:]], cwd=source)
    (wheel,) = DIST.glob("*.whl")
    return wheel


def problems(wheel: Path) -> Iterator[str]:
    """Yield what a wheel lacks, and what it should not have."""
    source = ROOT / "src"
    files = (path for path in (source / "twinlens").rglob("*") if path.is_file() and path.suffix != ".pyc")
    wanted = {path.relative_to(source).as_posix() for path in files}
    with zipfile.ZipFile(wheel) as archive:
        about = f"{wheel.name.rsplit('-', 3)[0]}.dist-info/"
        found = {name for name in archive.namelist() if not name.startswith(about)}
        metadata = message_from_bytes(archive.read(f"{about}METADATA"))
    yield from (f"the wheel lacks {name}; see package-data in pyproject.toml" for name in sorted(wanted - found))
    yield from (f"the wheel has {name}, which is no part of the package" for name in sorted(found - wanted))
    readme = metadata.get_payload()
    links = RELATIVE.findall(readme) if isinstance(readme, str) else ["a README that is no text"]
    yield from (f"the index cannot follow the README's link {link}" for link in links)


def demo(wheel: Path, folder: Path) -> int:
    """Install a wheel without extras into an environment of its own, run its demo there; return the count of pictures.

    Nothing of this project's own environment is seen: neither its packages nor its caches.
    """
    python = folder / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
    run([_tool("uv"), "venv", "-q", "--python", sys.executable, str(folder / "env")])
    run([_tool("uv"), "pip", "install", "-q", "--python", str(python), *PINNED, str(wheel)])
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TEMP") if name in os.environ}
    environment = {**kept, "HOME": str(elsewhere), "USERPROFILE": str(elsewhere), "HF_HUB_OFFLINE": "1"}
    result = json.loads(run([str(python.with_name("twinlens")), "demo", "--json"], cwd=elsewhere, env=environment))
    (elsewhere / result["grid"]).resolve(strict=True)
    return int(result["pictures"])


def reminders() -> Iterator[str]:
    """Yield what a maintainer still has to write before an upload."""
    if "https://example.org/" in (ROOT / "pyproject.toml").read_text("utf-8"):
        yield "put the repository's address into [project.urls] of pyproject.toml"
    if "(unreleased)" in (ROOT / "CHANGELOG.md").read_text("utf-8"):
        yield "put the date in place of (unreleased) into CHANGELOG.md, and into CITATION.cff as date-released"


def run(command: list[str], *, cwd: Path = ROOT, env: dict[str, str] | None = None) -> str:
    """Run a command and return what it printed; show that and end where it fails."""
    done = subprocess.run(command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise SystemExit(f"{done.stdout}\nfailed with {done.returncode}: {' '.join(command)}")
    return done.stdout


def _tool(name: str) -> str:
    """Return the path of a tool of this project's environment."""
    return str(Path(sys.executable).with_name(name))


if __name__ == "__main__":
    raise SystemExit(main())
