"""Forward chaining with experta: rules become experta rules, a deal becomes experta facts.

Each rule is a conjunction of patterns over one wide fact and over conclusions, with a salience of
its own: stratum after stratum, inside a stratum by id. An ``any`` becomes a conclusion of its
own with one rule for each branch; a quantifier becomes a fact that is declared once everything
that it counts is settled. Actions only declare. One engine serves a whole process.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any as Anything

from ..rules.language import ALWAYS, Absent, All, Any, Condition, FactTest, Holds, Listed, Quantifier, Rule
from ..rules.program import Program
from .case import Case, Row, test_holds
from .network import Conclusion, Engine, Pattern, Subject, make_rule
from .outcome import Firing, Outcome
from .reference import quantifier_holds

_TOP_SALIENCE = 1_000_000


@dataclass
class _Run:
    """What one run has concluded so far."""

    case: Case
    concluded: dict[str, set[str]] = field(default_factory=dict)
    counted: dict[str, set[str]] = field(default_factory=dict)
    fired: list[Firing] = field(default_factory=list)


class ForwardEngine:
    """A compiled program; :meth:`conclude` runs it over one deal after another."""

    def __init__(self, program: Program) -> None:
        compiler = _Compiler(self)
        for stratum in program.strata:
            compiler.stratum(stratum)
        self._engine = Engine(compiler.wired)
        self._run = _Run(Case(date.min, Row("", {}), {}))
        self._most_firings = len(compiler.wired)

    def conclude(self, case: Case) -> Outcome:
        """Return everything that follows from a case; nothing is kept for the next one.

        Raises RuntimeError if the engine is already running, as in another thread.
        """
        engine = self._engine
        if engine.running:
            raise RuntimeError("one engine runs one deal at a time")
        self._run = run = _Run(case)
        try:
            engine.reset()
            for subject in _subjects(case):
                engine.facts.declare(subject)  # queued: the run matches them all at once
            rows = 1 + sum(len(rows) for rows in case.items.values())
            engine.run(steps=self._most_firings * rows + 1)
        finally:
            engine.running = False
        return Outcome({name: frozenset(about) for name, about in run.concluded.items()}, tuple(run.fired))

    def declare(self, name: str, about: str) -> None:
        """Declare a conclusion, unless it is known already."""
        known = self._run.concluded.setdefault(name, set())
        if about not in known:
            known.add(about)
            self._engine.declare(Conclusion(name=name, about=about))

    def fire(self, rule: Rule, about: str) -> None:
        """Note that a rule fired and declare what it concludes."""
        self._run.fired.append(Firing(rule.id, about))
        for name in rule.concludes:
            self.declare(name, about)

    def help(self, name: str, about: str) -> None:
        """Declare a conclusion that only other compiled rules read."""
        if about not in self._run.counted.setdefault(name, set()):
            self._run.counted[name].add(about)
            self._engine.declare(Conclusion(name=name, about=about))

    def count(self, name: str, about: str) -> None:
        """Note an item that a quantifier counts."""
        self._run.counted.setdefault(name, set()).add(about)

    def tally(self, quantifiers: list[tuple[str, Quantifier]]) -> None:
        """Declare the quantifiers that hold, now that everything they count is settled."""
        counted = self._run.counted
        for name, quantifier in quantifiers:
            if quantifier.where == ALWAYS:
                matching = {row.id for row in self._run.case.rows(quantifier.of)}
            else:
                matching = counted.get(f"{name}.where", set())
            if quantifier.have is not None:
                matching = matching - counted.get(f"{name}.have", set())
            if quantifier_holds(quantifier, len(matching)):
                self.help(name, "")


def _subjects(case: Case) -> list[Anything]:
    subjects = [Subject(kind="", id="", row=_Hidden(case.deal), listed=tuple(sorted(case.items)), as_of=case.as_of)]
    for collection, rows in sorted(case.items.items()):
        subjects += [Subject(kind=collection, id=row.id, row=_Hidden(row), as_of=case.as_of) for row in rows]
    return subjects


@dataclass(frozen=True, eq=False)
class _Hidden:
    """Carries a row inside a fact; equal only to itself, so no value is ever mixed up with another."""

    row: Row


class _Compiler:
    """Turns the rules of a program into wired experta rules, each with the next lower salience."""

    def __init__(self, engine: ForwardEngine) -> None:
        self.engine = engine
        self.wired: list[tuple[Anything, tuple[Pattern, ...]]] = []
        self._names: dict[tuple[str, Condition], str] = {}
        self._waiting: list[list[tuple[str, Quantifier]]] = []

    def stratum(self, rules: tuple[Rule, ...]) -> None:
        """Compile one stratum: first the quantifiers it needs, innermost first, then the rules themselves."""
        self._waiting = []
        for rule in rules:
            self._find_quantifiers(rule.when)
        for level in self._waiting:
            for name, quantifier in level:
                self._parts(name, quantifier)
            self._emit("tally", (Pattern(),), self._tally(level))
        for rule in rules:
            self._emit(rule.id, self._patterns(rule.when, rule.scope), self._fire(rule))

    def _emit(self, name: str, patterns: tuple[Pattern, ...], action: Callable[..., None]) -> None:
        self.wired.append((make_rule(name, _TOP_SALIENCE - len(self.wired), action), patterns))

    def _fire(self, rule: Rule) -> Callable[..., None]:
        engine = self.engine
        return lambda _, about="": engine.fire(rule, about)

    def _tally(self, level: list[tuple[str, Quantifier]]) -> Callable[..., None]:
        engine = self.engine
        return lambda _, about="": engine.tally(level)

    def _find_quantifiers(self, condition: Condition) -> int:
        """Queue every new quantifier by the depth of its nesting; return the depth of this condition."""
        match condition:
            case All(parts) | Any(parts):
                return max((self._find_quantifiers(part) for part in parts), default=0)
            case Quantifier(where=where, have=have):
                depth = max(self._find_quantifiers(part) for part in (where, have) if part is not None)
                key = ("", condition)
                if key not in self._names:
                    self._names[key] = f"count:{len(self._names)}"
                    while len(self._waiting) <= depth:
                        self._waiting.append([])
                    self._waiting[depth].append((self._names[key], condition))
                return depth + 1
            case _:
                return 0

    def _parts(self, name: str, quantifier: Quantifier) -> None:
        engine = self.engine
        for part, condition in (("where", quantifier.where), ("have", quantifier.have)):
            if condition is None or (part == "where" and condition == ALWAYS):
                continue
            counted = f"{name}.{part}"
            self._emit(counted, self._patterns(condition, quantifier.of),
                       lambda _, about="", counted=counted: engine.count(counted, about))

    def _patterns(self, condition: Condition, scope: str) -> tuple[Pattern, ...]:
        """Return the patterns of a conjunction: the wide facts first, then conclusions, negated ones last."""
        deal: list[tuple[Anything, Callable[..., Anything]]] = []
        item: list[tuple[Anything, Callable[..., Anything]]] = []
        conclusions: list[Pattern] = []
        for part in condition.parts if isinstance(condition, All) else (condition,):
            match part:
                case FactTest(path=path):
                    (deal if path.owner == "deal" else item).append((part, _alpha_test(part)))
                case Listed(of, wanted):
                    deal.append((part, lambda fact, of=of, wanted=wanted: (of in fact["listed"]) == wanted))
                case Holds(name, collection):
                    conclusions.append(Pattern(name=name, scoped=bool(collection)))
                case Absent(name, collection):
                    conclusions.append(Pattern(name=name, scoped=bool(collection), negated=True))
                case Quantifier():
                    conclusions.append(Pattern(name=self._names["", part]))
                case Any() | All():
                    conclusions.append(Pattern(name=self._branches(part, scope), scoped=bool(scope)))
        first = [Pattern(kind=scope, tests=tuple(item))] if scope else []
        if deal or not (first or any(not pattern.negated for pattern in conclusions)):
            first.append(Pattern(tests=tuple(deal)))
        return (*first, *sorted(conclusions, key=lambda pattern: pattern.negated))

    def _branches(self, condition: Any | All, scope: str) -> str:
        """Return the name of a conclusion that holds when some branch does; its rules come before their reader."""
        key = (scope, condition)
        if key not in self._names:
            name = self._names[key] = f"any:{len(self._names)}"
            engine = self.engine
            for branch in condition.parts if isinstance(condition, Any) else (condition,):
                self._emit(name, self._patterns(branch, scope), lambda _, about="": engine.help(name, about))
        return self._names[key]


def _alpha_test(test: FactTest) -> Callable[[Anything], bool]:
    return lambda fact: test_holds(test, fact["row"].row, fact["as_of"])

