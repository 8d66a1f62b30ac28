"""The diagnosis of one deal, as typed objects. Ids in it are stable and belong to no language."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from ..facts.values import FactValue
from .pending import Unknown, Waiting
from .proof import Support

State = Literal["met", "unmet", "unknown"]
Status = Literal["not_started", "in_progress", "complete", "blocked"]


@dataclass(frozen=True)
class Interval:
    """Whole percents; the low end counts what is met, the high end adds what is unknown."""

    low: int
    high: int

    @staticmethod
    def of(met: int, unknown: int, total: int) -> Interval:
        """Return the share of criteria met, and met or unknown; rounded outward, so it never claims too much."""
        return Interval(100 * met // total, -(-100 * (met + unknown) // total)) if total else Interval(0, 0)


@dataclass(frozen=True)
class CriterionState:
    """An exit criterion of the deal, and its tests that are still open."""

    id: str
    state: State
    waiting: frozenset[Waiting] = frozenset()

    @property
    def unknown(self) -> tuple[Unknown, ...]:
        """The unknown facts that would settle it."""
        return tuple(sorted({unknown for _, unknown in self.waiting}))


@dataclass(frozen=True)
class StepState:
    """One step with its criteria and the findings that block it."""

    id: str
    status: Status
    readiness: Interval
    criteria: tuple[CriterionState, ...]
    blocked_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class StepAnswer:
    """The step that the facts prove, the one that the rep claims, and what lies between them.

    ``between`` holds the criteria that are not met from the proven step up to the claimed one.
    """

    proven: str
    claimed: str | None
    between: tuple[CriterionState, ...] = ()


@dataclass(frozen=True)
class Reason:
    """A rule that fired, for which item, what it matched, and the sources that it rests on."""

    rule: str
    about: str
    support: tuple[Support, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True)
class FoundFinding:
    """A finding; ``about`` is the item it concerns, empty for the deal."""

    id: str
    kind: str
    severity: str
    about: str
    because: tuple[Reason, ...]


@dataclass(frozen=True)
class GivenAction:
    """An action, ranked from 1; ``with_`` is the item it is done with, empty for the deal as a whole."""

    id: str
    rank: int
    with_: str
    due: dt.date
    because: tuple[Reason, ...]


@dataclass(frozen=True)
class WithheldAction:
    """An action that was proposed and not given: another one comes first, or something forbids it."""

    id: str
    with_: str
    withheld_by: str
    tension: str
    because: tuple[Reason, ...]


@dataclass(frozen=True)
class Question:
    """An unknown fact worth learning. ``points`` says how much of the diagnosis waits for it."""

    fact: str
    about: str
    points: int
    why: tuple[str, ...]
    last_value: FactValue | None = None


@dataclass(frozen=True)
class SignalState:
    """A buying signal: what was seen, by whom, how many days ago, and whether it counts now."""

    id: str
    kind: str | None
    by: str | None
    days_ago: int | None
    counts: bool


@dataclass(frozen=True)
class Closing:
    """Whether to push for the close now, and what stands in its way."""

    push: bool
    signal_seen: bool
    in_the_way: tuple[str, ...]


@dataclass(frozen=True)
class Known:
    """A value with its standing: inferred values are marked, stale ones are shown but do not count."""

    value: FactValue | None
    inferred: bool = False
    stale: bool = False


@dataclass(frozen=True)
class StakeholderView:
    """One person: where they stand, what they care about, what to say, and the next move.

    ``marks_assumed`` are the marks that rest on what nobody knows.
    """

    id: str
    name: str
    title: str | None
    layer: Known
    attitude: Known
    rung: Known
    roles: tuple[str, ...]
    concerns: tuple[str, ...]
    concerns_assumed: bool
    talks: tuple[str, ...]
    next_move: str | None
    marks: tuple[str, ...]
    marks_assumed: tuple[str, ...] = ()


@dataclass(frozen=True)
class OverrideView:
    """A coach's override beside the answer of the rules; neither replaces the other."""

    id: str
    about: str
    says: str
    rules_say: str
    author: str | None
    date: dt.date | None
    reason: str | None
    until: dt.date | None
    active: bool


@dataclass(frozen=True)
class Traced:
    """A rule that fired: for which item, what it matched, what it concluded."""

    rule: str
    about: str
    support: tuple[Support, ...]
    concludes: tuple[str, ...]


@dataclass(frozen=True)
class Diagnosis:
    """Everything that the rules say of one deal on one day."""

    as_of: dt.date
    step: StepAnswer
    steps: tuple[StepState, ...]
    readiness: Interval
    findings: tuple[FoundFinding, ...]
    actions: tuple[GivenAction, ...]
    withheld: tuple[WithheldAction, ...]
    questions: tuple[Question, ...]
    signals: tuple[SignalState, ...]
    closing: Closing
    stakeholders: tuple[StakeholderView, ...]
    overrides: tuple[OverrideView, ...]
    classes: tuple[str, ...]
    trace: tuple[Traced, ...]
    rule_base_version: str
    rule_base_hash: str

    def concluded(self, name: str) -> bool:
        """Tell whether some rule concluded a name about the deal."""
        return any(name in traced.concludes and not traced.about for traced in self.trace)
