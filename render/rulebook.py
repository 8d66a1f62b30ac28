"""Everything in the rule base under one roof: to list, to search, to show by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import RenderableType

from ..facts.texts import Language, Text
from ..rules.base import RuleBase
from ..rules.catalogue import Criterion, Talk
from ..rules.spelling import spell
from .browse import card, entry_card, rule_card
from .words import headed, joined, say


@dataclass(frozen=True)
class Entry:
    """One thing in the rule base: id, kind, label, and all its words for a search."""

    id: str
    kind: str
    label: str
    haystack: str


def entries(base: RuleBase, language: Language) -> Iterator[Entry]:
    """Yield every rule, criterion, action, finding, talk track, tension, parameter and source."""
    for kind, name, label, more in _all(base):
        words = " ".join([name, *(text for part in (label, *more) for text in (part.en, part.zh))])
        yield Entry(name, kind, label.read(language), words.casefold())


def rulebook_names(base: RuleBase) -> list[str]:
    """Return every name that :func:`cards` knows."""
    return [*(name for _, name, _, _ in _all(base)), *base.off]


def _all(base: RuleBase) -> Iterator[tuple[str, str, Text, tuple[Text, ...]]]:
    for step in base.steps:
        yield "step", step.id, step.label, (step.aim,)
        for criterion in step.criteria:
            yield "criterion", criterion.id, criterion.label, (criterion.why, criterion.recognise, criterion.misread)
    for rule in base.rules.values():
        yield "rule", rule.id, rule.label, ()
    for action in base.actions.values():
        words = () if action.words is None else (action.words,)
        yield "action", action.id, action.label, (action.how, action.why, action.done_when, *words)
    for finding in base.findings.values():
        yield "finding", finding.id, finding.label, (finding.meaning,)
    for talk in base.talks.values():
        yield "talk", talk.id, talk.label, (talk.opening, talk.proof, talk.question, talk.objection, talk.answer)
    for tension in base.tensions.values():
        yield "tension", tension.id, tension.label, (tension.first, tension.why)
    for parameter in base.parameters.values():
        yield "parameter", parameter.id, parameter.label, (parameter.about,)
    for source in base.sources.values():
        yield source.kind, source.id, source.text, ()


def cards(name: str, base: RuleBase, language: Language) -> list[RenderableType]:
    """Return a card for everything that bears this name; empty if nothing does."""
    found: list[RenderableType] = []
    if name in base.rules:
        found.append(rule_card(base.rules[name], base, language))
    for catalogue in (base.actions, base.findings):
        if name in catalogue:
            found.append(entry_card(catalogue[name], base, language))
    for step in base.steps:
        if step.id == name:
            criteria = joined([criterion.id for criterion in step.criteria], language)
            found.append(card(f"{name}  {step.label.read(language)}", [("", step.aim.read(language)), ("", criteria)]))
        found += [_criterion_card(criterion, base, language) for criterion in step.criteria if criterion.id == name]
    if name in base.talks:
        found.append(_talk_card(base.talks[name], language))
    found += _reference_cards(name, base, language)
    found += _state_lines(name, base, language)
    origin = layers_of(name, base)
    if found and len(base.layers) > 1 and origin:
        found.append(say("rules.layers", language, layers=" → ".join(origin)))
    return found


def _state_lines(name: str, base: RuleBase, language: Language) -> Iterator[str]:
    """Yield where a record is written, for those whose card does not tell, and whether it is switched off."""
    criteria = {criterion.id: criterion for step in base.steps for criterion in step.criteria}
    for table in (base.actions, base.findings, base.talks, criteria, base.parameters, base.sources):
        entry = table.get(name)
        if entry is not None:
            yield str(entry.place)
        if getattr(entry, "off", False):
            yield say("rules.off", language, name=name)
    if name in base.off:
        yield say("rules.off_at", language, name=name, place=base.off[name].place)


def layers_of(name: str, base: RuleBase) -> tuple[str, ...]:
    """Return the layers that made or changed whatever bears a name, the lowest first."""
    origins = [layers for (_, record), layers in base.origins.items() if record == name]
    return tuple(layer.name for layer in base.layers if any(layer.name in layers for layers in origins))


def _reference_cards(name: str, base: RuleBase, language: Language) -> list[RenderableType]:
    found: list[RenderableType] = []
    if name in base.tensions:
        tension = base.tensions[name]
        sides = " ↔ ".join(joined(side, language) for side in tension.sides)
        found.append(card(f"{name}  {tension.label.read(language)}", [
            ("", tension.first.read(language)), (say("action.why", language), tension.why.read(language)),
            ("", sides), (say("rules.because", language), headed(say(f"source.{tension.basis}", language), language)
                          + joined(tension.because, language)),
        ]))
    if name in base.parameters:
        parameter = base.parameters[name]
        found.append(card(f"{name} = {parameter.value} {parameter.unit}  {parameter.label.read(language)}", [
            ("", parameter.about.read(language)), (say("rules.because", language), joined(parameter.because, language))]))
    if name in base.sources:
        source = base.sources[name]
        fills = source.fills.read(language) if source.fills else ""
        origin = f"{source.origin} ({source.grade})" if source.grade else source.origin
        found.append(card(f"{name}  {say(f'source.{source.kind}', language)} {source.at}".rstrip(),
                          [("", source.text.read(language)), ("", fills), ("", origin)]))
    return found


def _criterion_card(criterion: Criterion, base: RuleBase, language: Language) -> RenderableType:
    sources = "\n".join(f"{source}: {base.source_text(source).read(language)}" for source in criterion.because)
    return card(f"{criterion.id}  {criterion.label.read(language)}", [
        (say("action.why", language), criterion.why.read(language)),
        ("✓", criterion.recognise.read(language)),
        ("✕", criterion.misread.read(language)),
        (say("rules.when", language), "\n".join(spell(criterion.when))),
        (say("rules.then", language), criterion.do),
        (say("rules.because", language), f"{sources}\n({say(f'source.{criterion.basis}', language)})"),
    ])


def _talk_card(talk: Talk, language: Language) -> RenderableType:
    parts = (("say", talk.opening), ("proof", talk.proof), ("ask", talk.question), ("objection", talk.objection),
             ("answer", talk.answer), ("commitment", talk.commitment))
    return card(f"{talk.id}  {talk.label.read(language)}",
                [(say(f"people.{key}", language), text.read(language)) for key, text in parts])
