"""SQL for the leaves of a condition: tests of facts, the same in every dialect.

A test is NULL where its fact is unknown, unless it asks about just that.
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
    name = column_name(str(test.path))
    flag = flag_column(test.kind, str(test.path))
    place = "" if test.path.owner != "deal" else scope
    column = deal_col(flag or name, place)
    operand = test.operand
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
            size = exp.Coalesce(this=exp.ArraySize(this=column), expressions=[whole(0)])
            return _of_known(column, in_span(size, operand))
    assert isinstance(operand, tuple)
    match test.kind:
        case "in" | "not_in":
            return _is_one_of(column, operand, wanted=test.kind == "in")
        case kind:
            members = [exp.ArrayContains(this=column.copy(), expression=literal(member)) for member in operand]
            if kind == "has_all":
                return _of_known(column, all_hold(members))
            return _of_known(column, any_holds(members) if kind == "has_any" else negated(paren(any_holds(members))))


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


def flag_column(kind: str, path: str) -> str:
    """Return the column that a test about staleness or inference reads; empty for other tests."""
    return {"stale": stale_column, "inferred": inferred_column}[kind](path) if kind in ("stale", "inferred") else ""


def _of_known(column: exp.Expr, test: exp.Expr) -> exp.Expr:
    """Engines differ on functions of a NULL array; this is NULL in all of them."""
    return Cases().when(negated(exp.Is(this=column.copy(), expression=exp.null())), test).end()


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
    return exp.column(exp.to_identifier(name, quoted=name in RESERVED), table=table or None)


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
