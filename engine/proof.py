"""Why a conclusion holds: rule by rule, down to facts, to what nobody concluded, and to sources."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..facts.values import FactValue
from ..rules.language import Absent, All, Any, Condition, FactPath, FactTest, Holds, Listed, Quantifier, Rule
from ..rules.program import Program
from .case import Case, Row, owner_row
from .outcome import Firing, Outcome
from .reference import holds
from .whynot import Part, criterion_part


@dataclass(frozen=True)
class FactUsed:
    """A fact that a rule matched. ``value`` is None where the rule asked about ignorance itself."""

    path: FactPath
    about: str
    value: FactValue | None
    written: str
    inferred: bool = False
    stale: bool = False


@dataclass(frozen=True)
class ConclusionUsed:
    """A conclusion that a rule matched, present or (``holds`` False) absent."""

    name: str
    about: str
    holds: bool


@dataclass(frozen=True)
class ItemsCounted:
    """What a quantifier found: the items of ``of`` that it counts, and what was matched of each."""

    quantifier: Quantifier
    items: tuple[str, ...]
    listed: bool
    support: tuple[Support, ...] = ()


Support = FactUsed | ConclusionUsed | ItemsCounted


@dataclass(frozen=True)
class Proof:
    """One rule that concluded ``conclusion``, what it matched, and the proofs of the conclusions among that.

    Of a criterion that is open or not met, ``judged`` tells part by part what keeps it from being met.
    """

    conclusion: str
    about: str
    rule: Rule
    support: tuple[Support, ...]
    premises: tuple[Proof, ...]
    judged: Part | None = None

    def walk(self) -> Iterator[Proof]:
        """Yield this proof and every one below it."""
        yield self
        for premise in self.premises:
            yield from premise.walk()

    def sources(self) -> tuple[str, ...]:
        """Return the sources of every rule in the proof, nearest first, each once."""
        return tuple(dict.fromkeys(source for proof in self.walk() for source in proof.rule.because))


class Prover:
    """Answers why, for one outcome of one case."""

    def __init__(self, program: Program, case: Case, outcome: Outcome) -> None:
        self.case = case
        self.outcome = outcome
        self._program = program
        self._rules = {rule.id: rule for rule in program.rules}
        self._makers: dict[tuple[str, str], list[Firing]] = {}
        for firing in outcome.fired:
            for name in self._rules[firing.rule].concludes:
                self._makers.setdefault((name, firing.about), []).append(firing)

    def rule(self, firing: Firing) -> Rule:
        """Return the rule of a firing."""
        return self._rules[firing.rule]

    def makers(self, conclusion: str, about: str = "") -> tuple[Firing, ...]:
        """Return the firings that concluded something."""
        return tuple(self._makers.get((conclusion, about), ()))

    def support(self, firing: Firing) -> tuple[Support, ...]:
        """Return what a firing matched."""
        rule = self._rules[firing.rule]
        row = self.case.row(rule.scope, firing.about)
        return tuple(dict.fromkeys(self._support(rule.when, row)))

    def prove(self, conclusion: str, about: str = "") -> tuple[Proof, ...]:
        """Return one proof for each rule that concluded it; empty if nothing did."""
        return tuple(self._proof(conclusion, firing) for firing in self.makers(conclusion, about))

    def _proof(self, conclusion: str, firing: Firing) -> Proof:
        support = self.support(firing)
        conclusions = [part for part in _flat(support) if isinstance(part, ConclusionUsed) and part.holds]
        used = dict.fromkeys((part.name, part.about) for part in conclusions)
        premises = tuple(
            self._proof(name, self.makers(name, about)[0]) for name, about in used if self.makers(name, about)
        )
        return Proof(conclusion, firing.about, self._rules[firing.rule], support, premises, self._judged(firing))

    def _judged(self, firing: Firing) -> Part | None:
        """Return what keeps a criterion from being met, for the rule that says it is open or not met."""
        state, _, criterion = self._rules[firing.rule].concludes[0].partition(".")
        if state not in ("open", "unmet"):
            return None
        return criterion_part(self._program, self.case, self.outcome, criterion)

    def _support(self, condition: Condition, row: Row) -> Iterator[Support]:
        match condition:
            case FactTest():
                yield self._fact(condition, row)
            case All(parts):
                for part in parts:
                    yield from self._support(part, row)
            case Any(parts):
                for part in parts:
                    if holds(part, row, self.case, self._concluded()):
                        yield from self._support(part, row)
            case Holds(name, collection):
                yield ConclusionUsed(name, row.id if collection else "", True)
            case Absent(name, collection):
                yield ConclusionUsed(name, row.id if collection else "", False)
            case Quantifier():
                yield self._items(condition)
            case Listed():
                return

    def _concluded(self) -> dict[str, set[str]]:
        return self.outcome.concluded  # type: ignore[return-value]

    def _fact(self, test: FactTest, row: Row) -> FactUsed:
        owner = owner_row(test.path, row, self.case)
        name = str(test.path)
        about = "" if test.path.owner == "deal" else row.id
        return FactUsed(test.path, about, owner.values.get(name), test.written, name in owner.inferred, name in owner.stale)

    def _items(self, quantifier: Quantifier) -> ItemsCounted:
        rows = [
            row for row in self.case.rows(quantifier.of)
            if holds(quantifier.where, row, self.case, self._concluded())
        ]
        support = [part for row in rows for part in self._support(quantifier.where, row)]
        if quantifier.have is not None:
            support += [part for row in rows for part in self._support(quantifier.have, row)]
        listed = quantifier.of in self.case.items
        return ItemsCounted(quantifier, tuple(row.id for row in rows), listed, tuple(dict.fromkeys(support)))


def _flat(support: tuple[Support, ...]) -> Iterator[Support]:
    for part in support:
        yield part
        if isinstance(part, ItemsCounted):
            yield from _flat(part.support)


def flat_support(support: tuple[Support, ...]) -> tuple[Support, ...]:
    """Return every part of a support, those matched inside quantifiers included."""
    return tuple(dict.fromkeys(_flat(support)))
