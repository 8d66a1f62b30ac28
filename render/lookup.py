"""Finds what a person means by a name: exactly, by its beginning, or by a likeness."""

from __future__ import annotations

from collections.abc import Iterable

from ..engine.outcome import Outcome
from ..facts.problems import hint
from ..facts.texts import Language
from ..rules.base import RuleBase
from .words import joined, say

_MOST_NAMED = 12
_BOUNDS = ("readiness.low", "readiness.high")
_VERBS = ("", "find.", "do.", "say.", "step.", "met.", "unmet.", "open.")


class Unclear(Exception):
    """A name that means nothing here, or several things, or something that does not hold."""


def unknown_name(key: str, name: str, known: Iterable[str], language: Language) -> str:
    """Return the message for a name that is not known, with the nearest one."""
    return say(key, language, name=name, hint=hint(name, known, language))


def find_conclusion(
    asked: str, base: RuleBase, outcome: Outcome, language: Language
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return a conclusion that holds, and the items it holds of (the empty id: the deal).

    ``asked`` may leave out the kind (``find.``, ``do.``, ``step.`` …) and the end of the name, may be
    words of its label, and may name an item after ``@``. A bound of readiness stands for the criteria
    that it counts. Raises :class:`Unclear` with what to say.
    """
    wanted, _, item = asked.partition("@")
    if wanted in _BOUNDS:
        return tuple((name, ("",)) for name in _counted(wanted, base, outcome))
    matches, exact = _matches(wanted, base, outcome)
    holding = [name for name in matches if outcome.about(name)]
    if not matches:
        raise Unclear(unknown_name("why.unknown_name", wanted, _bare(base), language))
    if not holding:
        raise Unclear(say("why.not", language, name=matches[0]))
    if len(holding) > 1 and not exact:
        raise Unclear(say("why.several", language, name=wanted, names=listed(holding, language)))
    abouts = outcome.about(holding[0])
    if item and item not in abouts:
        raise Unclear(say("why.no_item", language, item=item, items=joined(abouts, language)))
    return ((holding[0], (item,) if item else abouts),)


def find_missing(asked: str, base: RuleBase, outcome: Outcome, language: Language) -> tuple[str, str]:
    """Return a conclusion that does not hold (of an item, if one is named), found as by :func:`find_conclusion`.

    What was proposed and then withheld is missing because nothing *gives* it. Raises :class:`Unclear`.
    """
    wanted, _, item = asked.partition("@")
    matches, exact = _matches(wanted, base, None)
    if not matches:
        raise Unclear(unknown_name("why.unknown_name", wanted, _bare(base), language))

    def holds(name: str) -> bool:
        return outcome.holds(name, item) if item else bool(outcome.about(name))

    missing = []
    for name in matches:
        given = base.program.given(name)
        if not holds(name) and name in {made for rule in base.program.rules for made in rule.concludes}:
            missing.append(name)
        elif not holds(given):
            missing.append(given)
    if not missing:
        raise Unclear(say("whynot.already", language, name=matches[0]))
    if len(missing) > 1 and not exact:
        raise Unclear(say("why.several", language, name=wanted, names=listed(missing, language)))
    return missing[0], item


def listed(names: list[str], language: Language) -> str:
    """Return some names as a list, cut where nobody reads on."""
    return joined([*names[:_MOST_NAMED], *(["…"] if len(names) > _MOST_NAMED else [])], language)


def _counted(bound: str, base: RuleBase, outcome: Outcome) -> list[str]:
    criteria = [criterion.id for step in base.steps[:-1] for criterion in step.criteria]
    verbs = ("met",) if bound == "readiness.low" else ("met", "open")
    return [f"{verb}.{name}" for name in criteria for verb in verbs if outcome.holds(f"{verb}.{name}")]


def _matches(wanted: str, base: RuleBase, outcome: Outcome | None) -> tuple[list[str], bool]:
    """Return what a name may mean, and whether it is spelled out; only what holds, if an outcome is given."""
    known = {name for name in base.program.scopes if not name.startswith("given.")}
    exact = [verb + wanted for verb in _VERBS if verb + wanted in known]
    if exact:
        return exact, True
    found = sorted(name for name in known if any(name.startswith(verb + wanted) for verb in _VERBS))
    if not found:
        found = [name for name, label in _labels(base).items() if wanted.casefold() in label]
    if outcome is not None:
        found = [name for name in found if outcome.about(name)] or found[:1]
    return found, False


def _labels(base: RuleBase) -> dict[str, str]:
    """Return the labels, in both languages, by which people know conclusions."""
    labels = {f"find.{entry.id}": entry.label for entry in base.findings.values()}
    labels |= {f"do.{entry.id}": entry.label for entry in base.actions.values()}
    labels |= {f"step.{step.id}": step.label for step in base.steps}
    labels |= {f"met.{criterion.id}": criterion.label for step in base.steps for criterion in step.criteria}
    return {name: f"{label.en}\n{label.zh}".casefold() for name, label in labels.items()}


def _bare(base: RuleBase) -> set[str]:
    known = {name for name in base.program.scopes if not name.startswith("given.")}
    return {name.partition(".")[2] if name.startswith(_VERBS[1:]) else name for name in known}
