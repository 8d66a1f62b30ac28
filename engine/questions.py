"""Which unknown facts matter most: those for which most of the diagnosis waits.

Every open criterion, and every rule that could still find or advise something, is worth some
points (parameters ``question_points_*``), shared equally among its tests that are still open; a
test that is open for several items gives its share to each. A fact that alone would settle
something therefore comes before one that is only part of a list.

What the vocabulary says is asked in other steps is worth nothing: before its first step nobody can
know it, after its last one nobody needs it. After a loss only what an action that is still given
then waits for is worth asking.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ..facts.vocabulary import Season
from ..rules.base import RuleBase
from ..rules.language import Rule
from ..rules.program import LOST
from .case import Case
from .diagnosis import Question, StepState
from .outcome import Outcome
from .pending import Unknown, Waiting, judge

SHARES = 60  # divisible by every number of tests up to 6, so that sharing rarely rounds
CLAIMED_STEP = "deal.claimed_step"


@dataclass(frozen=True)
class Slot:
    """The place of a fact in the vocabulary, and the numbers of the first and the last step in which it is asked."""

    place: int
    first: int = 0
    last: int = 99

    def is_asked(self, proven: int, reached: int) -> bool:
        """Tell whether it is asked of a deal with these numbers of its proven step, and of the furthest proven or claimed."""
        return self.first <= reached and proven <= self.last


@dataclass
class _Tally:
    points: int = 0
    why: dict[str, int] = field(default_factory=dict)

    def add(self, why: str, points: int) -> None:
        self.points += points
        self.why[why] = self.why.get(why, 0) + points

    def reasons(self) -> tuple[str, ...]:
        """Return what waits for it, what it is worth most for first."""
        return tuple(sorted(self.why, key=lambda why: -self.why[why]))


def rank_questions(
    base: RuleBase, case: Case, outcome: Outcome, steps: tuple[StepState, ...], proven: str
) -> tuple[Question, ...]:
    """Return the unknown facts by falling points; ties are in the order of the vocabulary."""
    lost = outcome.holds(LOST)
    tallies: dict[Unknown, _Tally] = {}
    of_criteria = () if lost else _of_criteria(base, steps, proven)
    for why, points, waiting in (*of_criteria, *_of_rules(base, case, outcome, lost)):
        share = points * SHARES // max(1, len({place for place, _ in waiting}))
        for _, unknown in waiting:
            tallies.setdefault(unknown, _Tally()).add(why, share)
    slots = vocabulary_slots(base)
    here, furthest = _stage(base, case, proven)
    asked = {
        unknown: tally for unknown, tally in tallies.items()
        if tally.points and slots[unknown.collection, unknown.fact].is_asked(here, furthest)
    }
    ranked = sorted(asked.items(), key=lambda entry: (
        -entry[1].points, slots[entry[0].collection, entry[0].fact].place, entry[0].about
    ))
    return tuple(Question(_name(unknown), unknown.about, tally.points, tally.reasons()) for unknown, tally in ranked)


def _stage(base: RuleBase, case: Case, proven: str) -> tuple[int, int]:
    """Return the number of the proven step, and of the claimed one if that lies beyond."""
    order = [step.id for step in base.steps]
    claimed = case.deal.values.get(CLAIMED_STEP)
    here = order.index(proven)
    return here, max(here, order.index(claimed)) if isinstance(claimed, str) else here


def _name(unknown: Unknown) -> str:
    """Return the id of a question's fact: ``budget.status``, ``stakeholders.attitude``, or a whole collection."""
    return ".".join(part for part in (unknown.collection, unknown.fact) if part)


def vocabulary_slots(base: RuleBase) -> dict[tuple[str, str], Slot]:
    """Return the slot of every fact, by collection and id; a collection itself has no fact."""
    seasons = {("", fact.id): fact.asked for fact in base.vocabulary.facts.values()}
    for collection in base.vocabulary.collections.values():
        seasons[collection.id, ""] = collection.asked
        seasons |= {(collection.id, fact.id): fact.asked for fact in collection.facts.values()}
    return {name: _slot(base, place, season) for place, (name, season) in enumerate(seasons.items())}


def _slot(base: RuleBase, place: int, season: Season) -> Slot:
    order = [step.id for step in base.steps]
    first = order.index(season.first) if season.first else 0
    return Slot(place, first, order.index(season.last) if season.last else len(order))


def _of_criteria(
    base: RuleBase, steps: tuple[StepState, ...], proven: str
) -> Iterator[tuple[str, int, frozenset[Waiting]]]:
    here = next(number for number, step in enumerate(steps) if step.id == proven)
    for number, step in enumerate(steps):
        points = step_points(base, number - here)
        for criterion in step.criteria:
            if criterion.state == "unknown":
                yield criterion.id, points, criterion.waiting


def step_points(base: RuleBase, distance: int) -> int:
    """Return how many points it gives to settle a criterion of a step so far beyond the proven one."""
    name = {0: "current", 1: "next"}.get(distance, "other")
    return int(base.parameters[f"question_points_{name}_step"].value)


def _of_rules(base: RuleBase, case: Case, outcome: Outcome, lost: bool) -> Iterator[tuple[str, int, frozenset[Waiting]]]:
    for rule in base.rules.values():
        points, best = worth(base, rule, lost)
        if not points:
            continue
        for row in case.rows(rule.scope):
            if all(outcome.holds(name, row.id) for name in rule.concludes):
                continue
            judgement = judge(rule.when, row, case, outcome)
            if judgement.truth is None:
                yield best.partition(".")[2], points, judgement.waiting


def worth(base: RuleBase, rule: Rule, lost: bool) -> tuple[int, str]:
    """Return how many points it gives to settle a rule, and the conclusion that gives them.

    Of a ``lost`` deal only what may still be done counts. Where a file disagrees with itself is seen in what it
    says: nobody need ask for more to find that out.
    """
    if any(name.startswith("find.") and base.findings[name[5:]].kind == "conflict" for name in rule.concludes):
        return 0, ""
    return max(((_points(base, name, lost), name) for name in rule.concludes), key=lambda entry: entry[0])


def _points(base: RuleBase, conclusion: str, lost: bool) -> int:
    verb, _, target = conclusion.partition(".")
    if verb == "find" and not lost:
        return int(base.parameters[f"question_points_{base.findings[target].severity}_finding"].value)
    if verb == "do" and (base.actions[target].after_loss or not lost):
        return int(base.parameters["question_points_action"].value)
    return 0
