"""Tests of facts as SQL, the same in every dialect: which a program asks, what they are called, and how each is put.

:func:`fact_test` is NULL where its fact is unknown, unless it asks about just that; :func:`fact_holds` is never NULL,
and what rules rest on: engines reckon with what can't be NULL several times as fast.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date

from sqlglot import exp

from ..facts.tables import AS_OF, column_name
from ..rules.language import FactTest, Span, placed
from ..rules.program import Program
from .expressions import (
    Cases,
    all_hold,
    any_holds,
    both,
    deal_col,
    known_to_hold,
    literal,
    negated,
    whole,
)

_LONGEST = 60  # PostgreSQL cuts names at 63 bytes
_RANGES = {"age": "days_ago", "size": "has", "range": "is"}


def tests_asked(program: Program) -> dict[str, list[FactTest]]:
    """Return the tests that rules ask of the rows of each scope, each test once."""
    asked: dict[str, dict[FactTest, None]] = {}
    for rule in program.rules:
        for scope, part in placed(rule.when, rule.scope):
            if isinstance(part, FactTest):
                asked.setdefault(scope, {})[part] = None
    return {scope: list(tests) for scope, tests in asked.items()}


def name_test(test: FactTest, taken: Collection[str]) -> str:
    """Return what the column of a test is called, such as ``budget_status_is_applied_or_approved``; it is not ``taken``."""
    words = f"{column_name(str(test.path))}_{_asked(test)}"
    whole = re.sub(r"\W", "_", words, flags=re.ASCII).lower()
    name, number = whole[:_LONGEST], 1
    while name in taken:
        number += 1
        name = f"{whole[: _LONGEST - len(str(number)) - 1]}_{number}"
    return name


def _asked(test: FactTest) -> str:
    operand = test.operand
    if isinstance(operand, Span):
        bounds = ((operand.low, "over" if operand.low_open else "from"), (operand.high, "under" if operand.high_open else "to"))
        return "_".join([_RANGES[test.kind], *(f"{word}_{_value(bound)}" for bound, word in bounds if bound is not None)])
    values = [_value(value) for value in operand]
    match test.kind:
        case "in":
            return f"is_{'_or_'.join(values)}"
        case "not_in":
            return f"is_not_{'_or_'.join(values)}"
        case "has_any":
            return f"has_{'_or_'.join(values)}"
        case "has_all":
            return f"has_{'_and_'.join(values)}"
        case "lacks":
            return f"lacks_{'_and_'.join(values)}"
        case kind:
            return f"is_{kind}"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | date):
        return str(value)
    return str(value).replace("-", "minus_")


def stale_column(path: str) -> str:
    """Return the column that tells whether a fact's last observation is too old to count."""
    return f"{column_name(path)}_is_stale"


def inferred_column(path: str) -> str:
    """Return the column that tells whether a fact is only inferred."""
    return f"{column_name(path)}_is_inferred"


def fact_test(test: FactTest, scope: str) -> exp.Expr:
    """Return a test of a fact; NULL where the fact is unknown, unless the test is about that."""
    met = _met(test, scope)
    if test.kind in ("size", "has_any", "has_all", "lacks"):  # engines differ on functions of a NULL array
        return Cases().when(negated(exp.Is(this=_column(test, scope), expression=exp.null())), met).end()
    return met


def fact_holds(test: FactTest, scope: str) -> exp.Expr:
    """Return the test that a fact is known and meets a test; it is never NULL."""
    met = _met(test, scope)
    if test.kind in ("known", "unknown"):
        return met
    if isinstance(met, exp.EQ):
        return exp.NullSafeEQ(this=met.this, expression=met.expression)
    if isinstance(met, exp.In) or test.kind == "age":
        return known_to_hold(met)
    if test.kind in ("has_any", "has_all", "lacks"):  # a member may be NULL
        met = known_to_hold(met)
    return both(negated(exp.Is(this=_column(test, scope), expression=exp.null())), met)


def _column(test: FactTest, scope: str) -> exp.Column:
    """Return the column that a test reads as rows of ``scope`` see it."""
    return deal_col(column_read(test), scope if test.path.owner == "deal" else "")


def _met(test: FactTest, scope: str) -> exp.Expr:
    """Return the test that a fact that is known meets a test."""
    column, operand = _column(test, scope), test.operand
    match test.kind:
        case "stale" | "inferred":
            return column
        case "known":
            return negated(exp.Is(this=column, expression=exp.null()))
        case "unknown":
            return exp.Is(this=column, expression=exp.null())
        case "age":
            assert isinstance(operand, Span)
            days = exp.DateDiff(this=deal_col(AS_OF, scope), expression=column, unit=exp.var("DAY"))
            return in_span(days, operand)
        case "range":
            assert isinstance(operand, Span)
            return in_span(column, operand)
        case "size":
            assert isinstance(operand, Span)
            return in_span(exp.Coalesce(this=exp.ArraySize(this=column), expressions=[whole(0)]), operand)
    assert isinstance(operand, tuple)
    match test.kind:
        case "in" | "not_in":
            return _is_one_of(column, operand, wanted=test.kind == "in")
        case kind:
            members = [exp.ArrayContains(this=column.copy(), expression=literal(member)) for member in operand]
            if kind == "has_all":
                return all_hold(members)
            return any_holds(members) if kind == "has_any" else negated(any_holds(members))


def _is_one_of(column: exp.Expr, values: tuple[object, ...], wanted: bool) -> exp.Expr:
    if all(isinstance(value, bool) for value in values):
        truths = set(values) if wanted else {True, False} - set(values)
        if len(truths) == 1:
            return column if True in truths else negated(column)
    test = exp.In(this=column, expressions=[literal(value) for value in values])
    if len(values) == 1:
        equal = exp.EQ if wanted else exp.NEQ
        return equal(this=column, expression=literal(values[0]))
    return test if wanted else negated(test)


def in_span(value: exp.Expr, span: Span) -> exp.Expr:
    """Return the test that a number lies in a span."""
    parts: list[exp.Expr] = []
    if span.low is not None:
        above = exp.GT if span.low_open else exp.GTE
        parts.append(above(this=value.copy(), expression=literal(span.low)))
    if span.high is not None:
        below = exp.LT if span.high_open else exp.LTE
        parts.append(below(this=value.copy(), expression=literal(span.high)))
    return all_hold(parts)


def column_read(test: FactTest) -> str:
    """Return the column that a test reads of the rows that have its fact."""
    name = {"stale": stale_column, "inferred": inferred_column}.get(test.kind, column_name)
    return name(str(test.path))
