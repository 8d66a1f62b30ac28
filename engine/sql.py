"""Compiles a rule base into one SQL query: a common table expression a stratum, a column a conclusion.

The query reads *case tables*, what an engine sees of each deal (:mod:`.case_sql` makes them out of
plain tables): ``deals`` with a row a deal, and a table for each collection with a row an item.
Items are judged first, then counted (one pass over a collection for all of its quantifiers), then
the deals are judged, and so on until every conclusion has its column.

Tests of facts come first, a column each. A test of an unknown fact does not hold; conditions have no
negation but of what is never unknown, so nothing in them is ever NULL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from sqlglot import exp

from ..facts.tables import AS_OF, DEALS, KEY, column_name, listed_column
from ..rules.language import Absent, All, Any, Condition, FactTest, Holds, Listed, Quantifier, Rule, walk
from ..rules.program import Program
from .counted_sql import Count, Pass, identity
from .expressions import OF_DEAL, all_hold, any_holds, both, col, deal_col, named, negated, paren, selection, whole
from .fact_tests_sql import column_read, fact_holds, fact_test, in_span, name_test, tests_asked
from .strata import Stratum, with_strata

Leaf = Callable[[FactTest | Quantifier, str], exp.Expr]


@dataclass(frozen=True)
class Compiled:
    """A compiled program: its strata in order, and where every conclusion ends up.

    ``last`` names the final relation of each scope; ``columns`` the column of each conclusion;
    ``fired`` the column of each rule in that relation.
    """

    program: Program
    strata: tuple[Stratum, ...]
    last: Mapping[str, str]
    columns: Mapping[str, str]
    fired: Mapping[str, str]
    compiler: _Compiler

    def test(self, condition: Condition, scope: str, leaf: Leaf | None = None) -> exp.Expr:
        """Return a condition as it reads in the last relation of its scope.

        ``leaf`` makes its tests of facts and its quantifiers, as the scope sees them; by default none is ever NULL.
        """
        return self.compiler.test(condition, scope, leaf)

    def kleene(self, condition: Condition, scope: str) -> exp.Expr:
        """Return a condition of some rule as :meth:`test` does, but NULL where it rests on what is unknown."""
        return self.test(condition, scope, self._kleene)

    def _kleene(self, part: FactTest | Quantifier, scope: str) -> exp.Expr:
        return fact_test(part, scope) if isinstance(part, FactTest) else self.compiler.quantified(part, scope)

    def count(self, quantifier: Quantifier, scope: str) -> exp.Expr:
        """Return how many items a counting quantifier of some rule counts."""
        return self.compiler.number(quantifier, scope)

    @property
    def counted(self) -> frozenset[str]:
        """The relations that count items, with a row a deal."""
        return frozenset(counted.name for counted in self.compiler.passes.values())

    @property
    def flags(self) -> frozenset[str]:
        """The columns that are TRUE or FALSE, and never NULL."""
        own = {*self.columns.values(), *self.fired.values(), *self.compiler.tested.values()}
        return frozenset(own | {f"{OF_DEAL}{name}" for name in own})

    def query(self, select: exp.Select) -> exp.Query:
        """Return ``select``, which may name any stratum, with every stratum that it needs in front."""
        return with_strata(self.strata, select)


def compile_program(program: Program, tables: Mapping[str, str] | None = None, beside: Iterable[str] = ()) -> Compiled:
    """Return the query of a program.

    ``tables`` names the case table of each scope (the empty scope: deals); by default a scope's
    own name, and ``deals``. ``beside`` names conclusions about the deal that lie beside all items in the end.
    """
    scopes = {"": DEALS} | {of: of for of in _collections(program)} | dict(tables or {})
    return _Compiler(program, scopes).compile([Holds(name) for name in beside])


def _collections(program: Program) -> list[str]:
    found = {rule.scope for rule in program.rules}
    for rule in program.rules:
        found |= {part.of for part in walk(rule.when) if isinstance(part, Quantifier)}
    return sorted(found - {""})


class _Compiler:
    def __init__(self, program: Program, tables: Mapping[str, str]) -> None:
        self.program = program
        self.makers: dict[str, list[Rule]] = {}
        for rule in program.rules:
            for name in rule.concludes:
                self.makers.setdefault(name, []).append(rule)
        self.current = dict(tables)
        self.phases: dict[str, int] = {}
        self.levels: dict[str, int] = {}
        self.counts: dict[tuple[object, ...], Count] = {}
        self.passes: dict[tuple[str, int], Pass] = {}
        self.strata: list[Stratum] = []
        self.fetched: dict[str, set[str]] = {}
        self.tested: dict[tuple[str, FactTest], str] = {}
        self.columns = {name: column_name(name) for name in program.scopes}
        self.asked = tests_asked(program)
        reads = (column_read(test) for tests in self.asked.values() for test in tests)
        self.taken = {*self.columns.values(), *reads}
        assert len(set(self.columns.values())) == len(self.columns), "two conclusions share a column"

    def compile(self, beside: list[Condition]) -> Compiled:
        for rule in self.program.rules:  # lowest stratum first, so what a rule reads has its phase by then
            for name in rule.concludes:
                self.phases[name] = max(self.phase(maker.when, maker.scope) for maker in self.makers[name])
        for rule in self.program.rules:
            for part in walk(rule.when):
                if isinstance(part, Quantifier):
                    phase = self.counted_in(part)
                    self.passes.setdefault((part.of, phase), Pass(part.of, phase)).quantifiers.append(part)
        last_phase = max([*self.phases.values(), *(phase for _, phase in self.passes)], default=0)
        for scope in sorted(self.current, reverse=True):  # the deals last: items read the facts of theirs
            self.test_facts(scope)
        for phase in range(last_phase + 1):
            for of in sorted(set(self.current) - {""}):
                self.judge_items(of, phase)
            self.judge("", phase)
        for of in sorted(set(self.current) - {""}):
            self.fetch(of, beside)
        fired = {rule.id: self.fired_column(rule) for rule in self.program.rules}
        for scope in self.current:
            own = [rule for rule in self.program.rules if rule.scope == scope and not self.makes_alone(rule)]
            if own:
                self.extend(scope, [_judged(self.test(rule.when, scope), fired[rule.id], rule.id) for rule in own])
        return Compiled(self.program, tuple(self.strata), dict(self.current), self.columns, fired, self)

    def fired_column(self, rule: Rule) -> str:
        """A rule that alone makes a conclusion fired where that conclusion holds; others get a column of their own."""
        alone = self.makes_alone(rule)
        return self.columns[alone[0]] if alone else f"fired_{column_name(rule.id)}"

    def makes_alone(self, rule: Rule) -> list[str]:
        return [name for name in rule.concludes if len(self.makers[name]) == 1]

    def phase(self, condition: Condition, scope: str) -> int:
        """Return in which round of judging items, then deals, a condition can be judged."""
        match condition:
            case All(parts) | Any(parts):
                return max((self.phase(part, scope) for part in parts), default=0)
            case Holds(name, collection) | Absent(name, collection):
                return self.phases.get(name, 0) + (collection != scope)
            case Quantifier():
                return self.counted_in(condition) + (scope != "")
            case _:
                return 0

    def counted_in(self, quantifier: Quantifier) -> int:
        return max(self.phase(part, quantifier.of) for part in (quantifier.where, quantifier.have) if part is not None)

    def level(self, name: str, phase: int) -> int:
        """Return how many strata of the same scope and phase lie below a conclusion."""
        if name not in self.levels:
            scope = self.program.scopes[name]
            below = [
                part.name for maker in self.makers.get(name, ()) for part in walk(maker.when)
                if isinstance(part, Holds | Absent) and self.program.scopes.get(part.name) == scope
                and self.phases.get(part.name) == phase and part.collection == scope and part.name in self.makers
            ]
            self.levels[name] = 1 + max((self.level(other, phase) for other in below), default=-1)
        return self.levels[name]

    def test_facts(self, scope: str) -> None:
        """Lay the tests of facts that rules ask of the rows of a scope beside them, so that each is made only once."""
        tests = self.asked.get(scope, [])
        if scope:
            self.fetch(scope, tests)
        if not tests:
            return
        columns = []
        for test in tests:
            if test.kind in ("stale", "inferred") and not test.path.through:  # lies beside the fact, and is never NULL
                self.tested[scope, test] = deal_col(column_read(test), scope if test.path.owner == "deal" else "").name
                continue
            self.tested[scope, test] = name = name_test(test, self.taken)
            self.taken.add(name)
            columns.append(named(fact_holds(test, scope), name))
        self.add(scope, selection(exp.Star(), *columns).from_(self.current[scope], copy=False), f"{scope or DEALS}_tested")

    def judge_items(self, of: str, phase: int) -> None:
        """Judge the items of a collection, then count them."""
        counted = self.passes.get((of, phase))
        wanted = [name for name, at in self.phases.items() if at == phase and self.program.scopes[name] == of]
        quantifiers = counted.quantifiers if counted is not None else []
        conditions = [maker.when for name in wanted for maker in self.makers[name]]
        conditions += [part for quantifier in quantifiers for part in (quantifier.where, quantifier.have) if part is not None]
        self.fetch(of, conditions)
        self.judge(of, phase)
        if counted is not None:
            for quantifier in quantifiers:
                self.count(counted, quantifier)
            self.strata.append(Stratum(counted.name, "", counted.select(self.current[of])))

    def fetch(self, of: str, conditions: Iterable[Condition]) -> None:
        """Lay what the conditions read of the deal beside the items."""
        names: dict[str, None] = {}
        for condition in conditions:
            for part in _shallow(condition):
                names.update(dict.fromkeys(self.read_of_deal(part, of)))
        have = self.fetched.setdefault(of, set())
        new = [name for name in names if name not in have]
        have.update(new)
        if not new:
            return
        source, deals = self.current[of], self.current[""]
        joined = selection(
            exp.Column(this=exp.Star(), table=exp.to_identifier(source)),
            *(named(col(name, deals), f"{OF_DEAL}{name}") for name in new),
        ).from_(source, copy=False)
        on = exp.EQ(this=col(KEY, source), expression=col(KEY, deals))
        joined = joined.join(deals, on=on, join_type="inner", copy=False)
        self.add(of, joined)

    def read_of_deal(self, part: Condition, of: str) -> list[str]:
        """Return the columns of the deal that a condition about an item reads."""
        match part:
            case FactTest(path) if path.owner == "deal":
                return [column_read(part), *([AS_OF] if part.kind == "age" else [])]
            case FactTest(kind="age"):
                return [AS_OF]
            case Holds(name, collection) | Absent(name, collection) if collection != of:
                return [self.columns[name]] if name in self.makers else []
            case Listed(collection):
                return [listed_column(collection)]
            case Quantifier():
                return [self.counts[identity(part)].column]
            case _:
                return []

    def judge(self, scope: str, phase: int) -> None:
        """Add the strata of a scope that belong to a phase."""
        if not scope:
            self.join_counts(phase)
        wanted = [name for name, at in self.phases.items() if at == phase and self.program.scopes[name] == scope]
        by_level: dict[int, list[str]] = {}
        for name in wanted:
            by_level.setdefault(self.level(name, phase), []).append(name)
        for level in sorted(by_level):
            self.extend(scope, [self.conclusion(name) for name in sorted(by_level[level])])

    def conclusion(self, name: str) -> exp.Expr:
        tests = [_noted(self.test(maker.when, maker.scope), maker.id) for maker in self.makers[name]]
        return named(paren(any_holds(tests)), self.columns[name])

    def extend(self, scope: str, columns: list[exp.Expr]) -> None:
        self.add(scope, selection(exp.Star(), *columns).from_(self.current[scope], copy=False))

    def add(self, scope: str, select: exp.Select, name: str = "") -> None:
        base = scope or DEALS
        number = sum(stratum.scope == scope and stratum.name.startswith(f"{base}_stratum") for stratum in self.strata)
        stratum = Stratum(name or f"{base}_stratum_{number}", scope, select)
        self.strata.append(stratum)
        self.current[scope] = stratum.name

    def join_counts(self, phase: int) -> None:
        passes = [counted for (_, at), counted in sorted(self.passes.items()) if at == phase and counted.columns]
        if not passes:
            return
        source = self.current[""]
        query = selection(exp.Column(this=exp.Star(), table=exp.to_identifier(source))).from_(source, copy=False)
        for counted in passes:
            for name in counted.columns:
                zero = exp.Coalesce(this=col(name, counted.name), expressions=[whole(0)])
                query = query.select(named(zero, name), copy=False)
            on = exp.EQ(this=col(KEY, source), expression=col(KEY, counted.name))
            query = query.join(counted.name, on=on, join_type="left", copy=False)
        self.add("", query)

    def count(self, counted: Pass, quantifier: Quantifier) -> None:
        """Give a quantifier its bit or its sum; equal ones share it."""
        key = identity(quantifier)
        if key in self.counts:
            return
        condition = self.test(quantifier.where, quantifier.of)
        if quantifier.have is not None:
            condition = both(condition, negated(paren(self.test(quantifier.have, quantifier.of))))
        self.counts[key] = counted.count(condition, many=quantifier.name == "count")

    def leaf(self, part: FactTest | Quantifier, scope: str) -> exp.Expr:
        """Return a quantifier, or a test of a fact: the column that holds its answer, if some rule asks it."""
        if isinstance(part, Quantifier):
            return self.quantified(part, scope)
        name = self.tested.get((scope, part))
        return col(name) if name else fact_holds(part, scope)

    def test(self, condition: Condition, scope: str, leaf: Leaf | None = None) -> exp.Expr:
        """Return a condition; it is TRUE exactly where it holds. ``leaf`` makes its tests of facts and its quantifiers."""
        match condition:
            case FactTest() | Quantifier():
                return (leaf or self.leaf)(condition, scope)
            case All(parts):
                return all_hold([self.test(part, scope, leaf) for part in parts])
            case Any(parts):
                return any_holds([self.test(part, scope, leaf) for part in parts])
            case Holds(name, collection):
                return self.concluded(name, collection, scope)
            case Absent(name, collection):
                return negated(self.concluded(name, collection, scope))
            case Listed(of, wanted):
                listed = deal_col(listed_column(of), scope)
                return listed if wanted else negated(listed)

    def concluded(self, name: str, collection: str, scope: str) -> exp.Expr:
        if name not in self.makers:
            return exp.false()
        return col(self.columns[name]) if collection == scope else deal_col(self.columns[name], scope)

    def number(self, quantifier: Quantifier, scope: str) -> exp.Expr:
        return deal_col(self.counts[identity(quantifier)].column, scope)

    def quantified(self, quantifier: Quantifier, scope: str) -> exp.Expr:
        count = self.counts[identity(quantifier)]
        column = self.number(quantifier, scope)
        if count.bit is None:
            return in_span(column, quantifier.span)
        bit = exp.Paren(this=exp.BitwiseAnd(this=column, expression=whole(1 << count.bit)))
        there = exp.NEQ(this=bit, expression=whole(0))
        return there if quantifier.name == "some" else exp.EQ(this=bit.copy(), expression=whole(0))


def _shallow(condition: Condition) -> list[Condition]:
    """Return the parts of a condition that are about its own row: what a quantifier counts is not."""
    match condition:
        case All(parts) | Any(parts):
            return [inner for part in parts for inner in _shallow(part)]
        case _:
            return [condition]


def _judged(condition: exp.Expr, name: str, rule: str) -> exp.Expr:
    return named(paren(_noted(condition, rule)), name)


def _noted(condition: exp.Expr, rule: str) -> exp.Expr:
    noted = paren(condition)
    noted.add_comments([f" {rule} "])
    return noted
