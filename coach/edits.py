"""An edit of a rule base, taken apart: what can be applied on its own, and the rule base with only some of it applied."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..facts.problems import Place, Problems
from ..facts.vocabulary import Fact, Vocabulary
from ..rules.base import RuleBase
from ..rules.catalogue import Criterion, Step
from ..rules.language import Condition, FactTest, Quantifier, walk
from ..rules.program import build_program
from .history import record_changes

Record = tuple[str, str]  # the kind of a record, as its table is called, and its id
_TABLES = ("lives", "parameters", "rules", "steps", "criteria", "actions", "findings")
_HARMLESS = ("conclusion-unknown", "conclusion-unread")  # where the edit that makes or reads it is left out


class _Circles(Problems):
    """What is wrong with rules, but for what comes of an edit that is left out."""

    def add(self, place: Place, field: str, code: str, **words: object) -> None:
        """Note a problem, unless it is harmless."""
        if code not in _HARMLESS:
            super().add(place, field, code, **words)


@dataclass(frozen=True)
class RuleEdit:
    """Records that change together: one of them, or a parameter with all that reads it; ``names`` are those as stated."""

    names: tuple[Record, ...]
    records: frozenset[Record]


def rule_edits(old: RuleBase, new: RuleBase) -> tuple[RuleEdit, ...]:
    """Return the edits that lead from one rule base to another, as far as they can change what is concluded."""
    touched = {
        (kind, name) for kind in _TABLES for name in {**_table(old, kind), **_table(new, kind)}
        if _table(old, kind).get(name) != _table(new, kind).get(name)
    }
    stated = {(change.kind, change.id) for change in record_changes(old, new)}
    numbers = {name for kind, name in stated if kind == "parameters"}
    groups: list[tuple[set[Record], set[Record]]] = []
    for record in sorted(touched):
        kind, name = record
        through = _parameters(_table(new, kind).get(name) or _table(old, kind).get(name)) & numbers
        names = {("facts", name)} if kind == "lives" else {record}
        if record not in stated and through:
            names = {("parameters", number) for number in through}
        same = [group for group in groups if group[0] & names]
        groups = [group for group in groups if not group[0] & names]
        groups.append((names.union(*(group[0] for group in same)), {record}.union(*(group[1] for group in same))))
    return tuple(sorted(
        (RuleEdit(tuple(sorted(names)), frozenset(records)) for names, records in groups), key=lambda edit: edit.names
    ))


def with_edits(old: RuleBase, new: RuleBase, chosen: Iterable[RuleEdit]) -> RuleBase | None:
    """Return the old rule base with some edits applied, or None if they run in a circle without the others.

    What is new and that nothing uses yet (facts, texts, sources) is there in any case, and a conclusion that
    only an edit left out would make is absent.
    """
    records = {record for edit in chosen for record in edit.records}
    rules = _mixed(old.rules, new.rules, records, "rules")
    actions = _mixed({**new.actions, **old.actions}, new.actions, records, "actions")
    findings = _mixed({**new.findings, **old.findings}, new.findings, records, "findings")
    steps = tuple(_step(step, new.step(step.id), records) for step in old.steps)
    parameters = _mixed({**new.parameters, **old.parameters}, new.parameters, records, "parameters")
    circles = _Circles()
    program = build_program(rules.values(), steps, actions, findings, circles)
    if len(circles):
        return None
    vocabulary = _with_lives(both_vocabularies(old, new), old.vocabulary, records)
    return replace(old, vocabulary=vocabulary, rules=rules, actions=actions, findings=findings, steps=steps,
                   parameters=parameters, program=program)


def both_vocabularies(old: RuleBase, new: RuleBase) -> Vocabulary:
    """Return the facts of two rule bases as one vocabulary; where they differ, the new one's."""
    below, above = old.vocabulary, new.vocabulary
    collections = dict(below.collections)
    for name, collection in above.collections.items():
        facts = {**collections[name].facts, **collection.facts} if name in collections else collection.facts
        collections[name] = replace(collection, facts=facts)
    return replace(above, facts={**below.facts, **above.facts}, collections=collections)


def _with_lives(both: Vocabulary, old: Vocabulary, records: set[Record]) -> Vocabulary:
    """Return a vocabulary in which observations live as long as in an old one, but for the facts that are edited."""
    def lived(fact: Fact) -> Fact:
        before = old.find(fact.id, fact.collection) if fact.collection in ("", *old.collections) else None
        same = before is None or ("lives", _fact_name(fact)) in records
        return fact if same else replace(fact, stale_after=before.stale_after)  # type: ignore[union-attr]

    collections = {
        name: replace(collection, facts={fact: lived(entry) for fact, entry in collection.facts.items()})
        for name, collection in both.collections.items()
    }
    return replace(both, facts={name: lived(fact) for name, fact in both.facts.items()}, collections=collections)


def _fact_name(fact: Fact) -> str:
    return f"{fact.collection}.{fact.id}" if fact.collection else fact.id


def _table(base: RuleBase, kind: str) -> Mapping[str, Any]:
    """Return the records of a kind, as far as they matter: of a fact how long it lives, of a number only one that is a life."""
    match kind:
        case "lives":
            return {_fact_name(fact): fact.stale_after for fact in base.vocabulary.all_facts() if fact.stale_after}
        case "parameters":
            lives = {fact.stale_after for fact in base.vocabulary.all_facts()}
            return {name: parameter.value for name, parameter in base.parameters.items() if name in lives}
        case "steps":
            return {step.id: step.starts_when for step in base.steps}
        case "criteria":
            return {criterion.id: criterion for step in base.steps for criterion in step.criteria}
    table: Mapping[str, Any] = getattr(base, kind)
    return table


def _mixed(old: Mapping[str, Any], new: Mapping[str, Any], records: set[Record], kind: str) -> dict[str, Any]:
    names = dict.fromkeys((*old, *(name for name in new if (kind, name) in records)))
    table = {name: (new.get(name) if (kind, name) in records else old[name]) for name in names}
    return {name: entry for name, entry in table.items() if entry is not None}


def _step(old: Step, new: Step, records: set[Record]) -> Step:
    before: dict[str, Criterion] = {criterion.id: criterion for criterion in old.criteria}
    after: dict[str, Criterion] = {criterion.id: criterion for criterion in new.criteria}
    starts_when = new.starts_when if ("steps", old.id) in records else old.starts_when
    return replace(old, criteria=tuple(_mixed(before, after, records, "criteria").values()), starts_when=starts_when)


def _parameters(record: Any) -> set[str]:
    """Return the parameters that a rule or criterion names."""
    condition: Condition | None = getattr(record, "when", None)
    written = []
    for part in walk(condition) if condition is not None else ():
        if isinstance(part, FactTest | Quantifier):
            written.append(part.written)
    return set(re.findall(r"\$(\w+)", "\n".join(written)))
