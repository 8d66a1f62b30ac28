"""Cheap checks of a rule base that loads: what is idle, said twice, contradicts itself, or claims a source it has not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import Any as AnyType

from .. import __version__
from ..facts.problems import Place, Problem, problem
from ..facts.texts import Language, Text
from ..rules.base import RuleBase
from ..rules.carried import carried_items
from ..rules.language import Absent, All, Any, Condition, FactTest, Holds, Rule, Span, walk
from ..rules.spelling import spell_in_line

_HAN = re.compile("[\u4e00-\u9fff]")


def lint(base: RuleBase) -> list[Problem]:
    """Return everything worth a coach's look, in order of place."""
    found = [
        *_idle(base), *_twice(base), *_contradictions(base), *_untranslated(base), *_uncarried(base), *_claims(base),
    ]
    return sorted(set(found), key=lambda entry: (entry.place, entry.code, entry.field))


def _idle(base: RuleBase) -> Iterator[Problem]:
    made = {name for rule in base.program.rules for name in rule.concludes}
    for verb, entries in (("find", base.findings), ("do", base.actions), ("say", base.talks)):
        for entry in entries.values():
            if f"{verb}.{entry.id}" not in made:
                yield problem(entry.place, entry.id, "lint-idle")
    used = base.used_parameters | {fact.stale_after for fact in base.vocabulary.all_facts()}
    for parameter in base.parameters.values():
        if parameter.id not in used and not parameter.id.startswith("question_points_"):
            yield problem(parameter.place, parameter.id, "lint-idle")


def _twice(base: RuleBase) -> Iterator[Problem]:
    first: dict[tuple[str, Condition], Rule] = {}
    for rule in base.rules.values():
        if isinstance(rule.when, Holds):  # that is what conclusions are for
            continue
        other = first.setdefault((rule.scope, rule.when), rule)
        if other is not rule:
            yield problem(rule.place, rule.id, "lint-same-condition", other=f"{other.id} ({other.place})")
    for rule_id, condition, place in _conditions(base):
        for part in walk(condition):
            if isinstance(part, All | Any):
                for one in {inner for inner in part.parts if part.parts.count(inner) > 1}:
                    yield problem(place, rule_id, "lint-part-twice", part=spell_in_line(one))


def _conditions(base: RuleBase) -> Iterator[tuple[str, Condition, Place]]:
    for rule in base.rules.values():
        yield rule.id, rule.when, rule.place
    for step in base.steps:
        for criterion in step.criteria:
            yield criterion.id, criterion.when, criterion.place


def _contradictions(base: RuleBase) -> Iterator[Problem]:
    for rule_id, condition, place in _conditions(base):
        for part in walk(condition):
            if isinstance(part, All):
                for one, other in combinations(part.parts, 2):
                    if _exclude(one, other):
                        yield problem(place, rule_id, "lint-contradiction", one=spell_in_line(one), other=spell_in_line(other))


def _exclude(one: Condition, other: Condition) -> bool:
    """Tell whether two conditions can never hold together; only what can be seen at a glance."""
    match one, other:
        case (Holds(name, scope), Absent(same, place)) | (Absent(name, scope), Holds(same, place)):
            return (name, scope) == (same, place)
        case FactTest(), FactTest() if one.path == other.path:
            return _tests_exclude(one, other)
    return False


def _tests_exclude(one: FactTest, other: FactTest) -> bool:
    kinds = {one.kind, other.kind}
    if "unknown" in kinds:
        return one.kind != other.kind and not kinds & {"stale"}
    if one.kind == other.kind == "in":
        return not set(one.operand) & set(other.operand)  # type: ignore[arg-type]
    if kinds == {"in", "not_in"}:
        wanted, barred = (one, other) if one.kind == "in" else (other, one)
        return set(wanted.operand) <= set(barred.operand)  # type: ignore[arg-type]
    if kinds in ({"has_any", "lacks"}, {"has_all", "lacks"}):
        wanted, barred = (other, one) if one.kind == "lacks" else (one, other)
        missing = set(barred.operand)  # type: ignore[arg-type]
        members = set(wanted.operand)  # type: ignore[arg-type]
        return bool(members & missing) if wanted.kind == "has_all" else members <= missing
    if one.kind == other.kind and isinstance(one.operand, Span) and isinstance(other.operand, Span):
        return _apart(one.operand, other.operand) or _apart(other.operand, one.operand)
    return False


