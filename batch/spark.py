"""Scores tables on Spark: the same queries, in Spark's dialect, over Parquet or the tables of a catalogue.

Every table that several queries read is written down as Parquet beside the output, so Spark's own
partitioning, spilling and retries carry the work; nothing here knows how many machines there are.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import sqlglot

from ..engine.dialects import written
from ..engine.score_sql import compile_scoring
from ..facts.tables import DEALS, tables
from ..facts.vocabulary import Vocabulary
from ..rules.base import RuleBase
from .canonical import Canonical
from .cells import literal
from .compiled import MOST_QUESTIONS
from .contradictions import CONTRADICTIONS
from .examining import examine
from .filling import ROW, quoted
from .job import CATALOGUE, Job, Progress, Stopped, wanted_tables
from .placing import beside, take_place
from .previous import OUTPUT_TABLES, is_output
from .refusal import BadSource, is_full
from .report import Report
from .results import Results, also_read
from .sources import Opened, left_over, named
from .stores import unreadable
from .targets import check_target, place_of

_SETTINGS = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.codegen.wholeStage": "false",  # a stratum is far beyond what fits one method of the JVM
}
_DUCKDB_NAMES = {"string": "VARCHAR", "double": "DOUBLE", "float": "FLOAT"}


class SparkEngine:
    """A Spark session as an engine; tables are Parquet files in a folder."""

    at_once = 1  # it shares the work of a statement out by itself
    bare_keys = False  # its optimizer fails on joins of views that pass a key through

    def __init__(self, session: Any, folder: Path) -> None:
        self.session = session
        self.folder = folder

    def query(self, text: str) -> Any:
        """Return the data frame of a query that is written for DuckDB."""
        return self.session.sql(sqlglot.transpile(text, read="duckdb", write="spark")[0])

    def keep(self, name: str, frame: Any) -> None:
        """Write a data frame down, and let queries name it."""
        path = str(self.folder / f"{name}.parquet")
        frame.write.mode("overwrite").parquet(path)
        self.session.read.schema(frame.schema).parquet(path).createOrReplaceTempView(name)

    def create(self, name: str, query: str) -> None:
        """Make a table out of a query."""
        self.keep(name, self.query(query))

    def create_all(self, queries: Mapping[str, str]) -> None:
        """Make several tables by name."""
        for name, query in queries.items():
            self.create(name, query)

    def view(self, name: str, query: str) -> None:
        """Give a query a name."""
        self.query(query).createOrReplaceTempView(name)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return [tuple(row) for row in self.query(query).collect()]

    def rows_of_each(self, queries: Sequence[str]) -> list[list[tuple[Any, ...]]]:
        """Return the rows of several queries."""
        return [self.rows(query) for query in queries]

    def columns(self, query: str) -> dict[str, str]:
        """Return the columns of a query with their types."""
        return {name: _duckdb_type(kind) for name, kind in self.query(query).dtypes}

    def lookup(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[str | None]]) -> None:
        """Make a small table of texts."""
        names = ", ".join(map(quoted, columns))
        lines = ", ".join(f"({', '.join(map(literal, row))})" for row in rows)
        empty = ", ".join(f"CAST(NULL AS VARCHAR) AS {quoted(column)}" for column in columns)
        self.create(name, f"SELECT * FROM (VALUES {lines}) AS texts({names})" if rows else f"SELECT {empty} WHERE false")


def score_on_spark(base: RuleBase, job: Job, progress: Progress) -> Report:
    """Run a job that has been checked on Spark; see :func:`~.run.score`."""
    started = time.monotonic()
    session = _session(job.quiet)
    schema = job.target.removeprefix(CATALOGUE) if job.target.startswith(CATALOGUE) else ""
    if schema:
        _check_schema(session, schema, job.force)
    target = place_of("dealready" if schema else job.target)
    with _room(job.target), beside(target) as folder:
        results = _judged(base, job, SparkEngine(session, folder), progress, started)
        progress("write", 0, 1)
        report = results.report(time.monotonic() - started)
        if schema:
            _check_schema(session, schema, job.force)  # again: meanwhile another run may have written there
            _save(session, schema, results.tables)
        else:
            made = _gathered(folder, target.name, results.tables)
            check_target(job.source, job.target, job.force)
            take_place(made, target, folder)
        return report


def _judged(base: RuleBase, job: Job, engine: SparkEngine, progress: Progress, started: float) -> Results:
    """Read the input and make the output tables."""
    progress("read", 0, 1)
    with _readable(job.source):
        opened = _open(engine, job.source, base.vocabulary)
    scoring = compile_scoring(base, outputs=wanted_tables(job), most_questions=MOST_QUESTIONS)
    with _readable(job.source):
        wanted = also_read(base.vocabulary, scoring.reads)
        found = examine(engine, base.vocabulary, opened, job.as_of, wanted, CONTRADICTIONS in job.tables)
        canonical = Canonical(engine, base.vocabulary, found)
        canonical.lay_down()
    results = Results(base, engine, job.language, found.deals)
    results.errors()
    if job.strict and (first := results.first_error()):
        raise Stopped(first)
    results.names([*scoring.outputs, *[CONTRADICTIONS] * canonical.comparing])
    for number, statement in enumerate(scoring.statements):
        progress("score", number, len(scoring.statements))
        engine.keep(statement.name, engine.session.sql(written(statement.select, "spark")))
    for name, query in scoring.outputs.items():
        engine.keep(f"judged_{name}", engine.session.sql(written(query, "spark")))
        engine.create(f"out_{name}", results.output(name, f"SELECT * FROM judged_{name}"))
    if canonical.comparing:
        engine.create(f"out_{CONTRADICTIONS}", results.contradictions(canonical.contradictions()))
    results.run(opened.ignored, found.unknown_columns, time.monotonic() - started)
    return results


@contextmanager
def silenced() -> Iterator[None]:
    """Let processes that are started meanwhile have nowhere to write their warnings; errors reach us as exceptions."""
    kept = os.dup(2)
    with open(os.devnull, "w") as nothing:
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _session(quiet: bool) -> Any:
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise BadSource("batch-extra", extra="spark") from None
    builder = SparkSession.builder.appName("dealready").config("spark.ui.showConsoleProgress", "false")
    if SparkSession.getActiveSession() is None:
        builder = builder.config("spark.driver.extraJavaOptions", "-Xss64m")  # long conditions are deep trees
    with silenced() if quiet else nullcontext():
        session = builder.getOrCreate()
    session.sparkContext.setLogLevel("FATAL")  # errors are raised, and need not be printed as well
    for name, value in _SETTINGS.items():
        session.conf.set(name, value)
    return session


@contextmanager
def _readable(source: str) -> Iterator[None]:
    """Raise :class:`BadSource` for what Spark says of an input that it can't read."""
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    try:
        yield
    except Py4JJavaError as error:
        raise BadSource("batch-unreadable", file=source, reason=_root_of(error.java_exception)) from None
    except PySparkException as error:
        raise unreadable(source, error) from None


