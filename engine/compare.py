"""Two diagnoses side by side: what changed, and through which rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..facts.deal import Deal, Observation
from ..facts.values import FactValue
from .diagnosis import Diagnosis, FoundFinding, GivenAction, Interval, WithheldAction


@dataclass(frozen=True)
class FactChange:
    """A fact of the deal, or of an item, that differs; None stands for unknown. ``fact`` is empty for a whole item."""

    fact: str
    collection: str
    about: str
    before: FactValue | None
    after: FactValue | None


@dataclass(frozen=True)
class Change:
    """Something that the diagnosis gained or lost: a finding, an action, a rule that fires; with the rules behind it."""

    id: str
    about: str
    gained: bool
    rules: tuple[str, ...] = ()


@dataclass(frozen=True)
class Moved:
    """Something that has another value now: a step's status, the state of a criterion."""

    id: str
    before: str
    after: str


@dataclass(frozen=True)
class Comparison:
    """All that differs between two diagnoses of one deal."""

    facts: tuple[FactChange, ...]
    step: Moved
    claimed: Moved
    readiness: tuple[Interval, Interval]
    statuses: tuple[Moved, ...]
    criteria: tuple[Moved, ...]
    findings: tuple[Change, ...]
    actions: tuple[Change, ...]
    withheld: tuple[Change, ...]
    questions: tuple[Change, ...]
    signals: tuple[Moved, ...]
    push: Moved
    rules: tuple[Change, ...]

    @property
    def is_empty(self) -> bool:
        """Tell whether the diagnosis is the same; facts may differ all the same."""
        moved = (self.statuses, self.criteria, self.findings, self.actions, self.withheld, self.questions, self.signals)
        same = self.step.before == self.step.after and self.readiness[0] == self.readiness[1]
        return same and not any(moved) and self.push.before == self.push.after and not self.rules


def compare(old: Deal, before: Diagnosis, new: Deal, after: Diagnosis) -> Comparison:
    """Return what differs between two versions of a deal and their diagnoses."""
    return Comparison(
        facts=tuple(fact_changes(old, new)),
        step=Moved("step", before.step.proven, after.step.proven),
        claimed=Moved("claimed", before.step.claimed or "", after.step.claimed or ""),
        readiness=(before.readiness, after.readiness),
        statuses=_moved({step.id: step.status for step in before.steps}, {step.id: step.status for step in after.steps}),
        criteria=_moved(
            {criterion.id: criterion.state for step in before.steps for criterion in step.criteria},
            {criterion.id: criterion.state for step in after.steps for criterion in step.criteria},
        ),
        findings=_changes(_reasons(before.findings), _reasons(after.findings)),
        actions=_changes(_reasons(before.actions), _reasons(after.actions)),
        withheld=_changes(_reasons(before.withheld), _reasons(after.withheld)),
        questions=_changes(
            {(asked.fact, asked.about): () for asked in before.questions},
            {(asked.fact, asked.about): () for asked in after.questions},
        ),
        signals=_moved(_signals(before, after), _signals(after, before)),
        push=Moved("push", _yes(before.closing.push), _yes(after.closing.push)),
        rules=_changes(
            {(traced.rule, traced.about): () for traced in before.trace},
            {(traced.rule, traced.about): () for traced in after.trace},
        ),
    )


def _reasons(things: Iterable[FoundFinding | GivenAction | WithheldAction]) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return the rules behind each finding or action, by its id and the item it is about."""
    return {
        (thing.id, thing.about if isinstance(thing, FoundFinding) else thing.with_): tuple(
            reason.rule for reason in thing.because
        )
        for thing in things
    }


def _signals(diagnosis: Diagnosis, other: Diagnosis) -> dict[str, str]:
    """Return how each buying signal of two diagnoses stands in one of them."""
    states = {signal.id: "none" for signal in other.signals}
    return states | {signal.id: "counts" if signal.counts else "not" for signal in diagnosis.signals}


def _yes(truth: bool) -> str:
    return "yes" if truth else "no"


def fact_changes(old: Deal, new: Deal) -> Iterable[FactChange]:
    """Yield every fact that differs, and every item and collection that came or went."""
    yield from _facts(old.facts, new.facts, "", "")
    for collection in dict.fromkeys((*old.items, *new.items)):
        was = {item.id: item.facts for item in old.items.get(collection, ())}
        now = {item.id: item.facts for item in new.items.get(collection, ())}
        if (collection in old.items) is not (collection in new.items):
            yield FactChange("", collection, "", collection in old.items or None, collection in new.items or None)
        if collection not in new.items:
            continue
        for item in dict.fromkeys((*was, *now)):
            if item not in was or item not in now:
                yield FactChange("", collection, item, item in was or None, item in now or None)
            if item in now:  # what was known of an item that is gone needs no line each
                yield from _facts(was.get(item, {}), now[item], collection, item)


def _facts(
    old: Mapping[str, Observation], new: Mapping[str, Observation], collection: str, about: str
) -> Iterable[FactChange]:
    for name in dict.fromkeys((*old, *new)):
        was, now = old.get(name), new.get(name)
        if was != now:
            yield FactChange(name, collection, about, was.value if was else None, now.value if now else None)


def _moved(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Moved, ...]:
    return tuple(Moved(name, was, after[name]) for name, was in before.items() if name in after and after[name] != was)


def _changes(
    before: Mapping[tuple[str, str], tuple[str, ...]], after: Mapping[tuple[str, str], tuple[str, ...]]
) -> tuple[Change, ...]:
    lost = [Change(*key, False, rules) for key, rules in before.items() if key not in after]
    gained = [Change(*key, True, rules) for key, rules in after.items() if key not in before]
    return (*gained, *lost)
