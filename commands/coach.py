"""The commands of a coach who checks and changes the rules: lint, coverage, mutation, and what changed."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..render.help import LocalArgument, LocalCommand, LocalOption
from .rules import rules
from .shared import (
    BAD_INPUT,
    FOUND_SOMETHING,
    THREADS,
    common_options,
    fail,
    new_console,
    print_data,
    read_rule_base,
    reject,
    rule_base,
)

if TYPE_CHECKING:
    from ..coach.cases import CaseFile
    from ..facts.deal import Deal
    from ..facts.texts import Language
    from ..rules.base import RuleBase


@rules.command("lint", cls=LocalCommand, help="help.rules.lint")
@click.option("--format", "format_", type=click.Choice(["text", "json", "sarif"]), default="text", help="option.lint.format",
              cls=LocalOption)
@common_options
def rules_lint(format_: str, language: Language) -> None:
    """Tell what is idle, said twice, contradicts itself, or claims a source it has not."""
    from ..coach.lint import lint
    from ..coach.lintreport import lint_document, sarif
    from ..facts.problems import Rejected
    from ..render.words import rules_line, say

    base, found = None, []
    try:
        base = read_rule_base()
        found = lint(base)
    except Rejected as rejected:  # what keeps the rules from loading is found, too
        found = list(rejected.problems)
    if format_ == "text":
        for entry in found:
            click.echo(f"{entry.message(language)} [{entry.code}]")
        if not found:
            click.echo(say("lint.clean", language))
        if base is not None:
            click.echo(rules_line(base, language))
    else:
        print_data((sarif if format_ == "sarif" else lint_document)(found, base, language), "json")
    if found:
        sys.exit(BAD_INPUT if base is None else FOUND_SOMETHING)


@rules.command("coverage", cls=LocalCommand, help="help.rules.coverage")
@click.option("--deals", "paths", multiple=True, required=True, type=click.Path(), metavar="PATH", help="option.coverage.deals",
              cls=LocalOption)
@click.option("--format", "format_", type=click.Choice(["text", "json", "html"]), default="text", help="option.coverage.format",
              cls=LocalOption)
@click.option("--all", "everything", is_flag=True, help="option.coverage.all", cls=LocalOption)
@click.option("--jobs", "-j", type=click.IntRange(1), default=None, help="option.jobs", cls=LocalOption)
@common_options
def rules_coverage(paths: tuple[str, ...], format_: str, everything: bool, jobs: int | None, language: Language) -> None:
    """Print which rules, conditions and values some deals and cases exercise, and which decide anything."""
    from ..batch.refusal import BadSource
    from ..batch.sources import is_tables
    from ..coach.coverage import cover
    from ..coach.showing import coverage_document, coverage_page, print_coverage
    from ..render.words import say

    base = rule_base(language)
    sources = [path for path in paths if is_tables(path)]
    deals = _deals([path for path in paths if path not in sources], base, language)
    if not deals and not sources:
        fail(say("coverage.no_deals", language, paths=", ".join(paths)))
    try:
        found = cover(base, deals, sources, jobs)
    except BadSource as bad:
        fail(bad.message(language))
    if format_ == "json":
        print_data(coverage_document(found, base), "json")
    elif format_ == "html":
        click.echo(coverage_page(found, base, language), nl=False)
    else:
        print_coverage(new_console(), found, base, language, everything)


@rules.command("mutate", cls=LocalCommand, help="help.rules.mutate")
@click.option("--cases", "paths", multiple=True, required=True, type=click.Path(), metavar="PATH", help="option.mutate.cases",
              cls=LocalOption)
@click.option("--only", default="", metavar="PREFIX", help="option.mutate.only", cls=LocalOption)
@click.option("--suggest", "target", type=click.Path(), metavar="FILE", help="option.mutate.suggest", cls=LocalOption)
@click.option("--all", "everything", is_flag=True, help="option.mutate.all", cls=LocalOption)
@click.option("--json", "as_json", is_flag=True, help="option.json", cls=LocalOption)
@click.option("--jobs", "-j", type=click.IntRange(1), default=None, help="option.jobs", cls=LocalOption)
@common_options
def rules_mutate(
    paths: tuple[str, ...], only: str, target: str | None, everything: bool, as_json: bool, jobs: int | None,
    language: Language,
) -> None:
    """Change each condition of each rule in turn, and tell which changes no case notices."""
    from ..coach.mutants import subjects
    from ..coach.mutation import judge_all
    from ..coach.showing import mutants_document, print_mutants
    from ..coach.suggest import suggest, written
    from ..render.words import say

    if target is not None and Path(target).exists():
        fail(say("mutants.exists", language, file=target))
    base = rule_base(language)
    if not any(subject.id.startswith(only) for subject in subjects(base)):
        fail(say("mutants.none", language, only=only))
    cases = _cases(paths, base, language)
    judged = judge_all(base, cases, only, jobs=jobs)
    if as_json:
        print_data(mutants_document(judged, base), "json")
    else:
        print_mutants(new_console(), judged, base, language, everything)
    if target is not None:
        new = list(suggest(base, judged))
        Path(target).write_text(written(new), "utf-8")
        click.echo(say("mutants.suggested", language, count=len(new), file=target), err=as_json)
    if any(not entry.noticed_by for entry in judged):
        sys.exit(FOUND_SOMETHING)


@rules.command("log", cls=LocalCommand, help="help.rules.log")
@click.argument("old", required=False, type=click.Path(exists=False), cls=LocalArgument)
@click.option("--json", "as_json", is_flag=True, help="option.json", cls=LocalOption)
@common_options
def rules_log(old: str | None, as_json: bool, language: Language) -> None:
    """Compare the rule base with another version of it, record by record."""
    from ..coach.history import record_changes
    from ..coach.showing_changes import changes_document, print_changes

    new = rule_base(language)
    before = rule_base(language, [old] if old else [], settings=False)
    found = list(record_changes(before, new))
    if as_json:
        print_data(changes_document(found, before, new), "json")
    else:
        print_changes(new_console(), found, before, new, language)


@rules.command("impact", cls=LocalCommand, help="help.rules.impact")
@click.option("--deals", "source", required=True, metavar="PATH", help="option.impact.deals", cls=LocalOption)
@click.option("--old", default=None, metavar="DIR", type=click.Path(), help="option.impact.old", cls=LocalOption)
@click.option("--json", "as_json", is_flag=True, help="option.json", cls=LocalOption)
@click.option("--memory", default="", metavar="SIZE", help="option.memory", cls=LocalOption)
@click.option("--threads", type=THREADS, default=None, help="option.threads", cls=LocalOption)
@common_options
def rules_impact(
    source: str, old: str | None, as_json: bool, memory: str, threads: int | None, language: Language
) -> None:
    """Print what the rules of --rules would change about a portfolio."""
    from ..batch.refusal import BadSource
    from ..coach.impact import impact
    from ..coach.showing_changes import impact_document, print_impact
    from ..render.words import say

    new = rule_base(language)
    before = rule_base(language, [old] if old else [], settings=old is None)
    if before.hash == new.hash:
        fail(say("impact.same", language))
    try:
        found = impact(before, new, source, memory, threads or 0)
    except BadSource as bad:
        fail(bad.message(language))
    if as_json:
        print_data(impact_document(found, before, new), "json")
    else:
        print_impact(new_console(), found, before, new, language)


def _cases(paths: tuple[str, ...], base: RuleBase, language: Language) -> list[CaseFile]:
    from ..coach.cases import load_cases
    from ..facts.problems import Rejected

    try:
        return load_cases(paths, base)
    except Rejected as rejected:
        reject(rejected.problems, language)


def _deals(paths: Iterable[str], base: RuleBase, language: Language) -> list[Deal]:
    """Return the deals of case files and deal files, in any mixture, and of the folders that hold them, each deal once."""
    from ..coach.cases import CASE_FILES, is_case_file, read_cases
    from ..facts.deal import load_deal
    from ..facts.problems import Problems, Rejected

    problems = Problems()
    found: list[Deal] = []
    for path in map(Path, paths):
        files = sorted(file for file in path.rglob("*") if file.suffix in CASE_FILES) if path.is_dir() else [path]
        for file in files:
            try:
                if is_case_file(file):
                    found += [case.deal for case in read_cases(file, base)]
                else:
                    found.append(load_deal(str(file), base.vocabulary))
            except Rejected as rejected:
                problems.take(rejected)
    try:
        problems.raise_if_any()
    except Rejected as rejected:
        reject(rejected.problems, language)
    return [deal for number, deal in enumerate(found) if deal not in found[:number]]
