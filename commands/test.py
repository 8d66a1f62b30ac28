"""The command that runs case files."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ..render.help import LocalCommand, LocalOption
from .shared import DEAL, FOUND_SOMETHING, common_options, fail, load, new_console, print_data, reject, rule_base

if TYPE_CHECKING:
    from ..facts.texts import Language


@click.command(cls=LocalCommand, help="help.test")
@click.argument("paths", nargs=-1, type=click.Path(), metavar="PATH...")
@click.option("--new", "new", type=DEAL, metavar="DEAL", help="option.test.new", cls=LocalOption)
@click.option("--jobs", "-j", type=click.IntRange(1), default=None, help="option.jobs", cls=LocalOption)
@click.option("--json", "as_json", is_flag=True, help="option.json", cls=LocalOption)
@common_options
def test(paths: tuple[str, ...], new: str | None, jobs: int | None, as_json: bool, language: Language) -> None:
    """Run case files, or write a case from today's diagnosis of a deal."""
    from ..coach.cases import load_cases
    from ..coach.running import run_cases
    from ..facts.problems import Rejected
    from ..render.words import say

    base = rule_base(language)
    if new is not None:
        from ..coach.newcase import new_case
        from ..engine.diagnose import Diagnoser

        (deal,) = load((new,), base, language)
        click.echo(new_case(new, Diagnoser(base).diagnose(deal)), nl=False)
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

        print_data(results_document(results), "json")
    else:
        from ..coach.running import print_results

        print_results(new_console(), results, base, language)
    if failed:
        sys.exit(FOUND_SOMETHING)
