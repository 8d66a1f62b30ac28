"""Counts of how many deals, or items, satisfy conditions of the rules: by SQL, however many deals there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import duckdb
from sqlglot import exp

from ..batch.canonical import lay_down
from ..batch.engines import DuckEngine, duckdb_at_work, plan_for, rows_by_name
from ..batch.results import also_read
from ..batch.sources import Opened, lay_down_deals, open_source, read_in_place
from ..engine.case_sql import case_strata, columns_read, known
from ..engine.dialects import written
from ..engine.expressions import named, number_if, selection
from ..engine.sql import compile_program
from ..engine.strata import with_strata
from ..facts.deal import Deal
from ..facts.tables import DEALS, KEY, deals_of
from ..rules.base import RuleBase
from ..rules.catalogue import Criterion
from ..rules.language import Condition, FactPath, FactTest, Holds, Rule, Span, walk
from ..rules.program import Program
from .mutants import flipped, subjects

SAMPLE = 40  # deals of a source that are looked at one by one


@dataclass(frozen=True)
class Question:
    """A condition that is asked of the deal, or of each item of a collection; the rules or criteria test its parts."""

    scope: str
    condition: Condition


def criterion_question(criterion: Criterion) -> Question:
    """Return the question whether a criterion is met."""
    return Question("", Holds(f"met.{criterion.id}"))


def tested_values(base: RuleBase) -> dict[str, Question]:
    """Return the question for every value that some rule tests for, as ``fact=value``, and for both sides of every range."""
    found: dict[str, Question] = {}
    for subject in subjects(base):
        for part in walk(subject.when):
            if isinstance(part, FactTest) and part.operand:
                found.update(_values(part))
    return found


def _values(test: FactTest) -> Iterator[tuple[str, Question]]:
    scope = "" if test.path.owner == "deal" else test.path.collection
    path = FactPath("item", test.path.fact, scope) if scope else test.path
    name = f"{scope}.{test.path.fact}" if scope else test.path.fact
    plain = replace(test, path=path)
    if isinstance(test.operand, Span):
        yield f"{name} {test.written}", Question(scope, plain)
        yield f"{name} not {test.written}", Question(scope, flipped(plain))
    else:
        kind: Literal["in", "has_any"] = "in" if test.kind in ("in", "not_in") else "has_any"
        for value in test.operand:
            word = str(value).lower() if isinstance(value, bool) else str(value)
            yield f"{name}={word}", Question(scope, FactTest(path, kind, (value,)))


class Tally:
    """Counts, for some questions, how many of the ``rows`` of each scope satisfy them, over all deals that are added."""

    def __init__(self, base: RuleBase, questions: Sequence[Question]) -> None:
        self.base = base
        self.questions = list(dict.fromkeys(questions))
        self.rows: Counter[str] = Counter()
        self.counts: Counter[Question] = Counter()
        asked = tuple(  # so that what the quantifiers of criteria count is counted as they stand, unknown facts aside
            Rule(name, "", criterion.when, (name,))
            for step in base.steps for criterion in step.criteria for name in [f"told.criterion.{criterion.id}"]
        )
        scopes = base.program.scopes | {rule.id: "" for rule in asked}
        self.program = Program((*base.program.strata, asked), scopes)
        self.cases = case_strata(self.program, base.vocabulary, base.stale_limits)

    def add_deals(self, deals: Sequence[Deal]) -> None:
        """Count some deals."""
        if deals:
            with duckdb_at_work() as (database, _):
                opened = Opened()
                numbered = ((str(number), deal) for number, deal in enumerate(deals))
                lay_down_deals(database, numbered, self.base.vocabulary, opened)
                self._count(database, opened)

    def add_source(self, source: str) -> list[Deal]:
        """Count the deals of a source, and return a sample of them."""
        with duckdb_at_work() as (database, _), read_in_place(source):
            self._count(database, open_source(database, source, self.base.vocabulary))
            return self._sample(database)

    def _count(self, database: duckdb.DuckDBPyConnection, opened: Opened) -> None:
        vocabulary = self.base.vocabulary
        found = lay_down(DuckEngine(database), vocabulary, opened, also_read(vocabulary, columns_read(self.cases)))
        plan_for(database, found.deals)
        row = database.execute(written(self._query(), "duckdb")).fetchone()
        assert row is not None
        counts = iter(row)
        for scope, own in self._by_scope().items():
            self.rows[scope] += int(next(counts) or 0)
            for question in own:
                self.counts[question] += int(next(counts) or 0)

    def _by_scope(self) -> dict[str, list[Question]]:
        found: dict[str, list[Question]] = {scope: [] for scope in ("", *self.base.vocabulary.collections)}
        for question in self.questions:
            found[question.scope].append(question)
        return found

    def _query(self) -> exp.Query:
        """Return the query of a single row: for each scope how many rows there are, and how many satisfy each question."""
        names = {scope: known(scope) for scope in ("", *self.base.vocabulary.collections)}
        compiled = compile_program(self.program, names)
        counted = []
        for scope, own in self._by_scope().items():
            name = f"counts_of_{scope or DEALS}"
            sums = [
                named(exp.Sum(this=number_if(compiled.test(question.condition, scope), 1)), f"{name}_{number}")
                for number, question in enumerate(own)
            ]
            counts = selection(named(exp.Count(this=exp.Star()), f"{name}_rows"), *sums)
            counted.append(counts.from_(compiled.last[scope], copy=False).subquery(name, copy=False))
        query = selection(exp.Star()).from_(counted[0], copy=False)
        for counts_of_items in counted[1:]:
            query = query.join(counts_of_items, join_type="cross", copy=False)
        return with_strata((*self.cases, *compiled.strata), query)

    def _sample(self, database: duckdb.DuckDBPyConnection) -> list[Deal]:
        """Return deals that lie evenly among those of the typed tables, with the facts that the rules read."""
        step = f"greatest(1, (SELECT count(*) FROM {DEALS}) // {SAMPLE})"
        numbered = f"SELECT {KEY}, row_number() OVER (ORDER BY {KEY}) - 1 AS n FROM {DEALS}"
        database.execute(
            f"CREATE OR REPLACE TABLE chosen AS SELECT {KEY} FROM ({numbered}) WHERE n % {step} = 0 ORDER BY n LIMIT {SAMPLE}")
        return deals_of({
            name: rows_by_name(database, f"SELECT * FROM {name} SEMI JOIN chosen USING ({KEY}) ORDER BY ALL")
            for name in (DEALS, *self.base.vocabulary.collections)
        }, self.base.vocabulary)
