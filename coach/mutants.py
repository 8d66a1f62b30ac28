"""Every small change to a rule: each condition turned round, or taken out.

A set of cases that does not notice such a change would not notice a coach's slip of the same kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..rules.base import RuleBase
from ..rules.language import (
    ALWAYS,
    Absent,
    All,
    Any,
    Condition,
    FactTest,
    Holds,
    Listed,
    Quantifier,
    Rule,
    Span,
    all_of,
    any_of,
)
from ..rules.program import Program, rules_of_criterion

_OPPOSITE = {"in": "not_in", "not_in": "in", "has_any": "lacks", "lacks": "has_any", "known": "unknown", "unknown": "known"}


@dataclass(frozen=True)
class Mutant:
    """A rule or criterion with one part of its condition ``flipped`` or ``removed``; ``rules`` take the place of its rules."""

    of: str
    kind: str
    part: Condition
    when: Condition
    rules: tuple[Rule, ...]


def mutants(base: RuleBase, only: str = "") -> Iterator[Mutant]:
    """Yield the mutants of every authored rule and criterion, or of those whose id begins with ``only``."""
    for rule in base.rules.values():
        if rule.id.startswith(only):
            for kind, part, when in changed(rule.when):
                yield Mutant(rule.id, kind, part, when, (replace(rule, when=when),))
    for step in base.steps:
        for criterion in step.criteria:
            if criterion.id.startswith(only):
                for kind, part, when in changed(criterion.when):
                    mutated = replace(criterion, when=when)
                    yield Mutant(criterion.id, kind, part, when, tuple(rules_of_criterion(mutated)))


def changed(condition: Condition) -> Iterator[tuple[str, Condition, Condition]]:
    """Yield the kind of each change, the part that it is made to, and the condition after it."""
    yield from _changed(condition)
    if not isinstance(condition, All | Any):
        yield "removed", condition, ALWAYS


def _changed(condition: Condition) -> Iterator[tuple[str, Condition, Condition]]:
    match condition:
        case All(parts) | Any(parts):
            for at, part in enumerate(parts):
                rest = (*parts[:at], *parts[at + 1 :])
                yield "removed", part, replace(condition, parts=rest)
                for kind, inner, new in _changed(part):
                    yield kind, inner, replace(condition, parts=(*parts[:at], new, *parts[at + 1 :]))
        case Quantifier(where=where, have=have):
            yield "flipped", condition, flipped(condition)
            if where != ALWAYS:
                for kind, inner, new in changed(where):
                    yield kind, inner, replace(condition, where=new)
            if have is not None:
                for kind, inner, new in changed(have):
                    yield kind, inner, replace(condition, have=new)
        case _:
            yield "flipped", condition, flipped(condition)


def flipped(condition: Condition) -> Condition:
    """Return a leaf turned round; a test of a value stays one that an unknown value does not satisfy."""
    match condition:
        case FactTest(kind=kind) if kind in _OPPOSITE:
            return replace(condition, kind=_OPPOSITE[kind])  # type: ignore[arg-type]
        case FactTest(operand=Span() as span):
            return any_of(*(replace(condition, operand=part) for part in _outside(span)))
        case FactTest(kind="has_all", operand=tuple() as members):
            return any_of(*(replace(condition, kind="lacks", operand=(member,)) for member in members))
        case FactTest():
            return replace(condition, kind="known")
        case Holds(name, collection):
            return Absent(name, collection)
        case Absent(name, collection):
            return Holds(name, collection)
        case Listed(of, wanted):
            return Listed(of, not wanted)
        case Quantifier(name="some"):
            return replace(condition, name="none")
        case Quantifier(name="none"):
            return replace(condition, name="some")
        case Quantifier(name="every"):
            return replace(condition, name="count", span=Span(low=1))
        case Quantifier(span=span):
            return any_of(*(replace(condition, span=part) for part in _outside(span)))
        case _:
            return condition


def _outside(span: Span) -> list[Span]:
    parts = []
    if span.low is not None:
        parts.append(Span(high=span.low, high_open=not span.low_open))
    if span.high is not None:
        parts.append(Span(low=span.high, low_open=not span.high_open))
    return parts


def opposite(condition: Condition) -> Condition:
    """Return a condition that holds exactly where ``condition`` does not, unknown values included."""
    match condition:
        case All(parts):
            return any_of(*(opposite(part) for part in parts))
        case Any(parts):
            return all_of(*(opposite(part) for part in parts))
        case FactTest(kind="known" | "unknown"):
            return flipped(condition)
        case FactTest(kind="stale" | "inferred"):
            return any_of(FactTest(condition.path, "unknown"), FactTest(condition.path, "known"))
        case FactTest():
            return any_of(flipped(condition), FactTest(condition.path, "unknown"))
        case _:
            return flipped(condition)


def with_rules(program: Program, rules: tuple[Rule, ...]) -> Program:
    """Return a program in which rules take the place of those with the same id; they read no more than those did."""
    new = {rule.id: rule for rule in rules}
    return replace(program, strata=tuple(tuple(new.get(rule.id, rule) for rule in stratum) for stratum in program.strata))
