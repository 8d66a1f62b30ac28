"""Scores pipelines of growing size, and compares: with the same rules in Polars, with merely copying the input, and
with engines that take one deal at a time: experta as it comes, experta as ``next`` uses it, and CLIPS.

Everything is measured in one run on the same machine: ours, Polars and the copy as processes of
their own, with wall time and peak memory; the engines that go deal by deal on a sample of the same deals, already
in memory. The figures are printed, and with ``--keep`` written into ``docs/performance.md``.

    python benchmarks/score.py [--keep] [FOLDER] [DEALS ...]
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import duckdb
from clips_peer import ClipsProgram
from data import pipelines, sample, write
from dealready.batch.canonical import Canonical
from dealready.batch.compiled import scoring_sql
from dealready.batch.engines import DuckEngine, any_order, duckdb_at_work
from dealready.batch.examining import examine
from dealready.batch.results import also_read
from dealready.batch.sources import open_source
from dealready.engine.case import Case
from dealready.engine.diagnose import Diagnoser
from dealready.engine.forward import ForwardEngine
from dealready.rules.base import load_rule_base
from experta_peer import ExpertaProgram
from show import Measured, Run, Size, keep, printed

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
SAMPLE = 300  # deals for engines that take them one by one
SLOW_SAMPLE = 20  # and for the one that takes more than a second for each
IN_MEMORY = 1_000_000  # deals at most that the rules alone are timed on
THREADS = 2
MEMORY = "3GB"  # what DuckDB may take; the process as a whole takes somewhat more
SCORE = (str(Path(sys.executable).with_name("dealready")), "score")
COPY = """
import duckdb, sys
from pathlib import Path
with duckdb.connect() as database:
    database.execute(f"SET threads = {sys.argv[3]}")
    for file in sorted(Path(sys.argv[1]).glob("*.parquet")):
        database.execute(f"COPY (FROM '{file}') TO '{sys.argv[2]}/{file.name}' (FORMAT parquet, COMPRESSION zstd)")
