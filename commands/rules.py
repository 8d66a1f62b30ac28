"""The commands of a coach: about the rule base."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..render.help import LocalCommand, LocalGroup
from .shared import FOUND_SOMETHING, fail, language_option, new_console, print_rows, reject, rule_base

if TYPE_CHECKING:
    from ..facts.texts import Language


@click.group(cls=LocalGroup, help="help.rules")
def rules() -> None:
    """Browse the rule base."""


@rules.command("list", cls=LocalCommand, help="help.rules.list")
@click.argument("topic", required=False, default="")
@language_option
def rules_list(topic: str, language: Language) -> None:
    """List the rules, of one topic if it is named."""
    _rules_table(language, lambda name, _: not topic or name.partition(".")[0] == topic)


@rules.command("search", cls=LocalCommand, help="help.rules.search")
@click.argument("word")
@language_option
def rules_search(word: str, language: Language) -> None:
    """List the rules, criteria, actions and findings that have a word in them."""
    _rules_table(language, lambda _, text: word.casefold() in text)


@rules.command("show", cls=LocalCommand, help="help.rules.show")
@click.argument("name")
@language_option
def rules_show(name: str, language: Language) -> None:
    """Show a rule, criterion, action, finding, source, tension or parameter."""
    from ..render.lookup import unknown_name
    from ..render.rulebook import cards, rulebook_names

    base = rule_base(language)
    found = cards(name, base, language)
    if not found:
        fail(unknown_name("rules.unknown", name, rulebook_names(base), language))
    console = new_console()
    for part in found:
        console.print(part)


@rules.command("sources", cls=LocalCommand, help="help.rules.sources")
@language_option
def rules_sources(language: Language) -> None:
    """Print what carries each item of the article."""
    from ..render.browse import sources_table
    from ..render.words import say
    from ..rules.carried import carried_items

    base = rule_base(language)
    carried = carried_items(base)
    console = new_console()
    console.print(sources_table(carried, base, language))
    count = sum(bool(entry.names) for entry in carried.values())
    reasons = sum(not entry.names and base.sources[item].uncarried is not None for item, entry in carried.items())
    open_ = len(carried) - count - reasons
    console.print("\n" + say("rules.carried", language, count=count, all=len(carried), reasons=reasons, open=open_))
    if open_:
        sys.exit(FOUND_SOMETHING)


@rules.command("check", cls=LocalCommand, help="help.rules.check")
@click.argument("folder", required=False, type=click.Path())
@language_option
def rules_check(folder: str | None, language: Language) -> None:
    """Check a folder of rules, by default our own."""
    from ..facts.problems import Rejected
    from ..render.words import say
    from ..rules.base import FOLDER, load_rule_base

    path = Path(folder) if folder else FOLDER
    try:
        base = load_rule_base(path)
    except Rejected as rejected:
        reject(rejected.problems, language)
    criteria = sum(len(step.criteria) for step in base.steps)
    click.echo(say("rules.good", language, folder=folder or "dealready", rules=len(base.rules), criteria=criteria,
                   actions=len(base.actions), findings=len(base.findings)))


def _rules_table(language: Language, wanted: Callable[[str, str], bool]) -> None:
    from ..render.browse import table
    from ..render.rulebook import entries

    base = rule_base(language)
    rows = [(entry.id, entry.kind, entry.label) for entry in entries(base, language) if wanted(entry.id, entry.haystack)]
    print_rows(table(("id", "", ""), rows), len(rows), language)
