"""Importing experta leaves the host program as it was, and reuse leaves memory flat."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tracemalloc
from datetime import date

from dealready.engine.case import Case, Row
from dealready.engine.forward import ForwardEngine
from dealready.rules.language import FactPath, FactTest, Holds, Rule, all_of
from dealready.rules.program import build_program

_PROBE = """
import collections, logging, sys
before = (hasattr(collections, "Mapping"), list(logging.getLogger().handlers), logging.getLogger().level)
import dealready.engine.forward
after = (hasattr(collections, "Mapping"), list(logging.getLogger().handlers), logging.getLogger().level)
assert before == after, (before, after)
logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)
from datetime import date
from dealready.engine.case import Case, Row
from dealready.rules.language import ALWAYS, Rule
from dealready.rules.program import build_program
program = build_program([Rule("r", "", ALWAYS, ("c",))])
dealready.engine.forward.ForwardEngine(program).conclude(Case(date(2026, 1, 1), Row("", {}), {}))
print("quiet")
"""


def test_import_and_run_leave_collections_and_logging_as_they_were() -> None:
    done = subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, text=True, check=True)
    assert done.stdout == "quiet\n"
    assert done.stderr == ""


def _program_of(size: int):  # type: ignore[no-untyped-def]
    rules = [Rule("r0", "", FactTest(FactPath("deal", "a.flag"), "in", (True,)), ("c0",))]
    for number in range(1, size):
        rules.append(Rule(f"r{number}", "", all_of(Holds(f"c{number - 1}")), (f"c{number}",)))
    return build_program(rules)


def test_a_thousand_deals_through_one_engine_leave_memory_flat() -> None:
    engine = ForwardEngine(_program_of(20))
    deal = Case(date(2026, 3, 16), Row("", {"a.flag": True}), {})
    tracemalloc.start()
    for _ in range(50):
        engine.conclude(deal)
    gc.collect()
    start, _ = tracemalloc.get_traced_memory()
    for _ in range(1000):
        engine.conclude(deal)
    gc.collect()
    end, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert end - start < 10_000


def test_the_outcome_is_the_same_in_twenty_processes_with_different_hash_seeds(tmp_path) -> None:  # type: ignore[no-untyped-def]
    script = (
        "import sys; sys.argv=['dealready','next','--format','json','-'];"
        "from dealready.cli import main; main()"
    )
    deal = (
        "as_of: 2026-03-16\ndeal: {claimed_step: closing}\nstakeholders:\n"
        "- {id: a, layer: decision, attitude: support, roles: [decides]}\n"
        "- {id: b, layer: management, attitude: resist, veto: raised}\n- {id: c, layer: operation}\n"
        "signals: [{id: s, kind: price_pressure, by: a, date: 2026-03-10}]\n"
    )
    outputs = set()
    for seed in range(20):
        environment = {**os.environ, "PYTHONHASHSEED": str(seed), "DEALREADY_CACHE": str(tmp_path)}
        done = subprocess.run([sys.executable, "-c", script], input=deal, capture_output=True, text=True, check=True,
                              env=environment)
        outputs.add(done.stdout)
    assert len(outputs) == 1
