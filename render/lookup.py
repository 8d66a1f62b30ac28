"""Finds what a person means by a name: exactly, by its beginning, or by a likeness."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..engine.bounds import BOUNDS
from ..engine.case import Case
from ..engine.outcome import Outcome
from ..facts.problems import hint, suggestion_or_all
from ..facts.texts import Language, Text
from ..rules.base import RuleBase
from .words import joined, say

_MOST_NAMED = 12
_VERBS = ("", "find.", "do.", "say.", "step.", "met.", "unmet.", "open.")
_STATES = ("met.", "open.", "unmet.")


class Unclear(Exception):
    """A name that means nothing here, or several things, or something that does not hold."""


def unknown_name(key: str, name: str, known: Iterable[str], language: Language) -> str:
    """Return the message for a name that is not known, with the nearest one, or with where the names are listed."""
    return say(key, language, name=name, hint=hint(name, known, language) or say(f"{key}.list", language))


def find_conclusion(
    asked: str, base: RuleBase, outcome: Outcome, language: Language
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return a conclusion that holds, or a bound of readiness, and the items it holds of (the empty id: the deal).

    ``asked`` may leave out the kind (``find.``, ``do.``, ``step.`` …) and the end of the name, may be
    words of its label, and may name an item after ``@``. Raises :class:`Unclear` with what to say.
    """
    wanted, at, item = _parted(asked, language)
    matches, exact = _matches(wanted, base)
    if not matches:
        raise Unclear(unknown_name("why.unknown_name", wanted, _known(base), language))
    holding = [name for name in matches if name in BOUNDS or outcome.about(name)]
    if len(holding or matches) > 1 and not exact:
        raise Unclear(say("why.several", language, name=wanted, names=listed(holding or matches, language)))
    if not holding:
        raise Unclear(say("why.not", language, name=matches[0]))
    name = holding[0]
    if at:
        _check_scope(name, base, language)
    abouts = outcome.about(name) or ("",)
    if at and item not in abouts:
        raise Unclear(say("why.no_item", language, item=item, items=joined(abouts, language)))
    return ((name, (item,) if at else abouts),)


def find_missing(asked: str, base: RuleBase, case: Case, outcome: Outcome, language: Language) -> tuple[str, str]:
    """Return a conclusion that does not hold (of an item, if one is named), found as by :func:`find_conclusion`.

    What was proposed and then withheld is missing because nothing *gives* it; of a criterion, what is missing is
    that it is met. Raises :class:`Unclear`.
    """
    wanted, at, item = _parted(asked, language)
    matches, exact = _matches(wanted, base)
    if not matches:
        raise Unclear(unknown_name("why.unknown_name", wanted, _known(base), language))
    if not wanted.startswith(_STATES):
        matches = [name for name in matches if not name.startswith(_STATES[1:])]
    if matches[0] in BOUNDS:
        raise Unclear(say("whynot.bound", language, name=matches[0]))

    def holds(name: str) -> bool:
        return outcome.holds(name, item) if at else bool(outcome.about(name))

    makeable = {made for rule in base.program.rules for made in rule.concludes}
    missing = [name if not holds(name) and name in makeable else base.program.given(name) for name in matches]
    missing = [name for name in missing if not holds(name)]
    if not missing:
        raise Unclear(say("whynot.already", language, name=matches[0]))
    if len(missing) > 1 and not exact:
        raise Unclear(say("why.several", language, name=wanted, names=listed(missing, language)))
    if at:
        _check_item(item, _check_scope(missing[0], base, language), case, language)
    return missing[0], item


def _parted(asked: str, language: Language) -> tuple[str, str, str]:
    """Return the name, the sign ``@`` if it is there, and the item behind it."""
    wanted, at, item = asked.strip().partition("@")
    if wanted.casefold() in _VERBS:
        raise Unclear(say("why.empty", language))
    return wanted, at, item


def _check_scope(name: str, base: RuleBase, language: Language) -> str:
    """Return the collection whose items a conclusion is about; the whole deal has none to name."""
    scope = base.program.scopes.get(name, "")
    if not scope:
        raise Unclear(say("why.about_deal", language, name=name))
    return scope


def _check_item(item: str, scope: str, case: Case, language: Language) -> None:
    ids = [row.id for row in case.rows(scope)]
    if item not in ids:
        known = suggestion_or_all(item, ids).read(language) if ids else ""
        raise Unclear(say("whynot.no_item", language, item=item, of=scope, hint=known))


def listed(names: list[str], language: Language) -> str:
    """Return some names as a list, cut where nobody reads on."""
    return joined([*names[:_MOST_NAMED], *(["…"] if len(names) > _MOST_NAMED else [])], language)


def _matches(wanted: str, base: RuleBase) -> tuple[list[str], bool]:
    """Return what a name may mean, and whether it is spelled out."""
    names = [*BOUNDS, *(name for name in base.program.scopes if not name.startswith("given."))]
    folded = wanted.casefold()
    exact = [verb + folded for verb in _VERBS if verb + folded in names]
    if exact:
        return exact, True
    found = sorted(name for name in names if any(name.startswith(verb + folded) for verb in _VERBS))
    if not found:
        found = [name for name, label in _labels(base) if folded in label.en.casefold() or folded in label.zh]
    return found, False


def _labels(base: RuleBase) -> Iterator[tuple[str, Text]]:
    """Yield the labels by which people know conclusions; one of a criterion stands for whatever state it is in."""
    for step in base.steps:
        yield f"step.{step.id}", step.label
        for criterion in step.criteria:
            yield from ((state + criterion.id, criterion.label) for state in _STATES)
    yield from ((f"find.{finding.id}", finding.label) for finding in base.findings.values())
    yield from ((f"do.{action.id}", action.label) for action in base.actions.values())


def _known(base: RuleBase) -> list[str]:
    """Return all that a person may have meant to write: names without their kind, and labels."""
    names = [*BOUNDS, *(name for name in base.program.scopes if not name.startswith("given."))]
    bare = [name.partition(".")[2] if name.startswith(_VERBS[1:]) else name for name in names]
    return [*bare, *(words for _, label in _labels(base) for words in (label.en, label.zh))]
