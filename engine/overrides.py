"""A coach's override: what it may be about, what it may say, and what the rules say to the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

from ..facts.deal import PLAIN_FACTS, Deal, Item
from ..facts.problems import Place, Problem, Rejected, problem, suggestion
from ..facts.values import BadValue, parse_value
from ..rules.base import RuleBase
from ..rules.catalogue import DEAL
from .case import Case, Row
from .diagnosis import OverrideView
from .outcome import Outcome

OVERRIDES = "overrides"
STEP = "step"
_REQUIRED = ("about", "says", "author", "date", "reason")


def check_overrides(deal: Deal, base: RuleBase) -> None:
    """Raise :class:`~..facts.problems.Rejected` with all that is wrong with the overrides of a deal."""
    problems = [found for item in deal.items.get(OVERRIDES, ()) for found in _problems(item, deal, base)]
    if problems:
        raise Rejected(problems)


def _problems(item: Item, deal: Deal, base: RuleBase) -> Iterator[Problem]:
    for name in _REQUIRED:
        if name not in item.facts:
            yield problem(item.place, f"{OVERRIDES}.{name}@{item.id}", "missing")
    about, says = item.facts.get("about"), item.facts.get("says")
    if about is None:
        return
    wrong = _wrong_target(str(about.value), about.place, f"{OVERRIDES}.about@{item.id}", deal, base)
    if wrong is not None:
        yield wrong
    elif says is not None:
        try:
            _answer(str(about.value), str(says.value), base)
        except BadValue as bad:
            yield problem(says.place, f"{OVERRIDES}.says@{item.id}", bad.code, **bad.words)


def _wrong_target(about: str, place: Place, field: str, deal: Deal, base: RuleBase) -> Problem | None:
    named, _, item = about.partition("@")
    scopes = _scopes(base)
    if named not in scopes:
        return problem(place, field, "override-about", found=named, hint=suggestion(named, scopes))
    items = [known.id for known in deal.items.get(scopes[named], ())]
    if scopes[named] != DEAL and not item:
        label = base.vocabulary.collections[scopes[named]].item_label
        return problem(place, field, "override-item", found=named, item=label)
    if item and item not in items:
        return problem(place, field, "edit-no-item", found=item, hint=suggestion(item, items))
    return None


def _scopes(base: RuleBase) -> dict[str, str]:
    """Return everything that can be judged otherwise, with the collection that it is about."""
    scopes = {STEP: DEAL} | {criterion.id: DEAL for step in base.steps for criterion in step.criteria}
    scopes |= {finding.id: finding.about for finding in base.findings.values()}
    return scopes | {action.id: action.about for action in base.actions.values()}


def _answer(about: str, says: str, base: RuleBase) -> str:
    """Return what an override says: the id of a step, or ``yes`` or ``no``. Raises :class:`~..facts.values.BadValue`."""
    steps = base.vocabulary.facts.get("deal.claimed_step")
    if about != STEP or steps is None:
        return "yes" if parse_value(PLAIN_FACTS["bool"], says) else "no"
    return str(parse_value(steps, says))


@dataclass(frozen=True)
class Overrides:
    """The overrides of one deal beside the answer of the rules."""

    base: RuleBase
    case: Case
    outcome: Outcome
    proven: str

    def views(self) -> tuple[OverrideView, ...]:
        """Return them in the order of their ids."""
        return tuple(self._view(row) for row in self.case.rows(OVERRIDES))

    def _view(self, row: Row) -> OverrideView:
        about, says = str(row.values.get("about", "")), str(row.values.get("says", ""))
        made, until = _day(row, "date"), _day(row, "until")
        with suppress(BadValue):  # only a file is checked; what comes another way is shown as it is
            says = _answer(about, says, self.base)
        return OverrideView(
            row.id, about, says, self._rules_say(about), _text(row, "author"), made, _text(row, "reason"), until,
            active=(until is None or until >= self.case.as_of) and (made is None or made <= self.case.as_of),
        )

    def _rules_say(self, about: str) -> str:
        """Return the answer of the rules: a step, or yes, no or unknown."""
        if about == STEP:
            return self.proven
        named, _, item = about.partition("@")
        given = self.base.program.given
        if any(self.outcome.holds(name, item) for name in (given(f"find.{named}"), given(f"do.{named}"), f"met.{named}")):
            return "yes"
        return "unknown" if self.outcome.holds(f"open.{named}") else "no"


def _day(row: Row, name: str) -> date | None:
    value = row.values.get(name)
    return value if isinstance(value, date) else None


def _text(row: Row, name: str) -> str | None:
    value = row.values.get(name)
    return None if value is None else str(value)
