"""Small parts of SQL, the same in every dialect."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from sqlglot import exp

OF_DEAL = "of_deal_"
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
    """Return a column."""
    return exp.column(exp.to_identifier(name), table=table or None, copy=False)


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


def by_code_points(text: exp.Expr) -> exp.Expr:
    """Return a text that is sorted by its code points, whatever the language of the database."""
    return exp.Collate(this=text, expression=exp.to_identifier("C", quoted=True))


def first_text(text: exp.Expr) -> exp.Expr:
    """Return the aggregate of the text that comes first by its code points."""
    first = exp.Min(this=by_code_points(text))
    return exp.Collate(this=first, expression=exp.to_identifier("default", quoted=True))  # as any other text from here on


def percent(count: exp.Expr, total: int, extra: int) -> exp.Expr:
    """Return whole percents, rounded down, or up where ``extra`` makes good for it."""
    hundred = exp.Mul(this=paren(count.copy()), expression=whole(100))
    numerator = exp.Add(this=hundred, expression=whole(extra)) if extra else hundred
    return cast(exp.IntDiv(this=paren(numerator), expression=whole(total)), "int")
