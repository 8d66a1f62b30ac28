"""The rules in experta as it comes: its own network, agenda and decorators, as one would write them by hand.

dealready wires its rules into experta's nodes itself (:mod:`dealready.engine.network`), which is much faster.
What the patterns and the actions are is the same for both, and so is what they conclude.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from dealready.engine.case import Case, Row
from dealready.engine.experta_import import import_experta
from dealready.engine.forward import ForwardEngine, _Run
from dealready.engine.network import Conclusion, Pattern
from dealready.rules.program import Program

experta = import_experta()


class Subject(experta.Fact):  # type: ignore[misc, name-defined]
    """The deal, or one item, with all that is known of it."""


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of a deal or an item: what the tests of a pattern look into."""

    row: Row
    case: Case

    def __getitem__(self, name: str) -> object:
        match name:
            case "row":
                return self
            case "as_of":
                return self.case.as_of
            case _:
                return self.case.items


class ExpertaProgram(ForwardEngine):
    """A program whose rules run in an engine of experta's own."""

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        tests: dict[object, Any] = {}
        rules = {
            f"rule_{number}": _rule(rule, patterns, tests) for number, (rule, patterns) in enumerate(self._engine.wired)
        }
        self._engine = type("Rules", (experta.KnowledgeEngine,), rules)()

    def conclusions(self, case: Case) -> dict[str, set[str]]:
        """Return what follows from a case: by conclusion, the items."""
        self._run = _Run(case)
        self._engine.reset()
        for kind, rows in (("", (case.deal,)), *sorted(case.items.items())):
            for row in rows:
                self._engine.declare(Subject(kind=kind, id=row.id, known=Known(row, case)))
        self._engine.run()
        return self._run.concluded


def _rule(rule: Any, patterns: Iterable[Pattern], tests: dict[object, Any]) -> Any:
    """Return a rule as experta's decorators make it."""
    conditions = [_pattern(pattern, tests) for pattern in patterns]
    action: Callable[..., None] = rule._wrapped

    def of_item(engine: object, about: str) -> None:
        action(engine, about=about)

    def of_deal(engine: object) -> None:
        action(engine)

    scoped = any(pattern.kind or pattern.scoped for pattern in patterns)
    return experta.Rule(*conditions, salience=rule.salience)(of_item if scoped else of_deal)


def _pattern(pattern: Pattern, tests: dict[object, Any]) -> Any:
    about = {"about": experta.MATCH.about} if pattern.scoped else {}
    if pattern.name:
        found = Conclusion(name=pattern.name, **about)
        return experta.NOT(found) if pattern.negated else found
    fields: dict[str, Any] = {"kind": pattern.kind} | ({"id": experta.MATCH.about} if pattern.kind else {})
    for key, test in pattern.tests:
        same = tests.setdefault(key, experta.P(test))
        fields["known"] = fields["known"] & same if "known" in fields else same
    return Subject(**fields)
