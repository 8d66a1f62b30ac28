"""The vocabulary and the rule base as tables and cards for a terminal."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from rich.console import Group, RenderableType
from rich.table import Table

from ..facts.texts import Language
from ..facts.vocabulary import Fact
from ..rules.base import RuleBase
from ..rules.carried import Carried
from ..rules.catalogue import Action, Finding
from ..rules.language import Condition, FactTest, Rule, walk
from ..rules.spelling import spell
from .prose import Prose
from .words import aside, joined, say


def table(columns: Iterable[str], rows: Iterable[Iterable[str]], whole: Collection[int] = (0,)) -> Table:
    """Return a plain table with a header; the lines of the columns that are kept ``whole`` are never broken."""
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        grid.add_column(column, no_wrap=number in whole, overflow="fold")
    for row in rows:
        grid.add_row(*(Prose(cell) for cell in row))
    return grid


def card(title: str, rows: Iterable[tuple[str, str]]) -> RenderableType:
    """Return one thing with its properties."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(style="bright_black", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in rows:
        if text:
            grid.add_row(name, Prose(text))
    return Group(Prose(title, style="bold"), grid)


def fact_name(fact: Fact) -> str:
    """Return the name of a fact as questions use it."""
    return f"{fact.collection}.{fact.id}" if fact.collection else fact.id


def fact_type(fact: Fact, base: RuleBase, language: Language) -> str:
    """Return the type of a fact in words."""
    target = base.vocabulary.collections.get(fact.to)
    return say(f"type.{fact.type}", language, item=target.item_label if target else "")


def fact_card(fact: Fact, base: RuleBase, language: Language) -> RenderableType:
    """Return a fact with its meaning, question, values, and the rules that read it."""
    values = joined([value.id + aside(value.label.read(language), language) for value in fact.values], language)
    return card(f"{fact_name(fact)}  {fact.label.read(language)}", [
        (say("facts.about", language), fact.about.read(language)),
        (say("facts.type", language), fact_type(fact, base, language)),
        (say("facts.values", language), values),
        (say("facts.question", language), fact.question.read(language)),
        (say("facts.whom", language), say(f"whom.{fact.whom}", language)),
        (say("facts.influence", language), say(f"influence.{fact.influence}", language)),
        (say("facts.effort", language), say(f"effort.{fact.effort}", language)),
        (say("facts.asked", language), season(fact, base, language)),
        (say("facts.sources", language), joined(fact.sources, language)),
        (say("facts.read_by", language), joined(readers_of(fact, base), language)),
    ])


def season(fact: Fact, base: RuleBase, language: Language) -> str:
    """Return in which steps a fact is asked for; empty if in all."""
    labels = {step.id: step.label.read(language) for step in base.steps}
    bounds = (("facts.asked_from", fact.asked.first), ("facts.asked_until", fact.asked.last))
    return joined([say(key, language, step=labels[step]) for key, step in bounds if step], language)


def readers_of(fact: Fact, base: RuleBase) -> list[str]:
    """Return the ids of the criteria and rules that test a fact."""
    conditions: dict[str, Condition] = {criterion.id: criterion.when for step in base.steps for criterion in step.criteria}
    conditions |= {rule.id: rule.when for rule in base.rules.values()}
    return [
        name for name, condition in conditions.items()
        if any(isinstance(part, FactTest) and part.path.fact == fact.id and part.path.collection == fact.collection
               for part in walk(condition))
    ]


def rule_card(rule: Rule, base: RuleBase, language: Language) -> RenderableType:
    """Return a rule with its condition spelled out, what it concludes, its sources and its place."""
    sources = "\n".join(f"{source}: {base.source_text(source).read(language)}" for source in rule.because)
    return card(f"{rule.id}  {rule.label.read(language)}", [
        (say("rules.when", language), "\n".join(spell(rule.when))),
        (say("rules.then", language), "\n".join(rule.concludes)),
        (say("rules.because", language), sources),
        ("", str(rule.place)),
    ])


def entry_card(entry: Action | Finding, base: RuleBase, language: Language) -> RenderableType:
    """Return an action or a finding with all of its texts and the rules that give it."""
    verb = "do" if isinstance(entry, Action) else "find"
    rows: list[tuple[str, str]] = []
    if isinstance(entry, Action):
        rows = [(say("action.how", language), entry.how.read(language)),
                (say("action.words", language), entry.words.read(language) if entry.words else ""),
                (say("action.why", language), entry.why.read(language)),
                (say("action.done", language), entry.done_when.read(language))]
    else:
        rows = [(say(f"kind.{entry.kind}", language), say(f"severity.{entry.severity}", language)),
                (say("facts.about", language), entry.meaning.read(language))]
    makers = [rule.id for rule in base.program.concluding(f"{verb}.{entry.id}")]
    return card(f"{entry.id}  {entry.label.read(language)}", [*rows, (say("rules.rule", language), joined(makers, language))])


def sources_table(carried: Mapping[str, Carried], base: RuleBase, language: Language) -> RenderableType:
    """Return every item of the article with what carries it, or the reason why nothing does."""
    rows = []
    for item_id, carriers in carried.items():
        source = base.sources[item_id]
        by = joined(carriers.names, language) or (source.uncarried.read(language) if source.uncarried else "—")
        rows.append((item_id, source.text.read(language), by))
    return table((say("rules.item", language), say("rules.says", language), say("rules.carried_by", language)), rows)
