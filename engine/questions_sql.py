"""The ranking of questions as SQL statements: to :mod:`.questions` what :mod:`.sql` is to the forward engine.

SQL's AND, OR and NOT are Kleene's, so a condition that is open is one that is NULL. Every item says
in bits for which quantifiers it is open, and by which of their tests; the deals share out the
points of every open criterion and rule among its open tests; what falls to a quantifier goes back
to the items that it is open for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from ..facts.tables import ITEM_KEY, KEY, column_name, listed_column
from ..rules.language import Absent, All, Any, Condition, FactTest, Holds, Listed, Quantifier, walk
from .packed_sql import Packed, has_bit
from .sql import Compiled
from .sql_tests import (
    Cases,
    all_hold,
    any_holds,
    both,
    cast,
    col,
    deal_col,
    fact_test,
    known_to_hold,
    named,
    negated,
    number_if,
    paren,
    selection,
    sum_of,
    whole,
)

Bit = tuple[str, int]


@dataclass(frozen=True)
class Root:
    """What is worth asking for: an open criterion, or a rule that could still find or advise something.

    ``points`` is what it is worth in all, ``pending`` whether it is still to be had.
    """

    scope: str
    when: Condition
    points: exp.Expr
    pending: exp.Expr


@dataclass(frozen=True)
class _Place:
    """A test or quantifier within a condition; ``waits`` holds where it is open, given that the whole is."""

    part: FactTest | Quantifier
    waits: exp.Expr


@dataclass(frozen=True)
class _Target:
    """The fact that an open test asks for; ``through`` is the reference that leads to its item, if one does."""

    collection: str
    fact: str
    through: str = ""

    @property
    def is_of_deal(self) -> bool:
        return not self.collection or not self.fact

    @property
    def column(self) -> str:
        return f"points_{self.collection}__{column_name(self.fact)}" + (f"__{self.through}" if self.through else "")


@dataclass
class _Flags:
    """What the items of a collection say of one quantifier: bits, by what they mean."""

    sure: Bit = ("", 0)
    open: Bit = ("", 0)
    tests: dict[int, list[tuple[_Target, Bit]]] = field(default_factory=dict)
    inner: dict[int, Bit] = field(default_factory=dict)


class QuestionTables:
    """Builds the statements, and the query with a row for each fact worth asking for."""

    def __init__(self, compiled: Compiled, collections: Sequence[str], roots: Sequence[Root]) -> None:
        self.compiled = compiled
        self.collections = collections
        self.roots = roots
        self.made = {name for rule in compiled.program.rules for name in rule.concludes}
        self.quantifiers: list[Quantifier] = []
        for root in roots:
            self._note(root.when)
        self.numbers = {quantifier: number for number, quantifier in enumerate(self.quantifiers)}
        self.rounds = max((_depth(quantifier) for quantifier in self.quantifiers), default=-1) + 1
        self.flags: dict[int, _Flags] = {}
        self.judged: list[str] = []  # columns of the deals that tell the state of quantifiers
        self.shares: dict[str, dict[str, _Target]] = {}  # by scope: what each column gives points to
        self.statements: list[tuple[str, exp.Select]] = []

    def _note(self, condition: Condition) -> None:
        for part in walk(condition):
            if isinstance(part, Quantifier) and part not in self.quantifiers:
                self.quantifiers.append(part)
                for inner in _conditions(part):
                    self._note(inner)

    def reads(self) -> dict[str, set[str]]:
        """Return the columns of the last table of each scope that the statements read."""
        found: dict[str, set[str]] = {scope: set() for scope in ("", *self.collections)}
        asked = [(root.when, root.scope) for root in self.roots]
        asked += [(condition, quantifier.of) for quantifier in self.quantifiers for condition in _conditions(quantifier)]
        for condition, scope in asked:
            found[scope] |= {column.name for column in self.kleene(condition, scope).find_all(exp.Column)}
            found[scope] |= _references(condition)
        for root in self.roots:
            for read in (root.pending, root.points):
                found[root.scope] |= {column.name for column in read.find_all(exp.Column)}
        found[""] |= {listed_column(quantifier.of) for quantifier in self.quantifiers}
        return found

    def build(self) -> None:
        """Make the statements."""
        for depth in range(self.rounds):
            found = [quantifier for quantifier in self.quantifiers if _depth(quantifier) == depth]
            counted = [of for of in self.collections if any(quantifier.of == of for quantifier in found)]
            for of in counted:
                self.ask_items(of, depth, [quantifier for quantifier in found if quantifier.of == of])
            self.judge(depth, found, counted)
        for scope in ("", *self.collections):
            if not scope or any(root.scope == scope for root in self.roots):
                self.share_out(scope)
        self.add_up()

    def kleene(self, condition: Condition, scope: str) -> exp.Expr:
        """Return a condition that is NULL where it is open."""
        match condition:
            case FactTest(kind="known"):
                return Cases().when(fact_test(condition, scope), exp.true()).end()
            case FactTest(kind="stale" | "inferred"):
                return known_to_hold(fact_test(condition, scope))
            case FactTest():
                return fact_test(condition, scope)
            case All(parts):
                return paren(all_hold([self.kleene(part, scope) for part in parts]))
            case Any(parts):
                return paren(any_holds([self.kleene(part, scope) for part in parts]))
            case Holds(name, collection):
                return self._concluded(name, collection, scope)
            case Absent(name, collection):
                return negated(self._concluded(name, collection, scope))
            case Listed(of, wanted):
                listed = deal_col(listed_column(of), scope)
                return listed if wanted else negated(listed)
            case Quantifier():
                return col(f"truth_{self.numbers[condition]}", "judged")

    def _concluded(self, name: str, collection: str, scope: str) -> exp.Expr:
        if name not in self.made:
            return exp.false()
        column = self.compiled.columns[name]
        return col(column) if collection == scope else deal_col(column, scope)

    def _places(self, condition: Condition, scope: str, outermost: bool) -> Iterator[_Place]:
        """Yield what can be open in a condition; ``outermost`` if it is open whenever this is asked."""
        match condition:
            case All(parts) | Any(parts):
                gate = [] if outermost else [_is_open(self.kleene(condition, scope))]
                for part in parts:
                    for place in self._places(part, scope, outermost=False):
                        yield _Place(place.part, all_hold([*(part.copy() for part in gate), place.waits]))
            case FactTest(kind="unknown" | "stale" | "inferred"):
                return
            case FactTest() | Quantifier():
                yield _Place(condition, exp.true() if outermost else _is_open(self.kleene(condition, scope)))
            case _:
                return

    def _item_places(self, quantifier: Quantifier) -> list[_Place]:
        alone = quantifier.have is None
        return [
            place for condition in _conditions(quantifier) for place in self._places(condition, quantifier.of, outermost=alone)
        ]

    def ask_items(self, of: str, depth: int, quantifiers: Sequence[Quantifier]) -> None:
        """State of every item, in bits, for which quantifiers it surely counts, and for which it is open, and why."""
        names: list[tuple[str, str]] = []
        tests: list[exp.Expr] = []

        def flag(test: exp.Expr) -> str:
            names.append((f"flag_{len(names)}", f"flag_{len(names)}"))
            tests.append(named(test, names[-1][0]))
            return names[-1][0]

        flagged: dict[int, tuple[str, str, dict[int, list[tuple[_Target, str]]], dict[int, str]]] = {}
        through: set[str] = set()
        for quantifier in quantifiers:
            counts = self.counts(quantifier)
            asked: dict[int, list[tuple[_Target, str]]] = {}
            inner: dict[int, str] = {}
            for at, place in enumerate(self._item_places(quantifier)):
                waits = both(_is_open(counts), place.waits)
                if isinstance(place.part, Quantifier):
                    inner[at] = flag(waits)
                else:
                    targets = _targets(place.part, of)
                    asked[at] = [(target, flag(both(waits.copy(), condition))) for target, condition in targets]
                    through |= {target.through for target, _ in targets if target.through}
            flagged[self.numbers[quantifier]] = (flag(known_to_hold(counts)), flag(_is_open(counts)), asked, inner)
        keys = [col(name) for name in (KEY, ITEM_KEY, *sorted(map(column_name, through)))]
        pack = Packed(of, f"open_{of}_{depth}")
        words = pack.add(names)
        for number, (sure, is_open, asked, inner) in flagged.items():
            bits = pack.places
            self.flags[number] = _Flags(
                bits[sure], bits[is_open],
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
                    counted.append(named(exp.Sum(this=number_if(_bit(bit), 1)), f"{kind}_{number}"))
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

    def truth(self, quantifier: Quantifier) -> exp.Expr:
        """Return whether a quantifier holds of a deal, NULL where that is open."""
        number, span = self.numbers[quantifier], quantifier.span
        flags = self.flags[number]
        unlisted = negated(col(f"is_listed_{quantifier.of}"))
        if quantifier.name != "count":
            holds, fails = (exp.true(), exp.false()) if quantifier.name == "some" else (exp.false(), exp.true())
            open_if_unlisted = Cases().when(unlisted, exp.null())
            return open_if_unlisted.when(_bit(flags.sure), holds).when(_bit(flags.open), exp.null()).otherwise(fails)
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
            yield from self.reach(inner, both(waits.copy(), _bit(bit, "judged")))

    def tests_open(self, quantifier: Quantifier) -> exp.Expr:
        """Return how many tests of a quantifier are open for some item; an unlisted collection counts as one."""
        ways = self.flags[self.numbers[quantifier]].tests.values()
        counted = [number_if(any_holds([_bit(bit, "judged") for _, bit in targets]), 1) for targets in ways]
        return Cases().when(_unlisted(quantifier), whole(1)).otherwise(sum_of(counted) if counted else whole(0))

    def share_out(self, scope: str) -> None:
        """Share the points of the open roots of a scope among what they wait for."""
        sums: dict[str, list[exp.Expr]] = {}
        shares: list[exp.Expr] = []
        asked: list[exp.Expr] = []
        given: dict[str, _Target] = {}

        def give(target: _Target, share: int, *conditions: exp.Expr) -> None:
            given[target.column] = target
            asked.append(named(both(*(part.copy() for part in conditions)), f"asked_{len(asked)}"))
            value = Cases().when(col(asked[-1].alias), col(f"share_{share}")).otherwise(whole(0))
            sums.setdefault(target.column, []).append(exp.Coalesce(this=value, expressions=[whole(0)]))

        for number, root in enumerate(root for root in self.roots if root.scope == scope):
            counted: list[exp.Expr] = [whole(0)]
            for place in self._places(root.when, scope, outermost=True):
                if isinstance(place.part, FactTest):
                    counted.append(number_if(place.waits, 1))
                    for target, condition in _targets(place.part, scope):
                        give(target, number, place.waits, condition)
                    continue
                for quantifier, waits in self.reach(place.part, place.waits):
                    counted.append(Cases().when(waits.copy(), self.tests_open(quantifier)).otherwise(whole(0)))
                    give(_left(self.numbers[quantifier]), number, waits, negated(_unlisted(quantifier)))
                    give(_Target(quantifier.of, ""), number, waits, _unlisted(quantifier))
            is_open = both(root.pending.copy(), _is_open(paren(self.kleene(root.when, scope))))
            several = exp.Greatest(this=sum_of(counted), expressions=[whole(1)])
            share = Cases().when(is_open, exp.IntDiv(this=paren(root.points.copy()), expression=several)).end()
            shares.append(named(share, f"share_{number}"))
        source = self.compiled.last[scope]
        through = {column_name(target.through) for target in given.values() if target.through}
        keys = [KEY, *([ITEM_KEY] if scope else []), *sorted(through)]
        inner = self.beside_truths(source, self.rounds, [*(col(name, source) for name in keys), *shares, *asked])
        columns = [named(sum_of(parts), name) for name, parts in sums.items()]
        self.shares[scope] = given
        select = selection(*(col(name) for name in keys), *columns).from_(inner.subquery("shared", copy=False), copy=False)
        self._add(f"{scope or 'deals'}_shares", select)

    def add_up(self) -> None:
        """Add to the deals what the roots of their items give to facts of the deal, and to quantifiers."""
        columns: dict[str, list[exp.Expr]] = {name: [col(name, "deals_shares")] for name in self.shares[""]}
        of_deal = {name for given in self.shares.values() for name, target in given.items() if target.is_of_deal}
        query = selection(col(KEY, "deals_shares")).from_("deals_shares", copy=False)
        for scope in self.shares:
            names = sorted(name for name, target in self.shares[scope].items() if scope and target.is_of_deal)
            if not names:
                continue
            table = f"{scope}_shares_summed"
            sums = [named(exp.Sum(this=col(name)), name) for name in names]
            self._add(table, selection(col(KEY), *sums).from_(f"{scope}_shares", copy=False).group_by(col(KEY), copy=False))
            for name in names:
                columns.setdefault(name, []).append(exp.Coalesce(this=col(name, table), expressions=[whole(0)]))
            on = exp.EQ(this=col(KEY, "deals_shares"), expression=col(KEY, table))
            query = query.join(table, on=on, join_type="left", copy=False)
        totals = [named(sum_of(columns[name]), name) for name in sorted(of_deal)]
        self._add("deals_points", query.select(*totals, copy=False))
        self.of_deal = of_deal

    def _add(self, name: str, select: exp.Select) -> None:
        self.statements.append((name, select))

    def query(self, order: Mapping[tuple[str, str], int], most: int) -> exp.Query:
        """Return the query of the ranked questions; ``order`` is the place of each fact in the vocabulary."""
        parts = []
        for (collection, fact), place in order.items():
            target = _Target(collection, fact)
            if target.is_of_deal:
                if target.column in self.of_deal:
                    parts.append(_rows(collection, fact, place, exp.Literal.string(""), col(target.column), "deals_points"))
            else:
                parts += self.item_points(target, place)
        union: exp.Query = parts[0]
        for part in parts[1:]:
            union = exp.union(union, part, distinct=False, copy=False)
        names = (KEY, "collection", "fact", "about")
        total = named(cast(exp.Sum(this=col("points")), "bigint"), "points")
        added = selection(*(col(name) for name in names), named(exp.Min(this=col("place")), "place"), total).from_(
            union.subquery("given", copy=False), copy=False).group_by(*(col(name) for name in names), copy=False)
        ordered = exp.Order(expressions=[exp.Ordered(this=col("points"), desc=True), col("place"), col("about")])
        rank = named(exp.Window(this=exp.RowNumber(), partition_by=[col(KEY)], order=ordered), "rank")
        ranked = selection(*(col(name) for name in (*names, "points")), rank).from_(
            added.subquery("added", copy=False), copy=False)
        return selection(exp.Star()).from_(ranked.subquery("ranked", copy=False), copy=False).where(
            exp.LTE(this=col("rank"), expression=whole(most)), copy=False)

    def item_points(self, target: _Target, place: int) -> list[exp.Select]:
        """Return the queries that give points to a fact of an item."""
        found = []
        for scope, columns in self.shares.items():
            for column, given in sorted(columns.items()):
                if scope and (given.collection, given.fact) == (target.collection, target.fact):
                    about = col(column_name(given.through) if given.through else ITEM_KEY)
                    found.append(_rows(target.collection, target.fact, place, about, col(column), f"{scope}_shares"))
        for depth in range(self.rounds):
            for of in self.collections:
                found += self.points_left(target, place, of, depth)
        return found

    def points_left(self, target: _Target, place: int, of: str, depth: int) -> list[exp.Select]:
        """Return what quantifiers leave to the items of a collection, or to those that they refer to."""
        ways: dict[str, list[exp.Expr]] = {}
        table, deals = f"{of}_open_{depth}", "deals_points"
        for quantifier, number in self.numbers.items():
            if quantifier.of == of and _depth(quantifier) == depth and _left(number).column in self.of_deal:
                for given, bit in (pair for targets in self.flags[number].tests.values() for pair in targets):
                    if (given.collection, given.fact) == (target.collection, target.fact):
                        left = Cases().when(_bit(bit, table), col(_left(number).column, deals)).otherwise(whole(0))
                        ways.setdefault(given.through, []).append(left)
        found = []
        on = exp.EQ(this=col(KEY, table), expression=col(KEY, deals))
        for through, parts in ways.items():
            about = col(column_name(through) if through else ITEM_KEY, table)
            for part in parts if through else [sum_of(parts)]:
                rows = _rows(target.collection, target.fact, place, about, part, table).join(deals, on=on.copy(), copy=False)
                found.append(rows.distinct(copy=False) if through else rows)
        return found


def _rows(collection: str, fact: str, place: int, about: exp.Expr, points: exp.Expr, table: str) -> exp.Select:
    """Return a query with a row for each fact that something is given to."""
    return selection(
        col(KEY, table), named(exp.Literal.string(collection), "collection"), named(exp.Literal.string(fact), "fact"),
        named(about, "about"), named(points, "points"), named(whole(place), "place"),
    ).from_(table, copy=False).where(exp.GT(this=paren(points.copy()), expression=whole(0)), copy=False)


def _conditions(quantifier: Quantifier) -> list[Condition]:
    return [quantifier.where, *([quantifier.have] if quantifier.have is not None else [])]


def _depth(quantifier: Quantifier) -> int:
    """Return how deep other quantifiers are nested in one."""
    inner = [part for condition in _conditions(quantifier) for part in walk(condition) if isinstance(part, Quantifier)]
    return 1 + max((_depth(part) for part in inner), default=-1)


def _references(condition: Condition) -> set[str]:
    return {
        column_name(part.path.through) for part in walk(condition) if isinstance(part, FactTest) and part.path.owner == "ref"
    }


def _targets(test: FactTest, scope: str) -> list[tuple[_Target, exp.Expr]]:
    """Return what a test asks for, and on which condition."""
    path = test.path
    if path.owner != "ref":
        return [(_Target("" if path.owner == "deal" else scope, path.fact), exp.true())]
    missing = exp.Is(this=col(column_name(path.through)), expression=exp.null())
    return [
        (_Target(scope, path.through), missing),
        (_Target(path.collection, path.fact, path.through), negated(missing.copy())),
    ]


def _is_open(truth: exp.Expr) -> exp.Expr:
    return exp.Is(this=paren(truth.copy()), expression=exp.null())


def _bit(bit: Bit, table: str = "") -> exp.Expr:
    return has_bit(col(bit[0], table), whole(bit[1]))


def _unlisted(quantifier: Quantifier) -> exp.Expr:
    return negated(col(f"is_listed_{quantifier.of}", "judged"))


def _left(number: int) -> _Target:
    """Return where the share of a quantifier goes before its items divide it."""
    return _Target("", f"quantifier_{number}")


def _with_table(column: exp.Column, table: str) -> exp.Column:
    return col(column.name, table)
