"""An edit of a rule base, taken apart: what can be applied on its own, and the rule base with only some of it applied."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..facts.problems import Rejected
from ..rules.base import RuleBase
from ..rules.catalogue import Criterion, Step
from ..rules.language import Condition, FactTest, Quantifier, walk
from ..rules.program import build_program
from .history import record_changes

_TABLES = ("rules", "criteria", "actions", "findings")


@dataclass(frozen=True)
class RuleEdit:
    """Records that change together: one of them, or a parameter with all that reads it."""

    names: tuple[str, ...]
    records: frozenset[tuple[str, str]]

    @property
    def name(self) -> str:
        """The name by which people know the edit."""
        return ", ".join(self.names)


def rule_edits(old: RuleBase, new: RuleBase) -> tuple[RuleEdit, ...]:
    """Return the edits that lead from one rule base to another, as far as they can change what is concluded."""
    touched = {
        (kind, name) for kind in _TABLES for name in {**_table(old, kind), **_table(new, kind)}
        if _table(old, kind).get(name) != _table(new, kind).get(name)
    }
    stated = {(change.kind, change.id) for change in record_changes(old, new)}
    numbers = {name for kind, name in stated if kind == "parameters"}
    groups: list[tuple[set[str], set[tuple[str, str]]]] = []
    for record in sorted(touched):
        kind, name = record
        through = _parameters(_table(new, kind).get(name) or _table(old, kind).get(name)) & numbers
        names = {f"parameters {number}" for number in through} if record not in stated else {f"{kind} {name}"}
        names = names or {f"{kind} {name}"}
        same = [group for group in groups if group[0] & names]
        groups = [group for group in groups if not group[0] & names]
        groups.append((names.union(*(group[0] for group in same)), {record}.union(*(group[1] for group in same))))
    limits = {fact.stale_after for fact in new.vocabulary.all_facts() if fact.stale_after}
    for number in sorted(numbers & limits):
        groups.append(({f"parameters {number}"}, {("parameters", number)}))
    return tuple(sorted(
        (RuleEdit(tuple(sorted(names)), frozenset(records)) for names, records in groups), key=lambda edit: edit.names
    ))


def with_edits(old: RuleBase, new: RuleBase, chosen: Iterable[RuleEdit]) -> RuleBase | None:
    """Return the old rule base with some edits applied, or None if it makes no sense without the others.

    What is new and that nothing uses yet (facts, texts, sources) is there in any case.
    """
    records = {record for edit in chosen for record in edit.records}
    rules = _mixed(old.rules, new.rules, records, "rules")
    actions = _mixed({**new.actions, **old.actions}, new.actions, records, "actions")
    findings = _mixed({**new.findings, **old.findings}, new.findings, records, "findings")
    steps = tuple(_step(step, new.step(step.id), records) for step in old.steps)
    parameters = _mixed({**new.parameters, **old.parameters}, new.parameters, records, "parameters")
    try:
        program = build_program(rules.values(), steps, actions, findings)
    except Rejected:
        return None
    return replace(old, vocabulary=new.vocabulary, rules=rules, actions=actions, findings=findings, steps=steps,
                   parameters=parameters, program=program)


def _table(base: RuleBase, kind: str) -> Mapping[str, Any]:
    if kind == "criteria":
        return {criterion.id: criterion for step in base.steps for criterion in step.criteria}
    table: Mapping[str, Any] = getattr(base, kind)
    return table


def _mixed(old: Mapping[str, Any], new: Mapping[str, Any], records: set[tuple[str, str]], kind: str) -> dict[str, Any]:
    names = dict.fromkeys((*old, *(name for name in new if (kind, name) in records)))
    table = {name: (new.get(name) if (kind, name) in records else old[name]) for name in names}
    return {name: entry for name, entry in table.items() if entry is not None}


def _step(old: Step, new: Step, records: set[tuple[str, str]]) -> Step:
    before: dict[str, Criterion] = {criterion.id: criterion for criterion in old.criteria}
    after: dict[str, Criterion] = {criterion.id: criterion for criterion in new.criteria}
    return replace(old, criteria=tuple(_mixed(before, after, records, "criteria").values()))


def _parameters(record: Any) -> set[str]:
    """Return the parameters that a rule or criterion names."""
    condition: Condition | None = getattr(record, "when", None)
    written = []
    for part in walk(condition) if condition is not None else ():
        if isinstance(part, FactTest | Quantifier):
            written.append(part.written)
    return set(re.findall(r"\$(\w+)", "\n".join(written)))
