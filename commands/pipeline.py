"""The commands of revenue operations: about a whole pipeline."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ..engine.outputs import CONDITIONS, OUTPUTS
from ..render.help import LocalArgument, LocalCommand, LocalOption
from .shared import FOUND_SOMETHING, THREADS, common_options, fail, new_console, print_data, rule_base

if TYPE_CHECKING:
    from ..facts.texts import Language


MOST_GROUPS = 20  # of a kind on the screen
DIALECTS = ("duckdb", "spark", "databricks", "postgres", "snowflake", "bigquery", "trino")


@click.command(cls=LocalCommand, help="help.sql")
@click.option("--dialect", default="duckdb", type=click.Choice(list(DIALECTS)), help="option.dialect", cls=LocalOption)
@click.option("--table", "tables", multiple=True, metavar="NAME=TABLE", help="option.table", cls=LocalOption)
@click.option("--output", default="deals", type=click.Choice(list(OUTPUTS)), help="option.query", cls=LocalOption)
@click.option("--script", is_flag=True, help="option.script", cls=LocalOption)
@common_options
def sql(dialect: str, tables: tuple[str, ...], output: str, script: bool, language: Language) -> None:
    """Print what ``score`` writes into one of its tables as one query, or as a script."""
    from ..batch.query import query_text, script_text
    from ..batch.refusal import BadSource

    try:
        click.echo((script_text if script else query_text)(rule_base(language), dialect, output, tables))
    except BadSource as bad:
        fail(bad.message(language))


@click.command(cls=LocalCommand, help="help.score")
@click.argument("source", metavar="INPUT", cls=LocalArgument)
@click.option("-o", "--output", "target", required=True, metavar="OUTPUT", help="option.output", cls=LocalOption)
@click.option("--format", "format_", type=click.Choice(["parquet", "csv", "jsonl"]), default=None, help="option.table_format",
              cls=LocalOption)
@click.option("--tables", default=None, metavar="TABLE,...", help="option.tables", cls=LocalOption)
@click.option("--since", default="", metavar="PREVIOUS", help="option.since", cls=LocalOption)
@click.option("--explain", is_flag=True, help="option.explain", cls=LocalOption)
@click.option("--as-of", "as_of", default="", metavar="DATE", help="option.as_of", cls=LocalOption)
@click.option("--memory", default="", metavar="SIZE", help="option.memory", cls=LocalOption)
@click.option("--threads", type=THREADS, default=None, help="option.threads", cls=LocalOption)
@click.option("--engine", type=click.Choice(["duckdb", "spark"]), default="duckdb", help="option.engine", cls=LocalOption)
@click.option("--strict", is_flag=True, help="option.strict", cls=LocalOption)
@click.option("--force", is_flag=True, help="option.force", cls=LocalOption)
@click.option("--quiet", "-q", is_flag=True, help="option.quiet", cls=LocalOption)
@click.option("--json", "as_json", is_flag=True, help="option.json", cls=LocalOption)
@common_options
def score(
    source: str, target: str, format_: str | None, tables: str | None, since: str, explain: bool, as_of: str, memory: str,
    threads: int | None, engine: str, strict: bool, force: bool, quiet: bool, as_json: bool,
    language: Language,
) -> None:
    """Score every deal of an input into tables."""
    from ..batch.job import Job, Stopped
    from ..batch.refusal import BadSource
    from ..batch.run import score as run
    from ..batch.screen import print_errors, print_report, progress, report_document

    base = rule_base(language)
    try:
        job = Job(source, target, language, format=format_ or "", as_of=as_of, memory=memory, threads=threads or 0,
                  strict=strict, force=force, explain=explain, since=since, engine=engine, quiet=quiet or as_json,
                  tables=_tables(tables, target, bool(since), explain))
        with progress(new_console(stderr=True), language, quiet or as_json) as advance:
            report = run(base, job, advance)
    except BadSource as bad:
        fail(bad.message(language))
    except Stopped as stopped:
        fail(str(stopped))
    if as_json:
        print_data(report_document(report, target), "json")
    elif quiet:
        print_errors(new_console(stderr=True), report, language)
    else:
        print_report(new_console(), report, target, language)
    if report.rejected or report.errors:
        sys.exit(FOUND_SOMETHING)


def _tables(written: str | None, target: str, compared: bool, explained: bool) -> tuple[str, ...]:
    """Return the tables that are asked for; unasked, all but the long one that no person would read in a workbook.

    Those that tell of the run itself may be named, and are written anyway. Raises :class:`~..batch.refusal.BadSource`.
    """
    from ..batch.job import TABLES
    from ..batch.refusal import BadSource
    from ..facts.problems import suggestion_or_all

    if written is None:
        return tuple(name for name in TABLES if name != "fired" or not target.lower().endswith(".xlsx"))
    names = tuple(name.strip() for name in written.split(",") if name.strip()) or (written,)
    options = {CONDITIONS: (explained, "--explain"), "changes": (compared, "--since")}
    known = (*TABLES, *options, "errors", "run")
    for name in names:
        if name not in known:
            raise BadSource("batch-no-output", found=name, hint=suggestion_or_all(name, known))
        given, option = options.get(name, (True, ""))
        if not given:
            raise BadSource("batch-needs-option", found=name, option=option)
    return tuple(name for name in names if name in TABLES)


@click.command(cls=LocalCommand, help="help.summary")
@click.argument("output", metavar="OUTPUT", cls=LocalArgument)
@click.option("--all", "everything", is_flag=True, help="option.summary.all", cls=LocalOption)
@click.option("--json", "as_json", is_flag=True, help="option.json", cls=LocalOption)
@common_options
def summary(output: str, everything: bool, as_json: bool, language: Language) -> None:
    """Roll an output of ``score`` up by owner, team and step."""
    from ..batch.refusal import BadSource
    from ..batch.screen import print_summary, summary_document
    from ..batch.summary import summarise

    try:
        base = rule_base(language)
        found = summarise(output, [step.id for step in base.steps])
    except BadSource as bad:
        fail(bad.message(language))
    if as_json:
        print_data(summary_document(found), "json")
    else:
        print_summary(new_console(), found, base, language, 1_000_000 if everything else MOST_GROUPS)
