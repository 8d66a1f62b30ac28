"""Why something was not concluded: every rule that could have, what of it holds, fails, or is unknown, nearest first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from ..rules.language import Absent, All, Any, Condition, FactTest, Holds, Quantifier, Rule
from ..rules.program import Program
from .case import Case, Row
from .outcome import Outcome
from .pending import Unknown, judge
from .reference import holds

PartState = Literal["holds", "fails", "unknown"]
_STATES: dict[bool | None, PartState] = {True: "holds", False: "fails", None: "unknown"}
_ABOUT_KNOWLEDGE = ("unknown", "stale", "inferred")
_SPOILS = 100  # farther than any number of tests: a fact that would undo what has to hold beside it is no way


@dataclass(frozen=True)
class Part:
    """A condition with its state, and, for one made of others, those.

    ``distance`` is the number of tests in the way; an unknown one counts half, one that would undo what must hold beside
    it a hundred. ``rules`` could have made what it
    waits for; ``fired`` are the rules that made what should be absent; ``items`` tell of a quantifier which items
    keep it from holding, or which comes nearest, and through which parts.
    """

    condition: Condition
    state: PartState
    about: str
    distance: float
    parts: tuple[Part, ...] = ()
    unknown: tuple[Unknown, ...] = ()
    rules: tuple[Miss, ...] = ()
    fired: tuple[Rule, ...] = ()
    items: tuple[Part, ...] = ()


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
    return _Asker(program, case, outcome).misses(conclusion, about)


def criterion_part(program: Program, case: Case, outcome: Outcome, criterion_id: str) -> Part:
    """Return what of a criterion holds, fails, or may still go either way."""
    return _Asker(program, case, outcome).part(program.criteria[criterion_id], case.deal, "", certain=True)


class _Asker:
    """Asks parts of conditions; with ``certain``, as criteria are judged: unknown facts may go either way."""

    def __init__(self, program: Program, case: Case, outcome: Outcome) -> None:
        self.program = program
        self.case = case
        self.outcome = outcome
        self.makers: dict[str, list[Rule]] = {}
        for rule in program.rules:
            for name in rule.concludes:
                self.makers.setdefault(name, []).append(rule)
        self._known: dict[tuple[str, str, frozenset[str]], tuple[Miss, ...]] = {}

    def misses(self, conclusion: str, about: str, barred: frozenset[str] = frozenset()) -> tuple[Miss, ...]:
        """Return the rules that could have made a conclusion, the nearest first; rules run in no circle, so this ends.

        ``barred`` are conclusions about the deal that must stay absent.
        """
        key = (conclusion, about, barred)
        if key not in self._known:
            found = [miss for rule in self.makers.get(conclusion, ()) for miss in self.misses_of(rule, about, barred)]
            found.sort(key=lambda miss: (miss.distance, miss.rule.id, miss.about or ""))
            self._known[key] = tuple(found)
        return self._known[key]

    def misses_of(self, rule: Rule, about: str, barred: frozenset[str]) -> list[Miss]:
        criterion = rule.concludes[0].partition(".")[2] if rule.concludes[0].startswith("met.") else ""
        certain = criterion in self.program.criteria
        condition = self.program.criteria[criterion] if certain else rule.when
        rows = [row for row in self.case.rows(rule.scope) if not about or row.id == about]
        if not rows:
            return [Miss(rule, None, self.part(condition, Row(about, {}), rule.scope, certain, barred))]
        parts = [(row, self.part(condition, row, rule.scope, certain, barred)) for row in rows]
        return [Miss(rule, row.id, part) for row, part in parts if part.state != "holds"]

    def part(
        self, condition: Condition, row: Row, scope: str, certain: bool = False, barred: frozenset[str] = frozenset()
    ) -> Part:
        state = self.state(condition, row, certain)
        if isinstance(condition, All | Any):
            if isinstance(condition, All):
                barred |= {part.name for part in condition.parts if isinstance(part, Absent) and not part.collection}
            parts = tuple(self.part(part, row, scope, certain, barred) for part in condition.parts)
            distances = [part.distance for part in parts]
            distance = sum(distances) if isinstance(condition, All) else min(distances, default=1)
            return Part(condition, state, row.id, 0 if state == "holds" else distance, parts)
        if state == "holds":
            return Part(condition, state, row.id, 0)
        if state == "unknown":
            unknown = tuple(sorted(judge(condition, row, self.case, self.outcome).unknown))
            return Part(condition, state, row.id, _SPOILS if self.spoils(condition, barred) else 0.5, unknown=unknown)
        match condition:
            case Holds(name, collection):
                rules = self.misses(name, row.id if collection else "", barred)
                return Part(condition, state, row.id, min((rule.distance for rule in rules), default=1), rules=rules)
            case Absent(name, collection):
                return Part(condition, state, row.id, 1, fired=self.fired(name, row.id if collection else ""))
            case Quantifier():
                items = self.items(condition, certain)
                return Part(condition, state, row.id, self.gap(condition, items), items=items)
        return Part(condition, state, row.id, _SPOILS if self.spoils(condition, barred) else 1)

    def spoils(self, condition: Condition, barred: frozenset[str]) -> bool:
        """Tell whether the deal's fact that a test wants would by itself make something that has to be absent."""
        if not (isinstance(condition, FactTest) and condition.path.owner == "deal" and condition.kind == "in"):
            return False
        deal = self.case.deal
        then = replace(deal, values={**deal.values, str(condition.path): condition.operand[0]})  # type: ignore[dict-item,index]
        case = replace(self.case, deal=then)
        return any(
            holds(rule.when, then, case, self.outcome.concluded)  # type: ignore[arg-type]
            for name in barred if not self.outcome.holds(name) for rule in self.makers.get(name, ())
        )

    def state(self, condition: Condition, row: Row, certain: bool) -> PartState:
        if certain:
            return _STATES[judge(condition, row, self.case, self.outcome).truth]
        if holds(condition, row, self.case, self.outcome.concluded):  # type: ignore[arg-type]
            return "holds"
        if isinstance(condition, Holds | Absent):
            return "fails"
        if isinstance(condition, FactTest) and row not in self.case.rows(condition.path.collection):
            owner = self.case.deal if condition.path.owner == "deal" else row
            return "fails" if str(condition.path) in owner.values or condition.kind in _ABOUT_KNOWLEDGE else "unknown"
        return "unknown" if judge(condition, row, self.case, self.outcome).truth is None else "fails"

    def fired(self, name: str, about: str) -> tuple[Rule, ...]:
        """Return the rules that concluded something."""
        firing = {(fired.rule, fired.about) for fired in self.outcome.fired}
        return tuple(rule for rule in self.makers.get(name, ()) if (rule.id, about) in firing)

    def items(self, quantifier: Quantifier, certain: bool) -> tuple[Part, ...]:
        """Return the items that keep a quantifier from holding; of too few, those that come nearest."""
        of = quantifier.of
        asked = [(row, self.part(quantifier.where, row, of, certain)) for row in self.case.rows(of)]
        inside = [(row, part) for row, part in asked if part.state == "holds"]
        if quantifier.have is not None:
            lacking = [self.part(quantifier.have, row, of, certain) for row, _ in inside]
            return tuple(part for part in lacking if part.state != "holds")
        if self.too_few(quantifier, len(inside)):
            others = [part for _, part in asked if part.state != "holds"]
            return tuple(sorted(others, key=lambda part: (part.distance, part.about)))
        return tuple(part for _, part in inside)

    @staticmethod
    def too_few(quantifier: Quantifier, count: int) -> bool:
        low = 1 if quantifier.name == "some" else quantifier.span.low
        return low is not None and bool(count < low or (quantifier.span.low_open and count == low))  # type: ignore[operator]

    def gap(self, quantifier: Quantifier, items: tuple[Part, ...]) -> float:
        """Return how far a quantifier that fails is from holding."""
        distances = [part.distance or 1 for part in items]
        if quantifier.have is not None or quantifier.name == "none":
            return sum(distances)
        return min(distances, default=1)