def _apart(below: Span, above: Span) -> bool:
    if below.high is None or above.low is None:
        return False
    if below.high == above.low:
        return below.high_open or above.low_open
    return bool(below.high < above.low)  # type: ignore[operator]


def _untranslated(base: RuleBase) -> Iterator[Problem]:
    for name, place, text in _texts(base):
        if not _HAN.search(text.zh):
            yield problem(place, name, "lint-no-chinese", found=text.zh)
        if _HAN.search(text.en):
            yield problem(place, name, "lint-no-english", found=text.en)


def _texts(base: RuleBase) -> Iterator[tuple[str, Place, Text]]:
    for rule in base.rules.values():
        yield rule.id, rule.place, rule.label
    entries: Iterable[AnyType] = (
        *base.findings.values(), *base.actions.values(), *base.talks.values(),
        *(criterion for step in base.steps for criterion in step.criteria), *base.vocabulary.all_facts(),
    )
    for entry in entries:
        for part, text in vars(entry).items():
            if isinstance(text, Text) and (text.en or text.zh):
                yield f"{entry.id}.{part}", entry.place, text


def _uncarried(base: RuleBase) -> Iterator[Problem]:
    for item, entry in carried_items(base).items():
        if not entry.names and base.sources[item].uncarried is None:
            yield problem(base.sources[item].place, item, "lint-uncarried")
    cited = {source for rule in base.program.rules for source in rule.because}
    for table in (base.tensions, base.parameters):
        cited |= {source for entry in table.values() for source in entry.because}
    cited |= {source for fact in base.vocabulary.all_facts() for source in fact.sources}
    for source in base.sources.values():
        if source.kind != "article" and source.id not in cited:
            yield problem(source.place, source.id, "lint-uncited")


def _claims(base: RuleBase) -> Iterator[Problem]:
    entries: list[AnyType] = [criterion for step in base.steps for criterion in step.criteria]
    for entry in (*entries, *base.parameters.values()):
        if entry.basis == "article" and not any(_is_article(base, source) for source in entry.because):
            yield problem(entry.place, entry.id, "lint-not-article", sources=", ".join(entry.because))


def _is_article(base: RuleBase, source: str) -> bool:
    return source in base.sources and base.sources[source].kind == "article"


def lint_document(found: Iterable[Problem], language: Language) -> list[dict[str, AnyType]]:
    """Return what was found as JSON-able data."""
    return [
        {"code": entry.code, "file": entry.place.file, "line": entry.place.line, "column": entry.place.column,
         "field": entry.field, "message": _message(entry, language)}
        for entry in found
    ]


def _message(entry: Problem, language: Language) -> str:
    return entry.message(language).removeprefix(f"{entry.place}: ")


def sarif(found: Iterable[Problem], language: Language) -> dict[str, AnyType]:
    """Return what was found as a SARIF 2.1.0 log, which code hosts and editors read."""
    entries = list(found)
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "dealready", "version": __version__,
                "rules": [{"id": code} for code in sorted({entry.code for entry in entries})],
            }},
            "results": [
                {
                    "ruleId": entry.code, "level": "warning", "message": {"text": _message(entry, language)},
                    "locations": [{"physicalLocation": {
                        "artifactLocation": {"uri": entry.place.file.replace("\\", "/")},
                        "region": {"startLine": max(entry.place.line, 1), "startColumn": max(entry.place.column, 1)},
                    }}],
                }
                for entry in entries
            ],
        }],
    }
