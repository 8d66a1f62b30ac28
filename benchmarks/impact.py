"""Tells what five edits would change about a million deals, and how long that takes.

The deals are generated from a seed. Two of the edits touch the same conclusions, so that blame has to try them. Wall time
tells what a person waits for, CPU seconds what it costs however busy the machine is.

    python benchmarks/impact.py [FOLDER] [DEALS]
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from data import pipelines

DEALS, THREADS, MEMORY = 1_000_000, 2, "3GB"
EDITS = """\
parameters: [{id: contact_stale_days, value: 60}]
rules:
  - {id: health.seller-quiet, off: true}
  - {id: closing.false-scarcity, when: {any: [{offer.limit_real: false}, {closing.methods: {has: scarcity}}]}}
findings: [{id: veto_raised, severity: low}]
steps: [{id: visits, criteria: [{id: visits.trusted, off: true}]}]
"""


def main() -> None:
    """Make the deals and the edits, run the command, and print what it took."""
    with pipelines(*sys.argv[1:2]) as pipeline, tempfile.TemporaryDirectory() as scratch:
        source, rules = pipeline(int(sys.argv[2]) if len(sys.argv) > 2 else DEALS), Path(scratch, "rules")
        rules.mkdir()
        (rules / "edits.yaml").write_text(EDITS, "utf-8")
        command = [str(Path(sys.executable).with_name("dealready")), "rules", "impact", "--rules", scratch,
                   "--deals", str(source), "--threads", str(THREADS), "--memory", MEMORY, "--json"]
        start = time.perf_counter()
        found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        seconds, used = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{found['deals']:,} deals, {len(found['edits'])} edits: {found['changed']:,} deals change,"
          f" in {len(found['blamed'])} groups")
    print(f"{seconds:.1f} s on {min(THREADS, os.cpu_count() or 1)} cores, {used.ru_utime + used.ru_stime:.1f} CPU seconds,"
          f" {used.ru_maxrss / 1024:,.0f} MiB")


if __name__ == "__main__":
    main()
