"""The commands of a rep: about one deal, or a few."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..render.help import LocalCommand, LocalOption
from .shared import DEAL, FOUND_SOMETHING, common_options, fail, format_option, load, new_console, print_data, rule_base

if TYPE_CHECKING:
    from ..facts.texts import Language


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
    from ..engine.bounds import BOUNDS, readiness_bound
    from ..engine.diagnose import Diagnoser
    from ..render.lookup import Unclear, find_conclusion
    from ..render.names import Names

    base = rule_base(language)
    (loaded,) = load((deal,), base, language)
    prover = Diagnoser(base).prover(loaded)
    try:
        ((name, abouts),) = find_conclusion(conclusion, base, prover.outcome, language)
    except Unclear as unclear:
        fail(str(unclear))
    bound = readiness_bound(name, base.steps, prover.outcome) if name in BOUNDS else None
    wanted = [(name, about) for about in abouts] if bound is None else [(counted, "") for counted in bound.counted]
    proofs = [prover.prove(*one) for one in wanted]
    names = Names(base, loaded, language)
    if format_ in ("mermaid", "dot"):
        from ..render.graphs import dot, mermaid

        click.echo((mermaid if format_ == "mermaid" else dot)(proofs, names, bound), nl=False)
    elif format_ == "text":
        from ..render.proofs import print_proofs

        print_proofs(new_console(), proofs, bound, prover.outcome, names, everything)
    else:
        from ..render.document import why_document

        print_data(why_document(proofs, bound, names), format_)


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
