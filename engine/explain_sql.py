"""Why every rule fired, as a table: the state of each of its conditions, and how far each threshold was."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from ..facts.tables import AS_OF, DEALS, ITEM_KEY, KEY, column_name, listed_column
from ..facts.vocabulary import Vocabulary
from ..rules.language import All, Any, Condition, FactTest, Quantifier, Rule, Span
from ..rules.spelling import spell_in_line
from .expressions import (
    Cases,
    all_hold,
    both,
    cast,
    col,
    deal_col,
    either,
    known_to_hold,
    literal,
    named,
    negated,
    number_if,
    paren,
    selection,
    sum_of,
    whole,
)
from .fact_tests_sql import in_span
from .sql import Compiled
from .strata import reads_of, union_all

_KNOWLEDGE = ("known", "unknown", "stale", "inferred")
_COUNTED = f"{DEALS}_items_counted"
_TOGETHER = 200  # conditions that one statement looks at


class ExplainTables:
    """Builds the query with a row for each condition of each rule that fired.

    ``statements`` count what the quantifiers count: items that count, that surely do, and that may.
    """

    def __init__(self, compiled: Compiled, vocabulary: Vocabulary) -> None:
        self.compiled = compiled
        self.vocabulary = vocabulary
        self.rules = compiled.program.rules
        found = (part for rule in self.rules for part in leaves(rule.when) if isinstance(part, Quantifier))
        self.numbers = {part: number for number, part in enumerate(dict.fromkeys(found))}
        self.counted = sorted({part.of for part in self.numbers})
        self.statements: list[tuple[str, exp.Query]] = [(f"{of}_counted", self._count(of)) for of in self.counted]
        self.statements.append((_COUNTED, self._gather()))
        self.selects = list(self._selects())
        self.pieces: list[tuple[str, exp.Query]] = []

    def reads(self) -> dict[str, set[str]]:
        """Return the columns of the last table of each scope that the statements and the query read."""
        found: dict[str, set[str]] = {scope: set() for scope in ("", *self.vocabulary.collections)}
        selects = [*zip(self.counted, (select for _, select in self.statements), strict=False), ("", self.statements[-1][1])]
        for scope, select in (*selects, *self.selects):
            found[scope] |= reads_of(select).column_names
        return found

    def build(self) -> None:
        """Make the statements that work the conditions out, some at a time: all in one would take gigabytes."""
        parts = [select for _, select in self.selects]
        self.pieces = [(f"explained_{at}", union_all(parts[at : at + _TOGETHER])) for at in range(0, len(parts), _TOGETHER)]
        self.statements += self.pieces

    def query(self) -> exp.Query:
        """Return the query."""
        return union_all([selection(exp.Star()).from_(name, copy=False) for name, _ in self.pieces])

    def _count(self, of: str) -> exp.Select:
        """Count the items of a collection, deal by deal, for each of its quantifiers."""
        query = selection(col(KEY)).from_(self.compiled.last[of], copy=False).group_by(col(KEY), copy=False)
        for quantifier, number in self.numbers.items():
            if quantifier.of == of:
                sure = counts = self.compiled.kleene(quantifier.where, of)
                if quantifier.have is not None:
                    have = self.compiled.kleene(quantifier.have, of)
                    sure, counts = (both(counts.copy(), negated(paren(part))) for part in (have, known_to_hold(have.copy())))
                maybe = exp.Is(this=paren(sure.copy()), expression=exp.null())
                for kind, test in (("items", counts), ("sure", sure), ("maybe", maybe)):
                    query = query.select(named(exp.Sum(this=number_if(test, 1)), f"{kind}_{number}"), copy=False)
        return query

    def _gather(self) -> exp.Select:
        """Lay the counts of all collections beside each other, and whether each collection is known."""
        deals = self.compiled.last[""]
        query = selection(col(KEY, deals)).from_(deals, copy=False)
        for of in self.counted:
            on = exp.EQ(this=col(KEY, deals), expression=col(KEY, f"{of}_counted"))
            query = query.join(f"{of}_counted", on=on, join_type="left", copy=False)
            query = query.select(named(col(listed_column(of), deals), f"is_listed_{of}"), copy=False)
        for number in self.numbers.values():
            for name in (f"items_{number}", f"sure_{number}", f"maybe_{number}"):
                query = query.select(named(exp.Coalesce(this=col(name), expressions=[whole(0)]), name), copy=False)
        return query

    def _selects(self) -> Iterator[tuple[str, exp.Select]]:
        for rule in self.rules:
            for number, part in enumerate(leaves(rule.when), 1):
                yield rule.scope, self._row(rule, number, part)

    def _row(self, rule: Rule, number: int, part: Condition) -> exp.Select:
        scope, source = rule.scope, self.compiled.last[rule.scope]
        state = Cases().when(self.compiled.test(part, scope), exp.Literal.string("holds"))
        if (unknown := self._unknown(part, scope)) is not None:
            state = state.when(unknown, exp.Literal.string("unknown"))
        span = self._span(part)
        columns = {
            "collection": exp.Literal.string(scope),
            "about": col(ITEM_KEY) if scope else exp.Literal.string(""),
            "rule": exp.Literal.string(rule.id),
            "number": whole(number),
            "condition": exp.Literal.string(spell_in_line(part)),
            "state": state.otherwise(exp.Literal.string("fails")),
            "value": self._value(part, scope),
            "threshold": exp.Literal.string(text) if (text := self._threshold(part, span)) else cast(exp.null(), "text"),
            "distance": cast(exp.null(), "double") if span is None else _beyond(self._number(part, scope), span),
        }
        select = selection(col(KEY, source), *(named(value, name, quoted=name == "number") for name, value in columns.items()))
        select = select.from_(source, copy=False)
        if isinstance(part, Quantifier):
            on = exp.EQ(this=col(KEY, source), expression=col(KEY, _COUNTED))
            select = select.join(_COUNTED, on=on, copy=False)
        return select.where(known_to_hold(col(self.compiled.fired[rule.id])), copy=False)

    def _fact(self, test: FactTest, scope: str) -> exp.Expr:
        return deal_col(column_name(str(test.path)), "" if test.path.owner != "deal" else scope)

    def _unknown(self, part: Condition, scope: str) -> exp.Expr | None:
        """Return the test that a condition that does not hold may yet, once more is known."""
        if isinstance(part, FactTest) and part.kind not in _KNOWLEDGE:
            return exp.Is(this=self._fact(part, scope), expression=exp.null())
        if not isinstance(part, Quantifier):
            return None
        span, number = _bounds(part), self.numbers[part]
        sure, most = col(f"sure_{number}"), paren(sum_of([col(f"sure_{number}"), col(f"maybe_{number}")]))
        unlisted = negated(col(f"is_listed_{part.of}"))
        enough = either(unlisted, all_hold([in_span(most, Span(low=span.low, low_open=span.low_open))]))
        return both(all_hold([in_span(sure, Span(high=span.high, high_open=span.high_open))]), paren(enough))

    def _value(self, part: Condition, scope: str) -> exp.Expr:
        match part:
            case FactTest(kind="stale" | "inferred"):
                return exp.null()
            case FactTest():
                return cast(self._fact(part, scope), "text")
            case Quantifier():
                return cast(self._number(part, scope), "text")
            case _:
                return cast(exp.null(), "text")

    def _span(self, part: Condition) -> Span | None:
        """Return the range that a condition asks for, of an ordinal in ranks; None if it asks for none."""
        match part:
            case FactTest(kind="range" | "age" | "size", operand=Span() as span):
                return span
            case FactTest(kind="in", operand=tuple() as values) if order := self._order(part):
                ranks = sorted(order[str(value)] for value in values)
                if ranks[-1] - ranks[0] + 1 != len(ranks):
                    return None
                return Span(ranks[0] if ranks[0] else None, ranks[-1] if ranks[-1] < len(order) - 1 else None)
            case Quantifier():
                return _bounds(part)
            case _:
                return None

    def _order(self, test: FactTest) -> dict[str, int]:
        """Return the ranks of the values of an ordinal; of other facts there are none."""
        fact = self.vocabulary.find(test.path.fact, "" if test.path.owner == "deal" else test.path.collection)
        return fact.order if fact is not None and fact.type == "ordinal" else {}

    def _number(self, part: Condition, scope: str) -> exp.Expr:
        """Return the number that lies in the range or not: a value, days, a size, a rank, or how many items count."""
        if isinstance(part, Quantifier):
            return col(f"items_{self.numbers[part]}")
        assert isinstance(part, FactTest)
        fact = self._fact(part, scope)
        if part.kind == "age":
            return exp.DateDiff(this=deal_col(AS_OF, scope), expression=fact, unit=exp.var("DAY"))
        if part.kind == "size":
            return exp.ArraySize(this=fact)
        if part.kind == "range":
            return fact
        ranks = Cases()
        for value, rank in self._order(part).items():
            ranks = ranks.when(exp.EQ(this=fact.copy(), expression=literal(value)), whole(rank))
        return ranks.end()

    def _threshold(self, part: Condition, span: Span | None) -> str:
        """Return what the fact was held against: a bound, two with ``..`` between them, or values."""
        if span is not None:
            bounds = dict.fromkeys(bound for bound in (span.low, span.high) if bound is not None)
            values = list(self._order(part)) if isinstance(part, FactTest) else []
            return "..".join(values[int(str(bound))] if values else str(bound) for bound in bounds)
        if isinstance(part, FactTest) and isinstance(part.operand, tuple):
            return ";".join(str(value).lower() if isinstance(value, bool) else str(value) for value in part.operand)
        return ""


def leaves(condition: Condition) -> Iterator[Condition]:
    """Yield the parts of a condition that are no ``all`` or ``any``."""
    match condition:
        case All(parts) | Any(parts):
            for part in parts:
                yield from leaves(part)
        case _:
            yield condition


def _bounds(quantifier: Quantifier) -> Span:
    """Return how many items a quantifier asks for; ``every`` asks for no item that lacks what it should have."""
    return {"some": Span(low=1), "none": Span(high=0), "every": Span(high=0)}.get(quantifier.name, quantifier.span)


def _beyond(number: exp.Expr, span: Span) -> exp.Expr:
    """Return how far beyond its nearer bound a number is: negative is short of it."""
    beyond: list[exp.Expr] = []
    if span.low is not None:
        beyond.append(exp.Sub(this=number.copy(), expression=literal(span.low)))
    if span.high is not None:
        beyond.append(exp.Sub(this=literal(span.high), expression=number.copy()))
    if not beyond:
        return cast(exp.null(), "double")
    return cast(beyond[0] if len(beyond) == 1 else exp.Least(this=beyond[0], expressions=beyond[1:]), "double")
