"""Scores an input into an output: reads, checks, runs the compiled rules in DuckDB, writes."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sqlglot import exp

from ..engine.dialects import written
from ..engine.score_sql import CONDITIONS, OUTPUTS, compile_scoring
from ..engine.statements import as_script
from ..engine.strata import reads_of
from ..facts.texts import Language
from ..rules.base import RuleBase
from ..rules.cache import kept
from .canonical import FEW_DEALS, Canonical
from .changes import compare
from .contradictions import CONTRADICTIONS
from .engines import DuckEngine, any_order, duckdb_at_work, plan_quickly
from .parts import Aside, deals_at_once
from .refusal import BadSource
from .report import Report
from .results import Results, also_read
from .sources import open_source
from .targets import check_target, write

TABLES = (*OUTPUTS, CONTRADICTIONS)  # that can be asked for
MOST_QUESTIONS = 10  # of a deal
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
        engine = DuckEngine(database)
        statements = scoring_sql(base, wanted_tables(job))
        comparing = CONTRADICTIONS in job.tables
        canonical = Canonical(engine, base.vocabulary, job.as_of, also_read(base.vocabulary, statements.reads), comparing)
        read = canonical.examine(opened)
        if read.deals <= FEW_DEALS:
            plan_quickly(database)
        results = Results(base, engine, job.language, read.deals)
        results.errors()
        if job.strict and (first := results.first_error()):
            raise Stopped(first)
        parts = canonical.parts(deals_at_once(database))
        aside = Aside(database, scratch, canonical)
        stages = len(parts) * len(statements.statements)
        for place, part in enumerate(parts):
            with any_order(database):
                canonical.lay_down(part)
                results.names()
                for number, sql in enumerate(statements.statements, place * len(statements.statements)):
                    progress("score", number, stages)
                    database.execute(sql)
            for name, query in statements.outputs.items():
                aside.put(name, results.output(name, query), part)
            if comparing:
                aside.put(CONTRADICTIONS, results.contradictions(canonical.contradictions()), part)
        aside.bring_back()
        if job.since:
            progress("compare", 0, 1)
            results.changes(compare(database, base, job.since), job.since)
        results.run(opened.ignored, read.unknown_columns, time.monotonic() - started)
        progress("write", 0, 1)
        write(database, job, results.tables)
        return results.report(time.monotonic() - started)


def wanted_tables(job: Job) -> tuple[str, ...]:
    """Return the tables that a job asks the rules for; comparing takes the rules that fired."""
    wanted = {"deals", *job.tables, *(["fired"] if job.since else []), *([CONDITIONS] if job.explain else [])}
    return tuple(name for name in (*OUTPUTS, CONDITIONS) if name in wanted)


@dataclass(frozen=True)
class Sql:
    """The statements that fill the temporary tables, and drop those that are done with, and the query of each output.

    ``reads`` tells which columns they read of each plain table.
    """

    statements: Sequence[str]
    outputs: dict[str, str]
    reads: Mapping[str, frozenset[str]]


def scoring_sql(base: RuleBase, outputs: Sequence[str], most_questions: int = MOST_QUESTIONS) -> Sql:
    """Return the SQL that scores the typed tables of a job; compiled once for each version of the rules."""
    key = hashlib.sha256(repr((base.hash, tuple(outputs), most_questions)).encode()).hexdigest()
    root = Path(__file__).parent.parent
    code = [root / name for name in ("facts", "rules", "engine", "batch")]
    return kept("sql", key, code, Sql, lambda: _compile(base, outputs, most_questions))


def _compile(base: RuleBase, outputs: Sequence[str], most_questions: int) -> Sql:
    scoring = compile_scoring(base, outputs=outputs, most_questions=most_questions)
    read_later = set().union(*(reads_of(query).tables for query in scoring.outputs.values()))
    statements = as_script(scoring.statements, read_later, "duckdb")
    return Sql(statements, {name: _sql(query) for name, query in scoring.outputs.items()}, scoring.reads)


def _sql(query: exp.Query) -> str:
    return written(query, "duckdb")


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
