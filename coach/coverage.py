"""What some deals exercise of the rules, and what of it decides anything.

A rule *decides* about a deal if the diagnosis would be another without it; a condition, if it would be
another with that condition turned round. Rules that fire often and never decide are worth a look.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace

from ..engine.case import Case, build_case
from ..engine.outcome import Outcome
from ..engine.reference import conclude, holds
from ..facts.deal import Deal
from ..rules.base import RuleBase
from ..rules.language import NEVER, All, Any, Condition, FactTest, Quantifier, Rule, walk
from ..rules.spelling import spell_in_line
from .mutants import changed, with_rules


@dataclass
class RuleCoverage:
    """How often a rule was asked, fired and decided, and how often each part of its condition held, failed, and decided."""

    id: str
    asked: int = 0
    fired: int = 0
    decided: int = 0
    parts: dict[str, list[int]] = field(default_factory=dict)  # held, failed, decided

    def add(self, other: RuleCoverage) -> None:
        """Add what was counted elsewhere."""
        self.asked += other.asked
        self.fired += other.fired
        self.decided += other.decided
        for part, counts in other.parts.items():
            mine = self.parts.setdefault(part, [0, 0, 0])
            for at, count in enumerate(counts):
                mine[at] += count


@dataclass
class Coverage:
    """The coverage of every authored rule, over ``deals`` deals, and of every value that some rule tests."""

    deals: int
    rules: dict[str, RuleCoverage]
    values: dict[str, int]

    @property
    def never_fired(self) -> list[str]:
        """Rules that never fired."""
        return [rule.id for rule in self.rules.values() if not rule.fired]

    @property
    def always_fired(self) -> list[str]:
        """Rules that fired whenever they were asked."""
        return [rule.id for rule in self.rules.values() if rule.fired and rule.fired == rule.asked]

    @property
    def never_decided(self) -> list[str]:
        """Rules that fired and never decided anything."""
        return [rule.id for rule in self.rules.values() if rule.fired and not rule.decided]


def cover(base: RuleBase, deals: Sequence[Deal], jobs: int | None = None) -> Coverage:
    """Return what some deals exercise; in parallel."""
    most = min(jobs or os.cpu_count() or 1, max(1, len(deals) // 4))
    if most == 1:
        parts = [_cover(base, deals)]
    else:
        with ProcessPoolExecutor(most) as pool:
            parts = list(pool.map(_cover, [base] * most, [deals[number::most] for number in range(most)]))
    rules = {rule.id: RuleCoverage(rule.id) for rule in base.rules.values()}
    total = Coverage(len(deals), rules, dict.fromkeys(_tested(base), 0))
    for part in parts:
        for name, counted in part.rules.items():
            total.rules[name].add(counted)
        for value, count in part.values.items():
            total.values[value] = total.values.get(value, 0) + count
    return total


def _tested(base: RuleBase) -> Iterable[str]:
    """Return every value that some rule tests for, as ``fact=value``."""
    found: dict[str, None] = {}
    for rule in base.program.rules:
        for part in walk(rule.when):
            if isinstance(part, FactTest) and isinstance(part.operand, tuple):
                owner = f"{part.path.collection}.{part.path.fact}" if part.path.collection else part.path.fact
                found.update({f"{owner}={_word(value)}": None for value in part.operand})
    return found


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _cover(base: RuleBase, deals: Sequence[Deal]) -> Coverage:
    rules = {rule.id: RuleCoverage(rule.id) for rule in base.rules.values()}
    values: Counter[str] = Counter()
    tested = set(_tested(base))
    for deal in deals:
        seen = build_case(deal, base.vocabulary, base.stale_limits)
        outcome = conclude(base.program, seen)
        values.update(value for value in _values(seen) if value in tested)
        for rule in base.rules.values():
            _count(base, rule, seen, outcome, rules[rule.id])
    return Coverage(len(deals), rules, dict(values))


def _values(seen: Case) -> Iterable[str]:
    for scope in ("", *seen.items):
        for row in seen.rows(scope):
            for name, value in row.values.items():
                if "." in name and scope:
                    continue
                owner = f"{scope}.{name}" if scope else name
                yield from {f"{owner}={_word(member)}" for member in (value if isinstance(value, tuple) else (value,))}


def _count(base: RuleBase, rule: Rule, seen: Case, outcome: Outcome, counted: RuleCoverage) -> None:
    concluded: dict[str, set[str]] = outcome.concluded  # type: ignore[assignment]
    rows = seen.rows(rule.scope)
    fired = [row.id for row in rows if holds(rule.when, row, seen, concluded)]
    counted.asked += len(rows)
    counted.fired += len(fired)
    if fired and _differs(base, outcome, seen, replace(rule, when=NEVER)):
        counted.decided += 1
    for number, part in enumerate(_parts(rule)):
        held = sum(holds(part, row, seen, concluded) for row in rows)
        counts = counted.parts.setdefault(f"{number} {spell_in_line(part)}", [0, 0, 0])
        counts[0] += held
        counts[1] += len(rows) - held
    for kind, part, when in changed(rule.when) if rows else ():
        if kind != "flipped" or isinstance(part, Quantifier):
            continue
        mutated = [row.id for row in rows if holds(when, row, seen, concluded)]
        if mutated != fired and _differs(base, outcome, seen, replace(rule, when=when)):
            name = next((name for name in counted.parts if name.partition(" ")[2] == spell_in_line(part)), "")
            if name:
                counted.parts[name][2] += 1


def _parts(rule: Rule) -> list[Condition]:
    """Return the tests of a rule that are about its own row."""
    found: list[Condition] = []
    waiting = [rule.when]
    while waiting:
        part = waiting.pop(0)
        if isinstance(part, All | Any):
            waiting = [*part.parts, *waiting]
        else:
            found.append(part)
    return found


def _differs(base: RuleBase, outcome: Outcome, seen: Case, rule: Rule) -> bool:
    """Tell whether what the diagnosis is made of would be another with a rule changed."""
    other = conclude(with_rules(base.program, (rule,)), seen)
    return any(outcome.concluded.get(name) != other.concluded.get(name) for name in _shown(base))


def _shown(base: RuleBase) -> tuple[str, ...]:
    if base.hash not in _SHOWN:
        given = base.program.given
        names = [given(f"find.{name}") for name in base.findings] + [given(f"do.{name}") for name in base.actions]
        names += [f"say.{name}" for name in base.talks]
        for step in base.steps:
            names += [f"step.{step.id}", f"done.{step.id}"]
            names += [f"{verb}.{criterion.id}" for criterion in step.criteria for verb in ("met", "open")]
        _SHOWN[base.hash] = tuple(names)
    return _SHOWN[base.hash]


_SHOWN: dict[str, tuple[str, ...]] = {}
