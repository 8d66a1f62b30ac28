"""A cold ``dealready next`` against importing click and yaml: the ratio must stay at most five.

They are run in turn, many times, in processes of their own. The fastest runs are compared: whatever else the
machine does can only add to a run. The first run after an installation or a change of the rules also reads, checks
and caches the rule base; how long that takes is told beside, as a run with an empty cache, and has no limit.

    python benchmarks/startup.py [RUNS]
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
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
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    peer = [sys.executable, "-c", "import click, yaml"]
    ours = [str(Path(sys.executable).with_name("dealready")), "next", str(DEAL)]
    times: dict[str, list[float]] = {"import click, yaml": [], "dealready next": [], "… with an empty cache": []}
    with tempfile.TemporaryDirectory() as folder:
        kept = plain | {"DEALREADY_CACHE": folder}
        for command in (peer, ours):  # the first run compiles and fills the cache
            seconds(command, kept)
        for number in range(runs):
            empty = plain | {"DEALREADY_CACHE": f"{folder}/{number}"}
            for name, command, environment in zip(times, (peer, ours, ours), (kept, kept, empty), strict=True):
                times[name].append(seconds(command, environment))
    base = min(times["import click, yaml"])
    for name, found in times.items():
        fastest, median = 1000 * min(found), 1000 * statistics.median(found)
        print(f"{name:<22} {fastest:6.0f} ms   (median {median:5.0f} ms)   ratio {min(found) / base:5.2f}")
    ratio = min(times["dealready next"]) / base
    print(f"limit for a filled cache {LIMIT:.0f}, fastest of {runs}: {'kept' if ratio <= LIMIT else 'passed over'}")
    return int(ratio > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
