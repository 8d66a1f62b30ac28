"""The commands that ask further about a deal: why not, what if, what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..render.help import LocalArgument, LocalCommand, LocalOption
from .shared import DEAL, common_options, fail, format_option, load, new_console, print_data, reject, rule_base

if TYPE_CHECKING:
    from ..facts.deal import Deal
    from ..facts.texts import Language
    from ..rules.base import RuleBase


@click.command(cls=LocalCommand, help="help.whynot")
@click.argument("deal", type=DEAL, cls=LocalArgument)
@click.argument("conclusion", cls=LocalArgument)
@click.option("--all", "everything", is_flag=True, help="option.whynot.all", cls=LocalOption)
@format_option
@common_options
def whynot(deal: str, conclusion: str, everything: bool, format_: str, language: Language) -> None:
    """Print every rule that could have concluded something, and what stands in its way."""
    from ..engine.diagnose import Diagnoser
    from ..engine.whynot import why_not
    from ..render.lookup import Unclear, find_missing
    from ..render.misses import misses_document, print_misses
    from ..render.names import Names

    base = rule_base(language)
    (loaded,) = load((deal,), base, language)
    case, outcome = Diagnoser(base).outcome(loaded)
    try:
        name, about = find_missing(conclusion, base, case, outcome, language)
    except Unclear as unclear:
        fail(str(unclear))
    misses = why_not(base.program, case, outcome, name, about)
    names = Names(base, loaded, language)
    if format_ == "text":
        print_misses(new_console(), name, about, misses, names, everything)
    else:
        print_data(misses_document(name, about, misses, names), format_)


@click.command(cls=LocalCommand, help="help.whatif")
@click.argument("deal", type=DEAL, cls=LocalArgument)
@click.option("--set", "sets", multiple=True, metavar="FACT=VALUE", help="option.set", cls=LocalOption)
@click.option("--add", "adds", multiple=True, metavar="ITEM:FIELD=VALUE,...", help="option.add", cls=LocalOption)
@click.option("--drop", "drops", multiple=True, metavar="NAME", help="option.drop", cls=LocalOption)
@format_option
@common_options
def whatif(
    deal: str, sets: tuple[str, ...], adds: tuple[str, ...], drops: tuple[str, ...], format_: str, language: Language
) -> None:
    """Print what a change of facts would change in the diagnosis; the file stays as it is."""
    from ..facts.edits import read_edit
    from ..facts.problems import Rejected
    from ..render.words import say

    if not (sets or adds or drops):
        fail(say("whatif.nothing", language))
    base = rule_base(language)
    (loaded,) = load((deal,), base, language)
    try:
        changed = read_edit(sets, adds, drops, loaded, base.vocabulary).applied(loaded)
    except Rejected as rejected:
        reject(rejected.problems, language)
    _compare(loaded, changed, base, format_, language)


@click.command(cls=LocalCommand, help="help.diff")
@click.argument("old", type=DEAL, cls=LocalArgument)
@click.argument("new", type=DEAL, cls=LocalArgument)
@format_option
@common_options
def diff(old: str, new: str, format_: str, language: Language) -> None:
    """Print what differs between two versions of a deal, in its facts and in its diagnosis."""
    base = rule_base(language)
    before, after = load((old, new), base, language)
    _compare(before, after, base, format_, language)


def _compare(old: Deal, new: Deal, base: RuleBase, format_: str, language: Language) -> None:
    from ..engine.compare import compare
    from ..engine.diagnose import Diagnoser
    from ..render.comparison import comparison_document, print_comparison
    from ..render.names import Names

    diagnoser = Diagnoser(base)
    found = compare(old, diagnoser.diagnose(old), new, diagnoser.diagnose(new))
    before, after = Names(base, old, language), Names(base, new, language)
    if format_ == "text":
        print_comparison(new_console(), found, before, after)
    else:
        print_data(comparison_document(found, before, after), format_)
