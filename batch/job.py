"""Scores an input into an output: reads, checks, runs the compiled rules in DuckDB, writes."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ..engine.outputs import CONDITIONS, OUTPUTS
from ..facts.texts import Language
from ..rules.base import RuleBase
from .canonical import Canonical
from .changes import compare
from .compiled import scoring_sql
from .contradictions import CONTRADICTIONS
from .engines import DuckEngine, any_order, duckdb_at_work, plan_for
from .examining import examine
from .parts import Aside, deals_at_once, statements_at_once, threads_of
from .refusal import BadSource
from .report import Report
from .results import Results, also_read
from .sources import open_source
from .targets import check_target, write

TABLES = (*OUTPUTS, CONTRADICTIONS)  # that can be asked for
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Job:
    """What to score and where to put it.

    ``memory`` is DuckDB's limit, such as ``4GB``; ``as_of`` stands in for rows of deals that have none;
    ``since`` is an earlier output to compare with; ``tables`` are the output tables that are wanted
    beside those that tell of the run itself; ``quiet`` keeps an engine from printing warnings of its own.
    """

    source: str
    target: str
    language: Language = "en"
    explain: bool = False
    format: str = ""
    memory: str = ""
    threads: int = 0
    as_of: str = ""
    strict: bool = False
    force: bool = False
    since: str = ""
    engine: str = "duckdb"
    quiet: bool = False
    tables: tuple[str, ...] = TABLES


class Stopped(Exception):
    """A strict run met a bad row; carries what is wrong with it."""


def score(base: RuleBase, job: Job, progress: Progress = lambda _name, _done, _all: None) -> Report:
    """Run a job.

    Raises :class:`~.sources.BadSource` for an input or output that can't be used, and :class:`Stopped`
    if the job is strict and a row is bad. Nothing is written then.
    """
    if job.engine == "spark":
        from .spark import score_on_spark

        return score_on_spark(base, job, progress)
    started = time.monotonic()
    check(job)
    with duckdb_at_work(job.memory, job.threads) as (database, scratch):
        progress("read", 0, 1)
        opened = open_source(database, job.source, base.vocabulary)
        engine = DuckEngine(database, threads_of(database))
        statements = scoring_sql(base, wanted_tables(job))
        comparing = CONTRADICTIONS in job.tables
        wanted = also_read(base.vocabulary, statements.reads)
        found = examine(engine, base.vocabulary, opened, job.as_of, wanted, comparing)
        plan_for(database, found.deals)
        results = Results(base, engine, job.language, found.deals)
        results.errors()
        if job.strict and (first := results.first_error()):
            raise Stopped(first)
        canonical = Canonical(engine, base.vocabulary, found)
        parts = canonical.parts(deals_at_once(database, job.explain))
        engine.at_once = statements_at_once(database, -(-found.deals // len(parts)), job.explain)
        aside = Aside(database, scratch, canonical)
        stages = len(parts) * len(statements.steps)
        done = itertools.count(1)
        for part in parts:
            with any_order(database):
                canonical.lay_down(part)
                results.names([*statements.outputs, *[CONTRADICTIONS] * comparing])
                engine.run(statements.steps, lambda: progress("score", next(done), stages))
            for name, query in statements.outputs.items():
                aside.put(name, results.output(name, query), part)
            if comparing:
                aside.put(CONTRADICTIONS, results.contradictions(canonical.contradictions()), part)
        aside.bring_back()
        if job.since:
            progress("compare", 0, 1)
            results.changes(compare(database, base, job.since), job.since)
        results.run(opened.ignored, found.unknown_columns, time.monotonic() - started)
        progress("write", 0, 1)
        write(database, job, results.tables)
        return results.report(time.monotonic() - started)


def wanted_tables(job: Job) -> tuple[str, ...]:
    """Return the tables that a job asks the rules for; comparing takes the rules that fired."""
    wanted = {"deals", *job.tables, *(["fired"] if job.since else []), *([CONDITIONS] if job.explain else [])}
    return tuple(name for name in (*OUTPUTS, CONDITIONS) if name in wanted)


def check(job: Job) -> None:
    """Raise :class:`BadSource` for anything about a job that can be told to be wrong before it begins."""
    if job.as_of:
        try:
            date.fromisoformat(job.as_of)
        except ValueError:
            raise BadSource("batch-as-of", found=job.as_of) from None
    if job.engine == "spark" and (job.since or job.format or job.memory or job.threads or Path(job.target).suffix):
        raise BadSource("batch-spark")
    if job.since and job.since == job.target:
        raise BadSource("batch-same", target=job.target)
    check_target(job)
