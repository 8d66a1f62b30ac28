"""Why something was not concluded: every rule that could have, what of it holds, fails, or is unknown, nearest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..rules.language import Absent, All, Any, Condition, FactTest, Holds, Rule
from ..rules.program import Program
from .case import Case, Row
from .outcome import Outcome
from .pending import Unknown, judge
from .reference import holds

PartState = Literal["holds", "fails", "unknown"]
_DEEPEST = 3


@dataclass(frozen=True)
class Part:
    """A condition with its state, and, for one made of others, those; ``rules`` could have made what it waits for."""

    condition: Condition
    state: PartState
    about: str
    parts: tuple[Part, ...] = ()
    unknown: tuple[Unknown, ...] = ()
    rules: tuple[Miss, ...] = ()

    @property
    def distance(self) -> float:
        """How many tests are in the way; an unknown one counts half."""
        if self.state == "holds":
            return 0
        if self.parts:
            distances = [part.distance for part in self.parts]
            return sum(distances) if isinstance(self.condition, All) else min(distances)
        if self.rules:
            return min(rule.distance for rule in self.rules)
        return 0.5 if self.state == "unknown" else 1


@dataclass(frozen=True)
class Miss:
    """A rule that did not fire for a row; ``about`` is None if there is no row that it could be asked about."""

    rule: Rule
    about: str | None
    part: Part

    @property
    def distance(self) -> float:
        """How far the rule is from firing."""
        return self.part.distance + (self.about is None)


def why_not(program: Program, case: Case, outcome: Outcome, conclusion: str, about: str = "") -> tuple[Miss, ...]:
    """Return every rule that could have made a conclusion, and did not, for an item (or, if none is named, any)."""
    return _Asker(program, case, outcome).misses(conclusion, about, 0)


class _Asker:
    def __init__(self, program: Program, case: Case, outcome: Outcome) -> None:
        self.program = program
        self.case = case
        self.outcome = outcome
        self.makers: dict[str, list[Rule]] = {}
        for rule in program.rules:
            for name in rule.concludes:
                self.makers.setdefault(name, []).append(rule)

    def misses(self, conclusion: str, about: str, depth: int) -> tuple[Miss, ...]:
        found = []
        for rule in self.makers.get(conclusion, ()):
            rows = [row for row in self.case.rows(rule.scope) if not about or row.id == about]
            for row in rows:
                if not holds(rule.when, row, self.case, self.outcome.concluded):  # type: ignore[arg-type]
                    found.append(Miss(rule, row.id, self.part(rule.when, rule.scope, row, depth)))
            if not rows:
                found.append(Miss(rule, None, self.part(rule.when, rule.scope, Row(about, {}), depth)))
        return tuple(sorted(found, key=lambda miss: (miss.distance, miss.rule.id, miss.about or "")))

    def part(self, condition: Condition, scope: str, row: Row, depth: int) -> Part:
        state = self.state(condition, row)
        if isinstance(condition, All | Any):
            parts = tuple(self.part(part, scope, row, depth) for part in condition.parts)
            return Part(condition, state, row.id, parts)
        unknown: tuple[Unknown, ...] = ()
        if state == "unknown":
            unknown = tuple(sorted(judge(condition, row, self.case, self.outcome).unknown))
        rules: tuple[Miss, ...] = ()
        if isinstance(condition, Holds) and state == "fails" and depth < _DEEPEST:
            rules = self.misses(condition.name, row.id if condition.collection else "", depth + 1)[:2]
        return Part(condition, state, row.id, (), unknown, rules)

    def state(self, condition: Condition, row: Row) -> PartState:
        if holds(condition, row, self.case, self.outcome.concluded):  # type: ignore[arg-type]
            return "holds"
        if isinstance(condition, Holds | Absent):
            return "fails"
        if isinstance(condition, FactTest) and row not in self.case.rows(condition.path.collection):
            owner = self.case.deal if condition.path.owner == "deal" else row
            return "fails" if str(condition.path) in owner.values or condition.kind in _ABOUT_KNOWLEDGE else "unknown"
        return "unknown" if judge(condition, row, self.case, self.outcome).truth is None else "fails"


_ABOUT_KNOWLEDGE = ("unknown", "stale", "inferred")