"""


def measure(command: Sequence[str], limit: Callable[[], None] | None = None) -> Measured | None:
    """Run a command to its end, within a limit if one is given; None if it fails."""
    start = time.perf_counter()
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, preexec_fn=limit)  # noqa: PLW1509
    _, status, usage = os.wait4(running.pid, 0)
    seconds = time.perf_counter() - start
    return None if os.waitstatus_to_exitcode(status) else Measured(seconds, usage.ru_maxrss / 1024)


def within_memory() -> None:
    """Let this process fail, rather than the system choose which one to kill."""
    most = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 9 // 10
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def compare(source: Path, deals: int) -> Size:
    """Score a pipeline of so many deals, and let Polars score and DuckDB copy the same files."""
    with tempfile.TemporaryDirectory(dir=source.parent) as target:
        options = ("--tables", "deals", "--threads", str(THREADS), "--memory", MEMORY, "--quiet")
        peer = str(Path(__file__).with_name("polars_peer.py"))
        ours = measure([*SCORE, str(source), "-o", f"{target}/out", *options])
        copied = measure([sys.executable, "-c", COPY, str(source), target, str(THREADS)])
        polars = (sys.executable, peer, str(source))
        if ours is None or copied is None:
            raise SystemExit(f"scoring or copying {deals} deals failed")
        outputs = (f"{target}/trusting.parquet", f"{target}/checking.parquet")
        trusting = measure([*polars, outputs[0]], within_memory)
        checking = measure([*polars, outputs[1], "--checked"], within_memory)
        for found, output in zip((trusting, checking), outputs, strict=True):
            if found is not None:
                assert_same(f"{target}/out/deals.parquet", output)
        return Size(deals, ours, trusting, checking, copied)


def assert_same(one: str, other: str) -> None:
    """Make sure that two files hold the same table, row by row."""
    with duckdb.connect() as database:
        names = [name for name, *_ in database.execute(f"DESCRIBE FROM '{one}'").fetchall()]
        told_apart = [f'"{name}" AS "other {name}"' for name in names]
        differs = " OR ".join(f'"{name}" IS DISTINCT FROM "other {name}"' for name in names)
        both = f"(FROM '{one}') POSITIONAL JOIN (SELECT {', '.join(told_apart)} FROM '{other}')"
        ((differing,),) = database.execute(f"SELECT count(*) FROM {both} WHERE {differs}").fetchall()
    if differing:
        raise SystemExit(f"{differing} rows of {other} are not what they are in {one}")


def rates(folder: Path) -> dict[str, float]:
    """Return how many deals a second the engines take that take them one by one; reading and writing are not counted."""
    base = load_rule_base()
    diagnoser = Diagnoser(base)
    peers = {"experta": ExpertaProgram(base.program), "CLIPS": ClipsProgram(base)}
    cases = [diagnoser.case(deal) for deal in sample(folder, base.vocabulary, SAMPLE)]
    engine = ForwardEngine(base.program)
    for case in cases[:SLOW_SAMPLE]:
        expected = {name: set(about) for name, about in engine.conclude(case).concluded.items()}
        for name, peer in peers.items():
            if {conclusion: set(about) for conclusion, about in peer.conclusions(case).items() if about} != expected:
                raise SystemExit(f"{name} concludes something else")
    return {
        "experta": rate(peers["experta"].conclusions, cases[:SLOW_SAMPLE]),
        "next": rate(engine.conclude, cases),
        "CLIPS": rate(peers["CLIPS"].conclude, cases),
    }


def rate(conclude: Callable[[Case], object], cases: Sequence[Case]) -> float:
    """Return how many deals a second an engine takes."""
    start = time.perf_counter()
    for case in cases:
        conclude(case)
    return len(cases) / (time.perf_counter() - start)


def alone(folder: Path) -> float:
    """Return how many deals a second the rules alone take, the deals being in memory as they are for those engines."""
    base = load_rule_base()
    statements = scoring_sql(base, ("deals",))
    with duckdb_at_work(MEMORY, THREADS) as (database, _), any_order(database):
        engine, opened = DuckEngine(database), open_source(database, str(folder), base.vocabulary)
        found = examine(engine, base.vocabulary, opened, wanted=also_read(base.vocabulary, statements.reads))
        canonical = Canonical(engine, base.vocabulary, found)
        canonical.lay_down()
        for name in canonical.in_place:
            database.execute(f"CREATE TABLE held AS FROM {name}; DROP VIEW {name}; ALTER TABLE held RENAME TO {name}")
        start = time.perf_counter()
        for step in statements.steps:
            database.execute(step.sql)
        return found.deals / (time.perf_counter() - start)


def start_up() -> tuple[float, float]:
    """Return the seconds that scoring a single deal takes: with nothing compiled before, and from then on."""
    with tempfile.TemporaryDirectory(prefix="dealready-bench-") as scratch:
        write(1, Path(scratch, "one"))
        command = [*SCORE, f"{scratch}/one", "-o", f"{scratch}/out", "--tables", "deals", "--force", "--json"]
        subprocess.run(command, check=True, capture_output=True)
        environment = os.environ | {"DEALREADY_CACHE": f"{scratch}/cache"}
        first, then = (
            json.loads(subprocess.run(command, check=True, env=environment, capture_output=True).stdout)["seconds"]
            for _ in range(2)
        )
    return first, then


def main() -> None:
    """Measure, print, and keep the figures if asked to."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--keep"]
    software = {"Python": platform.python_version(), **{
        name: version(name.lower()) for name in ("DuckDB", "Polars", "experta", "clipspy")}}
    first, then = start_up()  # first of all, so that the rules lie compiled in the usual cache, too
    with pipelines(*arguments[:1]) as pipeline:
        sizes = []
        for deals in map(int, arguments[1:] or SIZES):
            sizes.append(compare(pipeline(deals), deals))
            print(f"{deals:,} deals in {sizes[-1].ours.seconds:.1f} s", file=sys.stderr, flush=True)
        in_memory = max(size.deals for size in sizes if size.deals <= IN_MEMORY)
        run = Run(
            os.cpu_count() or 0, THREADS, MEMORY, software, first, then, alone(pipeline(in_memory)),
            rates(pipeline(sizes[0].deals)), sizes,
        )
    print(printed(run))
    if "--keep" in sys.argv:
        keep(run)


if __name__ == "__main__":
    main()
