"""The commands of a rep: about one deal, or a few."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..render.help import LocalArgument, LocalCommand, LocalOption
from .shared import (
    BAD_INPUT,
    DEAL,
    FOUND_SOMETHING,
    common_options,
    completing,
    fail,
    load,
    load_each,
    new_console,
    print_data,
    rule_base,
)

if TYPE_CHECKING:
    from ..facts.texts import Language
    from ..rules.base import RuleBase


def _conclusions(base: RuleBase) -> list[str]:
    criteria = [criterion.id for step in base.steps for criterion in step.criteria]
    return [*(step.id for step in base.steps), *criteria, *base.findings, *base.actions]


@click.command(cls=LocalCommand, help="help.next")
@click.argument("deals", nargs=-1, required=True, type=DEAL, metavar="DEAL...", cls=LocalArgument)
@click.option("--all", "everything", is_flag=True, help="option.all", cls=LocalOption)
@click.option("--format", "format_", type=click.Choice(["text", "json", "yaml", "jsonl"]), default="text",
              help="option.next.format", cls=LocalOption)
@common_options
def next(deals: tuple[str, ...], everything: bool, format_: str, language: Language) -> None:
    """Print the diagnosis and the next actions of each deal."""
    from ..engine.diagnose import Diagnoser
    from ..render.names import Names

    base = rule_base(language)
    diagnoser = Diagnoser(base)
    loaded = load_each(deals, base, language)
    diagnosed = ((diagnoser.diagnose(deal), Names(base, deal, language)) for deal in loaded if deal is not None)
    if format_ == "text":
        from ..render.terminal import print_diagnosis

        console, count = new_console(), 0
        for count, (diagnosis, names) in enumerate(diagnosed, 1):
            if count > 1:
                console.rule()
            print_diagnosis(console, diagnosis, names, everything)
    else:
        from ..render.document import diagnosis_document

        documents = [diagnosis_document(diagnosis, names) for diagnosis, names in diagnosed]
        count = len(documents)
        alone = len(deals) == 1 and format_ != "jsonl"
        if documents or not alone:
            print_data(documents[0] if alone else documents, format_)
    if count < len(deals):
        sys.exit(BAD_INPUT)


@click.command(cls=LocalCommand, help="help.why")
@click.argument("deal", type=DEAL, cls=LocalArgument)
@click.argument("conclusion", shell_complete=completing(_conclusions), cls=LocalArgument)
@click.option("--all", "everything", is_flag=True, help="option.why.all", cls=LocalOption)
@click.option("--format", "format_", type=click.Choice(["text", "json", "yaml", "mermaid", "dot"]), default="text",
              help="option.why.format", cls=LocalOption)
@common_options
def why(deal: str, conclusion: str, everything: bool, format_: str, language: Language) -> None:
    """Print the chain from a conclusion down to facts and sources."""
    from ..engine.diagnose import Diagnoser
    from ..render.asked import proofs_asked, step_asked
    from ..render.lookup import Unclear
    from ..render.names import Names

    base = rule_base(language)
    (loaded,) = load((deal,), base, language)
    diagnoser, names = Diagnoser(base), Names(base, loaded, language)
    step = step_asked(conclusion, base)
    if step and format_ == "text":
        from ..render.ladder import print_step

        if not print_step(new_console(), step, diagnoser.diagnose(loaded), names):
            return
    prover = diagnoser.prover(loaded)
    try:
        bound, proofs = proofs_asked(conclusion, base, prover, language)
    except Unclear as unclear:
        fail(str(unclear))
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
@click.argument("deals", nargs=-1, required=True, type=DEAL, metavar="DEAL...", cls=LocalArgument)
@common_options
def check(deals: tuple[str, ...], language: Language) -> None:
    """Validate deal files; tell where a file disagrees with itself."""
    from ..engine.diagnose import Diagnoser
    from ..render.contradictions import all_contradictions
    from ..render.names import Names
    from ..render.words import say

    base = rule_base(language)
    diagnoser = Diagnoser(base)
    worst = 0
    for deal in load_each(deals, base, language):
        if deal is None:
            worst = BAD_INPUT
            continue
        names = Names(base, deal, language)
        found = all_contradictions(diagnoser.diagnose(deal), names)
        for one in found:
            worst = max(worst, FOUND_SOMETHING)
            click.echo(say("check.conflict", language, place=one.place, fact=one.fact, label=one.label))
        if not found:
            items = sum(len(rows) for rows in deal.items.values())
            click.echo(say("check.good", language, file=deal.file, facts=len(deal.facts), items=items))
    sys.exit(worst)


@click.command(cls=LocalCommand, help="help.ask")
@click.argument("deal", type=DEAL, cls=LocalArgument)
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
