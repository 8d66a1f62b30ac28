"""Two versions of a rule base, compared record by record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from ..facts.problems import Place
from ..facts.texts import Text
from ..rules.base import RuleBase
from ..rules.language import All, Condition
from ..rules.spelling import spell_in_line

_KINDS = ("parameters", "sources", "tensions", "actions", "findings", "talks", "rules")


@dataclass(frozen=True)
class RecordChange:
    """A record that one version has and the other has not, or that differs in some fields."""

    kind: str
    id: str
    change: str  # added, removed, changed
    fields: tuple[tuple[str, str, str], ...] = ()  # name, before, after


def record_changes(old: RuleBase, new: RuleBase) -> Iterator[RecordChange]:
    """Yield every record that differs: facts, then criteria, then the tables of the rule base."""
    yield from _compare("facts", _facts(old), _facts(new))
    yield from _compare("criteria", _criteria(old), _criteria(new))
    for kind in _KINDS:
        yield from _compare(kind, getattr(old, kind), getattr(new, kind))


def _facts(base: RuleBase) -> dict[str, Any]:
    return {f"{fact.collection}.{fact.id}" if fact.collection else fact.id: fact for fact in base.vocabulary.all_facts()}


def _criteria(base: RuleBase) -> dict[str, Any]:
    return {criterion.id: criterion for step in base.steps for criterion in step.criteria}


def _compare(kind: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[RecordChange]:
    for name in dict.fromkeys((*old, *new)):
        if name not in new:
            yield RecordChange(kind, name, "removed")
        elif name not in old:
            yield RecordChange(kind, name, "added")
        elif changed := tuple(_fields(old[name], new[name])):
            yield RecordChange(kind, name, "changed", changed)


def _fields(old: Any, new: Any) -> Iterator[tuple[str, str, str]]:
    for part in fields(old):
        before, after = getattr(old, part.name), getattr(new, part.name)
        shown = _shown(before), _shown(after)  # a condition that another number reaches through a parameter reads the same
        if before != after and not isinstance(before, Place) and shown[0] != shown[1]:
            yield part.name, *shown


def _shown(value: Any) -> str:
    if isinstance(value, Text):
        return f"{value.en} / {value.zh}"
    if isinstance(value, Condition):
        return "; ".join(spell_in_line(part) for part in value.parts) if isinstance(value, All) else spell_in_line(value)
    if isinstance(value, tuple):
        return ", ".join(_shown(part) for part in value)
    if is_dataclass(value) and hasattr(value, "id"):
        return str(value.id)
    if isinstance(value, bool):
        return str(value).lower()  # as YAML has it
    return "" if value is None else str(value)
