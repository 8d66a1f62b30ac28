"""How two conditions stand to each other, as far as can be seen at a glance: alike, following, never both."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import date

from ..engine.case import value_satisfies
from ..rules.language import Absent, All, Any, Condition, FactTest, Holds, Listed, Quantifier, Span

_VALUES = ("in", "not_in", "range")
_NO_DAY = date.min  # tests of dates are compared as spans, never against a day


def shape(condition: Condition) -> Hashable:
    """Return what two conditions share that say the same in another order."""
    match condition:
        case FactTest(path, kind, operand):
            return kind, path, frozenset(operand) if isinstance(operand, tuple) else operand
        case All(parts) | Any(parts):
            return type(condition), frozenset(shape(part) for part in parts)
        case Quantifier(name, of, where, have, span):
            return name, of, shape(where), None if have is None else shape(have), span
        case _:
            return condition


def excludes(one: Condition, other: Condition) -> bool:
    """Tell whether two conditions can never hold together."""
    match one, other:
        case (Holds(name, scope), Absent(same, place)) | (Absent(name, scope), Holds(same, place)):
            return (name, scope) == (same, place)
        case (Listed(of, wanted), Listed(same, unwanted)):
            return of == same and wanted is not unwanted
        case FactTest(), FactTest() if one.path == other.path:
            return _tests_exclude(one, other) or _tests_exclude(other, one)
        case Quantifier(), Quantifier() if one.of == other.of:
            return _counts_exclude(one, other) or _counts_exclude(other, one)
    return False


def implies(one: Condition, other: Condition) -> bool:
    """Tell whether one condition holding means that the other holds too."""
    if shape(one) == shape(other):
        return True
    match one, other:
        case _, All(parts):
            return all(implies(one, part) for part in parts)
        case Any(parts), _ if parts:
            return all(implies(part, other) for part in parts)
        case All(parts), _:
            return any(implies(part, other) for part in parts)
        case _, Any(parts):
            return any(implies(one, part) for part in parts)
        case FactTest(), FactTest() if one.path == other.path:
            return _test_implies(one, other)
        case Quantifier(), Quantifier() if one.of == other.of:
            return _count_implies(one, other)
    return False


def _tests_exclude(one: FactTest, other: FactTest) -> bool:
    if one.kind == "unknown":
        return other.kind not in ("unknown", "stale")
    if one.kind == "in" and other.kind in _VALUES:
        return not any(value_satisfies(other, value, _NO_DAY) for value in one.operand)  # type: ignore[arg-type, union-attr]
    if other.kind == "lacks" and one.kind in ("has_all", "has_any"):
        members, missing = set(one.operand), set(other.operand)  # type: ignore[arg-type]
        return bool(members & missing) if one.kind == "has_all" else members <= missing
    if one.kind == other.kind and isinstance(one.operand, Span) and isinstance(other.operand, Span):
        return _apart(one.operand, other.operand)
    return False


def _test_implies(one: FactTest, other: FactTest) -> bool:
    if other.kind == "known":
        return one.kind not in ("unknown", "stale")
    if isinstance(one.operand, Span) and isinstance(other.operand, Span):
        return one.kind == other.kind and _within(one.operand, other.operand)
    if one.kind == "in" and other.kind in _VALUES:
        return all(value_satisfies(other, value, _NO_DAY) for value in one.operand)  # type: ignore[arg-type, union-attr]
    if one.kind == "has_all" and other.kind == "has_any":
        return bool(set(one.operand) & set(other.operand))  # type: ignore[arg-type]
    if one.kind != other.kind:
        return False
    members, wanted = set(one.operand), set(other.operand)  # type: ignore[arg-type]
    return members <= wanted if one.kind == "has_any" else members >= wanted


def _counted(quantifier: Quantifier) -> Span | None:
    """Return how many items with ``where`` there must be, or None if it is not about their number."""
    return {"some": Span(low=1), "none": Span(high=0), "every": None}.get(quantifier.name, quantifier.span)


def _counts_exclude(more: Quantifier, fewer: Quantifier) -> bool:
    """Tell whether one asks for more items than the other allows of a wider kind."""
    low, high = _counted(more), _counted(fewer)
    return low is not None and high is not None and implies(more.where, fewer.where) and _apart(high, low)


def _count_implies(one: Quantifier, other: Quantifier) -> bool:
    have, wanted = _counted(one), _counted(other)
    if have is None or wanted is None or not _within(have, wanted):
        return False
    narrower = wanted.high is not None or implies(one.where, other.where)
    wider = wanted.low is not None or implies(other.where, one.where)
    both = wanted.low is not None and wanted.high is not None
    return narrower and wider and not both


def _apart(below: Span, above: Span) -> bool:
    if below.high is None or above.low is None:
        return False
    if below.high == above.low:
        return below.high_open or above.low_open
    return bool(below.high < above.low)  # type: ignore[operator]


def _within(inner: Span, outer: Span) -> bool:
    """Tell whether every number of one range lies in the other."""
    if outer.low is not None:
        if inner.low is None or inner.low < outer.low:  # type: ignore[operator]
            return False
        if inner.low == outer.low and outer.low_open and not inner.low_open:
            return False
    if outer.high is not None:
        if inner.high is None or inner.high > outer.high:  # type: ignore[operator]
            return False
        if inner.high == outer.high and outer.high_open and not inner.high_open:
            return False
    return True
