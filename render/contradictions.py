"""Where a deal disagrees with itself, each with its place in the file: what rules found, and what the facts alone show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..engine.diagnosis import Diagnosis, FoundFinding
from ..engine.proof import FactUsed, flat_support
from ..facts.consistency import Spot, contradictions
from ..facts.deal import Deal
from ..facts.problems import Place
from .names import Names


@dataclass(frozen=True)
class Contradiction:
    """One disagreement; ``fact`` names what it lies in (``signals.by@s1``), ``finding`` is empty unless a rule found it."""

    place: Place
    fact: str
    label: str
    finding: str = ""


def all_contradictions(diagnosis: Diagnosis, names: Names) -> list[Contradiction]:
    """Return every disagreement in the order of the file; what a finding rests on is told by that finding alone."""
    found: list[Contradiction] = []
    told: set[Spot] = set()
    for finding in diagnosis.findings:
        if finding.kind == "conflict":
            spots = dict(_spots(finding, names.deal))
            told |= set(spots)
            spot, place = next(iter(spots.items()), ("", Place(names.deal.file)))
            found.append(Contradiction(place, str(spot), names.finding(finding.id, finding.about), finding.id))
    for spot, problem in contradictions(names.deal, names.base.vocabulary):
        if spot not in told:
            found.append(Contradiction(problem.place, str(spot), problem.text(names.language)))
    return sorted(found, key=lambda one: (one.place, one.fact, one.label))


def _spots(finding: FoundFinding, deal: Deal) -> Iterator[tuple[Spot, Place]]:
    """Yield the facts of the file that a finding rests on."""
    for reason in finding.because:
        for part in flat_support(reason.support):
            if isinstance(part, FactUsed) and part.path.owner != "ref":
                observation = deal.observation(part.path.collection, part.about, part.path.fact)
                if observation is not None:
                    yield Spot(part.path.collection, part.about, part.path.fact), observation.place
