"""Which rule, criterion or question carries each item of the article.

Actions, findings and talk tracks count through the rules that give them, questions through the
facts that they ask for. Being named in a tension or beside a parameter is not being carried.
"""

from __future__ import annotations

from dataclasses import dataclass

from .base import RuleBase


@dataclass(frozen=True)
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
    for fact in base.vocabulary.all_facts():
        name = f"{fact.collection}.{fact.id}" if fact.collection else fact.id
        cited.append((f"fact {name}", fact.sources))
    return cited
