"""Which unknown facts matter most: those for which most of the diagnosis waits.

Every open criterion, and every rule that could still find or advise something, is worth some
points (parameters ``question_points_*``), shared equally among its tests that are still open; a
test that is open for several items gives its share to each. A fact that alone would settle
something therefore comes before one that is only part of a list.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ..rules.base import RuleBase
from .case import Case
from .diagnosis import Question, StepState
from .outcome import Outcome
from .pending import Unknown, Waiting, judge

SHARES = 60  # divisible by every number of tests up to 6, so that sharing rarely rounds


@dataclass
class _Tally:
    points: int = 0
    why: dict[str, None] = field(default_factory=dict)


def rank_questions(
    base: RuleBase, case: Case, outcome: Outcome, steps: tuple[StepState, ...], proven: str
) -> tuple[Question, ...]:
    """Return the unknown facts by falling points; ties are in the order of the vocabulary."""
    tallies: dict[Unknown, _Tally] = {}
    for why, points, waiting in (*_of_criteria(base, steps, proven), *_of_rules(base, case, outcome)):
        share = points * SHARES // max(1, len({place for place, _ in waiting}))
        for _, unknown in waiting:
            tally = tallies.setdefault(unknown, _Tally())
            tally.points += share
            tally.why[why] = None
    order = vocabulary_order(base)
    ranked = sorted(tallies.items(), key=lambda entry: (
        -entry[1].points, order[entry[0].collection, entry[0].fact], entry[0].about
    ))
    return tuple(
        Question(_name(unknown), unknown.about, tally.points, tuple(tally.why)) for unknown, tally in ranked if tally.points
    )


def _name(unknown: Unknown) -> str:
    """Return the id of a question's fact: ``budget.status``, ``stakeholders.attitude``, or a whole collection."""
    return ".".join(part for part in (unknown.collection, unknown.fact) if part)


def vocabulary_order(base: RuleBase) -> dict[tuple[str, str], int]:
    """Return the place of every fact, by collection and id; a collection itself has no fact."""
    names = [("", fact) for fact in base.vocabulary.facts]
    for collection in base.vocabulary.collections.values():
        names += [(collection.id, ""), *((collection.id, fact) for fact in collection.facts)]
    return {name: number for number, name in enumerate(names)}


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


def _of_rules(base: RuleBase, case: Case, outcome: Outcome) -> Iterator[tuple[str, int, frozenset[Waiting]]]:
    for rule in base.rules.values():
        best = max(((name, worth(base, name)) for name in rule.concludes), key=lambda entry: entry[1])
        if not best[1]:
            continue
        for row in case.rows(rule.scope):
            if all(outcome.holds(name, row.id) for name in rule.concludes):
                continue
            judgement = judge(rule.when, row, case, outcome)
            if judgement.truth is None:
                yield best[0].partition(".")[2], best[1], judgement.waiting


def worth(base: RuleBase, conclusion: str) -> int:
    """Return how many points it gives to settle a conclusion."""
    verb, _, target = conclusion.partition(".")
    if verb == "find":
        return int(base.parameters[f"question_points_{base.findings[target].severity}_finding"].value)
    if verb == "do":
        return int(base.parameters["question_points_action"].value)
    return 0


