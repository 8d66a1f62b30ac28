"""SQL for the leaves of a condition: tests of facts, the same in every dialect.

:func:`fact_test` is NULL where its fact is unknown, unless it asks about just that; :func:`fact_holds` is never NULL,
and what rules rest on: engines reckon with what can't be NULL several times as fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from sqlglot import exp

from ..facts.tables import AS_OF, column_name
from ..rules.language import FactTest, Span

# The builders copy what they are given unless told otherwise; nothing here is used twice without being copied.
named = partial(exp.alias_, copy=False)
negated = partial(exp.not_, copy=False)
paren = partial(exp.paren, copy=False)
both = partial(exp.and_, copy=False)
either = partial(exp.or_, copy=False)
cast = partial(exp.cast, copy=False)



def selection(*columns: exp.Expr | str) -> exp.Select:
    """Return a query of some columns."""
    return exp.Select().select(*columns, copy=False)


OF_DEAL = "of_deal_"
RESERVED = frozenset({"with", "by", "date", "text", "position", "kind", "state", "count", "number", "day", "level"})


class Cases:
    """A CASE that grows by a branch at a time."""

    def __init__(self) -> None:
        self.case = exp.Case()

    def when(self, condition: exp.Expr, then: exp.Expr) -> Cases:
        """Add a branch."""
        self.case = self.case.when(condition, then, copy=False)
        return self

    def otherwise(self, value: exp.Expr) -> exp.Expr:
        """Return the whole, with what it is where no branch holds."""
        return self.case.else_(value, copy=False)

    def end(self) -> exp.Expr:
        """Return the whole; NULL where no branch holds."""
        return self.case


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


def known_to_hold(condition: exp.Expr) -> exp.Expr:
    """Return a condition with unknown as FALSE."""
    return exp.Coalesce(this=condition, expressions=[exp.false()])


def all_hold(parts: Sequence[exp.Expr]) -> exp.Expr:
    """Return the conjunction; of nothing it is TRUE."""
    return both(*parts) if parts else exp.true()


def any_holds(parts: Sequence[exp.Expr]) -> exp.Expr:
    """Return the disjunction; of nothing it is FALSE."""
    return either(*parts) if parts else exp.false()


def number_if(condition: exp.Expr, number: int) -> exp.Expr:
    """Return ``number`` where the condition is TRUE, and 0 elsewhere."""
    return Cases().when(condition, whole(number)).otherwise(whole(0))


def sum_of(parts: list[exp.Expr]) -> exp.Expr:
    """Return the sum of one or more numbers."""
    added = parts[0]
    for part in parts[1:]:
        added = exp.Add(this=added, expression=part)
    return added


def col(name: str, table: str = "") -> exp.Column:
    """Return a column, quoted where some dialect reserves its name."""
    return exp.column(exp.to_identifier(name, quoted=name in RESERVED), table=table or None, copy=False)


def deal_col(name: str, scope: str) -> exp.Column:
    """Return a column of the deal as rows of ``scope`` see it."""
    return col(f"{OF_DEAL}{name}" if scope else name)


def whole(number: int) -> exp.Expr:
    """Return a whole number."""
    return exp.Literal.number(number)


def literal(value: object) -> exp.Expr:
    """Return a value of a fact as SQL writes it."""
    if isinstance(value, bool):
        return exp.true() if value else exp.false()
    if isinstance(value, str):
        return exp.Literal.string(value)
    return exp.Literal.number(str(value) if isinstance(value, int) else f"{value:f}")


def percent(count: exp.Expr, total: int, extra: int) -> exp.Expr:
    """Return whole percents, rounded down, or up where ``extra`` makes good for it."""
    hundred = exp.Mul(this=paren(count.copy()), expression=whole(100))
    numerator = exp.Add(this=hundred, expression=whole(extra)) if extra else hundred
    return cast(exp.IntDiv(this=paren(numerator), expression=whole(total)), "int")
