"""Finds what a person means by a name: exactly, by its beginning, or by a likeness."""

from __future__ import annotations

from collections.abc import Iterable

from ..engine.outcome import Outcome
from ..facts.problems import hint
from ..facts.texts import Language
from ..rules.base import RuleBase
from .words import joined, say

_VERBS = ("", "find.", "do.", "say.", "step.", "met.", "unmet.", "open.")


class Unclear(Exception):
    """A name that means nothing here, or several things, or something that does not hold."""


def unknown_name(key: str, name: str, known: Iterable[str], language: Language) -> str:
    """Return the message for a name that is not known, with the nearest one."""
    return say(key, language, name=name, hint=hint(name, known, language))


def find_conclusion(asked: str, base: RuleBase, outcome: Outcome, language: Language) -> tuple[str, tuple[str, ...]]:
    """Return a conclusion that holds, and the items it holds of (the empty id: the deal).

    ``asked`` may leave out the kind (``find.``, ``do.``, ``step.`` …) and the end of the name, and
    may name an item after ``@``. Raises :class:`Unclear` with what to say.
    """
    wanted, _, item = asked.partition("@")
    known = {name for name in base.program.scopes if not name.startswith("given.")}
    name = _choose(wanted, known, outcome, language)
    abouts = outcome.about(name)
    if item and item not in abouts:
        raise Unclear(say("why.no_item", language, item=item, items=joined(abouts, language)))
    return name, (item,) if item else abouts


def _choose(wanted: str, known: set[str], outcome: Outcome, language: Language) -> str:
    exact = [verb + wanted for verb in _VERBS if verb + wanted in known]
    matches = exact or sorted(
        name for name in known if any(name.startswith(verb + wanted) for verb in _VERBS) and outcome.about(name)
    )
    holding = [name for name in matches if outcome.about(name)]
    if not matches:
        bare = {name.partition(".")[2] if name.startswith(_VERBS[1:]) else name for name in known}
        raise Unclear(unknown_name("why.unknown_name", wanted, bare, language))
    if not holding:
        raise Unclear(say("why.not", language, name=matches[0]))
    if len(holding) > 1 and not exact:
        raise Unclear(say("why.several", language, name=wanted, names=joined(holding, language)))
    return holding[0]
