"""The people of a deal: who stands where on the scale of attitudes, and what to say to each."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..engine.diagnosis import Diagnosis, Known, StakeholderView
from ..facts.texts import Language
from .names import Names
from .prose import Prose
from .words import aside, headed, joined, say, show_value

_FEW_PEOPLE = 8


def people(diagnosis: Diagnosis, names: Names, everything: bool) -> list[RenderableType]:
    """Return who stands where; ``everything`` adds what each cares about, what to say, and the next move."""
    language = names.language
    found = diagnosis.stakeholders
    if not found:
        return [Prose(say("people.none", language), style="bright_black")]
    shown = found if everything else found[:_FEW_PEOPLE]
    table = Table.grid(padding=(0, 1))
    for _ in range(4):
        table.add_column(overflow="fold")
    facts = names.base.vocabulary.collections["stakeholders"].facts
    for person in shown:
        marks = joined([_mark(mark, mark in person.marks_assumed, language) for mark in person.marks], language)
        who = Prose(person.name, style="bold")
        layer = show_value(facts["layer"], person.layer.value, language)
        table.add_row(who, Prose(layer + _standing(person.layer, language)), _scale(person.attitude, facts["attitude"].order),
                      Prose(show_value(facts["attitude"], person.attitude.value, language)
                           + _standing(person.attitude, language) + (f" · {marks}" if marks else "")))
    lines: list[RenderableType] = [table]
    if everything:
        lines += [_person(person, names) for person in shown]
    if len(found) > len(shown):
        lines.append(Prose(say("people.more", language, count=len(found) - len(shown)), style="bright_black"))
    return lines


def _standing(known: Known, language: Language) -> str:
    """Return why a value does not count, or counts only as a guess."""
    if known.stale:
        return aside(say("people.stale", language), language)
    return aside(say("people.inferred", language), language) if known.inferred else ""


def _mark(mark: str, assumed: bool, language: Language) -> str:
    """Return what somebody is to the deal, and whether that is no more than assumed."""
    return say(f"mark.{mark}", language) + (aside(say("people.inferred", language), language) if assumed else "")


def _person(person: StakeholderView, names: Names) -> RenderableType:
    language = names.language
    title = aside(person.title, language) if person.title else ""
    lines: list[RenderableType] = [Prose(f"\n{person.name}{title}", style="bold")]
    if person.concerns:
        concerns = names.values("concerns", "stakeholders", person.concerns)
        key = "people.cares_assumed" if person.concerns_assumed else "people.cares"
        lines.append(Prose(say(key, language, concerns=concerns)))
    if person.next_move:
        lines.append(Prose(say("people.move", language, action=names.action(person.next_move, person.id))))
    for talk_id in person.talks[:2]:
        talk = names.base.talks[talk_id]
        for key, text in (("say", talk.opening), ("proof", talk.proof), ("ask", talk.question),
                          ("objection", talk.objection), ("answer", talk.answer), ("commitment", talk.commitment)):
            words = names.fill(text, person.id, "stakeholders")
            lines.append(Prose.assemble((headed(say(f"people.{key}", language), language), "bright_black"), words))
    return Group(*lines)


def _scale(known: Known, order: dict[str, int]) -> Text:
    """Draw the attitude scale with a dot where the person stands; hollow if it does not count."""
    signs = Prose("─".join("┼" for _ in order), style="bright_black")
    if known.value is None:
        return signs
    at = order[str(known.value)] * 2
    dot = "○" if known.stale else "●"
    colour = ("red", "red", "yellow", "green", "green")[order[str(known.value)]]
    return signs[:at] + Prose(dot, style="bright_black" if known.stale else colour) + signs[at + 1 :]
