"""The ranking of questions as SQL statements: to :mod:`.questions` what :mod:`.sql` is to the forward engine.

The points of every open criterion and rule are shared among its open tests; what falls to a
quantifier goes back to the items that it is open for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from ..facts.tables import ITEM_KEY, KEY, column_name
from ..rules.language import Condition, FactTest
from .expressions import Cases, both, by_code_points, cast, col, named, negated, number_if, paren, selection, sum_of, whole
from .open_sql import OpenConditions, Target, bit_holds, is_open, nesting, targets_of, unlisted
from .questions import Slot
from .sql import Compiled
from .strata import reads_of, union_all


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
class Stage:
    """Where a deal stands: the number of its proven step, and of the furthest that is proven or claimed."""

    proven: exp.Expr
    reached: exp.Expr


class QuestionTables:
    """Builds the statements, and the query with a row for each fact worth asking for."""

    def __init__(
        self, compiled: Compiled, collections: Sequence[str], roots: Sequence[Root], stage: Stage | None = None
    ) -> None:
        self.compiled = compiled
        self.collections = collections
        self.roots = roots
        self.stage = stage
        self.open = OpenConditions(compiled, collections, [root.when for root in roots])
        self.shares: dict[str, dict[str, Target]] = {}  # by scope: what each column gives points to
        self.of_deal: set[str] = set()
        self.statements: list[tuple[str, exp.Select]] = self.open.statements

    def reads(self) -> dict[str, set[str]]:
        """Return the columns of the last table of each scope that the statements read."""
        found = self.open.reads([(root.when, root.scope) for root in self.roots])
        for root in self.roots:
            for read in (root.pending, root.points):
                found[root.scope] |= reads_of(read).column_names
        for number in (self.stage.proven, self.stage.reached) if self.stage else ():
            found[""] |= reads_of(number).column_names
        return found

    def build(self) -> None:
        """Make the statements."""
        self.open.build()
        for scope in ("", *self.collections):
            if not scope or any(root.scope == scope for root in self.roots):
                self.share_out(scope)
        self.add_up()

    def share_out(self, scope: str) -> None:
        """Share the points of the open roots of a scope among what they wait for."""
        sums: dict[str, list[exp.Expr]] = {}
        shares: list[exp.Expr] = []
        asked: list[exp.Expr] = []
        given: dict[str, Target] = {}

        def give(target: Target, share: int, *conditions: exp.Expr) -> None:
            given[target.column] = target
            asked.append(named(both(*(part.copy() for part in conditions)), f"asked_{len(asked)}"))
            value = Cases().when(col(asked[-1].alias), col(f"share_{share}")).otherwise(whole(0))
            sums.setdefault(target.column, []).append(exp.Coalesce(this=value, expressions=[whole(0)]))

        for number, root in enumerate(root for root in self.roots if root.scope == scope):
            counted: list[exp.Expr] = [whole(0)]
            for place in self.open.places(root.when, scope, outermost=True):
                if isinstance(place.part, FactTest):
                    counted.append(number_if(place.waits, 1))
                    for target, condition in targets_of(place.part, scope):
                        give(target, number, place.waits, condition)
                    continue
                for quantifier, waits in self.open.reach(place.part, place.waits):
                    counted.append(Cases().when(waits.copy(), self.open.tests_open(quantifier)).otherwise(whole(0)))
                    give(_left(self.open.numbers[quantifier]), number, waits, negated(unlisted(quantifier)))
                    give(Target(quantifier.of, ""), number, waits, unlisted(quantifier))
                    for target, bit in self.open.tests(quantifier):
                        if target.is_of_deal:  # asked about each item, but known once
                            give(target, number, waits, bit_holds(bit, "judged"))
            pending = both(root.pending.copy(), is_open(paren(self.open.kleene(root.when, scope))))
            several = exp.Greatest(this=sum_of(counted), expressions=[whole(1)])
            share = Cases().when(pending, exp.IntDiv(this=paren(root.points.copy()), expression=several)).end()
            shares.append(named(share, f"share_{number}"))
        source = self.compiled.last[scope]
        through = {column_name(target.through) for target in given.values() if target.through}
        keys = [KEY, *([ITEM_KEY] if scope else []), *sorted(through)]
        inner = self.open.beside_truths(source, self.open.rounds, [*(col(name, source) for name in keys), *shares, *asked])
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

    def query(self, slots: Mapping[tuple[str, str], Slot], most: int) -> exp.Query:
        """Return the query of the ranked questions; ``slots`` tells the place of each fact, and when it is asked."""
        parts = []
        for (collection, fact), slot in slots.items():
            target = Target(collection, fact)
            if target.is_of_deal:
                if target.column in self.of_deal:
                    parts.append(_rows(target, slot, exp.Literal.string(""), col(target.column), "deals_points"))
            else:
                parts += self.item_points(target, slot)
        nothing = _rows(Target("", ""), Slot(0), exp.Literal.string(""), whole(0), "deals_points")
        names = (KEY, "collection", "fact", "about")
        total = named(cast(exp.Sum(this=col("points")), "bigint"), "points")
        constant = (named(exp.Min(this=col(name)), name) for name in ("place", "first", "last"))
        given = union_all(parts or [nothing]).subquery("given", copy=False)
        added = selection(*(col(name) for name in names), *constant, total).from_(given, copy=False).group_by(
            *(col(name) for name in names), copy=False)
        most_first = exp.Ordered(this=col("points"), desc=True)
        ordered = exp.Order(expressions=[most_first, col("place"), by_code_points(col("about"))])
        rank = named(cast(exp.Window(this=exp.RowNumber(), partition_by=[col(KEY, "added")], order=ordered), "int"), "rank")
        columns = (col(KEY, "added"), *(col(name) for name in (*names[1:], "points")))
        ranked = self.in_season(selection(*columns, rank).from_(added.subquery("added", copy=False), copy=False))
        return selection(exp.Star()).from_(ranked.subquery("ranked", copy=False), copy=False).where(
            exp.LTE(this=col("rank"), expression=whole(most)), copy=False)

    def in_season(self, query: exp.Select) -> exp.Select:
        """Return the query with only what is asked where each deal stands."""
        if self.stage is None:
            return query
        source = self.compiled.last[""]
        stage = selection(col(KEY), named(self.stage.proven.copy(), "proven"), named(self.stage.reached.copy(), "reached"))
        on = exp.EQ(this=col(KEY, "added"), expression=col(KEY, "stage"))
        begun = exp.LTE(this=col("first"), expression=col("reached"))
        return query.join(stage.from_(source, copy=False).subquery("stage", copy=False), on=on, copy=False).where(
            begun, exp.LTE(this=col("proven"), expression=col("last")), copy=False)

    def item_points(self, target: Target, slot: Slot) -> list[exp.Select]:
        """Return the queries that give points to a fact of an item."""
        found = []
        for scope, columns in self.shares.items():
            for column, given in sorted(columns.items()):
                if scope and (given.collection, given.fact) == (target.collection, target.fact):
                    about = col(column_name(given.through) if given.through else ITEM_KEY)
                    found.append(_rows(target, slot, about, col(column), f"{scope}_shares"))
        for depth in range(self.open.rounds):
            for of in self.collections:
                found += self.points_left(target, slot, of, depth)
        return found

    def points_left(self, target: Target, slot: Slot, of: str, depth: int) -> list[exp.Select]:
        """Return what quantifiers leave to the items of a collection, or to those that they refer to."""
        ways: dict[str, list[exp.Expr]] = {}
        table, deals = f"{of}_open_{depth}", "deals_points"
        for quantifier, number in self.open.numbers.items():
            if quantifier.of == of and nesting(quantifier) == depth and _left(number).column in self.of_deal:
                for given, bit in self.open.tests(quantifier):
                    if (given.collection, given.fact) == (target.collection, target.fact):
                        left = Cases().when(bit_holds(bit, table), col(_left(number).column, deals)).otherwise(whole(0))
                        ways.setdefault(given.through, []).append(left)
        found = []
        on = exp.EQ(this=col(KEY, table), expression=col(KEY, deals))
        for through, parts in ways.items():
            about = col(column_name(through) if through else ITEM_KEY, table)
            for part in parts if through else [sum_of(parts)]:
                rows = _rows(target, slot, about, part, table).join(deals, on=on.copy(), copy=False)
                found.append(rows.distinct(copy=False) if through else rows)
        return found


def _rows(target: Target, slot: Slot, about: exp.Expr, points: exp.Expr, table: str) -> exp.Select:
    """Return a query with a row for each fact that something is given to."""
    texts = {"collection": exp.Literal.string(target.collection), "fact": exp.Literal.string(target.fact), "about": about}
    numbers = {"points": points, "place": whole(slot.place), "first": whole(slot.first), "last": whole(slot.last)}
    columns = (named(value, name) for name, value in (texts | numbers).items())
    return selection(col(KEY, table), *columns).from_(table, copy=False).where(
        exp.GT(this=paren(points.copy()), expression=whole(0)), copy=False)


def _left(number: int) -> Target:
    """Return where the share of a quantifier goes before its items divide it."""
    return Target("", f"quantifier_{number}")
