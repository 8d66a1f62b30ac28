"""Scores an input into an output: reads, checks, runs the compiled rules in DuckDB, writes."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
from sqlglot import exp

from ..engine.score_sql import OUTPUTS, compile_scoring
from ..facts.texts import Language
from ..rules.base import RuleBase
from .canonical import Canonical
from .report import Report
from .results import Results
from .sources import open_source
from .targets import check_target, write

MOST_QUESTIONS = 10  # of a deal
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Job:
    """What to score and where to put it.

    ``memory`` is DuckDB's limit, such as ``4GB``; ``as_of`` stands in for rows of deals that have none.
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


class Stopped(Exception):
    """A strict run met a bad row; carries what is wrong with it."""


def score(base: RuleBase, job: Job, progress: Progress = lambda _name, _done, _all: None) -> Report:
    """Run a job.

    Raises :class:`~.sources.BadSource` for an input or output that can't be used, and :class:`Stopped`
    if the job is strict and a row is bad. Nothing is written then.
    """
    started = time.monotonic()
    check_target(job)
    with tempfile.TemporaryDirectory(prefix="dealready-") as scratch, duckdb.connect() as database:
        _configure(database, job, Path(scratch))
        progress("read", 0, 1)
        opened = open_source(database, job.source, base.vocabulary)
        canonical = Canonical(database, base.vocabulary, job.as_of)
        if opened.deals or opened.refused:
            canonical.from_deals(opened)
        else:
            canonical.from_tables(opened)
        results = Results(base, database, job.language, canonical.read.deals)
        results.errors()
        if job.strict and (first := results.first_error()):
            raise Stopped(first)
        statements = scoring_sql(base, OUTPUTS if job.explain else OUTPUTS[:-1])
        for number, sql in enumerate(statements.statements):
            progress("score", number, len(statements.statements))
            database.execute(sql)
        for name in statements.outputs:
            results.output(name, statements.outputs[name])
        results.run(opened.ignored, canonical.read.unknown_columns)
        progress("write", 0, 1)
        write(database, job, results.tables)
        return results.report(time.monotonic() - started)


@dataclass(frozen=True)
class Sql:
    """The statements that fill the temporary tables, and the query of each output, as DuckDB reads them."""

    statements: Sequence[str]
    outputs: dict[str, str]


def scoring_sql(base: RuleBase, outputs: Sequence[str], most_questions: int = MOST_QUESTIONS) -> Sql:
    """Return the SQL that scores the typed tables of a job; compiled once for each version of the rules."""
    key = (base.hash, tuple(outputs), most_questions)
    if key not in _compiled:
        _compiled[key] = _compile(base, outputs, most_questions)
    return _compiled[key]


_compiled: dict[tuple[str, tuple[str, ...], int], Sql] = {}


def _compile(base: RuleBase, outputs: Sequence[str], most_questions: int) -> Sql:
    scoring = compile_scoring(base, outputs=outputs, most_questions=most_questions)
    statements = [f"CREATE TEMP TABLE {made.name} AS {_sql(made.select)}" for made in scoring.statements]
    return Sql(statements, {name: _sql(query) for name, query in scoring.outputs.items()})


def _sql(query: exp.Query) -> str:
    return query.sql(dialect="duckdb", comments=False, copy=False)


def _configure(database: duckdb.DuckDBPyConnection, job: Job, scratch: Path) -> None:
    database.execute(f"SET temp_directory = '{scratch}'")
    database.execute("SET enable_progress_bar = false")
    # It would turn every test against a dozen values into a join, and there are hundreds of such tests.
    database.execute("SET disabled_optimizers = 'in_clause'")
    if job.memory:
        database.execute(f"SET memory_limit = '{job.memory}'")
    if job.threads:
        database.execute(f"SET threads = {job.threads}")
