"""A cold ``dealready next`` against importing click and yaml: the ratio must stay at most five.

Both are run in turn, many times, in processes of their own; the medians are compared, so what else
the machine does falls on both alike.

    python benchmarks/startup.py [RUNS]
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

DEAL = Path(__file__).parent.parent / "facts" / "examples" / "steel-rolling-line.yaml"
LIMIT = 5.0


def seconds(command: list[str], environment: dict[str, str]) -> float:
    """Return the wall time of one run in a new process."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    return time.perf_counter() - start


def main() -> int:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 21
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    peer = [sys.executable, "-c", "import click, yaml"]
    ours = [str(Path(sys.executable).with_name("dealready")), "next", str(DEAL)]
    for command in (peer, ours):  # the first run compiles and fills the cache
        seconds(command, environment)
    times = [(seconds(peer, environment), seconds(ours, environment)) for _ in range(runs)]
    base, cold = (statistics.median(column) for column in zip(*times, strict=True))
    ratio = cold / base
    print(f"import click, yaml   {1000 * base:6.0f} ms")
    print(f"dealready next       {1000 * cold:6.0f} ms")
    print(f"ratio                {ratio:6.2f}   (limit {LIMIT:.0f}, median of {runs})")
    return int(ratio > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
