"""The commands of a rep: about one deal, or a few."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..render.help import LocalCommand, LocalOption
from .shared import DEAL, FOUND_SOMETHING, common_options, fail, format_option, load, new_console, print_data, reject, rule_base

if TYPE_CHECKING:
    from ..facts.deal import Deal
    from ..facts.texts import Language
    from ..rules.base import RuleBase


@click.command(cls=LocalCommand, help="help.next")
@click.argument("deals", nargs=-1, required=True, type=DEAL, metavar="DEAL...")
@click.option("--all", "everything", is_flag=True, help="option.all", cls=LocalOption)
@format_option
@common_options
def next(deals: tuple[str, ...], everything: bool, format_: str, language: Language) -> None:
    """Print the diagnosis and the next actions of each deal."""
    from ..engine.diagnose import Diagnoser
    from ..render.names import Names

    base = rule_base(language)
    loaded = load(deals, base, language)
    diagnoser = Diagnoser(base)
    if format_ == "text":
        from ..render.terminal import print_diagnosis

        console = new_console()
        for number, deal in enumerate(loaded):
            if number:
                console.rule()
            print_diagnosis(console, diagnoser.diagnose(deal), Names(base, deal, language), everything)
        return
    from ..render.document import diagnosis_document

    documents = [diagnosis_document(diagnoser.diagnose(deal), Names(base, deal, language)) for deal in loaded]
    print_data(documents[0] if len(documents) == 1 else documents, format_)


@click.command(cls=LocalCommand, help="help.why")
@click.argument("deal", type=DEAL)
@click.argument("conclusion")
@click.option("--all", "everything", is_flag=True, help="option.why.all", cls=LocalOption)
@click.option("--format", "format_", type=click.Choice(["text", "json", "yaml", "mermaid", "dot"]), default="text",
              help="option.why.format", cls=LocalOption)
@common_options
def why(deal: str, conclusion: str, everything: bool, format_: str, language: Language) -> None:
    """Print the chain from a conclusion down to facts and sources."""
    from ..engine.diagnose import Diagnoser
    from ..render.lookup import Unclear, find_conclusion
    from ..render.names import Names

    base = rule_base(language)
    (loaded,) = load((deal,), base, language)
    prover = Diagnoser(base).prover(loaded)
    try:
        found = find_conclusion(conclusion, base, prover.outcome, language)
    except Unclear as unclear:
        fail(str(unclear))
    proofs = [prover.prove(name, about) for name, abouts in found for about in abouts]
    names = Names(base, loaded, language)
    if format_ in ("mermaid", "dot"):
        from ..render.graphs import dot, mermaid

        click.echo((mermaid if format_ == "mermaid" else dot)(proofs, names), nl=False)
        return
    if format_ == "text":
        from ..render.proofs import proof_tree

        console = new_console()
        for proof in proofs:
            console.print(proof_tree(proof, prover.outcome, names, everything))
        return
    from ..render.document import proof_document

    print_data([proof_document(part, names) for proof in proofs for part in proof], format_)


@click.command(cls=LocalCommand, help="help.whynot")
@click.argument("deal", type=DEAL)
@click.argument("conclusion")
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
        name, about = find_missing(conclusion, base, outcome, language)
    except Unclear as unclear:
        fail(str(unclear))
    misses = why_not(base.program, case, outcome, name, about)
    names = Names(base, loaded, language)
    if format_ == "text":
        print_misses(new_console(), name, about, misses, names, everything)
    else:
        print_data(misses_document(name, about, misses, names), format_)


@click.command(cls=LocalCommand, help="help.whatif")
@click.argument("deal", type=DEAL)
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

    base = rule_base(language)
    (loaded,) = load((deal,), base, language)
    try:
        changed = read_edit(sets, adds, drops, loaded, base.vocabulary).applied(loaded)
    except Rejected as rejected:
        reject(rejected.problems, language)
    _compare(loaded, changed, base, format_, language)


@click.command(cls=LocalCommand, help="help.diff")
@click.argument("old", type=DEAL)
@click.argument("new", type=DEAL)
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


@click.command(cls=LocalCommand, help="help.check")
@click.argument("deals", nargs=-1, required=True, type=DEAL, metavar="DEAL...")
@common_options
def check(deals: tuple[str, ...], language: Language) -> None:
    """Validate deal files; tell where a file disagrees with itself."""
    from ..engine.diagnose import Diagnoser
    from ..render.names import Names
    from ..render.words import say

    base = rule_base(language)
    loaded = load(deals, base, language)
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


@click.command(cls=LocalCommand, help="help.ask")
@click.argument("deal", type=DEAL)
@common_options
def ask(deal: str, language: Language) -> None:
    """Ask for the facts that matter most and write the answers into the deal file."""
    from ..interview.ask import Interview
    from ..render.words import say

    if deal == "-":
        fail(say("ask.stdin", language))
    base = rule_base(language)
    (loaded,) = load((deal,), base, language)
    Interview(base, Path(deal), loaded, language, new_console()).run()
