"""The command that runs case files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..render.help import LocalArgument, LocalCommand, LocalOption
from .shared import DEAL, FOUND_SOMETHING, common_options, fail, load, new_console, print_data, reject, rule_base

if TYPE_CHECKING:
    from ..facts.texts import Language
    from ..rules.base import RuleBase


@click.command(cls=LocalCommand, help="help.test")
@click.argument("paths", nargs=-1, type=click.Path(), metavar="PATH...", cls=LocalArgument)
@click.option("--new", "new", type=DEAL, metavar="DEAL", help="option.test.new", cls=LocalOption)
@click.option("--output", "-o", "target", type=click.Path(), metavar="FILE", help="option.test.output", cls=LocalOption)
@click.option("--jobs", "-j", type=click.IntRange(1), default=None, help="option.jobs", cls=LocalOption)
@click.option("--json", "as_json", is_flag=True, help="option.json", cls=LocalOption)
@common_options
def test(
    paths: tuple[str, ...], new: str | None, target: str | None, jobs: int | None, as_json: bool, language: Language
) -> None:
    """Run case files, or write a case from today's diagnosis of a deal."""
    from ..coach.cases import load_cases
    from ..coach.running import run_cases
    from ..facts.problems import Rejected
    from ..render.words import say

    base = rule_base(language)
    if new is not None:
        _write_case(new, target, base, language)
        return
    if not paths:
        fail(say("test.no_paths", language))
    try:
        cases = load_cases(paths, base)
    except Rejected as rejected:
        reject(rejected.problems, language)
    if not cases:
        fail(say("test.no_cases", language, paths=", ".join(paths)))
    results = run_cases(base, cases, jobs)
    failed = sum(bool(failures) for _, failures in results)
    if as_json:
        from ..coach.running import results_document

        print_data(results_document(results, base), "json")
    else:
        from ..coach.running import print_results

        print_results(new_console(), results, base, language)
    if failed:
        sys.exit(FOUND_SOMETHING)


def _write_case(deal_file: str, target: str | None, base: RuleBase, language: Language) -> None:
    from ..coach.newcase import new_case
    from ..engine.diagnose import Diagnoser
    from ..render.words import say

    if target is not None and Path(target).exists():
        fail(say("mutants.exists", language, file=target))
    (deal,) = load((deal_file,), base, language)
    text = new_case(deal, Diagnoser(base).diagnose(deal), Path(target) if target is not None else None)
    if target is None:
        click.echo(text, nl=False)
        return
    try:
        Path(target).write_text(text, "utf-8")
    except OSError as error:
        fail(say("test.not_written", language, file=target, reason=error.strerror))
    click.echo(say("test.written", language, file=target))
