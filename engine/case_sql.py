"""What an engine sees of plain tables, as SQL: stale observations out, references laid beside the items.

It is to :mod:`.sql` what :mod:`.case` is to the forward engine. Only columns that some rule reads
are carried along.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from ..facts.tables import AS_OF, DEALS, ITEM_KEY, KEY, column_name, listed_column
from ..facts.vocabulary import Fact, Vocabulary
from ..rules.language import FactPath, FactTest, Listed, Quantifier, walk
from ..rules.program import Program
from .expressions import Cases, any_holds, both, col, known_to_hold, literal, named, negated, paren, selection, whole
from .fact_tests_sql import inferred_column, stale_column
from .strata import Stratum


@dataclass
class _Reads:
    """What the rules read of one scope: facts, whether they ask for stale or inferred, and references followed."""

    facts: dict[str, Fact] = field(default_factory=dict)
    stale: set[str] = field(default_factory=set)
    inferred: set[str] = field(default_factory=set)
    through: dict[tuple[str, str], set[str]] = field(default_factory=dict)


def case_strata(
    program: Program, vocabulary: Vocabulary, limits: Mapping[str, int], tables: Mapping[str, str] | None = None,
    also: Iterable[str] = (),
) -> tuple[Stratum, ...]:
    """Return the strata ``deals_known``, ``stakeholders_known`` …, which the compiled program reads.

    ``limits`` gives the days of life of each ``stale_after``; ``tables`` what stands for each plain table where it
    is not one of the collection's own name; ``also`` the facts of the deal that are kept though no rule may read them.
    """
    cases = _Cases(program, vocabulary, limits, dict(tables or {}))
    for fact in also:
        cases.note_fact("known", "", fact)
    return cases.strata()


def columns_read(cases: Iterable[Stratum]) -> Mapping[str, frozenset[str]]:
    """Return the columns that the strata of :func:`case_strata` read of each plain table, and of each other."""
    found: dict[str, set[str]] = {}
    for case in cases:
        for table, name in case.reads.columns:
            found.setdefault(table, set()).add(name)
    return {table: frozenset(names) for table, names in found.items()}


def known(scope: str) -> str:
    """Return the name of the case table of a scope."""
    return f"{scope or DEALS}_known"


class _Cases:
    def __init__(
        self, program: Program, vocabulary: Vocabulary, limits: Mapping[str, int], tables: dict[str, str]
    ) -> None:
        self.vocabulary = vocabulary
        self.limits = limits
        self.tables = tables
        self.reads = {scope: _Reads() for scope in ("", *vocabulary.collections)}
        self.listed: set[str] = set()
        for rule in program.rules:
            for part in walk(rule.when):
                self.note(part)

    def note(self, part: object) -> None:
        if isinstance(part, Listed | Quantifier):
            self.listed.add(part.of)
        if not isinstance(part, FactTest):
            return
        path = part.path
        if path.owner == "ref":
            self.note_reference(part, path)
        elif path.fact != AS_OF:
            self.note_fact(part.kind, "" if path.owner == "deal" else path.collection, path.fact)

    def note_reference(self, test: FactTest, path: FactPath) -> None:
        for scope, reads in self.reads.items():
            through = self.vocabulary.find(path.through, scope) if scope else None
            if through is not None and through.to == path.collection:
                reads.facts[path.through] = through
                reads.through.setdefault((path.through, path.collection), set()).add(_column(test.kind, path.fact))
        if path.fact != ITEM_KEY:
            self.note_fact(test.kind, path.collection, path.fact)

    def note_fact(self, kind: str, scope: str, fact_id: str) -> None:
        fact = self.vocabulary.find(fact_id, scope)
        assert fact is not None
        reads = self.reads[scope]
        reads.facts[fact_id] = fact
        if kind == "stale":
            reads.stale.add(fact_id)
        if kind == "inferred":
            reads.inferred.add(fact_id)

    def strata(self) -> tuple[Stratum, ...]:
        """Return the tables of each scope's own facts first, then those with references, which read them."""
        own = [Stratum(self.own(scope), scope, self.select(scope)) for scope in self.reads]
        more = [
            Stratum(known(scope), scope, self.with_references(scope, reads))
            for scope, reads in self.reads.items() if reads.through
        ]
        return (*own, *more)

    def own(self, scope: str) -> str:
        """Return the name of the table with a scope's own facts, which is the case table unless it refers to others."""
        return f"{known(scope)}_plain" if self.reads[scope].through else known(scope)

    def select(self, scope: str) -> exp.Select:
        reads = self.reads[scope]
        source = scope or DEALS
        query = selection(col(KEY, source)).from_(self.plain(source), copy=False)
        as_of: exp.Expr = col(AS_OF, source)
        if scope:
            query = query.select(col(ITEM_KEY, source), copy=False)
            as_of = col(AS_OF, DEALS)
            if any(fact.stale_after or fact.since for fact in reads.facts.values()):
                on = exp.EQ(this=col(KEY, source), expression=col(KEY, DEALS))
                query = query.join(self.plain(DEALS), on=on, copy=False)
        else:
            listed = (named(known_to_hold(col(name, source)), name) for name in map(listed_column, sorted(self.listed)))
            query = query.select(as_of, *listed, copy=False)
        for fact_id in sorted(reads.facts):
            query = query.select(*self.columns(reads, reads.facts[fact_id], source, as_of), copy=False)
        return query

    def plain(self, name: str) -> exp.Expr:
        """Return the plain table of a name, or what stands for it, called by that name."""
        table = exp.to_table(self.tables.get(name, name))
        return named(table, name, table=True) if name in self.tables else table

    def columns(self, reads: _Reads, fact: Fact, source: str, as_of: exp.Expr) -> Iterable[exp.Expr]:
        name = column_name(fact.id)
        value: exp.Expr = col(name, source)
        old: exp.Expr = exp.false()
        if fact.stale_after or fact.since:
            old = known_to_hold(any_holds(list(self.reasons_not_to_count(fact, source, as_of))))
            value = named(Cases().when(negated(old.copy()), value).end(), name)
        yield value
        if fact.id in reads.stale:
            there = negated(exp.Is(this=col(name, source), expression=exp.null()))
            yield named(both(there, old.copy()), stale_column(fact.id))
        if fact.id in reads.inferred:
            there = negated(exp.Is(this=col(name, source), expression=exp.null()))
            guess = negated(exp.Coalesce(this=col(f"{name}_confirmed", source), expressions=[exp.true()]))
            yield named(both(there, guess, negated(old.copy())), inferred_column(fact.id))

    def reasons_not_to_count(self, fact: Fact, source: str, as_of: exp.Expr) -> Iterable[exp.Expr]:
        """Yield what makes a fact not count; see :func:`~.case.is_stale`."""
        name = column_name(fact.id)
        if fact.stale_after:
            age = exp.DateDiff(this=as_of.copy(), expression=col(f"{name}_seen", source), unit=exp.var("DAY"))
            yield exp.GT(this=age, expression=whole(self.limits[fact.stale_after]))
            yield exp.LT(this=age.copy(), expression=whole(0))
        for value, since in fact.since.items():
            later = exp.GT(this=col(column_name(since), source), expression=as_of.copy())
            yield paren(both(exp.EQ(this=col(name, source), expression=literal(value)), later))

    def with_references(self, scope: str, reads: _Reads) -> exp.Select:
        source = self.own(scope)
        query = selection(exp.Column(this=exp.Star(), table=exp.to_identifier(source))).from_(source, copy=False)
        for (through, target), names in sorted(reads.through.items()):
            alias = f"{through}_target"
            table = self.target(target, names, alias)
            on = both(
                exp.EQ(this=col(KEY, source), expression=col(KEY, alias)),
                exp.EQ(this=col(through, source), expression=col(ITEM_KEY, alias)),
            )
            query = query.join(table, on=on, join_type="left", copy=False)
            for name in sorted(names):
                query = query.select(named(col(name, alias), f"{column_name(through)}_{name}"), copy=False)
        return query


    def target(self, scope: str, names: Collection[str], alias: str) -> exp.Expr:
        """Return the table to read some columns of items from that others refer to: the plain one where it has them."""
        facts = [fact for fact in self.reads[scope].facts.values() if column_name(fact.id) in names]
        plain = {ITEM_KEY, *(column_name(fact.id) for fact in facts if not fact.stale_after and not fact.since)}
        name = self.tables.get(scope, scope) if plain.issuperset(names) else self.own(scope)
        return named(exp.to_table(name), alias, table=True)


def _column(kind: str, fact: str) -> str:
    if kind == "stale":
        return stale_column(fact)
    return inferred_column(fact) if kind == "inferred" else column_name(fact)
