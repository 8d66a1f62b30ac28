"""The same scoring hand-written in Polars, as one would write it without a rule engine: the table ``deals``, all of it.

Every test of a fact becomes a column of bits while the files are read, so that no facts stay in memory; from then on the
rules are logic on bits, a column a conclusion, stratum by stratum. Deals and their items tell one another what they need
by the numbers of the deals. The input has no bad rows: no cell is checked, no deal rejected, and a set holds each
member once. The texts are English.

    python benchmarks/polars_peer.py INPUT_FOLDER OUTPUT.parquet [--checked]

With ``--checked`` it looks all of the input through first, and stops if something is wrong with it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import polars as pl
import polars.selectors as cs
from dealready.facts.tables import AS_OF, DEALS, ITEM_KEY, KEY, column_name, listed_column
from dealready.facts.vocabulary import Fact
from dealready.rules.base import RuleBase
from dealready.rules.cache import cached_rule_base
from dealready.rules.catalogue import DEAL, Action, Finding
from dealready.rules.language import Absent, All, Condition, FactTest, Holds, Listed, Quantifier, Rule, Span, placed, walk
from dealready.rules.language import Any as AnyOf
from polars_checks import check

NUMBER, ROW, NAME, RANK, ACTION = "number", "row", "item name", "rank", "action"
DETAILS = (
    "deal_name", "account_name", "deal_owner", "deal_team", "deal_amount", "deal_currency", "deal_expected_close",
    "deal_outcome",
)
CLAIMED_STEP = "deal_claimed_step"
KINDS = ("conflict", "risk", "gap", "caution", "strength")
STATUSES = pl.Enum(["not_started", "in_progress", "blocked", "complete"])
AT_ONCE = 2 * 122_880  # rows, a multiple of DuckDB's row groups: all facts of a million deals at once take gigabytes

Counted = tuple[str, Condition, Condition | None, bool]
Entry = TypeVar("Entry", Finding, Action)


class PolarsProgram:
    """A rule base over frames: the deals (scope empty) and the items of each collection.

    A column is called alike in each frame that has it.
    """

    def __init__(self, base: RuleBase, folder: Path) -> None:
        self.base = base
        self.folder = folder
        self.tests: dict[FactTest, str] = {}
        self.bits: dict[tuple[str, str], dict[object, int]] = {}
        self.references: dict[tuple[str, str], list[FactTest]] = {}
        self.counted: dict[Counted, str] = {}
        parts = [(scope, part) for rule in base.program.rules for scope, part in placed(rule.when, rule.scope)]
        for scope, part in parts:
            if isinstance(part, FactTest):
                self.foresee(_at_home(part), scope, part.path.through)
        self.frames = {"": self.deals()}
        for scope in sorted({scope for scope, _ in parts} - {""}):
            self.frames[scope] = self.items(scope)
        for scope, through in self.references:
            self.refer(scope, through)

    def foresee(self, test: FactTest, scope: str, through: str) -> None:
        """Note a test, which members of a set it asks for, and who reads it through which reference."""
        self.tests.setdefault(test, f"test {len(self.tests)}")
        if test.kind in ("has_any", "has_all", "lacks") and isinstance(test.operand, tuple):
            bits = self.bits.setdefault((test.path.collection, column_name(test.path.fact)), {})
            for member in test.operand:
                bits.setdefault(member, 1 << len(bits))
        if through:
            self.references.setdefault((scope, through), []).append(test)

    def facts(self, scope: str) -> Mapping[str, Fact]:
        """Return the facts of a scope."""
        return self.base.vocabulary.collections[scope].facts if scope else self.base.vocabulary.facts

    def deals(self) -> pl.DataFrame:
        """Return the deals in order, numbered, with what people are shown of them."""
        listed = [listed_column(of) for of in self.base.vocabulary.collections]
        return _in_order(self.read("", [KEY, *DETAILS, AS_OF, CLAIMED_STEP, *listed]), KEY).with_row_index(NUMBER)

    def items(self, scope: str) -> pl.DataFrame:
        """Return the items of a collection in the order of their deals, with the numbers of these."""
        keys = pl.scan_parquet(self.folder / f"{scope}.parquet").select(KEY)
        deals = self.frames[""].lazy().select(KEY, NUMBER, AS_OF)
        of_deals = keys.join(deals, on=KEY, how="left", maintain_order="left").select(NUMBER, AS_OF)
        named = self.base.vocabulary.collections[scope].naming
        name = pl.col(named.id if named.type in ("text", "enum") else ITEM_KEY)
        if named.type == "enum":
            name = name.replace_strict({value.id: value.label.en for value in named.values}, return_dtype=pl.String)
        references = [pl.col(through).alias(f"to {through}") for of, through in self.references if of == scope]
        shown: list[str | pl.Expr] = [NUMBER, ITEM_KEY, name.alias(NAME), *references]
        return _in_order(self.read(scope, shown, of_deals.collect(engine="streaming")), NUMBER)

    def read(self, scope: str, shown: Sequence[str | pl.Expr], beside: pl.DataFrame | None = None) -> pl.DataFrame:
        """Return what is shown of a table, ``beside`` laid beside it, and every test of its facts."""
        table = pl.scan_parquet(self.folder / f"{scope or DEALS}.parquet")
        sets = [_members(name, bits) for (of, name), bits in self.bits.items() if of == scope]
        tests = [self.tested(test).alias(name) for test, name in self.tests.items() if test.path.collection == scope]
        parts = []
        for first in range(0, max(table.select(pl.len()).collect().item(), 1), AT_ONCE):
            part = table.slice(first, AT_ONCE)
            if beside is not None:
                part = pl.concat([beside.slice(first, AT_ONCE).lazy(), part], how="horizontal")
            parts.append(part.with_columns(sets).select(*shown, *tests).collect(engine="streaming"))
        return pl.concat(parts, rechunk=True)

    def tested(self, test: FactTest) -> pl.Expr:
        """Return a test of a fact, or of the id, of a row itself; what is stale is unknown."""
        name, fact = column_name(test.path.fact), self.facts(test.path.collection).get(test.path.fact)
        value, stale = pl.col(name), pl.lit(False)
        if fact is not None and fact.stale_after:
            stale = (_age(pl.col(f"{name}_seen")) > self.base.stale_limits[fact.stale_after]).fill_null(False)
        match test.kind:
            case "unknown":
                return value.is_null() | stale
            case "stale":
                return value.is_not_null() & stale
            case "known":
                return value.is_not_null() & ~stale
        return self.met(test, name).fill_null(False) & ~stale

    def met(self, test: FactTest, name: str) -> pl.Expr:
        """Return whether a value meets a test; NULL, or not, if there is none."""
        value, operand = pl.col(name), test.operand
        if test.kind == "inferred":
            return value.is_not_null() & ~pl.col(f"{name}_confirmed")
        if isinstance(operand, Span):
            number = _age(value) if test.kind == "age" else value.list.len() if test.kind == "size" else value
            return _within(number, operand)
        if test.kind in ("in", "not_in"):
            found = _any([value.eq(one) for one in operand])  # twice as fast as is_in, the values being few
            return found if test.kind == "in" else ~found
        wanted = sum({self.bits[test.path.collection, name][member] for member in operand})
        there = pl.col(f"{name} members") & wanted
        return there == wanted if test.kind == "has_all" else there != 0 if test.kind == "has_any" else there == 0

    def refer(self, scope: str, through: str) -> None:
        """Lay beside items the tests of those that they refer to; of nobody, everything is unknown."""
        to, unknown = f"to {through}", {self.tests[test]: test.kind == "unknown" for test in self.references[scope, through]}
        told = pl.any_horizontal(pl.col(name) != value for name, value in unknown.items())
        target = self.frames[self.facts(scope)[through].to].select(NUMBER, ITEM_KEY, *unknown).filter(told)
        own = self.frames[scope].select(NUMBER, to).with_row_index(ROW)
        found = own.drop_nulls(to).join(target, left_on=[NUMBER, to], right_on=[NUMBER, ITEM_KEY])  # hashes the smaller side
        laid = own.select(ROW).join(found.select(ROW, *unknown), on=ROW, how="left", maintain_order="left").select(
            pl.col(name).fill_null(value).alias(f"{through} {name}") for name, value in unknown.items())
        self.frames[scope] = self.frames[scope].drop(to).hstack(laid)

    def run(self) -> None:
        """Conclude everything: lay a column for each conclusion beside the rows that it is about."""
        for stratum in self.base.program.strata:
            self.count(part for rule in stratum for part in walk(rule.when) if isinstance(part, Quantifier))
            for scope in self.frames:
                self.conclude(scope, [rule for rule in stratum if rule.scope == scope])

    def conclude(self, scope: str, rules: Sequence[Rule]) -> None:
        """Make the conclusions of some rules, none of which reads another's."""
        self.look_up(scope, [rule.when for rule in rules])
        there = set(self.frames[scope].columns)
        made: dict[str, list[pl.Expr]] = {}
        for rule in rules:
            for name in rule.concludes:
                made.setdefault(name, [pl.col(name)] if name in there else []).append(self.expression(rule.when, there))
        self.frames[scope] = self.frames[scope].with_columns(_any(tests).alias(name) for name, tests in made.items())

    def count(self, quantifiers: Iterable[Quantifier]) -> None:
        """Tell the deals, in one pass a collection, whether items meet a quantifier; how many, where that matters."""
        new: dict[str, dict[Counted, str]] = {}
        for counted in map(_counted, quantifiers):
            if counted not in self.counted:
                new.setdefault(counted[0], {})[counted] = self.counted[counted] = f"items {len(self.counted)}"
        for of, own in new.items():
            self.look_up(of, [condition for _, where, have, _ in own for condition in (where, have) if condition])
            there = set(self.frames[of].columns)
            hits, told = [], []
            for (_, where, have, many), name in own.items():
                hit = self.expression(where, there)
                hits.append((hit & ~self.expression(have, there) if have else hit).alias(name))
                told.append(pl.col(name).sum() if many else pl.col(name).any())
            items = self.frames[of].select(pl.col(NUMBER).set_sorted(), *hits)  # of bits, twice as fast as hashing
            self.tell_deals(items.group_by(NUMBER, maintain_order=True).agg(told))

    def tell_deals(self, found: pl.DataFrame) -> None:
        """Lay what was found of their items beside the deals; nothing found is false, or 0."""
        numbers = self.frames[""].select(NUMBER)
        laid = numbers.join(found.rechunk(), on=NUMBER, how="left", maintain_order="left").drop(NUMBER)
        self.frames[""] = self.frames[""].hstack(laid.with_columns(cs.boolean().fill_null(False), cs.integer().fill_null(0)))

    def look_up(self, scope: str, conditions: Iterable[Condition]) -> None:
        """Lay beside items what conditions about them read of their deal."""
        parts = [part for condition in conditions for of, part in placed(condition, scope) if of == scope != ""]
        read = {self.column(part) for part in parts if not isinstance(part, All | AnyOf)}
        new = sorted(read.intersection(self.frames[""].columns).difference(self.frames[scope].columns))
        if new:
            self.frames[scope] = self.frames[scope].hstack(self.frames[""].select(new)[self.frames[scope][NUMBER]])

    def column(self, part: Condition) -> str:
        """Return the column that a part of a condition reads."""
        match part:
            case FactTest(path):
                return f"{path.through} {self.tests[_at_home(part)]}" if path.through else self.tests[part]
            case Holds(name) | Absent(name):
                return name
            case Listed(of):
                return listed_column(of)
            case Quantifier():
                return self.counted[_counted(part)]
        raise TypeError(part)

    def expression(self, condition: Condition, there: set[str]) -> pl.Expr:
        """Return a condition about a row with the columns ``there``; what nobody has concluded does not hold."""
        match condition:
            case All(parts):
                return _all([self.expression(part, there) for part in parts])
            case AnyOf(parts):
                return _any([self.expression(part, there) for part in parts])
        name = self.column(condition)
        column = pl.col(name) if name in there else pl.lit(False)
        match condition:
            case Absent() | Listed(wanted=False) | Quantifier(name="none" | "every"):
                return ~column
            case Quantifier(name="count", span=span):
                return _within(column, span)
        return column


