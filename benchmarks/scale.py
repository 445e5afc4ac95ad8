"""Cost of collections of any size, from what was measured: bytes, seconds and machines for some plans.

Sizes are formulas of the number of pictures N and of numbers per vector D; tests compare them with real files. Rates
are read from RESULTS.md, so that they follow the measurements: each is stated with its section and hardware. The tables
go to docs/scale.md, between the marks there. What is extrapolated is called so. There are no prices in it: --prices
names a TOML file of your own, and the money is printed, not written.
"""

from __future__ import annotations

import argparse
import math
import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from _results import RESULTS
from _sizes import codes_bytes, database_bytes, hnsw_bytes, ivf_bytes, matrix_bytes, pgvector_bytes

DOCUMENT = Path(__file__).parents[1] / "docs" / "scale.md"
BEGIN, END = "<!-- begin: benchmarks/scale.py -->", "<!-- end: benchmarks/scale.py -->"
WEEK_HOURS = 7 * 24
USABLE = 0.8
"""Share of a machine's memory that an index may fill."""
KILO, GIGA = 1e3, 1e9
PRICES = ("core_hour", "disk_gb_month", "memory_gb_hour")
HOURS_PER_MONTH = 730


@dataclass(frozen=True)
class Rate:
    """A measured figure: the section of RESULTS.md that has it, and a pattern whose groups are numbers.

    of: computes the constant from the groups.
    """

    name: str
    section: str
    pattern: str
    unit: str
    of: Callable[..., float] = lambda value: value


def picoseconds(rows: float, width: float, ms: float) -> float:
    """Per row and number."""
    return 1e9 * ms / rows / width


def nanoseconds(rows: float, width: float, built: float, calibrated: float) -> float:
    """Per row and number, of two steps that take seconds."""
    return 1e9 * (built + calibrated) / rows / width


INDEXING, COLLECTION, SERVERS = "Indexing", "A collection of 70,000 pictures", "Engines on servers"
EXACT, APPROXIMATE = "Exact search: the first pass by 8-bit codes", "Approximate search"
NUMBERS = r"([\d,]+) unit vectors of (\d+) numbers.*?"
RATES = {
    "embed": Rate("pictures per core and second, recipe `offline`, JPEGs of 1 to 12 megapixels", INDEXING,
                  r"on (\d+) cores.*?### Recipe `offline`.*?commit 2,000 files \| ([\d.]+)", "1/s", lambda c, r: r / c),
    "picture": Rate("bytes of a picture", INDEXING, r"megapixels, ([\d.]+) MB each", "MB"),
    "look": Rate("an update run's look at an unchanged picture", COLLECTION,
                 r"index ([\d,]+) pictures.*?nothing to do \| ([\d.]+)", "µs", lambda n, s: 1e6 * s / n),
    "exact": Rate("exact search, one query, per row and number", EXACT,
                  NUMBERS + r"first pass, proved \| ([\d.]+)", "ps", picoseconds),
    "batch": Rate("exact search in batches of 200, per query, row and number", EXACT,
                  NUMBERS + r"200 queries at once.*?our scan \| ([\d.]+)", "ps",
                  lambda n, d, ms: picoseconds(200 * n, d, ms)),
    "ivf": Rate("`ivf`, one query, per row and number", APPROXIMATE,
                NUMBERS + r"### `ivf`.*?ours, from the mapped file \| ([\d.]+)", "ps", picoseconds),
    "ivf_rows": Rate("rows that `ivf` was measured with", APPROXIMATE, r"([\d,]+) unit vectors", ""),
    "ivf_build": Rate("building and calibrating `ivf`, per row and number", APPROXIMATE,
                      NUMBERS + r"### `ivf`\s+Built in ([\d.]+) s and calibrated in ([\d.]+)", "ns", nanoseconds),
    "hnsw": Rate("`hnsw`, one query", APPROXIMATE, r"### `hnsw`.*?ours, from the mapped file \| ([\d.]+)", "ms"),
    "hnsw_build": Rate("building and calibrating `hnsw`, per row and number", APPROXIMATE,
                       NUMBERS + r"### `hnsw`\s+Built in ([\d.]+) s and calibrated in ([\d.]+)", "ns", nanoseconds),
    "postgresql": Rate("rows pushed to PostgreSQL", SERVERS, r"`postgresql` \| exact \| ([\d,]+)", "1/s"),
    "milvus": Rate("rows pushed to Milvus", SERVERS, r"`milvus` \| exact \| ([\d,]+)", "1/s"),
}  # fmt: skip


