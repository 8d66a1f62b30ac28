"""A bound of readiness, and the criteria that it counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..rules.catalogue import Step
from .diagnosis import Interval
from .outcome import Outcome

BOUNDS = ("readiness.low", "readiness.high")


@dataclass(frozen=True)
class Bound:
    """The low or the high end of readiness in percent: ``counted`` are conclusions, one for each of the criteria it counts."""

    name: str
    percent: int
    counted: tuple[str, ...]
    of: int


def readiness_bound(name: str, steps: Sequence[Step], outcome: Outcome) -> Bound:
    """Return a bound of readiness; it counts the steps up to the signature."""
    criteria = [criterion.id for step in steps[:-1] for criterion in step.criteria]
    states = {criterion: state for criterion in criteria for state in ("met", "open") if outcome.holds(f"{state}.{criterion}")}
    met = sum(state == "met" for state in states.values())
    interval = Interval.of(met, len(states) - met, len(criteria))
    low = name == BOUNDS[0]
    counted = tuple(f"{state}.{criterion}" for criterion, state in states.items() if state == "met" or not low)
    return Bound(name, interval.low if low else interval.high, counted, len(criteria))
