"""Where a deal disagrees with itself, whatever the rules say of it.

A reference leads to no item, or back to where it stands; a day that is past by its meaning, or on which something
was seen, lies after the day that the file describes. It follows from the vocabulary alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from .deal import Deal, Observation
from .problems import Problem, problem, suggestion
from .vocabulary import Fact, Vocabulary


@dataclass(frozen=True, order=True)
class Spot:
    """A known fact of a deal, or, with a collection, of one of its items."""

    collection: str
    item: str
    fact: str

    def __str__(self) -> str:
        return f"{self.collection}.{self.fact}@{self.item}" if self.collection else self.fact


def contradictions(deal: Deal, vocabulary: Vocabulary) -> Iterator[tuple[Spot, Problem]]:
    """Yield each disagreement with the fact that it lies in, in the order of the file."""
    yield from _of_row(deal, vocabulary, "", "")
    for name, items in deal.items.items():
        for item in items:
            yield from _of_row(deal, vocabulary, name, item.id)


def _of_row(deal: Deal, vocabulary: Vocabulary, collection: str, item_id: str) -> Iterator[tuple[Spot, Problem]]:
    item = deal.item(collection, item_id) if collection else None
    for fact_id, observation in (deal.facts if item is None else item.facts).items():
        fact = vocabulary.find(fact_id, collection)
        spot = Spot(collection, item_id, fact_id)
        if fact is not None:
            for code, words in disagreements(fact, observation, spot, deal, vocabulary):
                yield spot, problem(observation.place, str(spot), code, **words)


def disagreements(
    fact: Fact, observation: Observation, spot: Spot, deal: Deal, vocabulary: Vocabulary
) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield what a deal would contradict in what was observed there: the message and the words that fill it."""
    yield from _astray(fact, observation, spot, deal, vocabulary)
    yield from _ahead(fact, observation, deal.as_of)


def _astray(
    fact: Fact, observation: Observation, spot: Spot, deal: Deal, vocabulary: Vocabulary
) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield what is wrong with each reference."""
    if not fact.to:
        return
    known = [item.id for item in deal.items.get(fact.to, ())]
    for target in observation.value if isinstance(observation.value, tuple) else (str(observation.value),):
        if target not in known:
            item = vocabulary.collections[fact.to].item_label
            yield "reference-nowhere", {"found": target, "item": item, "hint": suggestion(target, known)}
        elif (fact.to, target) == (spot.collection, spot.item):
            yield "reference-to-itself", {"found": target}


def _ahead(fact: Fact, observation: Observation, as_of: date) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield what lies after the day of the file and cannot."""
    if fact.past and isinstance(observation.value, date) and observation.value > as_of:
        yield "day-ahead", {"found": observation.value, "as_of": as_of}
    if observation.seen is not None and observation.seen > as_of:
        yield "seen-ahead", {"found": observation.seen, "as_of": as_of}