def section_of(results: str, title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", results, re.DOTALL | re.MULTILINE)
    if found is None:
        raise SystemExit(f"RESULTS.md lacks the section {title!r}: run its benchmark first")
    return found[1]


def measured(results: str) -> dict[str, float]:
    """Every constant of RATES, read from the text of RESULTS.md."""
    constants = {}
    for key, rate in RATES.items():
        found = re.search(rate.pattern, section_of(results, rate.section), re.DOTALL)
        if found is None:
            raise SystemExit(f"RESULTS.md, {rate.section}: {rate.name} is not there any more; mend RATES")
        constants[key] = rate.of(*(float(group.replace(",", "")) for group in found.groups()))
    return constants


@dataclass(frozen=True)
class Plan:
    """A collection: its pictures, numbers per vector, and the memory of a machine that searches, in bytes."""

    pictures: int
    width: int
    memory: float
    rate: dict[str, float]

    @property
    def core_hours(self) -> float:
        """N / (pictures per core and second) / 3600."""
        return self.pictures / self.rate["embed"] / 3600

    @property
    def source_bytes(self) -> float:
        return self.pictures * self.rate["picture"] * 1e6

    @property
    def feed(self) -> float:
        """Bits per second that reading all pictures in a week takes."""
        return 8 * self.source_bytes / (WEEK_HOURS * 3600)

    @property
    def disk(self) -> float:
        """Bytes of the collection with the larger index: what is paid for each month, sources aside."""
        return sum(size(self.pictures, self.width) for size in (database_bytes, matrix_bytes, hnsw_bytes))

    def machines(self, size: float) -> int:
        return math.ceil(size / (USABLE * self.memory))

    def scan_ms(self, key: str) -> float:
        """N·D·(picoseconds per row and number), in milliseconds."""
        return self.pictures * self.width * self.rate[key] / 1e9

    def ivf_ms(self) -> tuple[float, float]:
        """The least and most: the cells that are needed grow between as √N and as N."""
        most = self.scan_ms("ivf")
        return most * (self.rate["ivf_rows"] / self.pictures) ** 0.5, most

    def build_hours(self, kind: str) -> float:
        return self.pictures * self.width * self.rate[f"{kind}_build"] / 1e9 / 3600

    def money(self, prices: dict[str, float]) -> dict[str, float]:
        """Of embedding once, and of a month's disk and memory for the 8-bit index."""
        held = ivf_bytes(self.pictures, self.width) / GIGA
        return {
            "embedding, once": self.core_hours * prices["core_hour"],
            "disk, a month": self.disk / GIGA * prices["disk_gb_month"],
            "memory, a month": held * prices["memory_gb_hour"] * HOURS_PER_MONTH,
        }


def amount(value: float, unit: str) -> str:
    """A number with a unit and two digits that count."""
    for factor, prefix in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{_two(value / factor)} {prefix}{unit}"
    return f"{_two(value)} {unit}"


def _two(value: float) -> str:
    digits = 1 - math.floor(math.log10(value))
    return f"{round(value, digits):,.{max(0, digits)}f}"


def counted(pictures: int) -> str:
    """A number in words where it is round."""
    for factor, word in ((10**9, "billion"), (10**6, "million")):
        if pictures % factor == 0:
            return f"{pictures // factor:,} {word}"
    return f"{pictures:,}"


def time_of(seconds: float) -> str:
    for factor, unit in ((86400, "days"), (3600, "h"), (60, "min"), (1, "s")):
        if seconds >= factor:
            return f"{_two(seconds / factor)} {unit}"
    return f"{_two(1e3 * seconds)} ms"


ROWS: Sequence[tuple[str, Callable[[Plan], str]]] = (
    ("pictures, read once", lambda p: amount(p.source_bytes, "B")),
    ("embedding, core-hours", lambda p: _two(p.core_hours)),
    ("cores that embed all in a week", lambda p: f"{math.ceil(p.core_hours / WEEK_HOURS):,}"),
    ("network that feeds them", lambda p: amount(p.feed, "bit/s")),
    ("database", lambda p: amount(database_bytes(p.pictures, p.width), "B")),
    ("matrix", lambda p: amount(matrix_bytes(p.pictures, p.width), "B")),
    ("`exact`: 8-bit codes in memory", lambda p: amount(codes_bytes(p.pictures, p.width), "B")),
    ("`ivf`: file", lambda p: amount(ivf_bytes(p.pictures, p.width), "B")),
    ("`hnsw`: file", lambda p: amount(hnsw_bytes(p.pictures, p.width), "B")),
    ("PostgreSQL: table", lambda p: amount(pgvector_bytes(p.pictures, p.width), "B")),
    ("machines whose memory holds the codes", lambda p: f"{p.machines(codes_bytes(p.pictures, p.width)):,}"),
    ("machines whose memory holds `hnsw`", lambda p: f"{p.machines(hnsw_bytes(p.pictures, p.width)):,}"),
    ("`exact`, one query, 2 cores", lambda p: time_of(p.scan_ms("exact") / KILO)),
    ("`exact`, of a batch of 200, each", lambda p: time_of(p.scan_ms("batch") / KILO)),
    ("`ivf`, one query, extrapolated", lambda p: " to ".join(time_of(ms / KILO) for ms in sorted(p.ivf_ms()))),
    ("`ivf`, built and calibrated, 2 cores", lambda p: time_of(3600 * p.build_hours("ivf"))),
    ("`hnsw`, built and calibrated, 2 cores", lambda p: time_of(3600 * p.build_hours("hnsw"))),
    ("update run without changes", lambda p: time_of(p.pictures * p.rate["look"] / 1e6)),
    ("push to PostgreSQL, one process", lambda p: time_of(p.pictures / p.rate["postgresql"])),
    ("push to Milvus, one process", lambda p: time_of(p.pictures / p.rate["milvus"])),
    ("disk for the collection, GB-months each month", lambda p: _two(p.disk / GIGA)),
)


def tables(results: str, plans: Sequence[Plan]) -> str:
    """The constants with their hardware, and a column for each plan."""
    rate, width, memory = plans[0].rate, plans[0].width, plans[0].memory
    lines = ["| constant | value | measured on | section of RESULTS.md |", "|---|---:|---|---|"]
    for key, known in RATES.items():
        found = re.search(r"on (\d+ cores, [^;.\n]+)", section_of(results, known.section))
        where = found[1] if found else ""
        lines.append(f"| {known.name} | {_two(rate[key])} {known.unit} | {where} | {known.section} |")
    names = [counted(plan.pictures) for plan in plans]
    lines += [
        "",
        f"Vectors of {width:,} numbers; machines that search have {memory / GIGA:g} GB of memory, of which"
        f" {USABLE:.0%} are filled:",
        "",
        f"| pictures | {' | '.join(names)} |",
        f"|---|{'---:|' * len(plans)}",
        *(f"| {name} | {' | '.join(show(plan) for plan in plans)} |" for name, show in ROWS),
    ]
    return "\n".join(lines)


def filled(document: str, text: str) -> str:
    """A document with the text between its marks."""
    before, _, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise SystemExit(f"{DOCUMENT} lacks the marks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{text}\n{END}{after}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, action="append", help="of a plan; may be repeated (1e6, 1e8, 1e10)")
    parser.add_argument("--width", type=int, default=1026, help="numbers per vector (1026, those of `offline`)")
    parser.add_argument("--memory", type=float, default=256, help="GB of a machine that searches (256)")
    parser.add_argument("--prices", type=Path, help=f"a TOML file with {', '.join(PRICES)}; prints money, writes none")
    given = parser.parse_args()
    if min([*(given.pictures or [1]), given.width, given.memory]) <= 0:
        parser.error("pictures, numbers per vector and memory must be above 0")
    if given.prices and not given.prices.is_file():
        parser.error(f"no such file: {given.prices}")
    results = RESULTS.read_text("utf-8")
    rate = measured(results)
    sizes = given.pictures or [10**6, 10**8, 10**10]
    plans = [Plan(pictures, given.width, given.memory * GIGA, rate) for pictures in sizes]
    text = tables(results, plans)
    print(text)
    if given.prices:
        prices = tomllib.loads(given.prices.read_text("utf-8"))
        for plan in plans:
            print(f"{plan.pictures:,}:", {name: round(value, 2) for name, value in plan.money(prices).items()})
    elif given == parser.parse_args([]):
        DOCUMENT.write_text(filled(DOCUMENT.read_text("utf-8"), text), encoding="utf-8")


if __name__ == "__main__":
    main()
