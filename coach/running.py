"""Runs cases, in parallel when there are many, and tells which expectations a diagnosis does not meet."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from rich.console import Console

from ..engine.diagnose import Diagnoser
from ..facts.texts import Language
from ..render.document import Data, rule_base_document
from ..render.prose import Prose
from ..render.words import say
from ..rules.base import RuleBase
from .cases import CaseFile, Failure, check_case
from .telling import Teller

Results = Sequence[tuple[CaseFile, list[Failure]]]
_ALONE = 40  # cases that one process runs sooner than another one starts


def run_cases(base: RuleBase, cases: Sequence[CaseFile], jobs: int | None = None) -> Results:
    """Return each case with the expectations that do not hold, in the order given; ``jobs`` processes at most."""
    most = min(jobs or os.cpu_count() or 1, max(1, len(cases) // _ALONE))
    if most == 1:
        return _run(base, cases)
    parts = [cases[number::most] for number in range(most)]
    with ProcessPoolExecutor(most) as pool:
        found = list(pool.map(_run, [base] * most, parts))
    return [found[number % most][number // most] for number in range(len(cases))]


def _run(base: RuleBase, cases: Sequence[CaseFile]) -> list[tuple[CaseFile, list[Failure]]]:
    diagnoser = Diagnoser(base)
    return [(case, check_case(case, diagnoser.diagnose(case.deal, case.asks))) for case in cases]


def print_results(console: Console, results: Results, base: RuleBase, language: Language) -> None:
    """Print what does not hold, case by case, and how many do."""
    diagnoser = Diagnoser(base)
    for case, failures in results:
        if not failures:
            continue
        console.print(Prose.assemble(("✕ ", "red"), (case.name, "bold"), (f"  {case.place}", "bright_black")))
        teller = Teller(case, diagnoser, language)
        for failure in failures:
            first, *rest = teller.tell(failure)
            told = [Prose(f"  {first}"), *(Prose(f"      {line}", style="red") for line in rest)]
            console.print(*told, sep="\n", soft_wrap=True)
    failed = sum(bool(failures) for _, failures in results)
    lines = sum(len(case.expected) for case, _ in results)
    key = "test.failed" if failed else "test.passed"
    text = say(key, language, failed=failed, all=len(results), lines=lines, version=base.version, hash=base.hash[:12])
    console.print(Prose(text, style="red" if failed else "green"))


def results_document(results: Results, base: RuleBase) -> Data:
    """Return the results as JSON-able data."""
    return {"rule_base": rule_base_document(base), "cases": [
        {"name": case.name, "file": case.place.file, "line": case.place.line, "passed": not failures,
         "failures": [
             {"kind": failure.expectation.kind, "name": failure.expectation.name, "value": failure.expectation.value,
              "file": failure.expectation.place.file, "line": failure.expectation.place.line, "found": failure.found}
             for failure in failures
         ]}
        for case, failures in results
    ]}
