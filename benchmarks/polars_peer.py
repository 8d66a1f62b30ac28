"""The rules as Polars expressions over the same Parquet files: what one would write by hand without a rule engine.

A column a conclusion, stratum by stratum; all quantifiers of a stratum over one collection share a
group-by, and what items read of their deal is joined to them.
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import polars as pl
from dealready.facts.tables import AS_OF, DEALS, ITEM_KEY, KEY, column_name, listed_column
from dealready.rules.base import RuleBase, load_rule_base
from dealready.rules.language import Absent, All, Condition, FactTest, Holds, Listed, Quantifier, Span, walk
from dealready.rules.language import Any as AnyOf

_OF_DEAL = "deal."


class PolarsProgram:
    """A rule base over frames: the deals (scope empty) and the items of each collection."""

    def __init__(self, base: RuleBase, folder: Path) -> None:
        self.base = base
        self.frames = {"": self.known("", folder)}
        used = {rule.scope for rule in base.program.rules}
        used |= {part.of for rule in base.program.rules for part in walk(rule.when) if isinstance(part, Quantifier)}
        for scope in sorted(used - {""}):
            self.frames[scope] = self.known(scope, folder)
        for scope in sorted(used - {""}):
            self.refer(scope)
        self.counts: dict[Quantifier, str] = {}
        self.joined: dict[str, set[str]] = {scope: set() for scope in self.frames}

    def known(self, scope: str, folder: Path) -> pl.DataFrame:
        """Return a table with stale values left out, and the flags that tell which are stale or inferred."""
        facts = self.base.vocabulary.collections[scope].facts if scope else self.base.vocabulary.facts
        frame = pl.read_parquet(folder / f"{scope or DEALS}.parquet")
        if scope:
            frame = frame.join(self.frames[""].select(KEY, pl.col(AS_OF)), on=KEY)
        columns = []
        for fact in facts.values():
            if fact.id == AS_OF:
                continue
            name = column_name(fact.id)
            value, stale = pl.col(name), pl.lit(False)
            if fact.stale_after:
                age = (pl.col(AS_OF) - pl.col(f"{name}_seen")).dt.total_days()
                stale = (age > self.base.stale_limits[fact.stale_after]).fill_null(False)
            columns += [
                pl.when(~stale).then(value).alias(name),
                (value.is_not_null() & stale).alias(f"{name}_is_stale"),
                (value.is_not_null() & ~stale & (pl.col(f"{name}_confirmed") == False).fill_null(False)).alias(  # noqa: E712
                    f"{name}_is_inferred"),
            ]
        listed = [listed_column(of) for of in self.base.vocabulary.collections] if not scope else []
        return frame.select(KEY, *([ITEM_KEY] if scope else []), AS_OF, *listed, *columns)

    def refer(self, scope: str) -> None:
        """Lay the facts of the items that a collection refers to beside its own."""
        for fact in self.base.vocabulary.collections[scope].facts.values():
            if fact.type == "ref" and fact.to in self.frames:
                target = self.frames[fact.to]
                own = [name for name in target.columns if name not in (KEY, AS_OF) and "_" + AS_OF not in name]
                facts = set(map(column_name, self.base.vocabulary.collections[fact.to].facts)) | {ITEM_KEY}
                renamed = target.select(KEY, pl.col(ITEM_KEY).alias("target"), *(
                    pl.col(name).alias(f"{fact.id}_{name}") for name in own
                    if name in facts or name.endswith(("_is_stale", "_is_inferred"))))
                renamed = renamed.select(pl.exclude(
                    [name for name in renamed.columns if name in self.frames[scope].columns and name != KEY]))
                self.frames[scope] = self.frames[scope].join(
                    renamed, left_on=[KEY, fact.id], right_on=[KEY, "target"], how="left", maintain_order="left")

    def run(self) -> dict[str, pl.DataFrame]:
        """Conclude everything; return the frames with a column for each conclusion."""
        for stratum in self.base.program.strata:
            self.count([part for rule in stratum for part in walk(rule.when) if isinstance(part, Quantifier)])
            for scope in self.frames:
                rules = [rule for rule in stratum if rule.scope == scope]
                if scope:
                    self.join_deal(scope, [rule.when for rule in rules])
                made: dict[str, list[pl.Expr]] = {}
                for rule in rules:
                    for name in rule.concludes:
                        made.setdefault(name, []).append(self.expression(rule.when, scope).fill_null(False))
                there = self.frames[scope].columns
                self.frames[scope] = self.frames[scope].with_columns(
                    (pl.any_horizontal(*tests) | (pl.col(name) if name in there else pl.lit(False))).alias(name)
                    for name, tests in made.items())
        return self.frames

    def count(self, quantifiers: list[Quantifier]) -> None:
        """Count the items of every quantifier, in one pass a collection, and join the counts to the deals."""
        new = [part for part in dict.fromkeys(quantifiers) if part not in self.counts]
        for of in sorted({part.of for part in new}):
            own = [part for part in new if part.of == of]
            self.join_deal(of, [part for quantifier in own for part in (quantifier.where, quantifier.have) if part is not None])
            sums = []
            for part in own:
                self.counts[part] = f"count_{len(self.counts)}"
                hit = self.expression(part.where, of).fill_null(False)
                if part.have is not None:
                    hit = hit & ~self.expression(part.have, of).fill_null(False)
                sums.append((pl.col(KEY).is_not_null() & hit).cast(pl.Int64).sum().alias(self.counts[part]))
            counted = self.frames[of].group_by(KEY).agg(sums)
            names = [self.counts[part] for part in own]
            self.frames[""] = self.frames[""].join(counted, on=KEY, how="left").with_columns(pl.col(names).fill_null(0))

    def join_deal(self, scope: str, conditions: list[Condition]) -> None:
        """Join what conditions about items read of their deal."""
        wanted: set[str] = set()
        for condition in conditions:
            for part in walk(condition):
                match part:
                    case FactTest(path, kind) if path.owner == "deal":
                        wanted |= {column_name(path.fact) + {"stale": "_is_stale", "inferred": "_is_inferred"}.get(kind, "")}
                    case Holds(name, "") | Absent(name, ""):
                        wanted |= {name} & set(self.frames[""].columns)
                    case Listed(of):
                        wanted.add(listed_column(of))
                    case Quantifier():
                        wanted |= {self.counts[part]} if part in self.counts else set()
        new = sorted(wanted - self.joined[scope])
        if new:
            self.joined[scope] |= set(new)
            deals = self.frames[""].select(KEY, *(pl.col(name).alias(f"{_OF_DEAL}{name}") for name in new))
            self.frames[scope] = self.frames[scope].join(deals, on=KEY, how="left")

    def summary(self) -> pl.DataFrame:
        """Return a row a deal: the proven step, readiness, and how many findings and actions there are."""
        base, deals = self.base, self.frames[""]
        step = pl.coalesce([pl.when(pl.col(f"step.{step.id}")).then(pl.lit(step.id)) for step in base.steps])
        counted = [criterion.id for step in base.steps[:-1] for criterion in step.criteria]
        met, open_ = (pl.sum_horizontal(pl.col(f"{state}.{name}") for name in counted) for state in ("met", "open"))
        columns = [
            step.alias("step"), (met * 100 // len(counted)).alias("readiness_low"),
            (((met + open_) * 100 + len(counted) - 1) // len(counted)).alias("readiness_high"),
        ]
        given = [base.program.given(name) for name in (
            *(f"find.{finding}" for finding in base.findings), *(f"do.{action}" for action in base.actions))]
        for scope, frame in self.frames.items():
            own = [name for name in given if name in frame.columns and base.program.scopes[name] == scope]
            count = pl.sum_horizontal(own).alias(f"given_{scope or DEALS}")
            if not scope:
                columns.append(count)
            elif own:
                deals = deals.join(frame.select(KEY, count).group_by(KEY).sum(), on=KEY, how="left")
                columns.append(pl.col(count.meta.output_name()).fill_null(0))
        return deals.select(KEY, *columns)

    def expression(self, condition: Condition, scope: str) -> pl.Expr:
        """Return a condition about a row of a frame; NULL or False where it does not hold."""
        match condition:
            case FactTest():
                return self.tested(condition, scope)
            case All(parts):
                tests = [self.expression(part, scope).fill_null(False) for part in parts]
                return pl.all_horizontal(tests) if tests else pl.lit(True)
            case AnyOf(parts):
                tests = [self.expression(part, scope).fill_null(False) for part in parts]
                return pl.any_horizontal(tests) if tests else pl.lit(False)
            case Holds(name, collection):
                return self.concluded(name, collection, scope)
            case Absent(name, collection):
                return ~self.concluded(name, collection, scope)
            case Listed(of, wanted):
                listed = self.of_deal(listed_column(of), scope)
                return listed if wanted else ~listed
            case Quantifier():
                span = {"some": Span(low=1), "none": Span(high=0), "every": Span(high=0)}.get(condition.name, condition.span)
                return _within(self.of_deal(self.counts[condition], scope), span)

    def of_deal(self, name: str, scope: str) -> pl.Expr:
        """Return a column of the deal as rows of a scope see it."""
        return pl.col(f"{_OF_DEAL}{name}" if scope else name)

    def concluded(self, name: str, collection: str, scope: str) -> pl.Expr:
        """Return whether something is concluded."""
        if name not in self.frames[collection].columns:
            return pl.lit(False)
        return pl.col(name) if collection == scope else self.of_deal(name, scope)

    def tested(self, test: FactTest, scope: str) -> pl.Expr:
        """Return a test of a fact."""
        name = column_name(str(test.path))
        flag = {"stale": "_is_stale", "inferred": "_is_inferred"}.get(test.kind, "")
        column = self.of_deal(name + flag, scope) if test.path.owner == "deal" else pl.col(name + flag)
        operand = test.operand
        match test.kind:
            case "stale" | "inferred":
                return column
            case "known":
                return column.is_not_null()
            case "unknown":
                return column.is_null()
            case "age":
                assert isinstance(operand, Span)
                return _within((pl.col(AS_OF) - column).dt.total_days(), operand)
            case "range":
                assert isinstance(operand, Span)
                return _within(column, operand)
            case "size":
                assert isinstance(operand, Span)
                return _within(column.list.len(), operand)
        assert isinstance(operand, tuple)
        if test.kind in ("in", "not_in"):
            found = column.is_in(list(operand))
            return found if test.kind == "in" else ~found
        members = [column.list.contains(member) for member in operand]
        if test.kind == "has_all":
            return pl.all_horizontal(members)
        return pl.any_horizontal(members) if test.kind == "has_any" else column.is_not_null() & ~pl.any_horizontal(members)


def _within(value: pl.Expr, span: Span) -> pl.Expr:
    parts = []
    if span.low is not None:
        parts.append(value > _bound(span.low) if span.low_open else value >= _bound(span.low))
    if span.high is not None:
        parts.append(value < _bound(span.high) if span.high_open else value <= _bound(span.high))
    return pl.all_horizontal(parts) if parts else pl.lit(True)


def _bound(value: object) -> object:
    return value if isinstance(value, int | date) else float(str(value))


if __name__ == "__main__":
    program = PolarsProgram(load_rule_base(), Path(sys.argv[1]))
    program.run()
    program.summary().write_parquet(Path(sys.argv[2]))
