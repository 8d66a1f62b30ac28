"""Cheap checks of a rule base that loads: what is idle, said twice, contradicts itself, or claims a source it has not."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any as AnyType

from ..facts.problems import Place, Problem, problem
from ..facts.texts import Text
from ..rules.base import RuleBase
from ..rules.carried import carried_items
from ..rules.language import ALWAYS, All, Any, Condition, Holds, Quantifier, Rule, place_of, walk
from ..rules.spelling import spell_in_line
from .relations import excludes, implies, shape

_CLAIM_EN = re.compile(r"\bthe (article|author) (teach|say|ask|advise|demand|tell|want|require|warn|recommend)\w*", re.I)
_CLAIM_ZH = re.compile("(文章|原文|作者)(说|教|要求|认为|提出|指出|强调|主张|建议)")
_HAN = re.compile("[\u4e00-\u9fff]")


def lint(base: RuleBase) -> list[Problem]:
    """Return everything worth a coach's look, in order of place."""
    found = [
        *_idle(base), *_twice(base), *_pairs(base), *_alone(base), *_untranslated(base), *_uncarried(base), *_claims(base),
    ]
    return sorted(set(found), key=lambda entry: (entry.place, entry.code, entry.field))


def _idle(base: RuleBase) -> Iterator[Problem]:
    made = {name for rule in base.program.rules for name in rule.concludes}
    was = {name: rule for rule in base.off.values() for name in rule.concludes}
    for verb, entries in (("find", base.findings), ("do", base.actions), ("say", base.talks)):
        for entry in entries.values():
            name = f"{verb}.{entry.id}"
            if name in made or entry.off:
                continue
            if name in was:  # that layer is where it can be mended
                yield problem(was[name].place, was[name].id, "lint-off-idle", name=entry.id)
            else:
                yield problem(entry.place, entry.id, "lint-idle")
    used = base.used_parameters | {fact.stale_after for fact in base.vocabulary.all_facts()}
    for parameter in base.parameters.values():
        if parameter.id not in used and not parameter.id.startswith("question_points_"):
            yield problem(parameter.place, parameter.id, "lint-idle")


def _twice(base: RuleBase) -> Iterator[Problem]:
    first: dict[tuple[str, Hashable], Rule] = {}
    for rule in base.rules.values():
        if isinstance(rule.when, Holds):  # that is what conclusions are for
            continue
        other = first.setdefault((rule.scope, shape(rule.when)), rule)
        if other is not rule:
            yield problem(place_of(rule.when, rule.place), rule.id, "lint-same-condition", other=f"{other.id} ({other.place})")


def _conditions(base: RuleBase) -> Iterator[tuple[str, Condition, str, Place]]:
    for rule in base.rules.values():
        yield rule.id, rule.when, rule.scope, rule.place
    for step in base.steps:
        for criterion in step.criteria:
            yield criterion.id, criterion.when, "", criterion.place


def _pairs(base: RuleBase) -> Iterator[Problem]:
    """Yield what is wrong with two parts that stand beside each other."""
    for rule_id, condition, _, place in _conditions(base):
        for part in walk(condition):
            for one, other in combinations(part.parts, 2) if isinstance(part, All | Any) else ():
                found = _pair(one, other, isinstance(part, All))
                if found is not None:
                    code, words = found
                    yield problem(place_of(other, place), rule_id, code, **words)


def _pair(one: Condition, other: Condition, together: bool) -> tuple[str, dict[str, str]] | None:
    if shape(one) == shape(other):
        return "lint-part-twice", {"part": spell_in_line(other)}
    if together and excludes(one, other):
        return "lint-contradiction", {"one": spell_in_line(one), "other": spell_in_line(other)}
    for needless, because in ((one, other), (other, one)):
        if implies(because, needless) if together else implies(needless, because):
            return "lint-implied", {"part": spell_in_line(needless), "other": spell_in_line(because)}
    return None


def _alone(base: RuleBase) -> Iterator[Problem]:
    for rule_id, condition, scope, place in _conditions(base):
        for part in _every_alone(condition, ()):
            if part.of != scope:  # the item at hand is one
                yield problem(place_of(part, place), rule_id, "lint-every-alone", of=part.of)


def _every_alone(condition: Condition, beside: tuple[Condition, ...]) -> Iterator[Quantifier]:
    """Yield each ``every`` that holds of no items at all, because nothing beside it asks for one."""
    match condition:
        case All(parts):
            for part in parts:
                yield from _every_alone(part, (*beside, *parts))
        case Any(parts):
            for part in parts:
                yield from _every_alone(part, beside)
        case Quantifier(name="every", of=of):
            if not any(implies(other, Quantifier("some", of, ALWAYS)) for other in beside):
                yield condition
        case Quantifier(where=where):
            yield from _every_alone(where, ())


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
    rested = {source: rule for rule in base.off.values() for source in rule.because}
    for item, entry in carried_items(base).items():
        if not entry.names and base.sources[item].uncarried is None:
            yield _unused(base, item, "lint-uncarried", rested)
    cited = {source for rule in base.program.rules for source in rule.because}
    for table in (base.tensions, base.parameters):
        cited |= {source for entry in table.values() for source in entry.because}
    cited |= {source for fact in base.vocabulary.all_facts() for source in fact.sources}
    for source in base.sources.values():
        if source.kind != "article" and source.id not in cited:
            yield _unused(base, source.id, "lint-uncited", rested)


def _unused(base: RuleBase, source: str, code: str, rested: Mapping[str, Rule]) -> Problem:
    if source in rested:
        return problem(rested[source].place, rested[source].id, "lint-off-source", name=source)
    return problem(base.sources[source].place, source, code)


def _claims(base: RuleBase) -> Iterator[Problem]:
    entries: list[AnyType] = [criterion for step in base.steps for criterion in step.criteria]
    for entry in (*entries, *base.parameters.values()):
        if entry.basis == "article" and not any(_is_article(base, source) for source in entry.because):
            yield problem(entry.place, entry.id, "lint-not-article", sources=", ".join(entry.because))
    cited = _cited(base)
    for name, place, text in _texts(base):
        sources = cited.get(name.rpartition(".")[0] or name) or cited.get(name, set())
        said = _CLAIM_EN.search(text.en) or _CLAIM_ZH.search(text.zh)
        if said and sources and not any(_is_article(base, source) for source in sources):
            yield problem(place, name, "lint-claims-article", found=said.group(), sources=", ".join(sorted(sources)))


def _cited(base: RuleBase) -> dict[str, set[str]]:
    """Return what each rule, criterion, finding, action and talk track rests on, by its id."""
    cited: dict[str, set[str]] = {}
    for rule in base.rules.values():
        for name in (rule.id, *(made.partition(".")[2] for made in rule.concludes if "." in made)):
            cited.setdefault(name, set()).update(rule.because)
    for criterion in (criterion for step in base.steps for criterion in step.criteria):
        for name in filter(None, (criterion.id, criterion.do)):
            cited.setdefault(name, set()).update(criterion.because)
    return cited


def _is_article(base: RuleBase, source: str) -> bool:
    return source in base.sources and base.sources[source].kind == "article"