@contextmanager
def _room(target: str) -> Iterator[None]:
    """Raise :class:`BadSource` if there is no room left for an output, or for what is written down on the way to it."""
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    try:
        yield
    except (Py4JJavaError, PySparkException, OSError) as error:
        if is_full(error):
            raise BadSource("batch-no-room", target=target) from None
        raise


def _root_of(error: Any) -> str:
    """Return what is at the bottom of an exception of the JVM, in one line."""
    while error.getCause() is not None:
        error = error.getCause()
    return next(iter(str(error.getMessage()).splitlines()), "")


def _open(engine: SparkEngine, source: str, vocabulary: Vocabulary) -> Opened:
    """Name the tables of an input ``raw_…``. Their rows have no numbers: they lie in many files."""
    opened = Opened()
    taken = set()
    for name in tables(vocabulary):
        place, frame = _frame(engine.session, source, name)
        if frame is not None:
            frame.selectExpr(f"CAST(NULL AS BIGINT) AS `{ROW}`", "*").createOrReplaceTempView(f"raw_{name}")
            opened.tables.append(name)
            taken.add(Path(place))
    if (folder := Path(source)).is_dir():  # any other place is Spark's to list
        opened.ignored = named(left_over(folder, taken))
    if DEALS not in opened.tables:
        raise BadSource("batch-no-deals", source=source, tables=", ".join([*opened.tables, *opened.ignored]) or "-")
    return opened


def _frame(session: Any, source: str, name: str) -> tuple[str, Any]:
    """Return where a table lies, and its data frame; None if there is none."""
    from pyspark.errors import AnalysisException

    if source.startswith(CATALOGUE):
        table = f"{source.removeprefix(CATALOGUE)}.{name}"
        return table, session.table(table) if session.catalog.tableExists(table) else None
    for path in (f"{source}/{name}.parquet", f"{source}/{name}"):
        try:
            return path, session.read.option("mergeSchema", True).parquet(path)  # or columns that not all files have are lost
        except AnalysisException:
            continue
    return "", None


def _duckdb_type(kind: str) -> str:
    return "VARCHAR[]" if kind.startswith("array") else _DUCKDB_NAMES.get(kind, kind.upper())


def _check_schema(session: Any, schema: str, force: bool) -> None:
    """Raise :class:`BadSource` if a schema is not there, or holds tables that may not be replaced: better now than later."""
    if not session.catalog.databaseExists(schema):
        raise BadSource("batch-no-schema", schema=schema)
    there = [f"{schema}.{name}" for name in OUTPUT_TABLES if session.catalog.tableExists(f"{schema}.{name}")]
    if there and not force:
        raise BadSource("batch-exists", target=there[0])
    deals = f"{schema}.{DEALS}"
    if there and not (deals in there and is_output(session.table(deals).columns)):
        raise BadSource("batch-not-replaced", target=there[0])


def _save(session: Any, schema: str, names: Sequence[str]) -> None:
    for name in names:
        session.table(f"out_{name}").write.mode("overwrite").saveAsTable(f"{schema}.{name}")
    for name in set(OUTPUT_TABLES).difference(names):  # what an earlier output had beside these
        session.sql(f"DROP TABLE IF EXISTS {schema}.{name}")


def _gathered(folder: Path, name: str, names: Sequence[str]) -> Path:
    made = folder / name
    made.mkdir()
    for table in names:
        (folder / f"out_{table}.parquet").rename(made / f"{table}.parquet")
    return made
