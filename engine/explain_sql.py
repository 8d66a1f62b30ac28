"""Why every rule fired, as a table: the state of each of its conditions, and how far each threshold was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlglot import exp

from ..facts.tables import AS_OF, ITEM_KEY, KEY, column_name
from ..rules.language import All, Any, Condition, FactTest, Quantifier, Rule, Span
from ..rules.spelling import spell_in_line
from .sql import Compiled
from .sql_tests import Cases, cast, col, deal_col, known_to_hold, named, selection, whole

_KNOWLEDGE = ("known", "unknown", "stale", "inferred")


class ExplainTables:
    """Builds the query with a row for each condition of each authored rule that fired."""

    def __init__(self, compiled: Compiled, collections: Sequence[str], rules: Sequence[Rule]) -> None:
        self.compiled = compiled
        self.collections = collections
        self.rules = rules

    def reads(self) -> dict[str, set[str]]:
        """Return the columns of the last table of each scope that the query reads."""
        found: dict[str, set[str]] = {scope: set() for scope in ("", *self.collections)}
        for select, scope in self._selects():
            found[scope] |= {column.name for column in select.find_all(exp.Column)}
        return found

    def query(self) -> exp.Query:
        """Return the query."""
        parts = [select for select, _ in self._selects()]
        union: exp.Query = parts[0]
        for part in parts[1:]:
            union = exp.union(union, part, distinct=False, copy=False)
        return union

    def _selects(self) -> Iterator[tuple[exp.Select, str]]:
        for rule in self.rules:
            for number, part in enumerate(_leaves(rule.when), 1):
                yield self._row(rule, number, part), rule.scope

    def _row(self, rule: Rule, number: int, part: Condition) -> exp.Select:
        scope = rule.scope
        truth = self.compiled.test(part, scope)
        state = Cases().when(truth, exp.Literal.string("holds"))
        if (unknown := self._unknown(part, scope)) is not None:
            state = state.when(unknown, exp.Literal.string("unknown"))
        columns = {
            "collection": exp.Literal.string(scope),
            "about": col(ITEM_KEY) if scope else exp.Literal.string(""),
            "rule": exp.Literal.string(rule.id),
            "number": whole(number),
            "condition": exp.Literal.string(spell_in_line(part)),
            "state": state.otherwise(exp.Literal.string("fails")),
            "value": self._value(part, scope),
            "distance": self._distance(part, scope),
        }
        select = selection(col(KEY), *(named(value, name, quoted=name == "number") for name, value in columns.items()))
        fired = col(self.compiled.fired[rule.id])
        return select.from_(self.compiled.last[scope], copy=False).where(known_to_hold(fired), copy=False)

    def _fact(self, test: FactTest, scope: str) -> exp.Expr:
        return deal_col(column_name(str(test.path)), "" if test.path.owner != "deal" else scope)

    def _unknown(self, part: Condition, scope: str) -> exp.Expr | None:
        if isinstance(part, FactTest) and part.kind not in _KNOWLEDGE:
            return exp.Is(this=self._fact(part, scope), expression=exp.null())
        return None

    def _value(self, part: Condition, scope: str) -> exp.Expr:
        match part:
            case FactTest(kind="stale" | "inferred"):
                return exp.null()
            case FactTest():
                return cast(self._fact(part, scope), "text")
            case Quantifier(name="count"):
                return cast(self.compiled.count(part, scope), "text")
            case _:
                return cast(exp.null(), "text")

    def _distance(self, part: Condition, scope: str) -> exp.Expr:
        """Return how far beyond its bound a number is: negative is short of it; in days for dates."""
        match part:
            case FactTest(kind="range", operand=Span() as span) if not _is_day(span):
                number: exp.Expr = self._fact(part, scope)
            case FactTest(kind="age", operand=Span() as span):
                number = exp.DateDiff(this=deal_col(AS_OF, scope), expression=self._fact(part, scope), unit=exp.var("DAY"))
            case FactTest(kind="size", operand=Span() as span):
                number = exp.ArraySize(this=self._fact(part, scope))
            case Quantifier(name="count", span=span):
                number = self.compiled.count(part, scope)
            case _:
                return cast(exp.null(), "double")
        beyond = []
        if span.low is not None:
            beyond.append(exp.Sub(this=number.copy(), expression=_bound(span.low)))
        if span.high is not None:
            beyond.append(exp.Sub(this=_bound(span.high), expression=number.copy()))
        nearest = beyond[0] if len(beyond) == 1 else exp.Least(this=beyond[0], expressions=beyond[1:])
        return cast(nearest, "double")


def _leaves(condition: Condition) -> Iterator[Condition]:
    match condition:
        case All(parts) | Any(parts):
            for part in parts:
                yield from _leaves(part)
        case _:
            yield condition


def _bound(value: object) -> exp.Expr:
    return exp.Literal.number(str(value))


def _is_day(span: Span) -> bool:
    return any(bound is not None and not isinstance(bound, int | float) and not str(bound).replace(".", "").isdigit()
               for bound in (span.low, span.high))
