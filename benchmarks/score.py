"""Scores pipelines of growing size, and compares: with experta deal by deal, and with merely copying the input.

Everything is measured in one run on the same machine: ours and the copy as processes of their own,
with wall time and peak memory; experta on a sample of the same deals, already in memory.

    python benchmarks/score.py [FOLDER] [DEALS ...]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from dealready.engine.diagnose import Diagnoser
from dealready.rules.base import load_rule_base

sys.path.insert(0, str(Path(__file__).parent))
from clips_peer import ClipsProgram
from data import sample, write

SIZES = (10_000, 100_000, 1_000_000)
SAMPLE = 300  # deals for engines that take them one by one
THREADS = 2
COPY = """
import duckdb, sys
from pathlib import Path
with duckdb.connect() as database:
    database.execute(f"SET threads = {sys.argv[3]}")
    for file in sorted(Path(sys.argv[1]).glob("*.parquet")):
        database.execute(f"COPY (FROM '{file}') TO '{sys.argv[2]}/{file.name}' (FORMAT parquet, COMPRESSION zstd)")
"""


@dataclass(frozen=True)
class Measured:
    """What a process took: seconds of wall time, and the most memory it held, in MiB."""

    seconds: float
    memory: float


def measure(command: list[str]) -> Measured:
    """Run a command to its end."""
    start = time.perf_counter()
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(running.pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"{command[:4]} failed")
    return Measured(time.perf_counter() - start, usage.ru_maxrss / 1024)


def rates(folder: Path) -> dict[str, float]:
    """Return how many deals a second the engines take that take them one by one; reading and writing are not counted."""
    base = load_rule_base()
    diagnoser, program = Diagnoser(base), ClipsProgram(base)
    deals = sample(folder, base.vocabulary, SAMPLE)
    cases = [diagnoser.case(deal) for deal in deals]
    expected = diagnoser.outcome(deals[0])[1].concluded
    assert {name: set(about) for name, about in expected.items()} == program.conclusions(cases[0])
    found = {}
    for name, run in (
        ("experta", lambda: [diagnoser.outcome(deal) for deal in deals]),
        ("CLIPS", lambda: [program.conclude(case) for case in cases]),
    ):
        start = time.perf_counter()
        run()
        found[name] = len(deals) / (time.perf_counter() - start)
    return found


def main() -> None:
    """Measure and print."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp(prefix="dealready-bench-"))
    sizes = [int(size) for size in sys.argv[2:]] or list(SIZES)
    score = [str(Path(sys.executable).with_name("dealready")), "score"]
    heads = f"{'deals':>10} {'ours s':>8} {'deals/s':>9} {'MiB':>6} {'Polars s':>9} {'MiB':>6} {'copy s':>8}"
    lines = [f"{os.cpu_count()} cores, {THREADS} threads", f"{heads} {'ours/Polars':>12} {'ours/copy':>10}"]
    rate = 0.0
    for size in sizes:
        source = folder / str(size)
        if not source.exists():
            write(size, source)
        with tempfile.TemporaryDirectory(dir=folder) as target:
            options = ["--tables", "deals", "--threads", str(THREADS), "--memory", "3GB", "--quiet"]
            ours = measure([*score, str(source), "-o", f"{target}/out", *options])
            copied = measure([sys.executable, "-c", COPY, str(source), target, str(THREADS)])
            peer = Path(__file__).with_name("polars_peer.py")
            polars = measure([sys.executable, str(peer), str(source), f"{target}/polars.parquet"])
        rate = size / ours.seconds
        lines.append(
            f"{size:>10,} {ours.seconds:>8.1f} {rate:>9,.0f} {ours.memory:>6,.0f} {polars.seconds:>9.1f} {polars.memory:>6,.0f}"
            f" {copied.seconds:>8.1f} {ours.seconds / polars.seconds:>12.2f} {ours.seconds / copied.seconds:>10.2f}"
        )
        print("\n".join(lines), flush=True)
        lines = []
    for name, one_by_one in rates(folder / str(sizes[0])).items():
        print(f"{name:>8} {one_by_one:8.1f} deals/s; ours {rate / one_by_one:,.0f} times as fast at {sizes[-1]:,} deals")


if __name__ == "__main__":
    main()
