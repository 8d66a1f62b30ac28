"""Which conditions are open, as SQL: a condition that waits for an unknown fact is NULL.

SQL's AND, OR and NOT are Kleene's. Every item says in bits for which quantifiers it is open, and by
which of their tests; the deals judge the quantifiers from that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from ..facts.tables import ITEM_KEY, KEY, column_name, listed_column
from ..rules.language import All, Any, Condition, FactTest, Quantifier, walk
from .expressions import (
    Cases,
    all_hold,
    any_holds,
    both,
    col,
    known_to_hold,
    named,
    negated,
    number_if,
    paren,
    selection,
    sum_of,
    whole,
)
from .fact_tests_sql import fact_test
from .packed_sql import Packed, has_bit
from .sql import Compiled
from .strata import reads_of

Bit = tuple[str, int]


@dataclass(frozen=True)
class Place:
    """A test or quantifier within a condition; ``waits`` holds where it is open, given that the whole is."""

    part: FactTest | Quantifier
    waits: exp.Expr


@dataclass(frozen=True)
class Target:
    """The fact that an open test asks for; ``through`` is the reference that leads to its item, if one does."""

    collection: str
    fact: str
    through: str = ""

    @property
    def is_of_deal(self) -> bool:
        """Whether it is a fact of the deal, or a whole collection."""
        return not self.collection or not self.fact

    @property
    def column(self) -> str:
        """The column in which its points are added up."""
        return f"points_{self.collection}__{column_name(self.fact)}" + (f"__{self.through}" if self.through else "")


@dataclass
class Flags:
    """What the items of a collection say of one quantifier: bits, by what they mean."""

    sure: Bit = ("", 0)
    open: Bit = ("", 0)
    tests: dict[int, list[tuple[Target, Bit]]] = field(default_factory=dict)
    inner: dict[int, Bit] = field(default_factory=dict)


class OpenConditions:
    """Tells what is open in conditions; ``statements`` are those that judge the quantifiers in them."""

    def __init__(self, compiled: Compiled, collections: Sequence[str], conditions: Iterable[Condition]) -> None:
        self.compiled = compiled
        self.collections = collections
        self.quantifiers: list[Quantifier] = []
        for condition in conditions:
            self._note(condition)
        self.numbers = {quantifier: number for number, quantifier in enumerate(self.quantifiers)}
        self.rounds = max((nesting(quantifier) for quantifier in self.quantifiers), default=-1) + 1
        self.flags: dict[int, Flags] = {}
        self.judged: list[str] = []  # columns of the deals that tell the state of quantifiers
        self.statements: list[tuple[str, exp.Select]] = []

    def _note(self, condition: Condition) -> None:
        for part in walk(condition):
            if isinstance(part, Quantifier) and part not in self.quantifiers:
                self.quantifiers.append(part)
                for inner in _conditions(part):
                    self._note(inner)

    def reads(self, conditions: Iterable[tuple[Condition, str]]) -> dict[str, set[str]]:
        """Return the columns of the last table of each scope that it takes to judge conditions of some scopes."""
        found: dict[str, set[str]] = {scope: set() for scope in ("", *self.collections)}
        inner = [(condition, quantifier.of) for quantifier in self.quantifiers for condition in _conditions(quantifier)]
        for condition, scope in (*conditions, *inner):
            found[scope] |= reads_of(self.kleene(condition, scope)).column_names
            found[scope] |= _references(condition)
        found[""] |= {listed_column(quantifier.of) for quantifier in self.quantifiers}
        return found

    def build(self) -> None:
        """Make the statements, the innermost quantifiers first."""
        for depth in range(self.rounds):
            found = [quantifier for quantifier in self.quantifiers if nesting(quantifier) == depth]
            counted = [of for of in self.collections if any(quantifier.of == of for quantifier in found)]
            for of in counted:
                self.ask_items(of, depth, [quantifier for quantifier in found if quantifier.of == of])
            self.judge(depth, found, counted)

    def kleene(self, condition: Condition, scope: str) -> exp.Expr:
        """Return a condition that is NULL where it is open."""
        return self.compiled.test(condition, scope, self._leaf)

    def _leaf(self, part: FactTest | Quantifier, scope: str) -> exp.Expr:
        match part:
            case Quantifier():
                return col(f"truth_{self.numbers[part]}", "judged")
            case FactTest(kind="known"):
                return Cases().when(fact_test(part, scope), exp.true()).end()
            case FactTest(kind="stale" | "inferred"):
                return known_to_hold(fact_test(part, scope))
            case FactTest(path) if path.through and path.fact == ITEM_KEY:  # no such item: no fact can change that
                there = negated(exp.Is(this=col(column_name(path.through)), expression=exp.null()))
                return Cases().when(there, known_to_hold(fact_test(part, scope))).end()
        return fact_test(part, scope)

    def places(self, condition: Condition, scope: str, outermost: bool) -> Iterator[Place]:
        """Yield what can be open in a condition; ``outermost`` if it is open whenever this is asked."""
        match condition:
            case All(parts) | Any(parts):
                gate = [] if outermost else [is_open(self.kleene(condition, scope))]
                for part in parts:
                    for place in self.places(part, scope, outermost=False):
                        yield Place(place.part, all_hold([*(part.copy() for part in gate), place.waits]))
            case FactTest(kind="unknown" | "stale" | "inferred"):
                return
            case FactTest() | Quantifier():
                yield Place(condition, exp.true() if outermost else is_open(self.kleene(condition, scope)))
            case _:
                return

    def _item_places(self, quantifier: Quantifier) -> list[Place]:
        alone = quantifier.have is None
        return [
            place for condition in _conditions(quantifier) for place in self.places(condition, quantifier.of, outermost=alone)
        ]

    def ask_items(self, of: str, depth: int, quantifiers: Sequence[Quantifier]) -> None:
        """State of every item, in bits, for which quantifiers it surely counts, and for which it is open, and why."""
        names: list[tuple[str, str]] = []
        tests: list[exp.Expr] = []

        def flag(test: exp.Expr) -> str:
            names.append((f"flag_{len(names)}", f"flag_{len(names)}"))
            tests.append(named(test, names[-1][0]))
            return names[-1][0]

        flagged: dict[int, tuple[str, str, dict[int, list[tuple[Target, str]]], dict[int, str]]] = {}
        through: set[str] = set()
        for quantifier in quantifiers:
            counts = self.counts(quantifier)
            asked: dict[int, list[tuple[Target, str]]] = {}
            inner: dict[int, str] = {}
            for at, place in enumerate(self._item_places(quantifier)):
                waits = both(is_open(counts), place.waits)
                if isinstance(place.part, Quantifier):
                    inner[at] = flag(waits)
                else:
                    targets = targets_of(place.part, of)
                    asked[at] = [(target, flag(both(waits.copy(), condition))) for target, condition in targets]
                    through |= {target.through for target, _ in targets if target.through}
            flagged[self.numbers[quantifier]] = (flag(known_to_hold(counts)), flag(is_open(counts)), asked, inner)
        keys = [col(name) for name in (KEY, ITEM_KEY, *sorted(map(column_name, through)))]
        pack = Packed(of, f"open_{of}_{depth}")
        words = pack.add(names)
        for number, (sure, maybe, asked, inner) in flagged.items():
            bits = pack.places
            self.flags[number] = Flags(
                bits[sure], bits[maybe],
                {at: [(target, bits[name]) for target, name in ways] for at, ways in asked.items()},
                {at: bits[name] for at, name in inner.items()},
            )
        source = self.beside_truths(self.compiled.last[of], depth, [*(_with_table(key, self.compiled.last[of]) for key in keys),
                                                                    *tests])
        name = f"{of}_open_{depth}"
        self._add(name, selection(*keys, *words).from_(source.subquery("flagged", copy=False), copy=False))
        counted = [named(exp.BitwiseOrAgg(this=col(word)), word) for word in pack.columns]
        for quantifier in quantifiers:
            if quantifier.name == "count":
                number = self.numbers[quantifier]
                for kind, bit in (("sure", self.flags[number].sure), ("open", self.flags[number].open)):
                    counted.append(named(exp.Sum(this=number_if(bit_holds(bit), 1)), f"{kind}_{number}"))
        self._add(f"{name}_counted", selection(col(KEY), *counted).from_(name, copy=False).group_by(col(KEY), copy=False))

    def counts(self, quantifier: Quantifier) -> exp.Expr:
        """Return whether an item counts for a quantifier, NULL where that is open."""
        where = self.kleene(quantifier.where, quantifier.of)
        if quantifier.have is None:
            return paren(where)
        return paren(both(where, negated(paren(self.kleene(quantifier.have, quantifier.of)))))

    def beside_truths(self, source: str, depth: int, columns: Sequence[exp.Expr]) -> exp.Select:
        """Return a query over a table with the quantifiers of lesser depths, judged, beside each row."""
        query = selection(*columns).from_(source, copy=False)
        if not depth:
            return query
        judged = named(exp.to_table(f"deals_open_{depth - 1}"), "judged", table=True)
        return query.join(judged, on=exp.EQ(this=col(KEY, source), expression=col(KEY, "judged")), copy=False)

    def judge(self, depth: int, quantifiers: Sequence[Quantifier], counted: Sequence[str]) -> None:
        """Judge the quantifiers of a depth, deal by deal, and keep what their items are open for."""
        source = self.compiled.last[""]
        listed = [] if depth else sorted({quantifier.of for quantifier in self.quantifiers})
        columns: list[exp.Expr] = [col(KEY, source), *(col(name, "judged") for name in self.judged)]
        columns += [named(col(listed_column(of), source), f"is_listed_{of}") for of in listed]
        new = [f"is_listed_{of}" for of in listed]
        query = self.beside_truths(source, depth, columns)
        for of in counted:
            table = f"{of}_open_{depth}_counted"
            select = next(select for name, select in self.statements if name == table)
            for name in [part.alias_or_name for part in select.selects[1:]]:
                zero = exp.Coalesce(this=col(name, table), expressions=[whole(0)])
                query = query.select(named(zero, name), copy=False)
                new.append(name)
            on = exp.EQ(this=col(KEY, source), expression=col(KEY, table))
            query = query.join(table, on=on, join_type="left", copy=False)
        truths = [named(self.truth(quantifier), f"truth_{self.numbers[quantifier]}") for quantifier in quantifiers]
        kept = [col(name) for name in (KEY, *self.judged, *new)]
        self.judged += [*new, *(truth.alias for truth in truths)]
        self._add(f"deals_open_{depth}", selection(*kept, *truths).from_(query.subquery("counted", copy=False), copy=False))

    def _add(self, name: str, select: exp.Select) -> None:
        self.statements.append((name, select))

    def truth(self, quantifier: Quantifier) -> exp.Expr:
        """Return whether a quantifier holds of a deal, NULL where that is open."""
        number, span = self.numbers[quantifier], quantifier.span
        flags = self.flags[number]
        unlisted = negated(col(f"is_listed_{quantifier.of}"))
        if quantifier.name != "count":
            holds, fails = (exp.true(), exp.false()) if quantifier.name == "some" else (exp.false(), exp.true())
            open_if_unlisted = Cases().when(unlisted, exp.null())
            return open_if_unlisted.when(bit_holds(flags.sure), holds).when(bit_holds(flags.open), exp.null()).otherwise(fails)
        least, most = col(f"sure_{number}"), paren(sum_of([col(f"sure_{number}"), col(f"open_{number}")]))
        low = whole(int(str(span.low)) + span.low_open if span.low is not None else 0)
        surely, never = [exp.GTE(this=least, expression=low)], [exp.LT(this=most, expression=low.copy())]
        if span.high is not None:
            high = whole(int(str(span.high)) - span.high_open)
            surely.append(exp.LTE(this=most.copy(), expression=high))  # type: ignore[arg-type]
            never.append(exp.GT(this=least.copy(), expression=high.copy()))  # type: ignore[arg-type]
        always = span.holds(0) and span.high is None
        judged = Cases().when(unlisted, exp.true() if always else exp.null())
        return judged.when(all_hold(surely), exp.true()).when(any_holds(never), exp.false()).end()

    def reach(self, quantifier: Quantifier, waits: exp.Expr) -> Iterator[tuple[Quantifier, exp.Expr]]:
        """Yield a quantifier, and those that its items wait for, with the condition on which each is asked about."""
        yield quantifier, waits
        places = self._item_places(quantifier)
        for at, bit in self.flags[self.numbers[quantifier]].inner.items():
            inner = places[at].part
            assert isinstance(inner, Quantifier)
            yield from self.reach(inner, both(waits.copy(), bit_holds(bit, "judged")))

    def tests(self, quantifier: Quantifier) -> list[tuple[Target, Bit]]:
        """Return what the tests of a quantifier ask for, each with the bit that tells whether it is open."""
        return [pair for targets in self.flags[self.numbers[quantifier]].tests.values() for pair in targets]

    def tests_open(self, quantifier: Quantifier) -> exp.Expr:
        """Return how many tests of a quantifier are open for some item; an unlisted collection counts as one."""
        ways = self.flags[self.numbers[quantifier]].tests.values()
        counted = [number_if(any_holds([bit_holds(bit, "judged") for _, bit in targets]), 1) for targets in ways]
        return Cases().when(unlisted(quantifier), whole(1)).otherwise(sum_of(counted) if counted else whole(0))


def _conditions(quantifier: Quantifier) -> list[Condition]:
    return [quantifier.where, *([quantifier.have] if quantifier.have is not None else [])]


def nesting(quantifier: Quantifier) -> int:
    """Return how deep other quantifiers are nested in one."""
    inner = [part for condition in _conditions(quantifier) for part in walk(condition) if isinstance(part, Quantifier)]
    return 1 + max((nesting(part) for part in inner), default=-1)


def _references(condition: Condition) -> set[str]:
    return {
        column_name(part.path.through) for part in walk(condition) if isinstance(part, FactTest) and part.path.owner == "ref"
    }


def targets_of(test: FactTest, scope: str) -> list[tuple[Target, exp.Expr]]:
    """Return what a test asks for, and on which condition."""
    path = test.path
    if path.owner != "ref":
        return [(Target("" if path.owner == "deal" else scope, path.fact), exp.true())]
    missing = exp.Is(this=col(column_name(path.through)), expression=exp.null())
    return [
        (Target(scope, path.through), missing),
        (Target(path.collection, path.fact, path.through), negated(missing.copy())),
    ]


def is_open(truth: exp.Expr) -> exp.Expr:
    """Return the test that a condition is open."""
    return exp.Is(this=paren(truth.copy()), expression=exp.null())


def bit_holds(bit: Bit, table: str = "") -> exp.Expr:
    """Return the test of a bit."""
    return has_bit(col(bit[0], table), whole(bit[1]))


def unlisted(quantifier: Quantifier) -> exp.Expr:
    """Return the test that a deal leaves a quantifier's collection out."""
    return negated(col(f"is_listed_{quantifier.of}", "judged"))


def _with_table(column: exp.Column, table: str) -> exp.Column:
    return col(column.name, table)

