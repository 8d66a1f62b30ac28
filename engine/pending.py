"""What could still change: the unknown facts that a condition waits for.

A condition is judged in Kleene's three values: a test of an unknown fact may go either way.
Conclusions count as they stand.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..rules.language import Absent, All, Any, Condition, FactTest, Holds, Listed, Quantifier, Span
from .case import Case, Row, owner_row, test_holds
from .outcome import Outcome


@dataclass(frozen=True, order=True)
class Unknown:
    """A fact that nobody has established: of the deal, of an item, or (``fact`` empty) a whole collection."""

    collection: str
    about: str
    fact: str


Waiting = tuple[tuple[int, ...], Unknown]  # the place of a test within the condition, and what it waits for


@dataclass(frozen=True)
class Judgement:
    """True, False, or None (open) with the tests that are open and the facts that would settle them."""

    truth: bool | None
    waiting: frozenset[Waiting] = frozenset()

    @property
    def unknown(self) -> frozenset[Unknown]:
        """The facts that would settle it."""
        return frozenset(unknown for _, unknown in self.waiting)


_TRUE, _FALSE = Judgement(True), Judgement(False)


def judge(condition: Condition, row: Row, case: Case, outcome: Outcome, place: tuple[int, ...] = ()) -> Judgement:
    """Return whether a condition holds of a row whatever the unknown facts are, or what it waits for.

    ``place`` is where the condition stands within a larger one.
    """
    match condition:
        case FactTest():
            return _judge_test(condition, row, case, place)
        case All(parts):
            judged = [judge(part, row, case, outcome, (*place, at)) for at, part in enumerate(parts)]
            return _combine(judged, decisive=False)
        case Any(parts):
            judged = [judge(part, row, case, outcome, (*place, at)) for at, part in enumerate(parts)]
            return _combine(judged, decisive=True)
        case Holds(name, collection):
            return _plain(outcome.holds(name, row.id if collection else ""))
        case Absent(name, collection):
            return _plain(not outcome.holds(name, row.id if collection else ""))
        case Listed(of, wanted):
            return _plain((of in case.items) == wanted)
        case Quantifier():
            return _judge_quantifier(condition, case, outcome, place)


def _plain(truth: bool) -> Judgement:
    return _TRUE if truth else _FALSE


def _open(place: tuple[int, ...], collection: str, about: str, fact: str) -> Judgement:
    return Judgement(None, frozenset({(place, Unknown(collection, about, fact))}))


def _judge_test(test: FactTest, row: Row, case: Case, place: tuple[int, ...]) -> Judgement:
    owner = owner_row(test.path, row, case)
    if test.kind in ("unknown", "stale", "inferred") or str(test.path) in owner.values:
        return _plain(test_holds(test, owner, case.as_of))
    path = test.path
    if path.owner == "ref":
        target = row.values.get(path.through)
        if target is None:
            return _open(place, _collection_of(row, case), row.id, path.through)
        if path.fact == "id":
            return _FALSE
        return _open(place, path.collection, str(target), path.fact)
    return _open(place, path.collection, owner.id, path.fact)


def _collection_of(row: Row, case: Case) -> str:
    return next(name for name, rows in case.items.items() if any(other is row for other in rows))


def _combine(judgements: list[Judgement], decisive: bool) -> Judgement:
    """Combine parts of which one with the truth ``decisive`` settles the whole."""
    waiting: set[Waiting] = set()
    for judgement in judgements:
        if judgement.truth is decisive:
            return judgement
        waiting |= judgement.waiting
    return Judgement(None, frozenset(waiting)) if waiting else _plain(not decisive)


def _judge_quantifier(quantifier: Quantifier, case: Case, outcome: Outcome, place: tuple[int, ...]) -> Judgement:
    span = {"some": Span(low=1), "none": Span(high=0), "every": Span(high=0)}.get(quantifier.name, quantifier.span)
    if quantifier.of not in case.items:
        never_fails = span.holds(0) and span.high is None
        return _TRUE if never_fails else _open(place, quantifier.of, "", "")
    sure = 0
    open_items: list[Judgement] = []
    for row in case.rows(quantifier.of):
        judgement = judge(quantifier.where, row, case, outcome, (*place, 0))
        if quantifier.have is not None and judgement.truth is not False:
            have = judge(quantifier.have, row, case, outcome, (*place, 1))
            negated = Judgement(None if have.truth is None else not have.truth, have.waiting)
            judgement = _combine([judgement, negated], decisive=False)
        if judgement.truth:
            sure += 1
        elif judgement.truth is None:
            open_items.append(judgement)
    answers = {span.holds(count) for count in range(sure, sure + len(open_items) + 1)}
    if len(answers) == 1:
        return _plain(answers.pop())
    return Judgement(None, frozenset().union(*(judgement.waiting for judgement in open_items)))
