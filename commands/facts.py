"""The commands that browse the vocabulary."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from ..render.help import LocalArgument, LocalCommand, LocalGroup
from .shared import common_options, completing, fail, language_option, new_console, print_rows, rule_base

if TYPE_CHECKING:
    from ..facts.texts import Language
    from ..rules.base import RuleBase


def _names(base: RuleBase) -> list[str]:
    from ..render.browse import fact_name

    return [fact_name(fact) for fact in base.vocabulary.all_facts()]


@click.group(cls=LocalGroup, help="help.facts")
@language_option(expose_value=False)
def facts() -> None:
    """Browse the vocabulary."""


@facts.command("list", cls=LocalCommand, help="help.facts.list")
@click.argument("topic", required=False, default="", cls=LocalArgument)
@common_options
def facts_list(topic: str, language: Language) -> None:
    """List the facts, of one topic or collection if it is named."""
    _facts_table(language, lambda name, _: not topic or name.partition(".")[0] == topic, topic)


@facts.command("search", cls=LocalCommand, help="help.facts.search")
@click.argument("word", cls=LocalArgument)
@common_options
def facts_search(word: str, language: Language) -> None:
    """List the facts whose id, label, meaning or question has a word in it."""
    _facts_table(language, lambda _, text: word.casefold() in text)


@facts.command("show", cls=LocalCommand, help="help.facts.show")
@click.argument("fact", shell_complete=completing(_names), cls=LocalArgument)
@common_options
def facts_show(fact: str, language: Language) -> None:
    """Show one fact."""
    from ..render.browse import fact_card, fact_name
    from ..render.lookup import unknown_name
    from ..render.rulebook import layers_of
    from ..render.words import joined, say

    base = rule_base(language)
    table = {fact_name(entry): entry for entry in base.vocabulary.all_facts()}
    ends = [name for name in table if name.rpartition(".")[2] == fact]
    if fact not in table and len(ends) > 1:
        fail(say("why.several", language, name=fact, names=joined(ends, language)))
    if fact not in table and ends:
        fact = ends[0]
    if fact not in table:
        fail(unknown_name("facts.unknown", fact, table, language))
    console = new_console()
    console.print(fact_card(table[fact], base, language))
    origin = layers_of(table[fact].id, base)
    if len(base.layers) > 1 and origin:
        console.print(say("rules.layers", language, layers=" → ".join(origin)))


def _facts_table(language: Language, wanted: Callable[[str, str], bool], topic: str = "") -> None:
    from ..render.browse import fact_name, fact_type, table
    from ..render.lookup import unknown_name
    from ..render.words import say

    base = rule_base(language)
    rows = []
    for fact in base.vocabulary.all_facts():
        texts = (fact.label, fact.about, fact.question, *(value.label for value in fact.values))
        text = " ".join([fact_name(fact), *(word for part in texts for word in (part.en, part.zh))]).casefold()
        if wanted(fact_name(fact), text):
            rows.append((fact_name(fact), fact_type(fact, base, language), fact.label.read(language)))
    if topic and not rows:
        topics = [*base.vocabulary.topics, *base.vocabulary.collections]
        fail(unknown_name("facts.unknown", topic, topics, language))
    print_rows(table(("id", say("facts.type", language), say("facts.about", language)), rows), len(rows), language)
