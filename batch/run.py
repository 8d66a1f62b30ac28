"""Scores an input into an output: reads, checks, runs the compiled rules in DuckDB, writes."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ..rules.base import RuleBase
from .canonical import Canonical, Part
from .changes import check_values, compare
from .compiled import Sql, scoring_sql
from .contradictions import CONTRADICTIONS
from .engines import DuckEngine, any_order, duckdb_at_work, plan_for
from .examining import examine
from .job import Job, Progress, Stopped, checked, wanted_tables, written_tables
from .parts import Aside, deals_at_once, statements_at_once, threads_of
from .report import Report
from .results import Results, also_read
from .sources import open_source, read_in_place
from .targets import check_target, write


def score(base: RuleBase, job: Job, progress: Progress = lambda _name, _done, _all: None) -> Report:
    """Run a job.

    Raises :class:`~.refusal.BadSource` for an input or output that can't be used, and :class:`~.job.Stopped`
    if the job is strict and a row is bad. Nothing is written then.
    """
    started = time.monotonic()
    job = checked(job, base.vocabulary)
    if job.engine == "spark":
        from .spark import score_on_spark

        return score_on_spark(base, job, progress)
    with duckdb_at_work(job.memory, job.threads) as (database, scratch), read_in_place(job.source):
        progress("read", 0, 1)
        if job.since:
            check_values(database, job.since)
        opened = open_source(database, job.source, base.vocabulary)
        engine = DuckEngine(database, threads_of(database))
        statements = scoring_sql(base, wanted_tables(job))
        wanted = also_read(base.vocabulary, statements.reads)
        found = examine(engine, base.vocabulary, opened, job.as_of, wanted, CONTRADICTIONS in job.tables)
        plan_for(database, found.deals)
        results = Results(base, engine, job.language, found.deals)
        results.errors()
        if job.strict and (first := results.first_error()):
            raise Stopped(first)
        canonical = Canonical(engine, base.vocabulary, found)
        parts = canonical.parts(deals_at_once(database, job.explain))
        engine.at_once = statements_at_once(database, -(-found.deals // len(parts)), job.explain)
        _score_parts(parts, statements, engine, canonical, results, scratch, progress)
        if job.since:
            progress("compare", 0, 1)
            results.changes(compare(database, base, job.since), job.since)
        if job.as_of and opened.of_deal_files:
            results.own_days()
        results.run(opened.ignored, found.unknown_columns, time.monotonic() - started)
        progress("write", 0, 1)
        look_again = partial(check_target, job.source, job.target, job.force)
        write(database, job.target, written_tables(job, results.tables), look_again, job.format, job.language)
        return results.report(time.monotonic() - started)


def _score_parts(
    parts: Sequence[Part], statements: Sql, engine: DuckEngine, canonical: Canonical, results: Results, scratch: Path,
    progress: Progress,
) -> None:
    """Make the output tables of the rules, one part of the deals after another."""
    aside = Aside(engine.database, scratch, canonical)
    stages = len(parts) * len(statements.steps)
    done = itertools.count(1)
    for part in parts:
        with any_order(engine.database):
            canonical.lay_down(part)
            results.names([*statements.outputs, *[CONTRADICTIONS] * canonical.comparing])
            engine.run(statements.steps, lambda: progress("score", next(done), stages))
        for name, query in statements.outputs.items():
            aside.put(name, results.output(name, query), part)
        if canonical.comparing:
            aside.put(CONTRADICTIONS, results.contradictions(canonical.contradictions()), part)
    aside.bring_back()
