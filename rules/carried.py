"""Which rule, criterion, fact or parameter carries each item of the article."""

from __future__ import annotations

from dataclasses import dataclass

from .base import RuleBase


@dataclass(frozen=True, slots=True)
class Carried:
    """What carries one item: names with their kind in front, such as ``rule visits.unprepared``."""

    names: tuple[str, ...]


def carried_items(base: RuleBase) -> dict[str, Carried]:
    """Return every item of the article, in its order, with what carries it (possibly nothing)."""
    found: dict[str, list[str]] = {source.id: [] for source in base.sources.values() if source.kind == "article"}
    for name, sources in _citations(base):
        for source in sources:
            if source in found:
                found[source].append(name)
    return {item: Carried(tuple(dict.fromkeys(names))) for item, names in sorted(found.items())}


def _citations(base: RuleBase) -> list[tuple[str, tuple[str, ...]]]:
    cited = [(f"rule {rule.id}", rule.because) for rule in base.rules.values()]
    cited += [(f"criterion {criterion.id}", criterion.because) for step in base.steps for criterion in step.criteria]
    cited += [(f"tension {tension.id}", (*(item for side in tension.sides for item in side), *tension.because))
              for tension in base.tensions.values()]
    cited += [(f"parameter {parameter.id}", parameter.because) for parameter in base.parameters.values()]
    for fact in base.vocabulary.all_facts():
        name = f"{fact.collection}.{fact.id}" if fact.collection else fact.id
        cited.append((f"fact {name}", fact.sources))
    return cited
