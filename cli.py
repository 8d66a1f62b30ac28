"""The command line: a thin layer over the library. Everything heavy is imported by the command that needs it."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click
from dealready import __version__
from dealready.render.help import LocalCommand, LocalGroup, LocalOption, current_language, speak

if TYPE_CHECKING:
    from dealready.facts.deal import Deal
    from dealready.facts.texts import Language
    from dealready.rules.base import RuleBase
    from rich.console import Console

FOUND_SOMETHING, BAD_INPUT = 1, 2
DIALECTS = ("duckdb", "spark", "databricks", "postgres", "snowflake", "bigquery", "trino")
_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def _language_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--lang", "language", type=click.Choice(["en", "zh"]), help="option.lang", cls=LocalOption, expose_value=True,
        callback=lambda _context, _parameter, value: speak(value) if value else current_language(),
    )(command)


def _format_option(command: Callable[..., Any]) -> Callable[..., Any]:
    choices = click.Choice(["text", "json", "yaml"])
    return click.option("--format", "format_", type=choices, default="text", help="option.format", cls=LocalOption)(command)


_DEAL = click.Path(allow_dash=True)


@click.group(cls=LocalGroup, help="help.main", context_settings=_CONTEXT)
@click.version_option(__version__, prog_name="dealready", cls=LocalOption, help="option.version")
def cli() -> None:
    """Collect the commands."""


@cli.command(cls=LocalCommand, help="help.next")
@click.argument("deals", nargs=-1, required=True, type=_DEAL, metavar="DEAL...")
@click.option("--all", "everything", is_flag=True, help="option.all", cls=LocalOption)
@_format_option
@_language_option
def next(deals: tuple[str, ...], everything: bool, format_: str, language: Language) -> None:
    """Print the diagnosis and the next actions of each deal."""
    from dealready.engine.diagnose import Diagnoser
    from dealready.render.names import Names

    base = _rule_base(language)
    loaded = _load(deals, base, language)
    diagnoser = Diagnoser(base)
    if format_ == "text":
        from dealready.render.terminal import print_diagnosis

        console = _console()
        for number, deal in enumerate(loaded):
            if number:
                console.rule()
            print_diagnosis(console, diagnoser.diagnose(deal), Names(base, deal, language), everything)
        return
    from dealready.render.document import diagnosis_document

    documents = [diagnosis_document(diagnoser.diagnose(deal), Names(base, deal, language)) for deal in loaded]
    _print_data(documents[0] if len(documents) == 1 else documents, format_)


@cli.command(cls=LocalCommand, help="help.why")
@click.argument("deal", type=_DEAL)
@click.argument("conclusion")
@click.option("--all", "everything", is_flag=True, help="option.why.all", cls=LocalOption)
@_format_option
@_language_option
def why(deal: str, conclusion: str, everything: bool, format_: str, language: Language) -> None:
    """Print the chain from a conclusion down to facts and sources."""
    from dealready.engine.diagnose import Diagnoser
    from dealready.render.lookup import Unclear, find_conclusion
    from dealready.render.names import Names

    base = _rule_base(language)
    (loaded,) = _load((deal,), base, language)
    prover = Diagnoser(base).prover(loaded)
    try:
        name, abouts = find_conclusion(conclusion, base, prover.outcome, language)
    except Unclear as unclear:
        _fail(str(unclear))
    proofs = [prover.prove(name, about) for about in abouts]
    names = Names(base, loaded, language)
    if format_ == "text":
        from dealready.render.proofs import proof_tree

        console = _console()
        for proof in proofs:
            console.print(proof_tree(proof, prover.outcome, names, everything))
        return
    from dealready.render.document import proof_document

    _print_data([proof_document(part, names) for proof in proofs for part in proof], format_)


@cli.command(cls=LocalCommand, help="help.check")
@click.argument("deals", nargs=-1, required=True, type=_DEAL, metavar="DEAL...")
@_language_option
def check(deals: tuple[str, ...], language: Language) -> None:
    """Validate deal files; tell where a file disagrees with itself."""
    from dealready.engine.diagnose import Diagnoser
    from dealready.render.names import Names
    from dealready.render.words import say

    base = _rule_base(language)
    loaded = _load(deals, base, language)
    diagnoser = Diagnoser(base)
    conflicts = 0
    for deal in loaded:
        names = Names(base, deal, language)
        found = [finding for finding in diagnoser.diagnose(deal).findings if finding.kind == "conflict"]
        conflicts += len(found)
        for finding in found:
            click.echo(say("check.conflict", language, file=deal.file, label=names.finding(finding.id, finding.about)))
        if not found:
            items = sum(len(rows) for rows in deal.items.values())
            click.echo(say("check.good", language, file=deal.file, facts=len(deal.facts), items=items))
    if conflicts:
        sys.exit(FOUND_SOMETHING)


@cli.command(cls=LocalCommand, help="help.ask")
@click.argument("deal", type=_DEAL)
@_language_option
def ask(deal: str, language: Language) -> None:
    """Ask for the facts that matter most and write the answers into the deal file."""
    from dealready.interview.ask import Interview
    from dealready.render.words import say

    if deal == "-":
        _fail(say("ask.stdin", language))
    base = _rule_base(language)
    (loaded,) = _load((deal,), base, language)
    Interview(base, Path(deal), loaded, language, _console()).run()


@cli.command(cls=LocalCommand, help="help.schema")
@click.argument("what", type=click.Choice(["deal", "diagnosis"]))
@_language_option
def schema(what: str, language: Language) -> None:
    """Print the JSON Schema of a deal file or of a diagnosis."""
    if what == "deal":
        from dealready.facts.schema import deal_schema
        from dealready.facts.vocabulary import load_vocabulary

        _print_data(deal_schema(load_vocabulary(), language), "json")
    else:
        from dealready.render.schema import diagnosis_schema

        _print_data(diagnosis_schema(), "json")


@cli.command(cls=LocalCommand, help="help.sql")
@click.option("--dialect", default="duckdb", type=click.Choice(list(DIALECTS)), help="option.dialect", cls=LocalOption)
@click.option("--table", "tables", multiple=True, metavar="NAME=TABLE", help="option.table", cls=LocalOption)
@_language_option
def sql(dialect: str, tables: tuple[str, ...], language: Language) -> None:
    """Print the rule base as one query."""
    from dealready.batch.query import Unknown, query_text

    try:
        click.echo(query_text(_rule_base(language), dialect, tables))
    except Unknown as unknown:
        _fail(unknown.message(language))


@cli.command(cls=LocalCommand, help="help.score")
@click.argument("source", metavar="INPUT")
@click.option("-o", "--output", "target", required=True, metavar="OUTPUT", help="option.output", cls=LocalOption)
@click.option("--format", "format_", type=click.Choice(["parquet", "csv", "jsonl"]), default=None, help="option.table_format",
              cls=LocalOption)
@click.option("--explain", is_flag=True, help="option.explain", cls=LocalOption)
@click.option("--as-of", "as_of", default="", metavar="DATE", help="option.as_of", cls=LocalOption)
@click.option("--memory", default="", metavar="SIZE", help="option.memory", cls=LocalOption)
@click.option("--threads", type=click.IntRange(1), default=None, help="option.threads", cls=LocalOption)
@click.option("--strict", is_flag=True, help="option.strict", cls=LocalOption)
@click.option("--force", is_flag=True, help="option.force", cls=LocalOption)
@click.option("--quiet", "-q", is_flag=True, help="option.quiet", cls=LocalOption)
@click.option("--json", "as_json", is_flag=True, help="option.json", cls=LocalOption)
@_language_option
def score(source: str, target: str, format_: str | None, explain: bool, as_of: str, memory: str, threads: int | None,
          strict: bool, force: bool, quiet: bool, as_json: bool, language: Language) -> None:
    """Score every deal of an input into tables."""
    from dealready.batch.job import Job, Stopped
    from dealready.batch.job import score as run
    from dealready.batch.sources import BadSource
    from dealready.render.score import print_report, progress, report_document

    job = Job(source, target, language, format=format_ or "", as_of=as_of, memory=memory, threads=threads or 0,
              strict=strict, force=force, explain=explain)
    base = _rule_base(language)
    try:
        with progress(_console(stderr=True), language, quiet or as_json) as advance:
            report = run(base, job, advance)
    except BadSource as bad:
        _fail(bad.message(language))
    except Stopped as stopped:
        _fail(str(stopped))
    if as_json:
        _print_data(report_document(report), "json")
    elif not quiet:
        print_report(_console(), report, target, language)
    if report.rejected or report.errors:
        sys.exit(FOUND_SOMETHING)


@cli.group(cls=LocalGroup, help="help.facts")
def facts() -> None:
    """Browse the vocabulary."""


@facts.command("list", cls=LocalCommand, help="help.facts.list")
@click.argument("topic", required=False, default="")
@_language_option
def facts_list(topic: str, language: Language) -> None:
    """List the facts, of one topic or collection if it is named."""
    _facts_table(language, lambda name, _: not topic or name.partition(".")[0] == topic)


@facts.command("search", cls=LocalCommand, help="help.facts.search")
@click.argument("word")
@_language_option
def facts_search(word: str, language: Language) -> None:
    """List the facts whose id, label, meaning or question has a word in it."""
    _facts_table(language, lambda _, text: word.casefold() in text)


@facts.command("show", cls=LocalCommand, help="help.facts.show")
@click.argument("fact")
@_language_option
def facts_show(fact: str, language: Language) -> None:
    """Show one fact."""
    from dealready.render.browse import fact_card, fact_name
    from dealready.render.lookup import unknown_name

    base = _rule_base(language)
    table = {fact_name(entry): entry for entry in base.vocabulary.all_facts()}
    if fact not in table:
        _fail(unknown_name("facts.unknown", fact, table, language))
    _console().print(fact_card(table[fact], base, language))


@cli.group(cls=LocalGroup, help="help.rules")
def rules() -> None:
    """Browse the rule base."""


@rules.command("list", cls=LocalCommand, help="help.rules.list")
@click.argument("topic", required=False, default="")
@_language_option
def rules_list(topic: str, language: Language) -> None:
    """List the rules, of one topic if it is named."""
    _rules_table(language, lambda name, _: not topic or name.partition(".")[0] == topic)


@rules.command("search", cls=LocalCommand, help="help.rules.search")
@click.argument("word")
@_language_option
def rules_search(word: str, language: Language) -> None:
    """List the rules, criteria, actions and findings that have a word in them."""
    _rules_table(language, lambda _, text: word.casefold() in text)


@rules.command("show", cls=LocalCommand, help="help.rules.show")
@click.argument("name")
@_language_option
def rules_show(name: str, language: Language) -> None:
    """Show a rule, criterion, action, finding, source, tension or parameter."""
    from dealready.render.lookup import unknown_name
    from dealready.render.rulebook import cards, rulebook_names

    base = _rule_base(language)
    found = cards(name, base, language)
    if not found:
        _fail(unknown_name("rules.unknown", name, rulebook_names(base), language))
    console = _console()
    for part in found:
        console.print(part)


@rules.command("sources", cls=LocalCommand, help="help.rules.sources")
@_language_option
def rules_sources(language: Language) -> None:
    """Print what carries each item of the article."""
    from dealready.render.browse import sources_table
    from dealready.render.words import say
    from dealready.rules.carried import carried_items

    base = _rule_base(language)
    carried = carried_items(base)
    console = _console()
    console.print(sources_table(carried, base, language))
    count = sum(bool(entry.names) for entry in carried.values())
    reasons = sum(not entry.names and base.sources[item].uncarried is not None for item, entry in carried.items())
    open_ = len(carried) - count - reasons
    console.print("\n" + say("rules.carried", language, count=count, all=len(carried), reasons=reasons, open=open_))
    if open_:
        sys.exit(FOUND_SOMETHING)


@rules.command("check", cls=LocalCommand, help="help.rules.check")
@click.argument("folder", required=False, type=click.Path())
@_language_option
def rules_check(folder: str | None, language: Language) -> None:
    """Check a folder of rules, by default our own."""
    from dealready.facts.problems import Rejected
    from dealready.render.words import say
    from dealready.rules.base import FOLDER, load_rule_base

    path = Path(folder) if folder else FOLDER
    try:
        base = load_rule_base(path)
    except Rejected as rejected:
        _reject(rejected.problems, language)
    criteria = sum(len(step.criteria) for step in base.steps)
    click.echo(say("rules.good", language, folder=folder or "dealready", rules=len(base.rules), criteria=criteria,
                   actions=len(base.actions), findings=len(base.findings)))


def _facts_table(language: Language, wanted: Callable[[str, str], bool]) -> None:
    from dealready.render.browse import fact_name, table
    from dealready.render.words import say

    base = _rule_base(language)
    rows = []
    for fact in base.vocabulary.all_facts():
        texts = (fact.label, fact.about, fact.question, *(value.label for value in fact.values))
        text = " ".join([fact_name(fact), *(word for part in texts for word in (part.en, part.zh))]).casefold()
        if wanted(fact_name(fact), text):
            rows.append((fact_name(fact), fact.type, fact.label.read(language)))
    _print_rows(table(("id", say("facts.type", language), say("facts.about", language)), rows), len(rows), language)


def _rules_table(language: Language, wanted: Callable[[str, str], bool]) -> None:
    from dealready.render.browse import table
    from dealready.render.rulebook import entries

    base = _rule_base(language)
    rows = [(entry.id, entry.kind, entry.label) for entry in entries(base, language) if wanted(entry.id, entry.haystack)]
    _print_rows(table(("id", "", ""), rows), len(rows), language)


def _print_rows(table: Any, count: int, language: Language) -> None:
    from dealready.render.words import say

    if count:
        _console().print(table)
    else:
        click.echo(say("nothing.found", language))


def _rule_base(language: Language) -> RuleBase:
    from dealready.facts.problems import Rejected
    from dealready.rules.cache import cached_rule_base

    try:
        return cached_rule_base()
    except Rejected as rejected:
        _reject(rejected.problems, language)


def _load(paths: Iterable[str], base: RuleBase, language: Language) -> list[Deal]:
    """Read every deal before anything is printed; if one is wrong, tell all that is wrong and stop."""
    from dealready.facts.deal import load_deal
    from dealready.facts.problems import Problem, Rejected

    deals: list[Deal] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            deals.append(load_deal(path, base.vocabulary))
        except Rejected as rejected:
            problems += rejected.problems
    if problems:
        _reject(problems, language)
    return deals


def _reject(problems: Iterable[Any], language: Language) -> NoReturn:
    for problem in problems:
        click.echo(problem.message(language), err=True)
    sys.exit(BAD_INPUT)


def _fail(message: str) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(BAD_INPUT)


def _console(stderr: bool = False) -> Console:
    from rich.console import Console

    return Console(highlight=False, emoji=False, markup=False, stderr=stderr)


def _print_data(data: Any, format_: str) -> None:
    if format_ == "yaml":
        import yaml

        click.echo(yaml.safe_dump(data, allow_unicode=True, sort_keys=False, width=100), nl=False)
    else:
        import json

        click.echo(json.dumps(data, ensure_ascii=False, indent=2))


def main() -> None:
    """Run the command line; a reader that stops reading (``| head``) is no error."""
    gc.set_threshold(100_000)  # a command lives too briefly for frequent sweeps
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    code = 0
    try:
        cli(prog_name="dealready")
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else int(left.code is not None)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    _leave(code)


def _leave(code: int) -> NoReturn:
    """End the process at once: freeing a hundred thousand objects one by one would take longer than many a command."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BrokenPipeError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