class Summary:
    """The table of the results, made out of what a program has concluded."""

    def __init__(self, program: PolarsProgram) -> None:
        self.base, self.frames, self.tell_deals = program.base, program.frames, program.tell_deals
        self.actions = sorted(self.base.actions, reverse=True)  # of equals the first by name ranks highest
        of_each = 2 * len(self.actions)  # the ranks of each priority: those without power, then those with
        self.ranks = {name: self.base.actions[name].priority * of_each + place for place, name in enumerate(self.actions)}
        self.rank_type = pl.UInt16 if max(self.ranks.values()) + of_each < 1 << 16 else pl.UInt32  # narrow is fast
        self.told: dict[str, list[pl.Expr]] = {}

    def table(self) -> pl.DataFrame:
        """Return a row a deal, in order: where it stands, how much was found, and what to do first."""
        for scope in self.frames:
            self.tell(scope)
        scored, claimed_step = pl.lit(True).alias("scored"), pl.col(CLAIMED_STEP).alias("claimed_step")
        shown: list[str | pl.Expr] = [KEY, scored, *DETAILS, AS_OF, claimed_step]
        counts = [_sum(self.told.get(kind, [])).alias(f"{kind}_count") for kind in (*KINDS, ACTION)]
        highest = pl.max_horizontal(self.told[RANK])
        rank = pl.when(highest > 0).then(highest).alias(RANK)
        judged = self.frames[""].lazy().select(NUMBER, *shown, *self.standing(), *counts, rank)
        return self.with_first_action(judged.collect(engine="streaming"))

    def tell(self, scope: str) -> None:
        """Note what the deals have themselves, or through their items."""
        found, frame = self.found(scope), self.frames[scope]
        if scope and RANK in found:  # whoever looks for the item of the first action needs the ranks again
            ranks = frame.lazy().select(found[RANK].alias(RANK)).collect(engine="streaming")
            frame = self.frames[scope] = frame.hstack(ranks)
            found[RANK] = pl.col(RANK)
        if scope and found:
            items = frame.lazy().select(NUMBER, *(told.alias(f"{scope} {name}") for name, told in found.items()))
            found = {name: pl.col(f"{scope} {name}") for name in found}
            of_deals = items.group_by(NUMBER).agg(
                told.sum() if name in (*KINDS, ACTION) else told.max() for name, told in found.items())
            self.tell_deals(of_deals.collect(engine="streaming"))
        for name, told in found.items():
            self.told.setdefault(name, []).append(told)

    def found(self, scope: str) -> dict[str, pl.Expr]:
        """Return what a row has: findings by kind, steps that these block, actions, and the highest rank of these."""
        findings = self.given(scope, "find", self.base.findings)
        actions = self.given(scope, "do", self.base.actions)
        names = {kind: [name for name, finding in findings.items() if finding.kind == kind] for kind in KINDS}
        found = {kind: pl.sum_horizontal(own) for kind, own in (names | {ACTION: [*actions]}).items() if own}
        for step in self.base.steps:
            blocking = [pl.col(name) for name, finding in findings.items() if step.id in finding.blocks]
            found |= {f"blocked {step.id}": _any(blocking)} if blocking else {}
        return found | ({RANK: self.rank(actions, scope)} if actions else {})

    def given(self, scope: str, verb: str, entries: Mapping[str, Entry]) -> dict[str, Entry]:
        """Return the findings or actions about a scope that some rule concludes, by their columns."""
        there = set(self.frames[scope].columns)
        named = {self.base.program.given(f"{verb}.{entry.id}"): entry for entry in entries.values()}
        return {name: entry for name, entry in named.items() if entry.about == (scope or DEAL) and name in there}

    def rank(self, actions: Mapping[str, Action], scope: str) -> pl.Expr:
        """Return the highest rank of a row's actions, by priority, whether it is with somebody of power, and name."""
        nothing, power = pl.lit(0, self.rank_type), pl.lit(len(self.actions), self.rank_type)
        highest = pl.max_horizontal(
            pl.when(name).then(pl.lit(self.ranks[action.id], self.rank_type)).otherwise(nothing)
            for name, action in actions.items())
        if "has_power" not in self.frames[scope].columns:
            return highest
        return highest + pl.when(pl.col("has_power") & (highest > 0)).then(power).otherwise(nothing)

    def standing(self) -> Iterator[pl.Expr]:
        """Yield the columns that tell how far a deal has come."""
        steps = self.base.steps
        names = pl.Enum([step.id for step in steps])
        proven = pl.lit(None, names)
        for step in reversed(steps):
            proven = pl.when(f"step.{step.id}").then(pl.lit(step.id, names)).otherwise(proven)
        yield proven.alias("step")
        criteria = [criterion.id for step in steps for criterion in step.criteria]
        met, unknown = ([f"{state}.{criterion}" for criterion in criteria] for state in ("met", "open"))
        counted = len(criteria) - len(steps[-1].criteria)
        low = _sum(met[:counted])
        high = low + _sum(unknown[:counted])
        yield (low * 100 // counted).alias("readiness_low")
        yield ((high * 100 + counted - 1) // counted).alias("readiness_high")
        for step in steps:
            status = pl.lit("not_started", STATUSES)
            some = _any([pl.col(f"met.{criterion.id}") for criterion in step.criteria])
            blocked = _any(self.told.get(f"blocked {step.id}", []))
            for name, holds in (("in_progress", some), ("blocked", blocked), ("complete", pl.col(f"done.{step.id}"))):
                status = pl.when(holds).then(pl.lit(name, STATUSES)).otherwise(status)
            yield status.alias(f"status_{step.id}")
        yield _sum(met).alias("criteria_met")
        yield _sum(unknown).alias("criteria_unknown")

    def with_first_action(self, judged: pl.DataFrame) -> pl.DataFrame:
        """Return the table with the action of each deal that ranks highest, and the first item that it is with."""
        items = pl.concat(
            frame.select(NUMBER, ITEM_KEY, NAME).filter(frame[RANK] == judged[RANK].gather(frame[NUMBER]))
            for frame in self.frames.values() if RANK in frame.columns)
        place = pl.col(RANK) % len(self.actions)
        label = pl.lit(pl.Series([self.base.actions[name].label.en for name in self.actions])).gather(place)
        item, account = pl.coalesce(NAME, ITEM_KEY, pl.lit("")), pl.coalesce("account_name", pl.lit("the customer"))
        for placeholder, filling in (("{name}", item), ("{account}", account)):
            label = label.str.replace_all(placeholder, filling, literal=True)
        firsts = items.sort(ITEM_KEY).unique(NUMBER, keep="first")
        return judged.join(firsts, on=NUMBER, how="left", maintain_order="left").select(
            pl.exclude(NUMBER, RANK, ITEM_KEY, NAME),
            pl.lit(pl.Series(self.actions)).gather(place).alias("first_action"),
            pl.when(pl.col(RANK).is_not_null()).then(pl.col(ITEM_KEY).fill_null("")).alias("first_action_with"),
            label.alias("first_action_label"))


def _at_home(test: FactTest) -> FactTest:
    """Return a test of an item that another refers to as that item sees it."""
    return replace(test, path=replace(test.path, owner="item", through="")) if test.path.through else test


def _counted(part: Quantifier) -> Counted:
    return part.of, part.where, part.have, part.name == "count"


def _members(name: str, bits: Mapping[object, int]) -> pl.Expr:
    """Return a set as a number, a bit for each member that tests ask for: looking for one at a time takes twice as long."""
    number = pl.lit(0, pl.UInt32)
    for member, bit in bits.items():
        number = pl.when(pl.element() == member).then(pl.lit(bit, pl.UInt32)).otherwise(number)
    return pl.col(name).list.eval(number).list.sum().alias(f"{name} members")


def _in_order(frame: pl.DataFrame, key: str) -> pl.DataFrame:
    return frame if frame[key].is_sorted() else frame.sort(key)


def _age(day: pl.Expr) -> pl.Expr:
    return pl.col(AS_OF).to_physical() - day.to_physical()


def _all(tests: Sequence[pl.Expr]) -> pl.Expr:
    return pl.all_horizontal(tests) if tests else pl.lit(True)


def _any(tests: Sequence[pl.Expr]) -> pl.Expr:
    return pl.any_horizontal(tests) if tests else pl.lit(False)


def _sum(columns: Sequence[str] | Sequence[pl.Expr]) -> pl.Expr:
    return pl.sum_horizontal(*columns).cast(pl.Int32) if columns else pl.lit(0, pl.Int32)


def _within(value: pl.Expr, span: Span) -> pl.Expr:
    low, high = (float(bound) if isinstance(bound, Decimal) else bound for bound in (span.low, span.high))
    parts = []
    if low is not None:
        parts.append(value.gt(low) if span.low_open else value.ge(low))
    if high is not None:
        parts.append(value.lt(high) if span.high_open else value.le(high))
    return _all(parts)


if __name__ == "__main__":
    if "--checked" in sys.argv:
        check(cached_rule_base().vocabulary, Path(sys.argv[1]))
    program = PolarsProgram(cached_rule_base(), Path(sys.argv[1]))
    program.run()
    Summary(program).table().write_parquet(Path(sys.argv[2]))
