"""Every small change to a rule: each condition turned round, or taken out.

A set of cases that does not notice such a change would not notice a coach's slip of the same kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from ..engine.case import Case
from ..engine.reference import holds
from ..rules.base import RuleBase
from ..rules.catalogue import Criterion
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


Subject = Rule | Criterion
Path = tuple[int, ...]  # of a part: its place in each list on the way; in a quantifier 0 is ``where`` and 1 is ``have``


def subjects(base: RuleBase) -> Iterator[Subject]:
    """Yield what has a condition that somebody wrote: the authored rules, then the criteria."""
    yield from base.rules.values()
    for step in base.steps:
        yield from step.criteria


def rules_with(subject: Subject, when: Condition) -> tuple[Rule, ...]:
    """Return the rules of the program that a rule or criterion stands for, with another condition."""
    if isinstance(subject, Rule):
        return (replace(subject, when=when),)
    return tuple(rules_of_criterion(replace(subject, when=when)))


def mutants(base: RuleBase, only: str = "") -> Iterator[Mutant]:
    """Yield the mutants of every authored rule and criterion, or of those whose id begins with ``only``."""
    for subject in subjects(base):
        if subject.id.startswith(only):
            for _, kind, part, when in changed(subject.when):
                yield Mutant(subject.id, kind, part, when, rules_with(subject, when))


def parts_of(condition: Condition, scope: str, path: Path = ()) -> Iterator[tuple[Path, str, Condition]]:
    """Yield the path of each test and quantifier of a condition, the collection whose items it is about, and itself."""
    match condition:
        case All(parts) | Any(parts):
            for at, part in enumerate(parts):
                yield from parts_of(part, scope, (*path, at))
        case Quantifier(of=of, where=where, have=have):
            yield path, scope, condition
            for at, part in enumerate(part for part in (where, have) if part is not None):
                yield from parts_of(part, of, (*path, at))
        case _:
            yield path, scope, condition


def changed(condition: Condition) -> Iterator[tuple[Path, str, Condition, Condition]]:
    """Yield the path and kind of each change, the part that it is made to, and the condition after it."""
    yield from _changed(condition, ())
    if not isinstance(condition, All | Any):
        yield (), "removed", condition, ALWAYS


def _changed(condition: Condition, path: Path) -> Iterator[tuple[Path, str, Condition, Condition]]:
    match condition:
        case All(parts) | Any(parts):
            for at, part in enumerate(parts):
                yield (*path, at), "removed", part, replace(condition, parts=(*parts[:at], *parts[at + 1 :]))
                for inner_path, kind, inner, new in _changed(part, (*path, at)):
                    yield inner_path, kind, inner, replace(condition, parts=(*parts[:at], new, *parts[at + 1 :]))
        case Quantifier(where=where, have=have):
            yield path, "flipped", condition, flipped(condition)
            if where != ALWAYS:
                for inner_path, kind, inner, new in changed(where):
                    yield (*path, 0, *inner_path), kind, inner, replace(condition, where=new)
            if have is not None:
                for inner_path, kind, inner, new in changed(have):
                    yield (*path, 1, *inner_path), kind, inner, replace(condition, have=new)
        case _:
            yield path, "flipped", condition, flipped(condition)


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


def fires_otherwise(
    rules: Iterable[Rule], instead_of: Mapping[str, Rule], seen: Case, concluded: Mapping[str, frozenset[str]]
) -> bool:
    """Tell whether any of some rules fires otherwise than the one with its id, on what is concluded without it."""
    return any(
        holds(rule.when, row, seen, concluded)  # type: ignore[arg-type]
        is not holds(instead_of[rule.id].when, row, seen, concluded)  # type: ignore[arg-type]
        for rule in rules if rule.when != instead_of[rule.id].when
        for row in seen.rows(rule.scope)
    )
