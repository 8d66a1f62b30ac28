"""Scores the same pipelines on DuckDB and on a local Spark, for ``docs/scale.md``.

Spark's start is part of its time; it runs with one worker thread a core and with partitions as it cuts them itself.

    python benchmarks/spark.py [FOLDER] [DEALS ...]
"""

from __future__ import annotations

import os
import sys
import tempfile

from data import pipelines
from score import SCORE, measure

SIZES = (1_000, 10_000, 100_000)


def main() -> None:
    """Measure and print."""
    print(f"{os.cpu_count()} cores\n{'deals':>10} {'DuckDB s':>9} {'MiB':>6} {'Spark s':>8} {'ratio':>6}")
    with pipelines(*sys.argv[1:2]) as pipeline:
        for deals in map(int, sys.argv[2:] or SIZES):
            source = pipeline(deals)
            with tempfile.TemporaryDirectory(dir=source.parent) as target:
                command = (*SCORE, str(source), "--tables", "deals", "--quiet")
                here = measure((*command, "-o", f"{target}/duckdb"))
                there = measure((*command, "-o", f"{target}/spark", "--engine", "spark"))
            if here is None or there is None:
                raise SystemExit(f"scoring {deals} deals failed")
            ratio = there.seconds / here.seconds
            print(f"{deals:>10,} {here.seconds:>9.1f} {here.memory:>6,.0f} {there.seconds:>8.1f} {ratio:>6.1f}", flush=True)


if __name__ == "__main__":
    main()
