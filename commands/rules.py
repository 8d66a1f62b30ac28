"""The commands of a coach: about the rule base."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click

from ..render.help import LocalArgument, LocalCommand, LocalGroup
from .shared import FOUND_SOMETHING, common_options, completing, fail, language_option, new_console, print_rows, rule_base

if TYPE_CHECKING:
    from ..facts.texts import Language
    from ..rules.base import RuleBase


def _names(base: RuleBase) -> list[str]:
    from ..render.rulebook import rulebook_names

    return rulebook_names(base)


@click.group(cls=LocalGroup, help="help.rules")
@language_option(expose_value=False)
def rules() -> None:
    """Browse the rule base."""


@rules.command("list", cls=LocalCommand, help="help.rules.list")
@click.argument("topic", required=False, default="", cls=LocalArgument)
@common_options
def rules_list(topic: str, language: Language) -> None:
    """List the rules, of one topic if it is named."""
    _rules_table(language, lambda name, _: not topic or name.partition(".")[0] == topic, topic)


@rules.command("search", cls=LocalCommand, help="help.rules.search")
@click.argument("word", cls=LocalArgument)
@common_options
def rules_search(word: str, language: Language) -> None:
    """List the rules, criteria, actions and findings that have a word in them."""
    _rules_table(language, lambda _, text: word.casefold() in text)


@rules.command("show", cls=LocalCommand, help="help.rules.show")
@click.argument("name", shell_complete=completing(_names), cls=LocalArgument)
@common_options
def rules_show(name: str, language: Language) -> None:
    """Show a rule, criterion, action, finding, source, tension or parameter."""
    from ..render.lookup import unknown_name
    from ..render.rulebook import cards, rulebook_names

    base = rule_base(language)
    found = cards(name, base, language)
    if not found:
        fail(unknown_name("rules.unknown", name, rulebook_names(base), language))
    console = new_console()
    for part in (*found, *_below(name, base, language)):
        console.print(part)


def _below(name: str, base: RuleBase, language: Language) -> Iterator[str]:
    """Yield what the fields that the highest layer changes are in the layers below it."""
    from ..coach.history import record_changes
    from ..render.rulebook import layers_of
    from ..render.words import say
    from ..rules.cache import cached_rule_base

    origin = layers_of(name, base)
    if len(origin) < 2 or name in base.off:
        return
    above = [layer.name for layer in base.layers].index(origin[-1])
    for change in record_changes(cached_rule_base(base.layers[:above]), base):
        for field, before, _ in change.fields if change.id == name else ():
            if field != "off":  # that it is off now has been said
                yield say("rules.below", language, field=field, value=before)


@rules.command("sources", cls=LocalCommand, help="help.rules.sources")
@common_options
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
@click.argument("folder", required=False, type=click.Path(), cls=LocalArgument)
@common_options
def rules_check(folder: str | None, language: Language) -> None:
    """Check the rule base, or a folder of rules as a layer over ours."""
    from ..render.words import say

    base = rule_base(language, [folder] if folder else None)
    criteria = sum(len(step.criteria) for step in base.steps)
    names = " + ".join(layer.name for layer in base.layers)
    click.echo(say("rules.good", language, folder=names, rules=len(base.rules), criteria=criteria,
                   actions=len(base.actions), findings=len(base.findings)))


def _rules_table(language: Language, wanted: Callable[[str, str], bool], topic: str = "") -> None:
    from ..render.browse import table
    from ..render.lookup import unknown_name
    from ..render.rulebook import entries

    known = list(entries(rule_base(language), language))
    rows = [(entry.id, entry.kind, entry.label) for entry in known if wanted(entry.id, entry.haystack)]
    if topic and not rows:
        fail(unknown_name("rules.unknown", topic, [entry.id.partition(".")[0] for entry in known], language))
    print_rows(table(("id", "", ""), rows), len(rows), language)
