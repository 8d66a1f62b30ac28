"""Which mutants of the rules the cases notice: those that make some expectation of some case fail."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

from ..engine.case import Case, build_case
from ..engine.diagnose import diagnose_outcome
from ..engine.outcome import Outcome
from ..engine.reference import conclude
from ..rules.base import RuleBase
from .cases import CaseFile, check_case, has, named
from .mutants import Mutant, fires_otherwise, mutants, with_rules


@dataclass(frozen=True)
class Judged:
    """A mutant, and the case that notices it, if any; ``reached`` tells whether it at least fired otherwise in some case."""

    mutant: Mutant
    noticed_by: str = ""
    reached: bool = False


class Ground:
    """The cases with what the rules as they are conclude of them, so that a mutant need be tried only where it differs."""

    def __init__(self, base: RuleBase, cases: Iterable[CaseFile]) -> None:
        self.base = base
        self.rules = {rule.id: rule for rule in base.program.rules}
        self.cases: list[tuple[CaseFile, Case, Outcome]] = []
        for case in cases:
            self.add(case)

    def add(self, case: CaseFile) -> None:
        """Add one more case."""
        seen = build_case(case.deal, self.base.vocabulary, self.base.stale_limits)
        self.cases.append((case, seen, conclude(self.base.program, seen)))

    def judge(self, mutant: Mutant) -> Judged:
        """Return whether any case notices a mutant."""
        reached = False
        for case, seen, outcome in self.cases:
            if fires_otherwise(mutant.rules, self.rules, seen, outcome.concluded):
                reached = True
                if self.notices(case, seen, mutant):
                    return Judged(mutant, case.name, True)
        return Judged(mutant, "", reached)

    def notices(self, case: CaseFile, seen: Case, mutant: Mutant) -> bool:
        """Tell whether a case fails with a mutant in the rule's place."""
        program = with_rules(self.base.program, mutant.rules)
        outcome = conclude(program, seen)
        if _firing_contradicts(case, outcome):
            return True
        if all(line.kind in _OF_OUTCOME for line in case.expected):
            return False
        base = replace(self.base, program=program)
        return bool(check_case(case, diagnose_outcome(base, case.deal, seen, outcome, case.asks)))


_OF_OUTCOME = ("fires", "does_not_fire", "criteria")


def _firing_contradicts(case: CaseFile, outcome: Outcome) -> bool:
    """Tell whether a line is contradicted that needs no diagnosis: about a rule, or a criterion."""
    fired = [named(firing.rule, firing.about) for firing in outcome.fired]
    for line in case.expected:
        if line.kind == "criteria":
            state = "met" if outcome.holds(f"met.{line.name}") else "unknown" if outcome.holds(f"open.{line.name}") else "unmet"
            if state != line.value:
                return True
        elif line.kind in _OF_OUTCOME and has(fired, line.name) is (line.kind == "does_not_fire"):
            return True
    return False


def judge_all(
    base: RuleBase, cases: Sequence[CaseFile], only: str = "", every: int = 1, jobs: int | None = None
) -> list[Judged]:
    """Return every mutant (or each ``every``-th) with the case that notices it; in parallel."""
    chosen = list(mutants(base, only))[::every]
    most = min(jobs or os.cpu_count() or 1, max(1, len(chosen) // 50))
    if most == 1:
        return _judge(base, cases, chosen)
    with ProcessPoolExecutor(most) as pool:
        parts = [chosen[number::most] for number in range(most)]
        found = list(pool.map(_judge, [base] * most, [cases] * most, parts))
    return [found[number % most][number // most] for number in range(len(chosen))]


def _judge(base: RuleBase, cases: Sequence[CaseFile], chosen: Sequence[Mutant]) -> list[Judged]:
    ground = Ground(base, cases)
    return [ground.judge(mutant) for mutant in chosen]

